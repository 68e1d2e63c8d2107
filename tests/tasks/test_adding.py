"""Two marked numbers of a long sequence."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import Adding


@given(
    steps=st.integers(2, 60),
    seed=st.integers(0, 9),
    split=st.sampled_from(["train", "val", "test"]),
    length=st.none() | st.integers(2, 200),
)
def test_the_sum_is_that_of_a_number_in_either_half(steps, seed, split, length):
    data = Adding(steps=steps, seed=seed)
    inputs, targets, lengths = data.dataset(split, length).batch(range(9))
    count = length or steps
    assert inputs.shape == (9, count, 2) and (lengths == count).all()
    for row, (target,) in zip(inputs.tolist(), targets.tolist(), strict=True):
        assert all(0 <= number <= 1 for number, _ in row)
        assert {mark for _, mark in row} <= {0, 1}
        first, second = (place for place, (_, mark) in enumerate(row) if mark)
        assert first < count // 2 <= second
        assert target == pytest.approx(row[first][0] + row[second][0], abs=1e-6)


@pytest.mark.parametrize("steps", [10, 11])
def test_every_place_of_a_half_is_marked_alike(steps):
    inputs, targets, _ = Adding(steps=steps).dataset("train").batch(range(20_000))
    numbers, marks = inputs.unbind(2)
    shares, half = marks.mean(0), steps // 2
    assert shares[:half].tolist() == pytest.approx([1 / half] * half, abs=0.015)
    assert shares[half:].tolist() == pytest.approx([1 / (steps - half)] * (steps - half), abs=0.015)
    together = (marks.T @ marks / len(marks))[:half, half:]  # of two places
    assert (together - 1 / half / (steps - half)).abs().max() < 0.01
    assert (numbers.mean(0) - 1 / 2).abs().max() < 0.01
    assert (numbers.var(0) - 1 / 12).abs().max() < 0.005
    assert targets.var().item() == pytest.approx(1 / 6, abs=0.005)


def second(batch):
    """The number marked last."""
    return (batch.inputs[:, :, 0] * batch.inputs[:, :, 1])[:, batch.inputs.shape[1] // 2 :].sum(1)


@pytest.mark.parametrize("steps", [2, 101])
def test_baselines_are_what_such_predictors_reach(check_baselines, steps):
    predictors = {
        "constant": lambda b: torch.ones_like(b.targets),
        "second_marked": lambda b: second(b)[:, None] + 1 / 2,
        "optimum": lambda b: b.inputs.prod(2).sum(1, keepdim=True),
    }
    check_baselines(Adding(steps=steps, test_size=10_000), predictors, rel=0.05)


def test_nobody_who_knows_as_much_does_better_than_the_baselines():
    batch = Adding(steps=20, test_size=20_000).dataset("test").batch(range(20_000))
    known = torch.stack([second(batch), torch.ones(len(batch.targets))], 1)
    for columns, expected in ((known[:, 1:], 1 / 6), (known, 1 / 12)):
        best = columns @ torch.linalg.lstsq(columns, batch.targets).solution
        assert (best - batch.targets).square().mean() == pytest.approx(expected, rel=0.03)


def test_a_network_has_to_keep_the_sum_of_what_was_marked_before():
    data = Adding(steps=12)
    batch = data.dataset("test").batch(range(5))
    (name,) = kept = data.memory(batch)
    for row, sums, (target,) in zip(
        batch.inputs.tolist(), kept[name].tolist(), batch.targets.tolist(), strict=True
    ):
        total = 0.0
        for (number, mark), before in zip(row, sums, strict=True):
            assert before == pytest.approx(total, abs=1e-6)
            total += number * mark
        assert total == pytest.approx(target, abs=1e-6)


def test_describe_shows_the_two_numbers_and_where_they_stand():
    data = Adding(steps=4)
    inputs = torch.tensor([[[0.25, 0.0], [0.5, 1.0], [0.125, 1.0], [0.75, 0.0]]])
    batch = data.dataset("test").batch([0])._replace(inputs=inputs, targets=torch.tensor([[0.625]]))
    expected = [("0.500 + 0.125", "0.625", "0.600", None, "at steps 2 and 3 of 4")]
    assert data.describe(batch, torch.tensor([[0.6]])) == expected


def test_a_sequence_without_two_halves_is_refused():
    with pytest.raises(ValueError, match="`steps` must be at least 2, got 1"):
        Adding(steps=1)
