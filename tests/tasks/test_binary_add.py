"""Binary addition against Python's own."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import BinaryAdd
from seqlearn.tasks.binary_add import add


def number(bits):
    return int("".join(str(int(bit)) for bit in bits)[::-1], 2)


@given(bits=st.integers(2, 40), seed=st.integers(0, 9), length=st.none() | st.integers(3, 200))
def test_binary_add_is_pythons_addition(bits, seed, length):
    data = BinaryAdd(bits=bits, seed=seed)
    inputs, targets, lengths = data.dataset("train", length).batch(range(5))
    for pair, total, end in zip(inputs, targets[:, :, 0], lengths, strict=True):
        assert number(pair[:end, 0]) + number(pair[:end, 1]) == number(total[:end])
        assert not pair[end - 1 :].any()
        assert end - 1 == length if length else 1 <= end - 1 <= bits


def test_binary_add_golden_row_by_hand():
    inputs = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 0]], np.uint8)  # 11 and 1
    assert add(inputs[:1], inputs[1:]).tolist() == [[0, 0, 1, 1, 0]]  # 12


def test_a_carry_goes_through_all_places():
    ones = np.ones((1, 200), np.uint8)
    one = np.eye(1, 200, dtype=np.uint8)
    assert not add(ones, one).any()
    assert add(ones[:, :-1], one[:, :-1]).tolist() == [[0] * 199]
    assert add(ones, ones).tolist() == [[0] + [1] * 199]


def test_binary_add_trains_on_every_length_and_on_every_bit():
    inputs, _, lengths = BinaryAdd(bits=4).dataset("train").batch(range(40_000))
    shares = np.bincount(lengths) / len(lengths)
    longer_of_two = np.array([1, 3, 5, 7]) / 16
    assert shares[2:] == pytest.approx(longer_of_two, abs=0.05)  # save what is held out
    longest = inputs[lengths == 5][:, :4].mean(0)
    assert longest == pytest.approx(np.full((4, 2), 0.5), abs=0.06)


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "coin": lambda b: torch.randint(2, b.targets.shape),
        "ignore_carry": lambda b: b.inputs.sum(2, keepdim=True).long() % 2,
        "optimum": lambda b: b.targets,
    }
    check_baselines(BinaryAdd(test_size=20_000), predictors)


def test_describe_shows_the_sum_in_decimal_and_its_bits():
    data = BinaryAdd(bits=3)
    batch = data.dataset("train").batch([0])
    batch.inputs[:] = torch.tensor([[1, 0], [1, 1], [1, 0], [0, 0]])  # 7 and 2
    batch.targets[:] = torch.tensor([1, 0, 0, 1])[:, None]
    batch.lengths[:] = 4
    said = batch.targets.float()
    assert data.describe(batch, said) == [("7 + 2", "9", "9", True, "1001")]
    said[0, 1] = 0.6
    assert data.describe(batch, said) == [("7 + 2", "9", "11", False, "10[1]1")]
    batch.lengths[:] = 2  # what comes after is padding
    assert data.describe(batch, said) == [("3 + 2", "1", "3", False, "[1]1")]


def test_numbers_too_long_for_decimal_are_shown_too():
    data = BinaryAdd(bits=20_000)
    batch = data.dataset("test", 20_000).batch([0])
    ((shown, asked, said, correct, _),) = data.describe(batch, batch.targets.float())
    a, b = (int(part, 16) for part in shown.split(" + "))
    assert a + b == int(asked, 16) and said == asked and correct


def test_what_to_keep_in_mind_is_the_carry():
    batch = BinaryAdd(bits=30).dataset("train").batch(range(200))
    (carries,) = BinaryAdd().memory(batch).values()
    assert carries.shape == batch.inputs.shape[:2] and carries.any()
    for pair, carried in zip(batch.inputs, carries.tolist(), strict=True):
        a, b = (number(row) for row in pair.T)
        assert carried == [(a % 2**k + b % 2**k) >> k for k in range(len(pair))]
