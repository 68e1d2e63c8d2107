"""Cells: a step at a time or all at once, and what each is made for."""

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from seqlearn.cells import CELLS, RNN, make_cell
from seqlearn.modules import ManyToMany
from seqlearn.tasks import BinaryAdd

KINDS = [
    ("rnn", {}),
    ("rnn", {"nonlinearity": "relu"}),
    ("rnn", {"nonlinearity": "sigmoid"}),
    ("rnn", {"nonlinearity": "identity"}),
    ("lstm", {}),
    ("lstm", {"forget_bias": 1.0}),
    ("gru", {}),
    ("window", {}),
    ("window", {"size": 1}),
    ("window", {"size": 5}),
]
each_kind = pytest.mark.parametrize(("cell", "arguments"), KINDS)
each_depth = pytest.mark.parametrize("layers", [1, 3])


def sequence(size=4, steps=9, features=3):
    return torch.randn(size, steps, features, generator=torch.Generator().manual_seed(0))


@each_kind
@each_depth
def test_step_by_step_is_the_same_as_all_at_once(cell, arguments, layers):
    module = make_cell(cell, (3, 5), num_layers=layers, **arguments)
    whole, end = module(sequence())
    state, steps = None, []
    for x in sequence().unbind(1):
        h, state = module.step(x, state)
        steps.append(h)
    torch.testing.assert_close(torch.stack(steps, 1), whole)
    for one, other in zip(parts(state), parts(end), strict=True):
        torch.testing.assert_close(one, other)


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@each_kind
@pytest.mark.parametrize("cuts", [(4,), (1, 2, 7)])
def test_a_state_carries_on_as_if_there_had_been_no_cut(cell, arguments, cuts):
    module = make_cell(cell, (3, 5), num_layers=2, **arguments)
    state, states = None, []
    for piece in sequence().tensor_split(cuts, dim=1):
        said, state = module(piece, state)
        states.append(said)
    torch.testing.assert_close(torch.cat(states, 1), module(sequence())[0])


FUNCTIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


@pytest.mark.parametrize("nonlinearity", FUNCTIONS)
@each_depth
def test_the_elman_network_is_its_equation(nonlinearity, layers):
    module = RNN(3, 5, layers, nonlinearity=nonlinearity).double()
    start = torch.randn(layers, 4, 5, dtype=torch.float64)
    x = sequence().double()
    ends = []
    for k in range(layers):
        w_ih, w_hh, b_ih, b_hh = (
            getattr(module, f"{name}_l{k}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h, states = start[k], []
        for x_t in x.unbind(1):
            h = FUNCTIONS[nonlinearity](x_t @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
            states.append(h)
        x = torch.stack(states, 1)
        ends.append(h)
    states, end = module(sequence().double(), start)
    torch.testing.assert_close(states, x)
    torch.testing.assert_close(end, torch.stack(ends))


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid", "identity"])
def test_dropout_is_between_layers_and_in_training_only(nonlinearity):
    one = RNN(3, 5, 1, dropout=0.0, nonlinearity=nonlinearity)
    deep = RNN(3, 5, 2, dropout=0.9, nonlinearity=nonlinearity)
    with torch.no_grad():
        for name, weight in one.named_parameters():
            deep.get_parameter(name).copy_(weight)
    x = sequence()
    torch.manual_seed(0)
    first, second = deep(x)[0], deep(x)[0]
    assert not torch.equal(first, second)
    torch.testing.assert_close(deep(x)[1][0], one(x)[1][0])  # nothing is dropped below
    deep.eval()
    torch.testing.assert_close(deep(x)[0], deep(x)[0], rtol=0, atol=0)


def test_words_for_a_start_change_nothing_else():
    torch.manual_seed(0)
    plain = make_cell("rnn", (3, 5), num_layers=2)
    torch.manual_seed(0)
    strong = make_cell("rnn", (3, 5), num_layers=2, gain=3.0)
    for (name, one), other in zip(plain.named_parameters(), strong.parameters(), strict=True):
        torch.testing.assert_close(other, 3 * one if "weight_hh" in name else one)
    torch.manual_seed(0)
    plain = make_cell("lstm", (3, 5), num_layers=2)
    torch.manual_seed(0)
    long = make_cell("lstm", (3, 5), num_layers=2, forget_bias=1.5)
    for (name, one), other in zip(plain.named_parameters(), long.parameters(), strict=True):
        expected = one.detach().clone()
        if "bias_hh" in name:
            expected[5:10] += 1.5
        torch.testing.assert_close(other, expected)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_tanh_and_relu_begin_as_pytorchs_own(nonlinearity):
    torch.manual_seed(0)
    own = nn.RNN(3, 5, 2, nonlinearity=nonlinearity, batch_first=True)
    torch.manual_seed(0)
    ours = make_cell("rnn", (3, 5), num_layers=2, nonlinearity=nonlinearity)
    assert list(own.state_dict()) == list(ours.state_dict())
    torch.testing.assert_close(own(sequence())[0], ours(sequence())[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_window_sees_its_last_inputs_and_nothing_else(size):
    module = make_cell("window", (3, 5), num_layers=2, size=size)
    changed = sequence()
    changed[:, 4] += 1
    differs = (module(sequence())[0] != module(changed)[0]).any(-1).all(0)
    assert differs.tolist() == [4 <= t < 4 + size for t in range(9)]


@pytest.mark.parametrize(
    ("cell", "arguments", "message"),
    [
        ("rnn", {"nonlinearity": "cube"}, "`nonlinearity` must be one of tanh, relu, sigmoid, id"),
        ("window", {"size": 0}, "`size` must be at least 1, got 0"),
        ("gru", {"size": 3}, "'gru' cannot be built with .*size"),
    ],
)
def test_what_a_cell_does_not_know_is_refused(cell, arguments, message):
    with pytest.raises(ValueError, match=message):
        make_cell(cell, (3, 5), **arguments)


def added(cell, **cell_args):
    """Fit binary addition as its preset does, with another cell, and answer at 64 bits."""
    torch.manual_seed(0)
    data = BinaryAdd(bits=8, batch_size=64, test_lengths=(64,))
    module = ManyToMany.for_data(
        data,
        cell=cell,
        cell_args=cell_args,
        hidden_size=32,
        optimizer=lambda p: torch.optim.Adam(p, lr=0.03),
    )
    settings = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    Trainer(
        max_steps=300,
        gradient_clip_val=1.0,
        limit_val_batches=0,
        enable_model_summary=False,
        accelerator="cpu",
        **settings,
    ).fit(module, data)
    batch = data.dataset("test", 64).batch(range(1000))
    with torch.inference_mode():
        right = (module(batch.inputs) > 0).long() == batch.targets
    return batch, right[:, :, 0]


def test_without_memory_a_carry_from_beyond_the_window_is_a_coin_toss():
    size = 3
    batch, right = added("window", size=size)
    a, b = batch.inputs.unbind(-1)
    passes = (a != b).unfold(1, size - 1, 1)[:, :-1].all(-1)  # both steps before pass a carry on
    passes[:, :2] = False  # at the start there is none to pass on
    seen = right[:, size - 1 :]
    assert 0.45 < seen[passes].double().mean() < 0.55
    assert seen[~passes].double().mean() > 0.99
    assert right.all(1).double().mean() < 0.01
    _, recurrent = added("rnn")
    assert recurrent.all()


def test_every_word_makes_its_cell():
    assert {word: type(make_cell(word, (2, 3))) for word in CELLS} == CELLS
