"""Networks: what they read, what they ignore, what they refuse."""

from functools import partial

import pytest
import torch
from torch import nn

from seqlearn.cells import CELLS, make_cell
from seqlearn.modules import MODULES, ManyToMany, ManyToOne
from seqlearn.objectives import OBJECTIVES
from seqlearn.tasks import BinaryAdd, Football, NextNumber

each_cell = pytest.mark.parametrize("cell", CELLS)
OBJECTIVE_OUTPUTS = [("binary", 3), ("categorical", 4), ("regression", 2)]


def batch(sizes=(4, 9, 3), seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*sizes, generator=generator)


@each_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_shapes(cell, layers):
    arguments = {"cell": cell, "hidden_size": 5, "num_layers": layers}
    assert ManyToMany(3, 2, "regression", **arguments)(batch()).shape == (4, 9, 2)
    assert ManyToOne(3, 2, "regression", **arguments)(batch()).shape == (4, 2)


@each_cell
def test_many_to_one_is_many_to_many_at_the_last_valid_step(cell):
    many, one = (kind(3, 2, "binary", cell=cell, hidden_size=5) for kind in (ManyToMany, ManyToOne))
    one.load_state_dict(many.state_dict())
    x, lengths = batch(), torch.tensor([9, 1, 4, 8])
    expected = torch.stack([many(x)[i, n - 1] for i, n in enumerate(lengths)])
    torch.testing.assert_close(one(x, lengths), expected)
    torch.testing.assert_close(one(x), many(x)[:, -1])


@each_cell
def test_outputs_are_causal(cell):
    module = ManyToMany(3, 2, "binary", cell=cell, hidden_size=5)
    x, changed = batch(), batch()
    changed[:, 5:] += 1
    before, after = module(x), module(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5], rtol=0, atol=0)
    assert (before[:, 5:] != after[:, 5:]).all()


@each_cell
@pytest.mark.parametrize("mapping", ["many-to-many", "many-to-one"])
def test_padding_never_changes_a_valid_output(cell, mapping):
    module = MODULES[mapping](3, 2, "binary", cell=cell, hidden_size=5)
    x, lengths = batch(), torch.tensor([9, 1, 4, 8])
    other = x.clone()
    for i, n in enumerate(lengths):
        other[i, n:] = 1e3
    one, two = module(x, lengths), module(other, lengths)
    if mapping == "many-to-many":
        valid = torch.arange(9) < lengths[:, None]
        one, two = one[valid], two[valid]
    torch.testing.assert_close(one, two, rtol=0, atol=0)


@pytest.mark.parametrize(("objective", "size"), OBJECTIVE_OUTPUTS)
def test_unscored_steps_carry_no_gradient_and_no_loss(objective, size):
    kind = OBJECTIVES[objective]
    outputs = batch((4, 9, size)).requires_grad_()
    shape = (4, 9) if objective == "categorical" else (4, 9, size)
    targets = torch.ones(shape) if objective == "regression" else torch.ones(shape).long()
    hidden = torch.rand(shape) < 0.5
    targets[hidden] = float("nan") if objective == "regression" else -100
    losses = kind.losses(outputs, targets)
    losses.sum().backward()
    assert (losses[hidden] == 0).all() and (losses[~hidden] > 0).all()
    assert (outputs.grad[hidden] == 0).all() and outputs.grad.isfinite().all()
    assert (outputs.grad[~hidden] != 0).all()


@pytest.mark.parametrize(("objective", "size"), OBJECTIVE_OUTPUTS)
def test_metrics_are_weighted_means_over_what_is_scored(objective, size):
    kind = OBJECTIVES[objective]
    outputs = batch((4, 2, size))
    targets = {
        "binary": torch.tensor([[[1, 0, 1], [0, -100, 1]]]).expand(4, 2, 3),
        "categorical": torch.tensor([[3, -100], [0, 1], [2, 2], [-100, -100]]),
        "regression": torch.tensor([1.0, float("nan")]).expand(4, 2, 2),
    }[objective]
    scores = kind.scores(outputs, targets, 10.0)
    assert list(scores) == list(kind.goals)
    means = {name: (v * w).sum() / w.sum() for name, (v, w) in scores.items()}
    if objective != "regression":
        chosen = kind.scored(targets)
        expected = kind.losses(outputs, targets)[chosen].mean()
        assert means["loss"] == pytest.approx(expected)
    total = {name: [] for name in kind.goals}
    for row, wanted in zip(outputs.tolist(), targets.tolist(), strict=True):
        hits = []
        for output, target in zip(row, wanted, strict=True):
            if objective == "regression":
                error = 10 * (output[0] - 1)
                total["mse"].append(error**2)
                total["mae"].append(abs(error))
                total["loss"].append((error / 10) ** 2)
            elif objective == "binary":
                pairs = zip(output, target, strict=True)
                hits += [(logit > 0) == (bit == 1) for logit, bit in pairs if bit != -100]
            elif target != -100:
                hits.append(output.index(max(output)) == target)
        if hits:
            total["accuracy"] += hits
            total["exact_match"].append(all(hits))
    for name, values in total.items():
        if values:
            assert means[name] == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.mark.parametrize("objective", ["binary", "categorical", "language"])
def test_who_says_no_number_is_never_right(objective):
    scores = OBJECTIVES[objective].scores(
        torch.full((3, 2, 4), torch.nan),
        torch.zeros((3, 2, 4) if objective == "binary" else (3, 2)).long(),
        1.0,
    )
    assert all(scores[name][0].sum() == 0 for name in scores if name != "loss")
    assert scores["loss"][0].isnan().all()


def test_the_loss_is_that_of_torch():
    logits, bits = batch((6, 1)), torch.tensor([[1], [0], [1], [1], [0], [0]])
    expected = nn.BCEWithLogitsLoss(reduction="none")(logits, bits.float())
    torch.testing.assert_close(OBJECTIVES["binary"].losses(logits, bits), expected)
    logits, classes = batch((6, 4)), torch.tensor([0, 1, 2, 3, 0, 1])
    expected = nn.CrossEntropyLoss(reduction="none")(logits, classes)
    torch.testing.assert_close(OBJECTIVES["categorical"].losses(logits, classes), expected)


def test_predictions_are_probabilities():
    outputs = batch((5, 4))
    assert OBJECTIVES["categorical"].predict(outputs).sum(-1) == pytest.approx(1)
    chances = OBJECTIVES["binary"].predict(outputs)
    torch.testing.assert_close(chances, 1 / (1 + (-outputs).exp()))
    assert OBJECTIVES["regression"].predict(outputs) is outputs


def test_symbols_are_read_as_one_hot():
    module = ManyToOne(6, 3, "categorical", hidden_size=5)
    symbols = torch.tensor([[0, 1, 2], [5, 5, 4]])
    one_hot = torch.eye(6)[symbols]
    torch.testing.assert_close(module(symbols), module(one_hot))


class Leaky(nn.Module):
    """A cell as a user would write it."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0, leak=0.5):
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)
        self.leak = leak

    def forward(self, x, state=None):
        states = self.inner(x)
        return states * self.leak, states[:, -1]


@pytest.mark.parametrize(
    ("cell", "cell_args", "kind"),
    [
        ("rnn", {"nonlinearity": "relu"}, nn.RNN),
        ("lstm", None, nn.LSTM),
        ("torch.nn.GRU", None, nn.GRU),
        ("torch.nn.GRU", {"batch_first": True}, nn.GRU),
        (partial(nn.GRU, batch_first=True), None, nn.GRU),
        (f"{__name__}.Leaky", {"leak": 0.1}, Leaky),
        (Leaky, None, Leaky),
    ],
)
def test_a_cell_is_a_word_a_path_or_a_class(cell, cell_args, kind):
    module = ManyToMany.for_data(BinaryAdd(), cell=cell, cell_args=cell_args, hidden_size=5)
    assert isinstance(module.cell, kind)
    assert module(torch.zeros(2, 9, 2)).shape == (2, 9, 1)
    assert all(isinstance(v, str | int | float | dict | None) for v in module.hparams.values())
    if isinstance(cell, partial):
        with pytest.raises(ValueError, match=r"got .functools\.partial"):
            ManyToMany(**module.hparams)
    else:
        assert isinstance(ManyToMany(**module.hparams).cell, kind)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"cell": "gruu"},
            "`cell` must be one of rnn, lstm, gru, window, min_gru, min_lstm, lru or the path of "
            "a class, got 'gruu'",
        ),
        ({"cell": "torch.nn.GRUU"}, "`cell` must be one of .* got 'torch.nn.GRUU'"),
        (
            {"cell": "torch.nn.GRU", "cell_args": {"batch_first": False}},
            r"`batch_first` must be True, as a cell reads \(B, T, F\), got False",
        ),
        ({"cell": "gru", "cell_args": {"speed": 3}}, "'gru' cannot be built with .*speed"),
        ({"cell_args": {"nonlinearity": "cube"}}, "cube"),
        (
            {"cell": partial(nn.RNN, batch_first=True, bidirectional=True)},
            r"must give states \(B, T, 64\), but made \(1, 2, 128\)",
        ),
        ({"hidden_size": 0}, "`hidden_size` must be at least 1, got 0"),
        ({"num_layers": -1}, "`num_layers` must be at least 1, got -1"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1, got 1.0"),
        ({"objective": "ordinal"}, "`objective` must be one of binary, categorical, regression"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ManyToMany(**{"input_size": 2, "output_size": 1, "objective": "binary", **arguments})


def test_sizes_and_dropout_reach_the_cell():
    cell = ManyToMany(2, 1, "binary", hidden_size=7, num_layers=3, dropout=0.25).cell
    assert (cell.hidden_size, cell.num_layers, cell.dropout) == (7, 3, 0.25)


def test_make_cell_takes_torchs_arguments():
    assert make_cell("rnn", (2, 3), nonlinearity="relu").nonlinearity == "relu"


@pytest.mark.parametrize("data", [BinaryAdd(), Football(), NextNumber()], ids=str)
def test_for_data_reads_sizes_and_objective(data):
    module = MODULES[data.mapping].for_data(data)
    assert module.hparams["input_size"] == data.input_size
    assert module.head.out_features == data.output_size
    assert module.objective is OBJECTIVES[data.objective]
    assert module.scale == data.scale
