"""Symbols and a pause, against a reader with a notebook."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import CopyMemory


@given(
    tokens=st.integers(4, 12),
    classes=st.integers(4, 52),
    delay=st.integers(1, 40),
    split=st.sampled_from(["train", "val", "test"]),
    longer=st.none() | st.integers(1, 100),
)
def test_what_came_first_is_asked_for_after_the_cue(tokens, classes, delay, split, longer):
    data = CopyMemory(tokens=tokens, classes=classes, delay=delay)
    batch = data.dataset(split, longer).batch(range(5))
    pause = longer or delay
    for shown, asked, end in zip(*(part.tolist() for part in batch), strict=True):
        assert len(shown) == len(asked) == end == pause + 2 * tokens
        text = "".join(data.vocabulary[k] for k in shown)
        symbols = text[:tokens]
        assert set(symbols) <= set(data.answers)
        assert text == symbols + "." * (pause - 1) + ">" + "." * tokens
        assert asked[: tokens + pause] == [-100] * (tokens + pause)
        assert "".join(data.answers[k] for k in asked[tokens + pause :]) == symbols


def test_the_layout_is_the_published_one():
    """Of T + 20 steps the last ten are scored, and the cue comes right before them."""
    inputs, targets, _ = CopyMemory().dataset("train").batch(range(3))
    assert inputs.shape == (3, 120) and CopyMemory().input_size == 10
    assert (inputs[:, 10:109] == 8).all() and (inputs[:, 109] == 9).all()
    assert (inputs[:, 110:] == 8).all() and (targets >= 0).sum() == 30


def test_symbols_come_up_evenly_at_every_place():
    inputs = CopyMemory(delay=1).dataset("train").batch(range(20_000)).inputs
    for place in range(10):
        shares = torch.bincount(inputs[:, place], minlength=8) / len(inputs)
        assert (shares - 1 / 8).abs().max() < 0.012


def test_baselines_are_what_such_predictors_reach(check_baselines):
    def unordered(batch):
        symbols = batch.inputs[:, :10]
        return symbols.mode(1).values[:, None].expand_as(batch.inputs)

    predictors = {
        "memoryless": lambda b: torch.randint(8, b.targets.shape),
        "unordered": unordered,
        "optimum": lambda b: b.inputs.roll(13, 1),
    }
    check_baselines(CopyMemory(delay=3, test_size=5000), predictors, rel=0.03)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tokens": 0}, "`tokens` must be at least 1, got 0"),
        ({"classes": 1}, "`classes` must be at least 2, got 1"),
        ({"classes": 53}, "`classes` must be at most 52, got 53"),
        ({"delay": 0}, "`delay` must be at least 1, got 0"),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        CopyMemory(**fields)
