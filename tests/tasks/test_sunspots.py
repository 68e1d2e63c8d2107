"""The sunspot series: its figures, and that time is not mixed up."""

import numpy as np
import pytest
import torch

from seqlearn.tasks import Sunspots
from seqlearn.tasks.sunspots import NUMBERS


def test_the_table_is_the_published_one():
    assert len(NUMBERS) == 309
    assert NUMBERS.sum() == pytest.approx(15373.4)
    assert (1700 + np.flatnonzero(NUMBERS == 0)).tolist() == [1711, 1712, 1810]
    assert NUMBERS.max() == 190.2 and 1700 + NUMBERS.argmax() == 1957
    assert (NUMBERS[0], NUMBERS[120], NUMBERS[-1]) == (5, 15.6, 2.9)


@pytest.mark.parametrize(
    ("split", "first", "last"), [("train", None, 1920), ("val", 1921, 1955), ("test", 1956, 2008)]
)
@pytest.mark.parametrize(("window", "length"), [(24, None), (9, 31), (1, 1), (24, 220)])
def test_each_year_of_a_split_ends_one_window_and_no_later_year_is_in_it(
    split, first, last, window, length
):
    size = length or window
    dataset = Sunspots(window=window).dataset(split, length)
    inputs, targets, lengths = dataset.batch(range(len(dataset)))
    assert (lengths == size).all()
    whole = torch.cat([inputs, targets[:, -1:]], 1)[:, :, 0].double() * 100
    years = range(first or 1700 + size, last + 1)
    expected = [NUMBERS[year - 1700 - size : year - 1700 + 1].tolist() for year in years]
    assert sorted(whole.numpy().round(1).tolist()) == sorted(expected)
    if split == "train":
        assert torch.equal(targets[:, :-1], inputs[:, 1:])
    else:
        assert targets[:, :-1].isnan().all()


def test_training_goes_through_its_windows_in_another_order_each_time():
    dataset = Sunspots().dataset("train")
    one, other = (dataset.batch(range(k, k + len(dataset))).inputs for k in (0, len(dataset)))
    assert not torch.equal(one, other)
    assert torch.equal(one.sum(1).ravel().sort().values, other.sum(1).ravel().sort().values)


def autoregression(batch):
    """Normal equations over all training years that have nine before them."""
    inputs, targets, _ = Sunspots(window=9).dataset("train").batch(range(212))
    known = torch.nn.functional.pad(inputs[:, :, 0], (0, 1), value=1.0).double()
    weights = torch.linalg.solve(known.T @ known, known.T @ targets[:, -1].double())
    shown = torch.nn.functional.pad(batch.inputs[:, -9:, 0], (0, 1), value=1.0).double()
    return (shown @ weights)[:, None].expand_as(batch.targets)


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "mean": lambda b: torch.full_like(b.targets, NUMBERS[:221].mean() / 100),
        "persistence": lambda b: b.inputs,
        "autoregression": autoregression,
    }
    check_baselines(Sunspots(), predictors, rel=1e-4)


@pytest.mark.parametrize(("window", "rule"), [(0, "at least 1"), (111, "at most 110")])
def test_a_window_must_leave_years_to_train_on(window, rule):
    with pytest.raises(ValueError, match=f"`window` must be {rule}.*, got {window}"):
        Sunspots(window=window)


def test_describe_gives_sunspot_numbers():
    data = Sunspots(window=2)
    batch = data.dataset("test").batch([0])
    assert data.describe(batch, batch.targets.new_full((1, 2, 1), 1.5)) == [
        ("4.40 38.00", "141.70", "150", None, "")
    ]
