"""Strings against Python's own slices."""

from string import ascii_lowercase, ascii_uppercase

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import Reverse


@given(
    letters=st.integers(4, 40),
    alphabet=st.integers(5, 52),
    split=st.sampled_from(["train", "val", "test"]),
    length=st.none() | st.integers(4, 60),
    seed=st.integers(0, 9),
)
def test_targets_are_the_string_back_to_front(letters, alphabet, split, length, seed):
    data = Reverse(letters=letters, alphabet=alphabet, seed=seed)
    inputs, targets, lengths = data.dataset(split, length).batch(range(5))
    assert inputs.shape == targets.shape == (5, length or letters)
    for shown, asked, end in zip(inputs.tolist(), targets.tolist(), lengths, strict=True):
        assert asked[:end] == shown[:end][::-1]
        assert asked[end:] == [-100] * (len(asked) - end)
        assert end == length if length else 1 <= end <= letters


def test_training_has_every_length_long_ones_more_often_and_every_letter():
    inputs, _, lengths = Reverse(letters=4).dataset("train").batch(range(20_000))
    shares = np.bincount(lengths) / len(lengths)
    assert shares[1:] == pytest.approx(np.array([1, 3, 5, 7]) / 16, abs=0.05)  # save the held out
    longest = inputs[lengths == 4]
    counts = np.bincount(longest.flatten(), minlength=26) / longest.numel()
    assert counts == pytest.approx(np.full(26, 1 / 26), abs=0.01)


def test_the_vocabulary_is_the_alphabet_small_letters_first():
    assert Reverse().vocabulary == ascii_lowercase
    assert Reverse(alphabet=3).vocabulary == "abc"
    assert Reverse(alphabet=52).vocabulary == ascii_lowercase + ascii_uppercase
    assert Reverse(alphabet=30).input_size == Reverse(alphabet=30).output_size == 30


def test_describe_shows_the_strings():
    data = Reverse(letters=3, alphabet=3)
    batch = data.dataset("train").batch(range(50))
    row = [tuple(pair[:2]) for pair in batch.inputs.tolist()].index((0, 1))
    batch = type(batch)(*(field[row : row + 1] for field in batch))
    end = batch.lengths.item()
    said = batch.targets.clone().clamp(min=0)
    said[0, end - 1] = 2  # the first letter, a, comes last
    (example,) = data.describe(batch, torch.eye(3)[said])
    string = "ab" + "abc"[batch.inputs[0, 2]] * (end == 3)
    true = string[::-1]
    assert example == (string, true, f"{true[:-1]}c", False, "")


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "guess": lambda b: torch.randint(52, b.targets.shape),
        "repeat": lambda b: b.inputs,
        "optimum": lambda b: b.targets,
    }
    check_baselines(Reverse(letters=3, alphabet=52, test_size=20_000), predictors, rel=0.15)
    assert Reverse(letters=2, alphabet=3).baselines()["guess"] == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"letters": 0}, "`letters` must be at least 1, got 0"),
        ({"alphabet": 1}, "`alphabet` must be from 2 to 52, got 1"),
        ({"alphabet": 53}, "`alphabet` must be from 2 to 52, got 53"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Reverse(**fields)
