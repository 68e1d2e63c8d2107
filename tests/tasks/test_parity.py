"""Parity, at the end and at every bit, counted by hand."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.rng import IndexedRNG
from seqlearn.tasks import Parity, RunningParity
from seqlearn.tasks.parity import draw_lengths

both = pytest.mark.parametrize("task", [Parity, RunningParity])


@given(bits=st.integers(5, 50), seed=st.integers(0, 9), length=st.none() | st.integers(5, 300))
def test_ones_are_counted(bits, seed, length):
    inputs, targets, lengths = Parity(bits=bits, seed=seed).dataset("train", length).batch(range(9))
    assert inputs.shape == (9, length or bits) and targets.shape == (9, 1)
    for row, (target,), end in zip(inputs.tolist(), targets.tolist(), lengths, strict=True):
        assert (end == length) if length else (1 <= end <= bits)
        assert {*row} <= {0, 1} and not any(row[end:])
        assert target == row.count(1) % 2


@given(bits=st.integers(5, 50), seed=st.integers(0, 9), length=st.none() | st.integers(5, 300))
def test_ones_so_far_are_counted_at_every_bit(bits, seed, length):
    data = RunningParity(bits=bits, seed=seed)
    inputs, targets, lengths = data.dataset("train", length).batch(range(9))
    assert targets.shape == (*inputs.shape, 1)
    for row, asked, end in zip(inputs.tolist(), targets[..., 0].tolist(), lengths, strict=True):
        assert asked[:end] == [row[: k + 1].count(1) % 2 for k in range(end)]
        assert {*asked[end:]} <= {-100}


def test_bits_are_fair_at_every_place_and_so_is_the_answer():
    inputs, targets, _ = Parity().dataset("train", 12).batch(range(20_000))
    assert (inputs.double().mean(0) - 0.5).abs().max() < 0.02
    assert abs(targets.double().mean() - 0.5) < 0.02


def test_there_are_as_many_sequences_of_one_bit_as_from_20_to_40():
    lengths = torch.from_numpy(draw_lengths(IndexedRNG(0, "train", range(50_000)), 40, None))
    shares = torch.bincount(lengths, minlength=41)[1:] / len(lengths)
    ends = torch.arange(1, 42).double().log() / torch.tensor(41.0).log()
    assert len(shares) == 40 and (shares - ends.diff()).abs().max() < 0.01
    assert abs(shares[0] - shares[19:].sum()) < 0.02


@both
def test_memory_is_the_parity_before_each_bit(task):
    batch = task(bits=12).dataset("train").batch(range(50))
    (parity,) = task().memory(batch).values()
    for row, kept in zip(batch.inputs.tolist(), parity.tolist(), strict=True):
        assert kept == [sum(row[:k]) % 2 for k in range(len(row))]


@pytest.mark.parametrize("bits", [16, 40])
def test_baselines_are_what_such_predictors_reach(check_baselines, bits):
    predictors = {
        "guess": lambda b: torch.randint(2, b.targets.shape),
        "all_but_one": lambda b: b.inputs[:, 1:].sum(1, keepdim=True) % 2,
        "optimum": lambda b: b.inputs.sum(1, keepdim=True) % 2,
    }
    check_baselines(Parity(bits=bits, test_size=20_000), predictors, rel=0.03)


@pytest.mark.parametrize("bits", [16, 40])
def test_baselines_at_every_bit_are_what_such_predictors_reach(check_baselines, bits):
    predictors = {
        "guess": lambda b: torch.randint(2, b.targets.shape),
        "last_bit": lambda b: b.inputs[..., None],
        "optimum": lambda b: b.inputs[..., None].cumsum(1) % 2,
    }
    check_baselines(RunningParity(bits=bits, test_size=20_000), predictors, rel=0.02)


@both
def test_no_bits_are_refused(task):
    with pytest.raises(ValueError, match="`bits` must be at least 1, got 0"):
        task(bits=0)


@both
def test_the_only_two_sequences_of_one_bit_cannot_be_held_apart(task):
    with pytest.raises(ValueError, match=r"`bits`: .* no (train|val|test) examples of length 1"):
        task(bits=1).setup("fit")
