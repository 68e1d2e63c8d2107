"""Curves and insides: what is drawn is what was measured, and titles say what is there."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from seqlearn import cli
from seqlearn.data import SequenceBatch
from seqlearn.gradients import gradient_norms
from seqlearn.modules import MODULES, ManyToMany
from seqlearn.plots.curves import learning_curve, length_generalization
from seqlearn.plots.insides import before_training, gradient_flow, hidden_states
from seqlearn.plots.rows import Sign, draw
from seqlearn.plots.style import new, save
from seqlearn.record import LAST, METRICS, RESULTS, Record
from seqlearn.splits import UNSCORED
from seqlearn.states import step
from seqlearn.tasks import TASKS, Adding, AnBn, BinaryAdd, BouncingBall, CharLM, FirstSymbol

MOST = 200_000
"""Bytes of a picture."""
HEAD = b"step,train/loss,val/loss,val/exact_match\n"


def fit(folder: Path, *arguments: str) -> Path:
    """Run the command, and give the folder that it leaves."""
    quiet = ("--trainer.logger", "false", "--report", "false")
    sizes = ("--data.val_size", "64", "--data.test_size", "64", "--report", "false")
    root = ("--trainer.default_root_dir", str(folder))
    cli.main(["fit", *quiet, *sizes, *root, "--task", *arguments])
    return next(folder.glob("*/*"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run that has learnt to add."""
    lengths = ("--data.test_lengths", "[8, 16, 64]")
    return fit(tmp_path_factory.mktemp("trained"), "binary_add", *lengths)


@pytest.fixture
def changed(trained, tmp_path):
    """Copy the run with other results, configuration or metrics."""

    def change(results=None, network=None, metrics=None):
        copy = tmp_path / "copy"
        shutil.copytree(trained, copy)
        path = copy / RESULTS
        path.write_text(json.dumps(json.loads(path.read_text()) | (results or {})))
        if metrics is not None:
            (copy / METRICS).write_bytes(metrics)
        record = Record(copy)
        record.config["model"] |= network or {}
        return record

    return change


def untrained(data, **arguments):
    torch.manual_seed(0)
    return MODULES[data.mapping].for_data(data, **{"hidden_size": 8, **arguments})


def title(figure):
    return figure.get_suptitle()


def note(figure):
    return figure.get_supxlabel()


def axis(figure, label):
    """The one axes whose vertical axis is so called."""
    (found,) = [each for each in figure.axes if each.get_ylabel() == label]
    return found


def line(axes, label):
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return found.get_xydata()


def states(figure, every=1):
    """The states drawn, by unit."""
    axes = axis(figure, "unit")
    units = [int(text.get_text()) for text in axes.get_yticklabels()]
    table = axes.images[0].get_array()[::every]
    assert len(units) == len(table)
    return dict(zip(units, np.asarray(table), strict=True))


def signs(figure, name):
    """What is written in a row, by step."""
    for axes in figure.axes:
        names = [text.get_text() for text in axes.get_yticklabels()]
        if name in names:
            row = names.index(name)
            texts = [text for text in axes.texts if text.get_position()[1] == row]
            return {text.get_position()[0]: text for text in texts}
    raise AssertionError(f"no row {name}")


def carries(inputs):
    """The carry out of every step, by adding place by place."""
    out = np.zeros(inputs.shape[:2])
    for row, pairs in zip(out, inputs.long().tolist(), strict=True):
        carry = 0
        for place, (a, b) in enumerate(pairs):
            row[place] = carry = (a + b + carry) // 2
    return out


def by_hand(cell, x, state=None):
    """The states of one sequence ``(T, F)``, a step at a time, and the state after it."""
    found = []
    for row in x:
        h, state = step(cell, row[None], state)
        found.append(h[0].detach())
    return torch.stack(found), state


class Leaky(nn.Module):
    """A cell of one's own, whose state is a dictionary's worth in a tuple."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.drive = nn.Linear(input_size, hidden_size)

    def forward(self, x, state=None):
        h = x.new_zeros(len(x), self.drive.out_features) if state is None else state[0]
        found = []
        for row in self.drive(x).unbind(1):
            h = 0.5 * h + row
            found.append(h)
        return torch.stack(found, 1), (h,)


@pytest.mark.parametrize(
    "arguments",
    [
        {"cell": "rnn"},
        {"cell": "lstm", "num_layers": 2, "dropout": 0.5},
        {"cell": Leaky},
        {"cell": partial(nn.GRU, batch_first=True)},
    ],
)
def test_the_states_drawn_are_those_that_the_network_has_step_by_step(arguments):
    data = BinaryAdd(bits=6)
    module, batch = untrained(data, **arguments), data.dataset("test", 6).batch([3])
    figure = hidden_states(module, data, batch)
    assert module.training
    expected, _ = by_hand(module.eval().cell, batch.inputs[0])
    drawn = states(figure)
    assert sorted(drawn) == list(range(8))
    for unit, row in drawn.items():
        assert row == pytest.approx(expected[:, unit].numpy(), abs=1e-6)


def test_those_of_an_encoder_are_followed_by_those_of_its_decoder():
    data = TASKS["reverse"](letters=6)
    module, batch = untrained(data), data.dataset("train").batch(range(20))
    short = int(batch.lengths.argmin())
    batch = SequenceBatch(*(part[short : short + 1] for part in batch))
    end = int(batch.lengths)
    assert end < batch.inputs.shape[1]  # there is padding
    drawn = states(hidden_states(module, data, batch))
    read, state = by_hand(module.cell, module.features(batch.inputs[0, :end]))
    x, written = torch.zeros(1, module.output_size), []
    asked = int((batch.targets[0] != -100).sum())
    for _ in range(asked):
        h, state = step(module.decoder, x, state)
        written.append(h[0].detach())
        x = nn.functional.one_hot(module.head(h).argmax(-1), module.output_size).float()
    expected = torch.cat([read, torch.stack(written)])
    for unit, row in drawn.items():
        assert row == pytest.approx(expected[:, unit].numpy(), abs=1e-6)


def test_those_of_a_sequence_that_is_unfolded_are_drawn_for_every_step():
    data = TASKS["countdown"](start=5)
    module = untrained(data)
    figure = hidden_states(module, data, data.dataset("test", 5).batch(range(6)))
    x, state, expected = torch.zeros(1, 12), None, []  # from 5, the longest
    x[0, 5] = 1
    for _ in range(6):
        h, state = step(module.cell, x, state)
        expected.append(h[0].detach())
        x = torch.zeros(1, 12)
        x[0, 6 + int(module.head(h).argmax())] = 1
    for unit, row in states(figure).items():
        assert row == pytest.approx(torch.stack(expected)[:, unit].numpy(), abs=1e-6)
    assert {step: text.get_text() for step, text in signs(figure, "input").items()} == {1: "5"}


def test_the_unit_named_is_the_one_that_follows_the_carry_most_closely(trained):
    module, data = Record(trained).load()
    batch = data.dataset("train").batch(range(100))  # of all lengths
    figure = hidden_states(module, data, batch)
    with torch.no_grad():
        found = module.states(batch.inputs).numpy()
    # What is to be kept after a step is known of all but the last.
    valid = np.arange(found.shape[1]) < batch.lengths.numpy()[:, None] - 1
    carry = carries(batch.inputs)
    expected = [np.corrcoef(found[valid][:, k], carry[valid])[0, 1] for k in range(16)]
    best = int(np.argmax(np.abs(expected)))
    assert abs(expected[best]) > 0.8
    assert title(figure) == f"unit {best} follows the carry (correlation {expected[best]:.2f})"
    assert list(states(figure)) == np.argsort(-np.abs(expected)).tolist()


def test_the_carry_drawn_is_the_one_that_each_step_leaves(trained):
    module, data = Record(trained).load()
    batch = data.dataset("test", 8).batch(range(64))
    figure = hidden_states(module, data, batch)
    (strip,) = [
        axes.images[0].get_array()
        for axes in figure.axes
        if [text.get_text() for text in axes.get_yticklabels()] == ["carry, kept"]
    ]
    carry = carries(batch.inputs)
    example = int(np.abs(np.diff(carry[:, :8])).sum(1).argmax())  # where it changes most often
    assert (strip[0, :8] > 0).tolist() == (carry[example, :8] > 0).tolist()
    for k in range(2):
        shown = [int(sign.get_text()) for sign in signs(figure, f"input {k + 1}").values()]
        assert shown == batch.inputs[example, :, k].tolist()
    for name in ("target", "answer"):
        shown = [int(sign.get_text()) for sign in signs(figure, name).values()]
        assert shown == batch.targets[example, :, 0].tolist()


def test_the_example_drawn_is_one_whose_memory_changes_for_all_to_see():
    data = Adding(steps=256)  # a number is marked in steps 1 to 128, which are drawn
    batch = data.dataset("test", 256).batch(range(64))
    strip = axis(hidden_states(untrained(data), data, batch), "").images[0].get_array()
    expected = 2 * (batch.inputs.prod(2)[:, :127].max() / batch.targets.max()).item()
    assert np.ptp(strip) == pytest.approx(expected, rel=0.05)


def test_mistakes_are_framed():
    data = BinaryAdd(bits=8)
    module, batch = untrained(data), data.dataset("test", 8).batch([0])
    figure = hidden_states(module, data, batch)
    wrong = (module(batch.inputs) > 0).long() != batch.targets
    framed = [sign.get_bbox_patch() is not None for sign in signs(figure, "answer").values()]
    assert framed == wrong[0, :, 0].tolist()
    assert any(framed) and not all(framed)


def test_padding_is_neither_drawn_nor_counted():
    data = BinaryAdd(bits=12)
    module, batch = untrained(data), data.dataset("train").batch(range(40))
    padding = torch.arange(13) >= batch.lengths[:, None]
    spoilt = batch._replace(inputs=batch.inputs.masked_fill(padding[:, :, None], 7.0))
    kept = data.memory(batch)
    data.memory = lambda _: {"carry": kept["carry"]}  # of 7 there is none
    one, other = (hidden_states(module, data, each) for each in (batch, spoilt))
    assert title(one) == title(other)
    for unit, row in states(one).items():
        assert row.tolist() == pytest.approx(states(other)[unit].tolist())
    data.memory = lambda _: {}
    short = SequenceBatch(*(part[batch.lengths < 6] for part in batch))
    figure = hidden_states(module, data, short)
    assert len(next(iter(states(figure).values()))) == short.lengths.max() < 13


def test_without_a_memory_the_title_counts_what_still_changes():
    data = FirstSymbol(steps=12)
    module, batch = untrained(data), data.dataset("test", 12).batch(range(4))
    data.memory = lambda _: {}
    figure = hidden_states(module, data, batch)
    drawn = np.stack(list(states(figure).values()))
    moves = np.ptp(drawn[:, -3:], axis=1) > 0.2 * np.abs(drawn).max()
    assert 0 < moves.sum() < 8
    assert title(figure) == f"{moves.sum()} of 8 units still change after step 10"


def test_units_that_are_not_drawn_are_counted_too():
    data = CharLM(corpus="grammar", grammar_size=20_000, steps=12)
    module = untrained(data, hidden_size=100)
    batch = data.dataset("test").batch(range(2))
    figure = hidden_states(module, data, batch)
    found, _ = by_hand(module.eval().cell, module.features(batch.inputs[0]))
    moves = np.ptp(found[-3:].numpy(), axis=0) > 0.2 * float(found.abs().max())
    assert len(states(figure, every=2)) == 32  # of 64 drawn every other is named
    assert title(figure) == f"{moves.sum()} of 100 units still change after step 10"


def test_a_single_step_is_counted_and_numbered_as_one():
    data = TASKS["waveform"](steps=1)
    batch = data.dataset("test", 1).batch(range(4))
    figure = hidden_states(untrained(data, hidden_size=1), data, batch)
    assert title(figure) == "1 unit after one step"
    figure.draw_without_rendering()
    axes = axis(figure, "unit")
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


@pytest.mark.parametrize("task", ["football", "topic"])
def test_answers_are_called_by_their_names(task):
    data = TASKS[task]()
    module = untrained(data)
    batch = data.dataset("test", data.length).batch([1])
    figure = hidden_states(module, data, batch)
    said = int(module(batch.inputs, batch.lengths)[0].argmax())
    for name, number in (("target", int(batch.targets[0])), ("answer", said)):
        (sign,) = signs(figure, name).values()
        assert sign.get_text() == data.answers[number]
        figure.draw_without_rendering()
        assert sign.get_window_extent().x1 <= axis(figure, "unit").get_window_extent().x1


def test_names_are_left_out_where_there_are_not_as_many_as_classes():
    data = type("Few", (FirstSymbol,), {"answers": ("yes", "no")})(steps=12)
    batch = data.dataset("test", 12).batch([0])
    figure = hidden_states(untrained(data), data, batch)
    (target,) = signs(figure, "target").values()
    assert target.get_text() == str(int(batch.targets[0]))


def test_long_names_are_cut_to_their_step_and_numbers_alone_are_not():
    figure, axes = new("title", size=(8, 1))
    rows = {
        "target": {step: Sign("adjective") for step in range(1, 41)},
        "answer": {40: Sign("adjective")},
        "input": {1: Sign("12")},
    }
    draw(axes, rows, 430 / 40)
    found = {name: [*signs(figure, name).values()] for name in rows}
    assert {sign.get_text() for sign in found["target"]} == {"adj…"}
    assert [sign.get_text() for sign in found["answer"]] == ["adjective"]
    assert [sign.get_text() for sign in found["input"]] == ["12"]


@pytest.mark.parametrize("text", ["12", "abc"])
def test_what_just_fits_is_not_cut(text):
    for steps in range(1, 49):
        figure, axes = new("title", size=(8, 1))
        draw(axes, {"input": {1: Sign(text), 2: Sign(text)}}, 430 / steps)
        shown = signs(figure, "input")
        assert {sign.get_text() for sign in shown.values()} == {text}
        assert list(shown) == [1, 2]


@pytest.mark.parametrize(("task", "length"), [("noise", 5), ("next_number", 100), ("waveform", 1)])
def test_a_single_value_is_written_as_in_the_examples(task, length):
    data = TASKS[task](**({"steps": 1} if task == "waveform" else {}))
    module, batch = untrained(data), data.dataset("test", length).batch([3])
    figure = hidden_states(module, data, batch)
    (example,) = data.describe(batch, module.answer(batch, 0).detach())
    for name, text in (("target", example.target), ("answer", example.prediction)):
        assert [sign.get_text() for sign in signs(figure, name).values()] == [text]


@pytest.mark.parametrize(
    ("task", "label"), [("waveform", "value"), ("bouncing_ball", "output 1 of 2")]
)
def test_a_curve_of_answers_says_which_and_has_its_legend_above(task, label):
    data = TASKS[task]()
    batch = data.dataset("test", data.length).batch(range(2))
    figure = hidden_states(untrained(data), data, batch)
    figure.draw_without_rendering()
    axes = axis(figure, label)
    assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1


def test_what_is_too_much_is_left_out_and_said(tmp_path):
    data = FirstSymbol(steps=400, classes=20)
    module = untrained(data, hidden_size=300)
    figure = hidden_states(module, data, data.dataset("test", 400).batch(range(3)))
    assert axis(figure, "unit").images[0].get_array().shape == (64, 128)
    assert "64 of 300 units" in note(figure) and "128 of 400 steps" in note(figure)
    save(figure, tmp_path / "states.png")
    assert (tmp_path / "states.png").stat().st_size < MOST


ONE_OF_EACH = {(kind.mapping, kind.objective): name for name, kind in TASKS.items()}.values()
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "task", [pytest.param(name, marks=[] if name in ONE_OF_EACH else SLOW) for name in TASKS]
)
def test_every_task_shows_its_insides(task, tmp_path):
    settings = {"corpus": "grammar", "grammar_size": 20_000} if task == "char_lm" else {}
    data = TASKS[task](**settings)
    dataset = data.dataset("test", data.curve[0])
    batch = dataset.batch(range(min(8, len(dataset))))
    module = untrained(data, hidden_size=48)
    figures = hidden_states(module, data, batch), gradient_flow(module, module, batch)
    for figure in figures:
        assert title(figure)
        save(figure, tmp_path / "picture.png")
        assert (tmp_path / "picture.png").stat().st_size < MOST


def test_the_gradients_drawn_are_those_measured():
    data = BinaryAdd(bits=8)
    batch = data.dataset("test", 8).batch(range(16))
    module, before = untrained(data, cell="gru"), untrained(data)
    figure = gradient_flow(module, before, batch)
    axes = axis(figure, "gradient norm")
    assert axes.get_yscale() == "log"
    numbers = [float(label.get_text()) for label in axes.get_yticklabels()]
    assert numbers == pytest.approx(axes.get_yticks())
    shares = []
    for name, network in (("after training", module), ("before", before)):
        norms = gradient_norms(network, batch)
        assert line(axes, name) == pytest.approx(np.column_stack([range(9), norms]))
        shares.append(float(100 * norms[8] / norms[0]))
    said = re.findall(r"([\d.e-]+) %", title(figure))
    assert [float(share) for share in said] == pytest.approx(shares, rel=0.05)
    assert title(figure).endswith("%") and "over 8 steps; before, " in title(figure)
    assert "before" not in title(gradient_flow(module, None, batch))


def test_no_gradient_at_all_has_a_mark_of_its_own():
    data = BinaryAdd(bits=8)
    module = untrained(data, cell="window", cell_args={"size": 3})
    figure = gradient_flow(module, None, data.dataset("test", 8).batch(range(4)))
    axes = axis(figure, "gradient norm")
    assert line(axes, "after training")[:, 0].tolist() == [0, 1, 2]
    assert line(axes, "after training: 0, or too small to hold")[:, 0].tolist() == [*range(3, 9)]
    assert title(figure) == "after training none of the gradient comes back over 8 steps"


def test_a_gradient_far_too_small_to_be_squared_is_drawn():
    data = FirstSymbol(steps=150)
    module, batch = untrained(data), data.dataset("test", 150).batch(range(4))
    figure = gradient_flow(module, None, batch)
    drawn = line(axis(figure, "gradient norm"), "after training")[:, 1]
    exact = gradient_norms(module.double(), batch)[: len(drawn)].numpy()
    held = exact > 1e-36  # beyond, 32 bits lose digits
    assert held.sum() > 70 and exact[held].min() < 1e-30
    assert drawn[held] == pytest.approx(exact[held], rel=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_gradient_over_fewer_than_three_lags_is_not_drawn(steps):
    symbols = torch.tensor([[0, 1, 2], [2, 3, 1]])[:, :steps]
    batch = SequenceBatch(symbols, symbols[:, 0], torch.full((2,), steps))
    figure = gradient_flow(untrained(FirstSymbol(steps=steps)), None, batch)
    if steps < 3:
        assert figure is None
    else:
        assert len(line(axis(figure, "gradient norm"), "after training")) == steps


def test_of_nothing_to_score_there_is_no_gradient():
    data = BinaryAdd(bits=8)
    batch = data.dataset("test", 8).batch(range(4))
    nothing = batch._replace(targets=torch.full_like(batch.targets, UNSCORED))
    assert gradient_flow(untrained(data), None, nothing) is None


@pytest.mark.parametrize("task", ["binary_add", "first_symbol", "waveform", "decimal_add"])
def test_long_sequences_are_measured_over_their_last_steps(task, monkeypatch):
    monkeypatch.setattr("seqlearn.plots.insides.LONG", 3)
    data = TASKS[task]()
    module, batch = untrained(data), data.dataset("train").batch(range(16))
    figure = gradient_flow(module, None, batch)
    longest = int(batch.lengths.max())
    assert note(figure) == f"measured on 3 of {longest} steps"
    assert len(line(axis(figure, "gradient norm"), "after training")) == 3


def test_the_last_steps_are_those_before_the_end_of_each_sequence(monkeypatch):
    monkeypatch.setattr("seqlearn.plots.insides.LONG", 3)
    data = BinaryAdd(bits=8)
    module, batch = untrained(data), data.dataset("train").batch(range(16))
    ends = []
    for inputs, targets, length in zip(*batch, strict=True):
        start = max(0, int(length) - 3)
        one = [inputs[start : start + 3], targets[start : start + 3], length.clamp(max=3)]
        ends.append(gradient_norms(module, SequenceBatch(*(part[None] for part in one))))
    expected = torch.stack(ends).nanmean(0)
    drawn = line(axis(gradient_flow(module, None, batch), "gradient norm"), "after training")
    assert drawn[:, 1] == pytest.approx(expected.numpy(), rel=1e-4)


@pytest.mark.parametrize(
    ("task", "seed", "arguments"),
    [
        ("binary_add", 0, ()),
        ("binary_add", 7, ("--model.num_layers", "2", "--model.dropout", "0.5")),
        ("first_symbol", 3, ()),  # an lstm whose gates start open
        ("decimal_add", 0, ("--trainer.precision", "64-true")),
    ],
)
def test_the_weights_before_training_are_those_a_run_began_with(tmp_path, task, seed, arguments):
    still = ("--optimizer.lr", "0", "--trainer.max_steps", "10", "--seed_everything", str(seed))
    module, _ = Record(fit(tmp_path, task, *still, *arguments)).load()
    chance = torch.get_rng_state()
    begun = before_training(module, seed)
    assert torch.equal(chance, torch.get_rng_state())
    weights = begun.state_dict()
    for name, weight in module.state_dict().items():
        assert weight.dtype == weights[name].dtype and torch.equal(weight, weights[name])
    other = before_training(module, seed + 1).state_dict()
    assert not torch.equal(other["head.weight"], weights["head.weight"])


class Own(ManyToMany):
    """A network that is made in another way."""

    def __init__(self, width):
        super().__init__(2, 1, "binary", hidden_size=width)


def test_what_cannot_be_made_anew_is_left_out():
    assert before_training(Own(4), 0) is None
    assert before_training(untrained(BinaryAdd()), None) is None


def test_the_curve_over_lengths_is_that_of_the_results(trained):
    record, data = Record(trained), Record(trained).load()[1]
    figure = length_generalization(record, data)
    axes = axis(figure, "exact match")
    reached = [record.results["metrics"][f"test/exact_match@{n}"] for n in (8, 16, 64)]
    assert line(axes, "network").tolist() == [
        list(pair) for pair in zip((8, 16, 64), reached, strict=True)
    ]
    assert axes.get_xlabel() == "test length (bits)" and axes.get_xscale() == "log"
    curves = [list(each.get_ydata()) for each in axes.get_lines()]
    assert any(curve == pytest.approx([0.75**n for n in (8, 16, 64)]) for curve in curves)
    (mark,) = [text for text in axes.texts if text.get_text() == "training length"]
    assert mark.get_position()[0] == 8
    assert [8, 8] in [list(each.get_xdata()) for each in axes.get_lines()]
    assert title(figure).startswith("exact match 1 at every length from 8 bits to 64 bits")


def test_a_network_that_does_not_generalize_is_said_to(changed):
    scores = {"test/exact_match@8": 0.9996, "test/exact_match@16": 0.004}
    record = changed({"metrics": scores})
    figure = length_generalization(record, BinaryAdd())
    fall = "exact match falls from 0.999 at 8 bits to 0.004 at 16 bits"
    assert title(figure) == f"{fall}\nno better than ignore carry (0.01)"


def test_what_a_network_says_alone_is_drawn_and_zero_has_no_place_on_a_logarithmic_axis(changed):
    data = BouncingBall()
    scores = {"test/mse@50": 1e-5, "test/mse@100": 2e-5, "test/rollout_mse@50": 0.01}
    scores |= {"test/rollout_mse@100": 0.1}
    record = changed({"metrics": scores, "baselines": data.baselines()})
    axes = axis(length_generalization(record, data), "mse")
    assert line(axes, "going on alone").tolist() == [[50, 0.01], [100, 0.1]]
    assert axes.get_yscale() == "log"
    texts = " ".join(text.get_text() for text in axes.texts)
    assert "constant velocity" in texts and "optimum" not in texts


def test_a_predictor_known_at_the_training_length_alone_is_a_level_line_that_says_so(changed):
    data = BinaryAdd()
    data.baselines_at = lambda length: {}
    figure = length_generalization(changed(), data)
    axes = axis(figure, "exact match")
    level = [each for each in axes.get_lines() if set(each.get_ydata()) == {0.75**8}]
    assert level[0].get_xdata() == [0, 1]  # from edge to edge
    assert "ignore carry at 8 0.1" in [text.get_text() for text in axes.texts]


def test_one_is_no_plural(changed):
    scores = {"test/exact_match@1": 0.5, "test/exact_match@2": 0.25}
    record = changed({"metrics": scores, "length": 1, "steps": 1}, metrics=HEAD + b"0,0.5,,\n")
    data = BinaryAdd(bits=1, test_lengths=[8])
    said = title(learning_curve(record, data))
    assert said.startswith("exact match 0.5 at 1 bit after 1 training step\n")
    fall = "exact match falls from 0.5 at 1 bit to 0.25 at 2 bits"
    assert title(length_generalization(record, data)).startswith(fall)


def test_one_length_makes_no_curve(changed):
    record = changed({"metrics": {"test/exact_match@8": 1.0, "test/loss@8": 0.1}})
    assert length_generalization(record, BinaryAdd()) is None


def test_the_learning_curve_is_that_of_the_metrics(trained):
    record, data = Record(trained), Record(trained).load()[1]
    logged = record.metrics()
    figure = learning_curve(record, data)
    losses, reached = axis(figure, "loss (nats)"), axis(figure, "exact match")
    for axes, name, metric in (
        (losses, "training", "train/loss"),
        (losses, "validation", "val/loss"),
        (reached, "validation", "val/exact_match"),
    ):
        drawn = [(step - 1, value) for step, value in line(axes, name).tolist()]
        assert drawn == logged[metric]
    best = 1 + min(logged["val/loss"], key=lambda point: point[1])[0]
    for axes in (losses, reached):
        assert line(axes, f"kept: step {best}")[:, 0].tolist() == [best, best]
    assert losses.get_yscale() == "log"
    levels = [each.get_ydata()[0] for each in reached.get_lines()]
    assert {0.75**8, 0.5**9, 1.0} <= {*levels}
    assert title(figure) == "exact match 1 at 8 bits after 300 training steps\nthe optimum is 1"


def test_sets_are_spelled_by_the_names_of_what_is_in_them():
    data = AnBn(n=2)
    figure = hidden_states(untrained(data), data, data.dataset("test", 2).batch([0]))
    target = signs(figure, "target")
    assert [target[step].get_text() for step in range(1, 6)] == ["a", "ab", "ab", "b", "T"]
    said = signs(figure, "answer")
    for place, text in said.items():
        assert {*text.get_text()} <= {*"abT-"}
        wrong = text.get_text() != target[place].get_text()
        assert (text.get_fontweight() == "bold") is wrong


def test_what_is_judged_is_the_checkpoint_kept(changed):
    rows = b"9,,0.4,0.5\n19,,0.2,0.7\n299,,0.3,0.8\n"
    figure = learning_curve(changed(metrics=HEAD + rows), BinaryAdd())
    assert title(figure).startswith("exact match 1 at 8 bits after 20 of 300 training steps")


def test_the_last_checkpoint_has_no_mark(changed):
    figure = learning_curve(changed({"checkpoint": LAST}), BinaryAdd())
    labels = [each.get_label() for axes in figure.axes for each in axes.get_lines()]
    assert "validation" in labels and not [label for label in labels if "kept" in label]


def test_a_training_loss_of_another_unit_has_an_axis_of_its_own(changed):
    figure = learning_curve(changed(network={"reduction": "sum"}), BinaryAdd())
    assert line(axis(figure, "loss (nats a sequence)"), "training").size
    labels = [each.get_label() for each in axis(figure, "loss (nats)").get_lines()]
    assert "validation" in labels and "training" not in labels


def test_a_loss_that_is_the_headline_is_drawn_once(changed):
    data = CharLM(corpus="grammar", grammar_size=20_000)
    figure = learning_curve(changed({"baselines": {"uniform": 0.8, "optimum": 0.1}}), data)
    (axes,) = figure.axes
    assert {0.8, 0.1} <= {each.get_ydata()[0] for each in axes.get_lines()}


@pytest.mark.parametrize(
    ("metrics", "drawn"),
    [
        (HEAD + b"9,0.5,,\n19,0.4,,\n", ["loss (nats)"]),  # no validation
        (HEAD + b"9,0.5,,\n9,,0.4,0.25\n19,0.3", ["loss (nats)", "exact match"]),  # torn
        (HEAD + b"9,nan,,\n19,0.5,,\n29,inf,,\n", ["loss (nats)"]),
        (HEAD + b"9,0.5,,\n\xff\x00,,\n", ["loss (nats)"]),
        (HEAD + b"9,nan,,\n", None),
        (HEAD, None),
        (b"", None),
    ],
)
def test_whatever_was_logged_is_drawn(changed, tmp_path, metrics, drawn):
    figure = learning_curve(changed(metrics=metrics), BinaryAdd())
    if drawn is None:
        assert figure is None
        return
    assert [axes.get_ylabel() for axes in figure.axes] == drawn
    losses = [each for each in figure.axes[0].get_lines() if each.get_label() == "training"]
    assert np.isfinite(losses[0].get_ydata()).all() and losses[0].get_ydata()[0] == 0.5
    save(figure, tmp_path / "curve.png")


def test_curves_of_a_long_run_are_small_files(changed, tmp_path):
    rows = [f"{step},{1 / (step + 1)},,\n" for step in range(0, 100_000, 10)]
    record = changed(metrics=HEAD + "".join(rows).encode())
    for name, figure in (
        ("learning", learning_curve(record, BinaryAdd())),
        ("lengths", length_generalization(record, BinaryAdd())),
    ):
        save(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size < MOST
