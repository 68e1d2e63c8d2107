"""Sums of numbers one after the other, against Python's own."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.rng import IndexedRNG
from seqlearn.tasks import BinaryAddSerial
from seqlearn.tasks.binary_add_serial import sum_sizes


def number(bits):
    return int(bits[::-1], 2)


def read(batch):
    """What is shown and said of each, as texts, with . where nothing is scored."""
    for shown, said, end in zip(*batch, strict=True):
        assert (shown[end:] == 3).all() and (said[end:] == -100).all()
        yield (
            "".join("01+_"[k] for k in shown[:end]),
            "".join("." if k < 0 else "01#"[k] for k in said[:end].tolist()),
        )


@given(tokens=st.integers(5, 150), seed=st.integers(0, 9), length=st.none() | st.integers(5, 300))
def test_what_is_said_is_pythons_sum(tokens, seed, length):
    data = BinaryAddSerial(tokens=tokens, seed=seed)
    batch = data.dataset("train", length).batch(range(9))
    assert batch.inputs.shape == (9, 2 * (length or tokens))
    for shown, said in read(batch):
        pair = shown.rstrip("_")
        a, b = pair.split("+")
        assert said == "." * len(pair) + f"{number(a) + number(b):b}"[::-1] + "#"
        assert len(pair) == length if length else 3 <= len(pair) <= tokens


def test_lengths_places_and_bits_come_up_evenly():
    count = 6000
    batch = BinaryAddSerial(tokens=5).draw(IndexedRNG(0, "law", range(count)), None)
    shown = [shown.rstrip("_") for shown, _ in read(batch)]
    lengths = np.bincount([len(pair) for pair in shown])[3:] / count
    assert lengths == pytest.approx(np.full(3, 1 / 3), abs=0.03)
    whole = [pair for pair in shown if len(pair) == 5]
    places = np.bincount([pair.index("+") for pair in whole])[1:] / len(whole)
    assert places == pytest.approx(np.full(3, 1 / 3), abs=0.05)
    pairs = [pair for pair in whole if pair[2] == "+"]
    assert len({*pairs}) == 16  # no number is left out, neither 00 nor 11
    ones = np.mean([[bit == "1" for bit in pair.replace("+", "")] for pair in pairs], axis=0)
    assert ones == pytest.approx(np.full(4, 1 / 2), abs=0.1)


def test_the_shortest_length_has_pairs_in_every_split():
    data = BinaryAddSerial(tokens=5)
    for split in ("train", "val", "test"):
        assert len(data.dataset(split, 5).batch(range(5)).inputs) == 5


@pytest.mark.parametrize(("n", "m"), itertools.product(range(1, 6), range(1, 4)))
def test_the_mean_size_of_a_sum_is_that_of_all_sums(n, m):
    sizes = [len(f"{a + b:b}") for a in range(2**n) for b in range(2**m)]
    claimed = sum_sizes(np.array([min(n, m)], float), np.array([max(n, m)], float))
    assert claimed.tolist() == pytest.approx([np.mean(sizes)])


@pytest.mark.parametrize("tokens", [9, 40])
def test_baselines_are_what_such_predictors_reach(check_baselines, tokens):
    def coin_and_end(batch):
        return torch.where(batch.targets == 2, 2, torch.randint(2, batch.targets.shape))

    predictors = {
        "guess": lambda b: torch.randint(3, b.targets.shape),
        "always_one": lambda b: torch.ones_like(b.targets),
        "coin_and_end": coin_and_end,
        "optimum": lambda b: b.targets,
    }
    # A split of 9 tokens holds an eighth of 1792 pairs, so that its law is another by a little.
    data = BinaryAddSerial(tokens=tokens, test_size=5000)
    check_baselines(data, predictors, rel=0.06 if tokens == 9 else 0.02)


def test_describe_shows_the_tokens_and_the_sum_in_decimal():
    data = BinaryAddSerial(tokens=6)
    batch = data.dataset("train").batch([0])
    batch.inputs[:] = torch.tensor([1, 0, 1, 2, 1, 1, 3, 3, 3, 3, 3, 3])  # 5 + 3
    batch.targets[:] = torch.tensor([-100] * 6 + [0, 0, 0, 1, 2, -100])
    batch.lengths[:] = 11
    said = torch.eye(3)[batch.targets.clamp(min=0)]
    assert data.describe(batch, said) == [("101+11", "0001#", "0001#", True, "5 + 3 = 8")]
    said[0, 7] = torch.eye(3)[2]
    assert data.describe(batch, said) == [("101+11", "0001#", "0#01#", False, "5 + 3 = 8")]


def test_fewer_tokens_than_can_be_held_out_are_refused():
    with pytest.raises(ValueError, match=r"`tokens` must be at least 5, got 4."):
        BinaryAddSerial(tokens=4)
