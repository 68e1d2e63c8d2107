"""Pairs and queries, against a dictionary."""

from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import AssociativeRecall


def read(data, row):
    """The pairs that a sequence shows, as a dictionary, and what comes after them."""
    text = "".join(data.vocabulary[k] for k in row.tolist())
    shown, rest = text[: 2 * data.pairs], text[2 * data.pairs :]
    shown = shown.rstrip(".")
    return dict(zip(shown[::2], shown[1::2], strict=True)), rest


@given(
    pairs=st.integers(2, 6),
    keys=st.integers(6, 26),
    values=st.integers(3, 26),
    blanks=st.integers(1, 30),
    split=st.sampled_from(["train", "val", "test"]),
    longer=st.none() | st.integers(0, 100),
)
def test_every_key_is_asked_for_once_and_answered_by_its_value(
    pairs, keys, values, blanks, split, longer
):
    steps = 3 * pairs + blanks
    data = AssociativeRecall(pairs=pairs, keys=keys, values=values, steps=steps)
    length = None if longer is None else steps + longer
    inputs, targets, lengths = data.dataset(split, length).batch(range(5))
    for shown, asked, end in zip(inputs, targets.tolist(), lengths, strict=True):
        assert len(shown) == len(asked) == end == (length or steps)
        table, rest = read(data, shown)
        assert all(key.isupper() and value.islower() for key, value in table.items())
        assert sorted(table) == sorted(rest.replace(".", ""))
        assert len(table) == pairs if length else 1 <= len(table) <= pairs
        answers = ["".join(data.answers[k] for k in [n] if n >= 0) for n in asked]
        assert answers == [""] * 2 * pairs + [table.get(key, "") for key in rest]


def test_keys_values_places_orders_and_numbers_of_pairs_come_up_evenly():
    data = AssociativeRecall(pairs=2, keys=3, values=4, steps=7)
    inputs, targets, _ = data.dataset("train", 7).batch(range(30_000))
    first, second, value = inputs[:, 0], inputs[:, 2], inputs[:, [1, 3]]
    drawn = torch.bincount((first - 4) * 3 + second - 4) / len(inputs)
    assert all(
        drawn[a * 3 + b] == pytest.approx(1 / 6, abs=0.015) for a, b in permutations(range(3), 2)
    )
    assert (torch.bincount(value.ravel()) / value.numel() - 1 / 4).abs().max() < 0.01
    asked = targets[:, 4:] >= 0
    assert (asked.double().mean(0) - 2 / 3).abs().max() < 0.02
    in_order = (inputs[:, 4:] == first[:, None]).long().argmax(1) < (
        inputs[:, 4:] == second[:, None]
    ).long().argmax(1)
    assert in_order.double().mean() == pytest.approx(1 / 2, abs=0.02)
    count = (AssociativeRecall().dataset("train").batch(range(20_000)).targets >= 0).sum(1)
    assert (torch.bincount(count)[1:] / len(count) - 1 / 4).abs().max() < 0.02


def test_baselines_are_what_such_predictors_reach(check_baselines):
    def guess(batch):
        return torch.randint(8, batch.targets.shape)

    def last_pair(batch):
        asked = batch.inputs == batch.inputs[:, 6:7]
        return torch.where(asked, batch.inputs[:, 7:8], guess(batch))

    def recall(batch):
        said = guess(batch)
        for key in range(0, 8, 2):
            asked = batch.inputs == batch.inputs[:, key : key + 1]
            said = torch.where(asked, batch.inputs[:, key + 1 : key + 2], said)
        return said

    predictors = {
        "guess": guess,
        "last_pair": last_pair,
        "values_only": lambda b: b.inputs[:, 1:8:2].mode(1).values[:, None].expand_as(b.inputs),
        "optimum": recall,
    }
    data = AssociativeRecall(keys=6, values=8, steps=13, test_size=5000)
    check_baselines(data, predictors, rel=0.04)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pairs": 0}, "`pairs` must be at least 1, got 0"),
        ({"keys": 3}, "`keys` must be at least 4, got 3"),
        ({"keys": 27}, "`keys` must be at most 26, got 27"),
        ({"values": 1}, "`values` must be at least 2, got 1"),
        ({"steps": 11}, "`steps` must be at least 12, got 11"),
        ({"test_lengths": (24, 11)}, "must be at least thrice `pairs`, 12, got 11."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        AssociativeRecall(**fields)
