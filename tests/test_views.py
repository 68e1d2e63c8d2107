"""Each task's own view of what a network says."""

import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pytest
import torch
from torch.nn import functional as F

from seqlearn.data import SequenceDataModule
from seqlearn.plots.style import save
from seqlearn.splits import UNSCORED, SequenceBatch
from seqlearn.tasks import (
    TASKS,
    Alphabet,
    AnBn,
    BinaryAdd,
    BouncingBall,
    CharLM,
    CopyMemory,
    DecimalAdd,
    FirstSymbol,
    Football,
    NextNumber,
    Noise,
    RandomWalk,
    Reverse,
    Sunspots,
    Topic,
    Waveform,
)

SETTINGS = {CharLM: {"corpus": "grammar", "grammar_size": 20_000}}  # no file, no network
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def draw(data, split="test", count=6, length=None):
    """A batch of a split; of training, the mixture of lengths."""
    dataset = data.dataset(split, length or (None if split == "train" else data.curve[0]))
    return dataset.batch(range(min(count, len(dataset))))


def right(data, targets):
    """Predictions without a mistake."""
    if targets.is_floating_point():
        return targets.nan_to_num()
    known = targets.clamp(min=0)
    return (known if data.objective == "binary" else F.one_hot(known, data.output_size)).float()


def wrong(data, targets):
    """Predictions that are never right."""
    said = right(data, targets)
    if data.objective == "binary":
        return 1 - said
    return said + 1 if targets.is_floating_point() else said.roll(1, -1)


def chance(data, targets):
    """Predictions by chance."""
    drawn = torch.randn(right(data, targets).shape, generator=torch.Generator().manual_seed(0))
    if targets.is_floating_point():
        return drawn
    return drawn.sigmoid() if data.objective == "binary" else drawn.softmax(-1)


def plot(data, batch, say=right, say_alone=None):
    """The view of what is said, and said alone where the task asks for that."""
    alone = None
    if data.given:
        alone = (say_alone or say)(data, batch.targets[:, data.given - 1 :])
    return data.plot(batch, say(data, batch.targets), alone)


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def note(figure):
    return figure.get_supxlabel()


def marked(axis, name):
    """Where a mark stands, as (across, down)."""
    places = [c.get_offsets().tolist() for c in axis.collections if c.get_label() == name]
    return {tuple(place) for each in places for place in each}


@each_task
def test_every_task_is_drawn_whatever_is_said(task, tmp_path):
    data = task(**SETTINGS.get(task, {}))
    for split, count, say in (("test", 6, wrong), ("test", 1, right), ("train", 6, chance)):
        figure = plot(data, draw(data, split, count), say)
        assert figure.get_suptitle()
    save(figure, tmp_path / "view.png")
    assert 5_000 < (tmp_path / "view.png").stat().st_size < 200_000


@pytest.mark.parametrize("task", [Alphabet, BinaryAdd, BouncingBall, CharLM, RandomWalk])
def test_a_view_of_nothing_to_score_is_still_a_picture(task):
    data = task(**SETTINGS.get(task, {}))
    batch = draw(data, count=2)
    nothing = torch.nan if batch.targets.is_floating_point() else UNSCORED
    empty = batch._replace(targets=torch.full_like(batch.targets, nothing))
    assert plot(data, empty, chance).get_suptitle()


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (BinaryAdd(), 1024),
        (Reverse(alphabet=52), 300),
        (Alphabet(), 400),
        (RandomWalk(), 1024),
        (BouncingBall(balls=3), 1024),
        (Topic(), 1024),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SequenceDataModule) else None,
)
def test_what_is_long_is_cropped_and_the_picture_says_so(data, length, tmp_path):
    batch = draw(data, "test", 40, length)
    figure = plot(data, batch, chance)
    save(figure, tmp_path / "view.png")
    assert (tmp_path / "view.png").stat().st_size < 200_000
    assert note(figure).startswith("shown: ")
    if data.mapping != "many-to-one":
        assert f" of {batch.targets.shape[1]:,} steps" in note(figure)
    assert figure.get_figwidth() <= 8 and figure.get_figheight() <= 9


def test_what_is_shown_whole_needs_no_note():
    assert note(plot(Football(), draw(Football()))) == ""


def spoil(predictions, examples):
    """Make the first answer of some examples wrong."""
    for k in examples:
        first = predictions[k, 0] if predictions.ndim > 2 else predictions[k]
        first.copy_(first.roll(1) if len(first) > 1 else 1 - first)
    return predictions


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BinaryAdd(), "4 of 6 right in every bit (52 of 54 bits)"),
        (DecimalAdd(), "4 of 6 sequences right (22 of 24 steps)"),
        (Reverse(), "4 of 6 sequences right (46 of 48 steps)"),
        (Topic(), "4 of 6 answers right"),
        (Football(), "3 of 5 answers right"),
    ],
)
def test_titles_count_what_is_right(data, said):
    batch = draw(data)
    predictions = spoil(right(data, batch.targets), [1, 4])
    assert data.plot(batch, predictions).get_suptitle() == said


def test_titles_do_not_count_what_is_not_scored():
    data = BinaryAdd()
    batch = draw(data, "train")
    bits = int(batch.lengths.sum())
    assert bits < batch.targets.numel()
    said = right(data, batch.targets)
    said[batch.targets == UNSCORED] = 1.0
    assert (
        data.plot(batch, said).get_suptitle()
        == f"6 of 6 right in every bit ({bits} of {bits} bits)"
    )


def test_what_is_recited_alone_is_counted_and_drawn_beside():
    data = Alphabet()
    figure = plot(data, draw(data), say_alone=wrong)
    assert figure.get_suptitle() == "6 of 6 sequences right (150 of 150 steps); alone 0 of 6"
    shown, alone = figure.axes[:2]
    assert not marked(shown, "mistake") and len(marked(alone, "mistake")) == 25
    assert alone.get_title("left") == "going on alone"


def test_a_wrong_bit_is_marked_where_it_is():
    data = BinaryAdd()
    batch = draw(data)
    predictions = right(data, batch.targets)
    predictions[1, 3] = 1 - predictions[1, 3]
    figure = data.plot(batch, predictions)
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["input 1", "input 2", "target", "predicted"]
    found = [marked(axis, "mistake") for axis in figure.axes[:6]]
    assert found == [set(), {(4, 3)}, set(), set(), set(), set()]


def test_sets_are_drawn_by_name_with_what_is_missing_and_what_is_too_much():
    data = AnBn()
    batch = draw(data, length=2)  # S a a b b
    said = right(data, batch.targets)
    said[0, 1, 1] = 0.2  # after an a, no b
    said[0, 4, 0] = 0.9  # at the end, an a
    figure = data.plot(batch, said)
    axis = figure.axes[0]
    assert figure.get_suptitle() == "0 of 1 sequences right (3 of 5 steps)"
    assert [text.get_text() for text in axis.get_yticklabels()] == ["a", "b", "T"]
    legal = {(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (4, 1), (5, 2)}
    assert marked(axis, "asked for") == legal
    assert marked(axis, "mistake") == {(2, 1), (5, 0)}


def test_bits_beyond_the_end_are_blank():
    data = BinaryAdd()
    batch = draw(data, "train")
    k = int(batch.lengths.argmin())
    shades = plot(data, batch, chance).axes[k].images[0].get_array()
    assert shades.mask[:, batch.lengths[k] :].all()
    assert not shades.mask[:, : batch.lengths[k]].any()


def test_a_wrong_letter_is_marked_and_the_true_one_too():
    data = Reverse()
    batch = draw(data, count=1)
    true = int(batch.targets[0, 2])
    predictions = right(data, batch.targets)
    spoil(predictions[:, 2:], [0])
    axis = data.plot(batch, predictions).axes[0]
    assert marked(axis, "mistake") == {(3, (true + 1) % 26)}
    assert (3, true) in marked(axis, "asked for") and len(marked(axis, "asked for")) == 8


def test_one_answer_is_named_by_words():
    data = Football()
    batch = draw(data)
    figure = data.plot(batch, spoil(right(data, batch.targets), [1]))  # a save, said a miss
    axis = figure.axes[0]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["Goal", "Save", "Miss"]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows[0].startswith("Pass, Dribble, Shot → Goal") and rows[1].endswith("✗")
    assert marked(axis, "mistake") == {(3, 1)} and (2, 1) in marked(axis, "asked for")


def test_series_give_errors_in_the_unit_of_the_task():
    data = RandomWalk(sigma=10.0)
    batch = draw(data)
    predictions = batch.targets + 3.0 / data.scale
    title = data.plot(batch, predictions).get_suptitle()
    assert title.startswith("One step ahead: mean error 3 (repeating the last value: ")
    line = {line.get_label(): line for line in data.plot(batch, predictions).axes[0].get_lines()}
    true, said = line["true"], line["predicted"]
    assert true.get_ydata() == pytest.approx(
        torch.cat([batch.inputs[0, :, 0], batch.targets[0, -1]]).numpy() * data.scale
    )
    assert said.get_xdata()[0] == 2 and said.get_ydata() == pytest.approx(true.get_ydata()[1:] + 3)


def test_waves_begin_at_the_first_step_under_their_description():
    data = Waveform()
    axis = plot(data, draw(data)).axes[0]
    assert "Hz" in axis.get_title("left")
    assert [line.get_xdata()[0] for line in axis.get_lines()] == [1, 1]


def test_numbers_are_drawn_from_0_on():
    data = NextNumber()
    batch = draw(data)
    points = plot(data, batch).axes[0].get_lines()[0]
    asked = (batch.targets[:, 0] + 1) * 50
    assert points.get_xdata() == pytest.approx(asked.numpy(), abs=1e-3)
    assert points.get_ydata() == pytest.approx(asked.numpy(), abs=1e-3)


def test_sunspots_are_drawn_year_by_year():
    data = Sunspots()
    figure = plot(data, draw(data, count=3))
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    said = lines["predicted"].get_ydata()
    assert said[~torch.tensor(said).isnan()] == pytest.approx([141.7, 190.2, 184.8], abs=0.1)
    figure.draw_without_rendering()
    years = {
        label.get_text(): label.get_position()[0] for label in figure.axes[0].get_xticklabels()
    }
    assert years["1956"] == len(said) + 1 - 2  # of the steps, 1932 is the first


def test_a_rollout_begins_where_the_ball_was_shown_last():
    data = BouncingBall(given=10)
    batch = draw(data)
    figure = plot(data, batch, say_alone=lambda *_: batch.targets[:, 9:] + 0.2)
    assert figure.get_suptitle() == (
        "One step ahead: mean error 0 box widths\nalone it drifts to 0.14 after 40 steps"
    )
    lines = {line.get_label(): line for line in figure.axes[3].get_lines()}
    begin = (batch.inputs[0, 9] + 1) / 2
    assert torch.tensor(lines["alone from here"].get_xydata()) == pytest.approx(
        begin[None].double()
    )
    alone = torch.tensor(lines["going on alone"].get_xydata())
    assert alone[1:] == pytest.approx((batch.targets[0, 9:49] + 1.2).double() / 2)


@dataclass(kw_only=True, eq=False)
class Own(SequenceDataModule):
    """A task of a user: sums of three series so far, and one that goes on alone."""

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    input_size: ClassVar[int] = 3
    output_size: ClassVar[int] = 3
    steps: int = 20

    def draw(self, rng, length):
        values = torch.from_numpy(rng.normal(size=(length or self.steps, 3))).float()
        return SequenceBatch(values, values.cumsum(1), torch.full((len(rng),), values.shape[1]))

    def baselines(self):
        return {}


class OwnForecast(Own):
    given: ClassVar[int] = 5

    def draw(self, rng, length):
        batch = super().draw(rng, length)
        return batch._replace(targets=batch.inputs.roll(-1, 1))


class OwnVerdict(Own):
    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "binary"

    def draw(self, rng, length):
        batch = super().draw(rng, length)
        return batch._replace(targets=(batch.inputs[:, 0] > 0).long())


class OwnBits(Own):
    objective: ClassVar[str] = "binary"
    given: ClassVar[int] = 5

    def draw(self, rng, length):
        batch = super().draw(rng, length)
        return batch._replace(targets=(batch.inputs > 0).long())


def test_a_series_that_is_no_forecast_is_not_called_one():
    figure = plot(Own(), draw(Own()), wrong)
    assert figure.get_suptitle().startswith("Mean error 1 (always saying the mean: ")
    assert [line.get_xdata()[0] for line in figure.axes[0].get_lines()] == [1, 1]


def test_a_forecast_that_goes_on_alone_shows_from_where():
    figure = plot(OwnForecast(), draw(OwnForecast()), say_alone=wrong)
    assert figure.get_suptitle().startswith("One step ahead: mean error 0 (")
    assert figure.get_suptitle().endswith(")\nalone it is off by 1 after 16 steps")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert list(lines["alone from here"].get_xdata()) == [5.5, 5.5]  # the fifth is shown
    heard = ~torch.tensor(lines["going on alone"].get_ydata()).isnan()
    assert lines["going on alone"].get_xdata()[heard.nonzero()[0, 0]] == 6


def test_bits_about_a_whole_sequence_are_a_row_for_each():
    data = OwnVerdict()
    batch = draw(data)
    predictions = right(data, batch.targets)
    predictions[2, 1] = 1 - predictions[2, 1]
    figure = data.plot(batch, predictions)
    assert figure.get_suptitle() == "5 of 6 answers right"
    assert marked(figure.axes[0], "mistake") == {(2, 2)}


def test_bits_said_alone_have_a_row_of_their_own():
    figure = plot(OwnBits(), draw(OwnBits(), count=1), say_alone=wrong)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    row = names.index("alone 1")
    assert {across for across, down in marked(figure.axes[0], "mistake") if down == row} == {
        *range(5, 21)
    }


def test_what_is_no_bit_is_not_written_as_one():
    figure = plot(OwnBits(), draw(OwnBits(), count=1))
    rows = {row for bit in "01" for _, row in marked(figure.axes[0], bit)}
    assert rows == {*range(3, 12)}  # below three inputs


def test_bits_are_written_as_they_are_save_where_a_mark_says_that_one_is_not():
    figure = plot(BinaryAdd(), draw(BinaryAdd(), count=1), wrong)
    axis = figure.axes[0]
    shades = axis.images[0].get_array()
    written = {place: int(bit) for bit in "01" for place in marked(axis, bit)}
    assert len(written) == 3 * 9 and len(marked(axis, "mistake")) == 9
    assert all(shades[int(row), int(step) - 1] == bit for (step, row), bit in written.items())


def test_many_classes_are_named_as_far_as_there_is_room():
    for data, least, most in ((Football(), 3, 3), (FirstSymbol(classes=65), 20, 40)):
        figure = plot(data, draw(data))
        figure.draw_without_rendering()
        labels = figure.axes[0].get_xticklabels()
        assert least <= len(labels) <= most
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_text_shows_what_was_held_more_likely(tmp_path):
    (tmp_path / "text").write_text("$x_ \\frac{ \x1b\t$\n 漢é́ _$ {} ^" * 40, "utf-8")
    data = CharLM(path=str(tmp_path / "text"), steps=8)
    batch = draw(data, count=8)
    predictions = right(data, batch.targets)
    predictions[0, 4] = predictions[0, 4].roll(1)
    figure = data.plot(batch, predictions)
    count = int((batch.targets != UNSCORED).sum())
    title = f"{count - 1} of {count} characters guessed right"
    assert figure.get_suptitle().startswith(title)
    held = int(predictions[0, 4].argmax())
    below = [t for t in figure.axes[0].texts if t.get_position()[1] % 2]
    assert [text.get_position() for text in below] == [(5, 1)]
    assert below[0].get_text() in (data.vocabulary[held], "↵", "⇥", "␣", "�")
    save(figure, tmp_path / "view.png")  # a warning would be an error
    assert not {"\n", "\t", "\x1b"} & set("".join(texts(figure)))


@pytest.mark.parametrize("length", [5, 70])
def test_a_text_is_as_wide_as_its_longest_line(length):
    data = CharLM(corpus="grammar", grammar_size=20_000, steps=length)
    axis = plot(data, draw(data, count=2)).axes[0]
    assert axis.get_xlim() == (0.5, min(length, 64) + 0.5)


def test_long_sequences_of_classes_are_drawn_where_the_answers_are():
    data = CopyMemory()  # silent for 110 of 120 steps
    figure = plot(data, draw(data))
    figure.draw_without_rendering()
    axis = figure.axes[0]
    shown = axis.images[0].get_array()  # (classes, steps)
    assert shown.shape[1] == 10 and shown.count() == 80
    assert note(figure).startswith("shown: 10 of 120 steps")
    below = figure.axes[1]
    places = [label.get_position()[0] for label in below.get_xticklabels()]
    steps = [int(label.get_text()) for label in below.get_xticklabels()]
    assert len(steps) > 2 and steps == [place + 110 for place in places]


def test_a_single_step_is_a_tick_of_its_own():
    data = Waveform(steps=1)
    figure = plot(data, draw(data))
    figure.draw_without_rendering()
    axis = figure.axes[0]
    low, high = axis.get_xlim()
    assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [1]


def test_true_values_have_ticks_between_whole_numbers():
    data = Noise()
    batch = draw(data)
    narrow = batch._replace(targets=torch.linspace(0.6, 1.4, 6)[:, None])
    figure = plot(data, narrow)
    figure.draw_without_rendering()
    axis = figure.axes[0]
    low, high = axis.get_xlim()
    assert len([tick for tick in axis.get_xticks() if low <= tick <= high]) > 3


def test_words_that_look_like_formulas_are_drawn_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(Football, "answers", ("$\\frac$", "a\nb", "\x07"))
    monkeypatch.setattr("seqlearn.tasks.football.ACTIONS", ("$_{", "}^$", "\\x", "$\t", "漢", "-"))
    figure = plot(Football(), draw(Football()))
    save(figure, tmp_path / "view.png")
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert names == ["$\\frac$", "a↵b", "�"]


def test_tasks_are_imported_without_pictures():
    # torchmetrics imports matplotlib itself, but not what draws with it here.
    code = "import sys, seqlearn.tasks; sys.exit('seqlearn.plots' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
