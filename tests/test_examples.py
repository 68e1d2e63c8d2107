"""Examples in words: marked, shortened, and for tasks that say nothing of themselves."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.data import UNSCORED, SequenceBatch
from seqlearn.examples import Example, alike, mark, numbers, pieces, plainly, shorten, visible

words = st.lists(st.sampled_from(["a", "bc", "7", "-10.5"]), min_size=1, max_size=9).map(" ".join)


@given(target=words | st.text("ab", max_size=9), prediction=words | st.text("ab", max_size=9))
def test_pieces_are_the_prediction_right_where_it_is_the_target(target, prediction):
    found = pieces(target, prediction)
    assert "".join(text for text, _ in found) == prediction
    assert all(right for _, right in found) is (target == prediction)
    assert all(one[1] is not other[1] for one, other in pairwise(found))
    if len(target) == len(prediction):
        right = [right for text, right in found for _ in text]
        assert right == [a == b for a, b in zip(target, prediction, strict=True)]


@pytest.mark.parametrize(
    ("target", "prediction", "marked"),
    [
        ("144", "148", "14[8]"),
        ("144", "1440", "[1440]"),
        ("9 8 7", "9 18 17", "9 [18 17]"),
        ("9 8 7", "19 8 17", "[19] 8 [17]"),
        ("Goal", "Save", "[Save]"),
        ("Goal", "Miss!", "[Miss!]"),
        ("same", "same", "same"),
    ],
)
def test_what_is_wrong_stands_in_brackets(target, prediction, marked):
    assert mark(target, prediction) == marked


@given(text=st.text("ab ,", max_size=80), width=st.integers(9, 60))
def test_short_texts_stay_and_long_ones_keep_both_ends(text, width):
    short = shorten(text, width)
    assert len(short) <= max(width, 0) and (short == text) is (len(text) <= width)
    if short != text:
        first, last = short.split(" ... ", 1)
        assert text.startswith(first) and text.endswith(last)


def test_numbers_and_words_are_not_cut():
    series = " ".join(f"{k / 7:.2f}" for k in range(100))
    assert set(shorten(series, 50).split()) <= {*series.split(), "..."}
    features = series.replace(" ", ",")
    assert set(shorten(features, 50).replace(" ... ", ",").split(",")) <= {*features.split(",")}


@given(
    series=st.lists(st.tuples(st.floats(-99, 99), st.floats(-9999, 9999)), min_size=2, max_size=40),
    width=st.integers(25, 90),
)
def test_of_two_series_the_same_steps_are_shown_below_each_other(series, width):
    asked, said = ([f"{value:.2f}" for value in values] for values in zip(*series, strict=True))
    above, below = alike([" ".join(asked), " ".join(said)], width, columns=True)
    assert len(above) == len(below) <= width
    gap = above.find(" ... ")
    assert gap == below.find(" ... ")
    assert gap < 0 or len(above) > width - 2 * 9  # no room is left for more
    for whole, line in ((asked, above), (said, below)):
        first, _, last = (part.split() for part in line.partition(" ... "))
        assert first == whole[: len(first)] and (gap > 0 or first == whole)
        assert not last or (len(first) == len(last) and last == whole[-len(last) :])


def test_of_two_texts_as_long_as_each_other_the_same_characters_are_shown():
    above, below, other = alike(["to be or not to be", "tobe or not to  be", "a b"], 13)
    assert (above, below, other) == ("to b ... o be", "tobe ...   be", "a b")


def test_what_is_cut_is_marked_where_it_is_wrong():
    asked = " ".join(map(str, range(50)))
    said = asked.replace("49", "1000").replace("3 4 5", "3 4444 5", 1)
    *_, line = Example("", asked, said, False).line().split("\n")
    assert line.startswith("predicted  0 1 2 3 [4444] 5 6") and line.endswith("47 48 [1000] ✗")


def test_a_line_has_all_of_an_example():
    wrong = Example("3 + 4", "7", "8", False, "100[0]")
    assert wrong.line() == "3 + 4 -> 7   predicted [8] ✗   100[0]"
    assert Example("a", "b", "b", True).line() == "a -> b   predicted b ✓"
    assert Example("1 2", "3", "2.9").line() == "1 2 -> 3   predicted 2.9"


def test_long_answers_stand_below_each_other_and_no_line_is_too_long():
    text = "abcdefghij" * 30
    shown, asked, said = Example("x" * 300, text, f"{text[:-1]}!", False).line(80).split("\n")
    assert shown.startswith("shown      x") and shown.endswith("x")
    assert asked.startswith("asked      abc") and asked.endswith("hij")
    assert said.startswith("predicted  abc") and said.endswith("hi[!] ✗")
    assert len(shown) <= 80 and len(asked) <= 80 and asked.index("abc") == said.index("abc")
    rows = Example(text, text, text).line().split("\n")
    assert [row.split()[0] for row in rows] == ["shown", "asked", "predicted"]


def test_long_inputs_and_notes_are_shortened_for_one_line():
    line = Example("word " * 100, "music", "music", True, "1" * 500).line()
    assert "\n" not in line and len(line) < 200 and line.count(" ... ") == 2


def test_characters_that_cannot_be_seen_get_a_sign():
    assert visible("a b\n\t\x00\u2028é") == "a b↵⇥��é"
    assert visible("line\r\n").isprintable()


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([[0.5], [-2.0]], "0.50 -2.00"),
        ([[1.0, 0.0], [0.0, 1.0]], "1,0 0,1"),
        ([0.004, -0.02], "4.0e-03,-2.0e-02"),
        ([0.25], "0.25"),
        ([[-0.001], [3.0]], "0.00 3.00"),
        ([[float("nan")], [1.0]], "nan 1.00"),
        (torch.zeros(0, 2), ""),
    ],
)
def test_numbers_are_written_as_exactly_as_they_are_large(values, written):
    assert numbers(torch.as_tensor(values)) == written


def task(**facts):
    given = {"mapping": "many-to-many", "objective": "categorical", "scale": 1.0}
    characters = facts.get("vocabulary")
    return SimpleNamespace(**given | {"vocabulary": None, "answers": characters} | facts)


def test_padding_and_what_is_not_scored_are_left_out():
    batch = SequenceBatch(
        torch.tensor([[1, 2, 0, 0]]), torch.tensor([[UNSCORED, 2, UNSCORED, 1]]), torch.tensor([2])
    )
    said = torch.eye(3)[torch.tensor([[0, 2, 0, 1]])]
    assert plainly(task(), batch, said) == [("1 2", "2 1", "2 1", True, "")]
    assert plainly(task(), batch, said.roll(1, -1)) == [("1 2", "2 1", "0 2", False, "")]
    assert plainly(task(vocabulary="a\nc"), batch, said)[0][:3] == ("↵c", "c↵", "c↵")
    assert plainly(task(objective="language"), batch, said)[0].correct is None


def test_real_values_are_in_the_unit_of_the_task():
    targets = torch.tensor([[[float("nan")] * 2, [1.0, 0.5]]])
    batch = SequenceBatch(torch.ones(1, 2, 3), targets, torch.tensor([2]))
    said = plainly(task(objective="regression", scale=10.0), batch, torch.full((1, 2, 2), 0.25))
    assert said == [("1,1,1 1,1,1", "10,5", "2.50,2.50", None, "")]


def test_bits_are_told_by_their_probability():
    targets = torch.tensor([[[1], [0], [UNSCORED]]])
    batch = SequenceBatch(torch.ones(1, 3, 1), targets, torch.tensor([2]))
    said = torch.tensor([[[0.51], [0.4], [0.9]]])
    assert plainly(task(objective="binary"), batch, said) == [("1 1", "1 0", "1 0", True, "")]


def test_sets_are_told_by_the_names_of_what_is_in_them():
    batch = SequenceBatch(
        torch.tensor([[0, 1, 0]]),
        torch.tensor([[[1, 0], [1, 1], [UNSCORED, UNSCORED]]]),
        torch.tensor([2]),
    )
    said = torch.tensor([[[0.9, 0.2], [0.4, 0.3], [0.9, 0.9]]])
    facts = {"vocabulary": "Sa", "answers": "aT", "output_size": 2}
    expected = ("Sa", "a aT", "a -", False, "")
    assert plainly(task(objective="binary", **facts), batch, said) == [expected]
