"""Counting on."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import NextNumber


@given(
    limit=st.integers(64, 300),
    window=st.integers(1, 9),
    normalize=st.booleans(),
    split=st.sampled_from(["train", "val", "test"]),
    beyond=st.booleans(),
)
def test_next_number_goes_on_counting(limit, window, normalize, split, beyond):
    data = NextNumber(limit=limit, window=window, normalize=normalize)
    dataset = data.dataset(split, 2 * limit if beyond else None)
    inputs, targets, lengths = dataset.batch(range(min(9, len(dataset))))
    whole = torch.cat([inputs[:, :, 0], targets], 1).double()
    numbers = (whole * data.scale + (data.scale if normalize else 0)).round()
    assert (numbers.diff() == 1).all()
    start, end = (limit, 2 * limit) if beyond else (0, limit)
    assert ((start <= numbers[:, 0]) & (numbers[:, 0] < end)).all()
    assert (lengths == window).all()


def test_next_number_trains_on_every_window_that_is_not_held_out():
    data = NextNumber(normalize=False)
    starts = {
        split: {
            int(x) for x in data.dataset(split).batch(range(len(data.dataset(split)))).inputs[:, 0]
        }
        for split in ("train", "val", "test")
    }
    assert set.union(*starts.values()) == set(range(100))
    assert sum(map(len, starts.values())) == 100


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "persistence": lambda b: b.inputs[:, -1],
        "linear_extrapolation": lambda b: 2 * b.inputs[:, -1] - b.inputs[:, -2],
        "optimum": lambda b: 2 * b.inputs[:, -1] - b.inputs[:, -2],
    }
    check_baselines(NextNumber(), predictors)


def test_describe_counts_in_numbers_scaled_or_not():
    for normalize in (True, False):
        data = NextNumber(normalize=normalize)
        batch = data.dataset("test", 200).batch([0])
        first = round((batch.inputs[0, 0, 0].item() + normalize) * data.scale)
        shown = " ".join(str(first + k) for k in range(5))
        said = batch.targets - 1.5 / data.scale
        expected = [(shown, str(first + 5), f"{first + 3.5:.2f}", None, "")]
        assert data.describe(batch, said) == expected
