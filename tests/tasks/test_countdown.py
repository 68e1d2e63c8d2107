"""Countdowns against Python's own range."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import Countdown


@given(start=st.integers(1, 40), seed=st.integers(0, 9), split=st.sampled_from(["train", "val"]))
def test_a_split_is_every_countdown_once(start, seed, split):
    dataset = Countdown(start=start, seed=seed).dataset(split)
    inputs, targets, lengths = dataset.batch(range(start + 1))
    assert sorted(inputs.tolist()) == list(range(start + 1))
    for number, said, end in zip(inputs.tolist(), targets.tolist(), lengths, strict=True):
        assert said[:end] == list(range(number, -1, -1))
        assert said[end:] == [-100] * (start - number)


def test_a_shorter_test_counts_down_from_smaller_numbers_with_the_same_symbols():
    data = Countdown(start=9, test_lengths=(4, 9))
    batch = data.dataset("test", 4).batch(range(len(data.dataset("test", 4))))
    assert batch.inputs.tolist() == [0, 1, 2, 3, 4]
    assert batch.targets.shape == (5, 5)
    assert data.input_size == data.output_size == 10
    assert data.curve == (4, 9)


def test_describe_shows_the_countdown_up_to_its_end():
    data = Countdown(start=3)
    batch = data.dataset("test").batch([2])
    said = torch.eye(4)[torch.tensor([[2, 3, 0, 1]])]
    assert data.describe(batch, said) == [("2", "2 1 0", "2 3 0", False, "")]


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "repeat": lambda b: b.inputs[:, None].expand_as(b.targets),
        "optimum": lambda b: b.targets,
    }
    check_baselines(Countdown(), predictors)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"start": 0}, "`start` must be at least 1, got 0"),
        ({"test_lengths": (5, 11)}, "`test_lengths` must be at most 10, `start`, got 11"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Countdown(**fields)
