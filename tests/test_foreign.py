"""Cells of other packages, and of PyTorch, taken as they are."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from seqlearn import cli
from seqlearn.cells import make_cell
from seqlearn.gradients import gradient_norms
from seqlearn.modules import EncoderDecoder, ManyToMany, ManyToOne, OneToMany
from seqlearn.states import keeps_state
from seqlearn.tasks import FirstSymbol

CELLS = {
    "ncps.torch.CfC": {},
    "minGRU_pytorch.minGRU": {},
    "minGRU_pytorch.minLSTM.minLSTM": {},
    "torch.nn.GRU": {},
    "torch.nn.LSTM": {"num_layers": 2, "dropout": 0.5},
    "torch.nn.RNN": {"nonlinearity": "relu"},
}
WHOLE = {"minGRU_pytorch.minLSTM.minLSTM"}
"""Cells that go on from a state otherwise than as if there had been no cut: a bug of theirs."""


@pytest.fixture(params=CELLS)
def cell(request):
    pytest.importorskip(request.param.rpartition(".")[0])
    return request.param


def sequence(size=4, steps=9, features=3):
    return torch.randn(size, steps, features, generator=torch.Generator().manual_seed(0))


def test_it_gives_states_and_goes_on_from_what_it_keeps(cell):
    module = make_cell(cell, (3, 5), **{"num_layers": 1, "dropout": 0.0, **CELLS[cell]}).eval()
    whole, _ = module(sequence())
    assert whole.shape == (4, 9, 5)
    if cell not in WHOLE:
        state, states = None, []
        for piece in sequence().tensor_split((1, 2, 6), 1):
            said, state = module(piece, state)
            states.append(said)
        torch.testing.assert_close(torch.cat(states, 1), whole, rtol=1e-4, atol=1e-5)


def test_pytorchs_layers_read_the_batch_first_with_the_weights_they_would_have():
    for arguments in ({}, {"batch_first": True}):
        torch.manual_seed(0)
        own = nn.LSTM(3, 5, 2, batch_first=True)
        torch.manual_seed(0)
        ours = make_cell("torch.nn.LSTM", (3, 5), num_layers=2, **arguments)
        torch.testing.assert_close(ours(sequence())[0], own(sequence())[0], rtol=0, atol=0)
        assert type(ours) is nn.LSTM


def test_a_layer_of_one_width_has_a_linear_one_in_front():
    theirs = pytest.importorskip("minGRU_pytorch")
    module = make_cell("minGRU_pytorch.minGRU", (3, 5), expansion_factor=2.0)
    widen, layer = module.children()
    assert isinstance(layer, theirs.minGRU)
    expected, state = layer(widen(sequence()), return_next_prev_hidden=True)
    torch.testing.assert_close(module(sequence()), (expected, state), rtol=0, atol=0)
    assert state.shape == (4, 1, 10)
    h, _ = module.step(sequence()[:, 0])
    torch.testing.assert_close(h, expected[:, 0])


class Sizes(nn.GRU):
    """A class that hands on all it is given."""

    def __init__(self, *sizes, **arguments):
        super().__init__(*sizes, **arguments, batch_first=True)


class Ahead(nn.GRU):
    """A class that reads a sequence from its end."""

    def __init__(self, *sizes, **arguments):
        super().__init__(*sizes, **arguments, batch_first=True)

    def forward(self, x, state=None):
        states, state = super().forward(x.flip(1), state)
        return states.flip(1), state


class LateNews(nn.Module):
    """A class that looks ahead behind a norm, which makes all even inputs alike."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.norm = nn.LayerNorm(input_size)
        self.layer = nn.GRU(input_size, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, x, state=None):
        states, state = self.layer(self.norm(x), state)
        return states.unflatten(2, (2, -1)).mean(2), state


class Plain(nn.GRU):
    """A class that does not say, and cannot be told, that the batch comes first."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__(input_size, hidden_size, num_layers, dropout=dropout)


class StepsFirst(nn.GRU):
    """A class of PyTorch's that goes on to read the steps first."""

    def forward(self, x, state=None):
        return super().forward(x, state)


class Turned(nn.GRU):
    """A class that sees to the order of axes itself."""

    def forward(self, x, state=None):
        states, state = super().forward(x.transpose(0, 1), state)
        return states.transpose(0, 1), state


class TurnedLayer(Turned):
    """The same, which takes its two sizes and no more."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)


class Noisy(Sizes):
    """A class with noise in its states, whatever it is used for."""

    def forward(self, x, state=None):
        states, state = super().forward(x, state)
        return states + 0.1 * torch.randn_like(states), state


class Dim(nn.GRU):
    """A class whose sizes have the names of a layer's."""

    def __init__(self, dim, hidden_dim):
        super().__init__(dim, hidden_dim, batch_first=True)


class Two(nn.GRU):
    """A class whose sizes have other names, without layers."""

    def __init__(self, dim, hidden_size):
        super().__init__(dim, hidden_size, batch_first=True)


class Asked(nn.Module):
    """A layer that gives its state on request, and has a flag for something else."""

    def __init__(self, d_model, power=1.0, **_):
        super().__init__()
        self.power = power

    def forward(self, x, cache=None, return_norms=False, return_last_state=False):
        assert not return_norms
        sums = x.cumsum(1) + (0 if cache is None else cache)
        return (sums, sums[:, -1:]) if return_last_state else sums


@pytest.mark.parametrize(
    ("cell", "arguments"),
    [
        (Sizes, {"num_layers": 2}),
        (Two, {}),
        (partial(nn.GRU, batch_first=True), {"num_layers": 2}),
        (partial(Two), {}),
        (Dim, {}),
        (Turned, {"num_layers": 2}),
        (TurnedLayer, {}),
        (Asked, {"num_layers": 3, "power": 2.0}),
    ],
)
def test_signatures_say_what_a_class_takes(cell, arguments):
    module = make_cell(cell, (3, 5), **{"num_layers": 1, "dropout": 0.0, **arguments})
    states, state = module(sequence())
    assert states.shape == (4, 9, 5) and state is not None
    again, _ = module(sequence()[:, 4:], module(sequence()[:, :4])[1])
    torch.testing.assert_close(again, states[:, 4:])
    layers = getattr(module, "num_layers", 3)
    assert layers == arguments.get("num_layers", 1)


@pytest.mark.parametrize(
    ("cell", "arguments", "message"),
    [
        (Two, {"num_layers": 2}, "`num_layers` must be 1, as the cell takes no such arg.* got 2"),
        (Two, {"dropout": 0.5}, "`dropout` must be 0.0, as the cell takes no such argument, got 0"),
        ("torch.nn.GRU", {"batch_first": False}, "`batch_first` must be True, as a cell reads"),
        (partial(nn.GRU, batch_first=False), {}, "`batch_first` must be True"),
        (Ahead, {}, "must not look ahead: a state is to know no later input"),
        (LateNews, {}, "must not look ahead: a state is to know no later input"),
        (Plain, {}, r"must read \(B, T, F\), each sequence by itself"),
        (StepsFirst, {}, r"must read \(B, T, F\), each sequence by itself"),
        ("torch.nn.GRUCell", {}, r"'torch.nn.GRUCell' cannot read \(B, T, F\): .*got 3D instead"),
        ("torch.nn.Conv1d", {}, "cannot be built with .*missing 1 required .*'kernel_size'"),
        ("torch.nn.GRU", {"speed": 1}, "cannot be built with .*unexpected keyword .*'speed'"),
        ("torch.nn.Identity", {}, r"must give states \(B, T, 5\), but made \(1, 2, 3\)"),
        ("ncps.torch.CfC", {"mode": "soft"}, "cannot be built with .*Unknown mode 'soft'"),
        ("ncps.torch.CfC", {"return_sequences": False}, r"must give states .* made \(1, 5\)"),
    ],
)
def test_what_cannot_be_a_cell_is_refused(cell, arguments, message):
    if isinstance(cell, str):
        pytest.importorskip(cell.rpartition(".")[0])
    with pytest.raises(ValueError, match=message):
        make_cell(cell, (3, 5), **arguments)


def test_noise_is_no_look_ahead():
    assert make_cell(Noisy, (3, 5), num_layers=1).training


def test_what_keeps_no_state_is_a_cell_where_none_is_needed():
    given = {"cell": "torch.nn.Linear", "hidden_size": 5}
    network = ManyToMany(3, 3, "regression", **given)
    assert network(sequence()).shape == (4, 9, 3)
    assert ManyToOne(3, 2, "regression", **given)(sequence()).shape == (4, 2)
    assert not keeps_state(network.cell, 3)
    for needy in (
        lambda: ManyToMany(3, 3, "regression", stateful=True, **given),
        lambda: ManyToMany(3, 3, "regression", given=4, **given),
        lambda: OneToMany(3, 2, "regression", **given),
        lambda: EncoderDecoder(3, 2, "regression", **given),
        lambda: network.rollout(sequence(), 4),
        lambda: ManyToMany(2, 2, "language", vocabulary="ab", **given).generate("a", 4),
        lambda: gradient_norms(
            ManyToOne(4, 4, "categorical", **given), FirstSymbol().dataset("test").batch(range(3))
        ),
    ):
        with pytest.raises(ValueError, match=r"must give what it keeps, \(states, state\)"):
            needy()


def test_to_look_for_a_state_leaves_no_trace():
    module = make_cell("rnn", (3, 5), num_layers=2, dropout=0.5)
    for training in (True, False):
        generator = torch.get_rng_state()
        assert keeps_state(module.train(training), 3) and module.training == training
        assert torch.equal(torch.get_rng_state(), generator)


FEW = ("--trainer.max_steps", "6", "--trainer.val_check_interval", "3", "--model.hidden_size", "8")
FEW += ("--data.val_size", "16", "--data.test_size", "16", "--trainer.logger", "false")


@pytest.mark.parametrize(
    ("cell", "report"),
    [("ncps.torch.CfC", "false"), ("minGRU_pytorch.minGRU", "true"), ("torch.nn.GRU", "false")],
)
def test_the_command_takes_them_resumes_and_tests_them(cell, report, capfd):
    pytest.importorskip(cell.rpartition(".")[0])
    cli.main(["fit", "--task", "first_symbol", "--model.cell", cell, *FEW, "--report", report])
    (run,) = Path("runs/first_symbol").iterdir()
    assert (run / "plots/gradient_flow.png").exists() == (report == "true")
    cli.main(["fit", "--resume", str(run), "--trainer.max_steps", "8", "--report", "false"])
    last = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 8
    capfd.readouterr()
    cli.main(["test", "--run", str(run)])
    assert "accuracy@30" in capfd.readouterr().out


@pytest.mark.parametrize("task", ["alphabet", "reverse", "countdown"])
@pytest.mark.parametrize("cell", ["ncps.torch.CfC", "minGRU_pytorch.minGRU"])
def test_they_go_on_alone_and_decode(cell, task, capfd):
    pytest.importorskip(cell.rpartition(".")[0])
    small = FEW if task == "reverse" else FEW[:6] + FEW[-2:]  # all sequences of the others are used
    cli.main(["fit", "--task", task, "--model.cell", cell, *small, "--report", "false"])
    said = capfd.readouterr()
    assert "6 steps in" in said.out and not said.err


def test_the_command_refuses_in_one_line_where_a_state_is_needed(capfd):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--task", "alphabet", "--model.cell", "torch.nn.Linear"])
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("to go on from it, but keeps no state.")


def test_the_command_fits_what_keeps_no_state(capfd):
    cli.main(["fit", "--task", "first_symbol", "--model.cell", "torch.nn.Linear", *FEW])
    (run,) = Path("runs/first_symbol").iterdir()
    assert (run / "plots/hidden_states.png").exists()
    assert not (run / "plots/gradient_flow.png").exists()
