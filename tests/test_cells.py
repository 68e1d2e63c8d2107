"""Cells: a step at a time or all at once, and what each is made for."""

import math

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from seqlearn.cells import CELLS, RNN, make_cell
from seqlearn.linear import LRU
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
    ("min_gru", {}),
    ("min_gru", {"positive": False, "forget_bias": 2.0}),
    ("min_lstm", {}),
    ("min_lstm", {"positive": False, "forget_bias": 2.0}),
    ("lru", {}),
    ("lru", {"r_min": 0.2, "r_max": 0.5, "max_phase": 0.1}),
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


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def above_zero(x):
    return np.where(x < 0, sigmoid(x), x + 0.5)


def min_gru(x, weight, bias, new):
    h, states = np.zeros(len(bias) // 2), []
    for x_t in x:
        c, z = np.split(weight @ x_t + bias, 2)
        h = (1 - sigmoid(z)) * h + sigmoid(z) * new(c)
        states.append(h)
    return np.array(states)


def min_lstm(x, weight, bias, new):
    h, states = np.zeros(len(bias) // 3), []
    for x_t in x:
        c, f, i = np.split(weight @ x_t + bias, 3)
        f, i = sigmoid(f), sigmoid(i)
        h = f / (f + i) * h + i / (f + i) * new(c)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize(("cell", "by_hand"), [("min_gru", min_gru), ("min_lstm", min_lstm)])
@pytest.mark.parametrize("positive", [True, False])
@each_depth
def test_minimal_cells_are_their_equations(cell, by_hand, positive, layers):
    module = make_cell(cell, (3, 5), num_layers=layers, positive=positive).double()
    new = above_zero if positive else lambda c: c
    for x, said, end in zip(
        sequence().double(),
        module(sequence().double())[0],
        module(sequence().double())[1][-1],
        strict=True,
    ):
        states = x.numpy()
        for layer in module.layers:
            weight, bias = (part.detach().numpy() for part in layer.weights.parameters())
            states = by_hand(states, weight, bias, new)
        assert said.detach().numpy() == pytest.approx(states, abs=1e-12)
        assert end.detach().numpy() == pytest.approx(states[-1], abs=1e-12)


@each_depth
def test_the_linear_recurrent_unit_is_its_equations(layers):
    module = LRU(3, 5, layers).double()
    for x, said in zip(sequence().double(), module(sequence().double())[0], strict=True):
        states = x.numpy()
        for k, layer in enumerate(module.layers):
            weights = {name: part.detach().numpy() for name, part in layer.named_parameters()}
            into, out = weights["into.weight"], weights["out.weight"]
            into, out = into[::2] + 1j * into[1::2], out[:, ::2] - 1j * out[:, 1::2]
            turn = np.exp(-np.exp(weights["nu"]) + 1j * np.exp(weights["theta"]))
            s, outputs = np.zeros(5), []
            for x_t in states:
                read = x_t
                if k:
                    read = x_t * (1 + np.array([*map(math.erf, x_t / 2**0.5)])) / 2
                    read, gate = np.split(weights["bend.weight"] @ read + weights["bend.bias"], 2)
                    read = read * sigmoid(gate)
                s = turn * s + np.exp(weights["gamma"]) * (into @ read)
                past = weights["past.weight"] @ read + weights["past.bias"]
                outputs.append((out @ s).real + past)
            states = np.array(outputs)
        assert said.detach().numpy() == pytest.approx(states, abs=1e-12)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_minimal_unit_of_the_package_is_ours(layers):
    theirs = pytest.importorskip("minGRU_pytorch")
    module, stack = make_cell("min_gru", (5, 5), num_layers=layers, positive=True), []
    for layer in module.layers:
        stack.append(theirs.minGRU(5))
        with torch.no_grad():
            layer.weights.weight.copy_(stack[-1].to_hidden_and_gate.weight)
            layer.weights.bias.zero_()
    x = sequence(features=5, steps=40)
    torch.testing.assert_close(module(x)[0], nn.Sequential(*stack)(x), rtol=0, atol=1e-5)


LINEAR = ["min_gru", "min_lstm", "lru"]


@pytest.mark.parametrize("cell", LINEAR)
def test_thousands_of_steps_are_those_of_the_pieces(cell):
    module = make_cell(cell, (3, 5), num_layers=2, **({} if cell == "lru" else {"forget_bias": 7}))
    with torch.no_grad():
        x = sequence(steps=8192, size=1)
        whole, end = module(x)
        state, states = None, []
        for piece in x.split([1, 1, 998, 1, 5000, 2191], 1):
            said, state = module(piece, state)
            states.append(said)
        error = (torch.cat(states, 1) - whole).abs().max()
    assert error < 1e-5 * whole.abs().max()
    assert (state - end).abs().max() < 1e-5 * end.abs().max()


@pytest.mark.parametrize("cell", LINEAR)
@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.float16])
def test_a_linear_cell_keeps_its_state_in_at_least_32_bits(cell, kind):
    module, x = make_cell(cell, (3, 5), num_layers=2), sequence()
    exact, _ = module(x)
    states, end = module.to(kind)(x.to(kind))
    states, end = module(x.to(kind), end)
    assert states.dtype == kind and end.dtype.is_complex == (cell == "lru")
    assert torch.finfo(end.dtype).bits == (64 if kind == torch.float64 else 32)
    states.sum().backward()
    assert all(weight.grad.isfinite().all() for weight in module.parameters())
    torch.testing.assert_close(module(x.to(kind))[0].float(), exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("cell", LINEAR)
def test_a_linear_cell_goes_with_mixed_precision(cell):
    module, x = make_cell(cell, (3, 5), num_layers=2), sequence()
    exact, _ = module(x)
    with torch.autocast("cpu", torch.bfloat16):
        _, end = module(x)
        states, _ = module(x, end)
        fresh, _ = module(x)
    states.sum().backward()
    assert states.dtype == torch.float32 and torch.finfo(end.dtype).bits == 32
    torch.testing.assert_close(fresh, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("cell", LINEAR)
def test_a_sequence_without_steps_is_refused_as_pytorch_does(cell):
    for module in (nn.GRU(3, 5, batch_first=True), make_cell(cell, (3, 5))):
        with pytest.raises(RuntimeError):
            module(torch.zeros(2, 0, 3))


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm"])
@pytest.mark.parametrize("pushed", [-300.0, 300.0])
def test_gates_may_be_as_open_or_shut_as_can_be(cell, pushed):
    module = make_cell(cell, (3, 5))
    with torch.no_grad():
        module.layers[0].weights.bias[5:] += pushed
    states, _ = module(sequence())
    states.sum().backward()
    assert states.isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in module.parameters())


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm"])
def test_memories_last_at_the_start_where_forget_gates_are_open(cell):
    torch.manual_seed(0)
    biases = (0.0, 3.0, 7.0)
    means = [gradient(make_cell(cell, (3, 50), forget_bias=bias), steps=20) for bias in biases]
    assert means[0] < 1e-3 and 0.1 < means[1] < 0.9 and means[2] > 0.9


def gradient(module, steps):
    """Mean over units of what is left of each after so many steps."""
    state = torch.ones(1, 4, 50, requires_grad=True)
    module(sequence(steps=steps), state)[1].sum().backward()
    return state.grad.mean()


def test_the_linear_recurrent_unit_begins_on_its_ring():
    torch.manual_seed(0)
    (layer,) = LRU(3, 1000, r_min=0.6, r_max=0.8, max_phase=0.5).layers
    radius, phase = (-layer.nu.exp()).exp(), layer.theta.exp()
    assert 0.6 <= radius.min() < 0.61 and 0.79 < radius.max() <= 0.8
    assert phase.min() < 0.01 and 0.49 < phase.max() <= 0.5
    # Uniform on the ring: half of it lies within the circle that has half of its area.
    assert (radius < math.sqrt((0.6**2 + 0.8**2) / 2)).double().mean() == pytest.approx(
        0.5, abs=0.05
    )
    kept = torch.randn(2000, 1, 1000, dtype=torch.complex64)
    from seqlearn.scan import scan

    with torch.no_grad():  # whatever their radius, units are of the size of what drives them
        states = scan(torch.polar(radius, phase)[None, None], kept * layer.gamma.exp())
    assert states[100:].abs().square().mean(0).sqrt() == pytest.approx(1, abs=0.2)


def test_one_layer_of_it_is_a_moving_average_and_two_are_not():
    for layers, linear in ((1, True), (2, False)):
        module, x = LRU(3, 5, layers).double(), sequence().double()
        with torch.no_grad():
            silence = module(torch.zeros_like(x))[0]
            one, two = (module(k * x)[0] - silence for k in (1, 2))
        assert torch.allclose(two, 2 * one) == linear


@pytest.mark.parametrize(
    ("cell", "arguments", "message"),
    [
        ("min_gru", {"positive": "x"}, "`positive` must be true or false, got 'x'"),
        ("lru", {"r_min": 0.9, "r_max": 0.5}, "`r_min` and `r_max` must be at least 0 and below 1"),
        ("lru", {"r_max": 1.0}, "in this order, got 0.9 and 1.0"),
        ("lru", {"r_min": 0.0, "r_max": 0.0}, "`r_max` must be above 0, got 0.0"),
        ("lru", {"max_phase": 0.0}, "`max_phase` must be above 0, got 0.0"),
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
