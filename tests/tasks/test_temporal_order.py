"""X and Y, far apart, and in which order."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import TemporalOrder
from seqlearn.tasks.temporal_order import SYMBOLS, WINDOWS


def spell(batch):
    return ["".join(SYMBOLS[symbol] for symbol in row) for row in batch.inputs.tolist()]


def order(text):
    return re.sub("[^XY]", "", text)


@given(
    marks=st.sampled_from([2, 3]),
    steps=st.integers(10, 120),
    seed=st.integers(0, 9),
    split=st.sampled_from(["train", "val", "test"]),
    length=st.none() | st.integers(10, 300),
)
def test_the_class_is_the_order_of_the_marks(marks, steps, seed, split, length):
    data = TemporalOrder(marks=marks, steps=steps, seed=seed)
    batch = data.dataset(split, length).batch(range(9))
    count = length or steps
    assert batch.inputs.shape == (9, count) and (batch.lengths == count).all()
    for text, target in zip(spell(batch), batch.targets.tolist(), strict=True):
        assert re.fullmatch(rf"E[abcd]*([XY][abcd]*){{{marks}}}B", text)
        assert data.answers[target] == order(text)
        places = [match.start() for match in re.finditer("[XY]", text)]
        for place, (first, last) in zip(places, WINDOWS[marks], strict=True):
            assert first * count // 100 <= place <= last * count // 100


def test_classes_come_in_the_order_of_the_source():
    assert TemporalOrder().answers == ("XX", "XY", "YX", "YY")
    three = ("XXX", "XXY", "XYX", "XYY", "YXX", "YXY", "YYX", "YYY")
    assert TemporalOrder(marks=3).answers == three


@pytest.mark.parametrize("marks", [2, 3])
def test_all_that_is_drawn_is_drawn_alike(marks):
    data = TemporalOrder(marks=marks, steps=100)
    batch = data.dataset("train").batch(range(20_000))
    classes = torch.nn.functional.one_hot(batch.targets, data.output_size).double()
    assert (classes.mean(0) - 1 / data.output_size).abs().max() < 0.015
    marked = (batch.inputs == SYMBOLS.index("X")) | (batch.inputs == SYMBOLS.index("Y"))
    shares = torch.zeros(100)
    for first, last in WINDOWS[marks]:
        shares[first : last + 1] = 1 / (last + 1 - first)
    assert (marked.double().mean(0) - shares).abs().max() < 0.015
    # The class says nothing of the places.
    means = torch.stack([marked[batch.targets == k].double().mean(0) for k in range(2**marks)])
    assert (means - shares).abs().max() < 0.035
    letters = batch.inputs[:, 1:-1][~marked[:, 1:-1]]
    assert (torch.bincount(letters) / len(letters)).tolist() == pytest.approx([0.25] * 4, abs=0.003)


def last_mark(data, batch):
    """An answer that ends as the sequence does, whatever came first."""
    ends = [data.answers.index("X" * (data.marks - 1) + order(text)[-1]) for text in spell(batch)]
    return torch.tensor(ends)


def count(data, batch):
    """An answer with as many X, in some order."""
    sets = ["".join(sorted(order(text))) for text in spell(batch)]
    return torch.tensor([data.answers.index(text) for text in sets])


@pytest.mark.parametrize("marks", [2, 3])
def test_baselines_are_what_such_predictors_reach(check_baselines, marks):
    data = TemporalOrder(marks=marks, steps=20, test_size=5000)
    predictors = {
        "guess": lambda b: torch.randint(2**marks, b.targets.shape),
        "last_mark": lambda b: last_mark(data, b),
        "count": lambda b: count(data, b),
        "optimum": lambda b: torch.tensor([data.answers.index(order(t)) for t in spell(b)]),
    }
    check_baselines(data, predictors, rel=0.1)


def test_a_network_has_to_keep_every_mark_from_when_it_came():
    data = TemporalOrder(marks=3, steps=30)
    batch = data.dataset("test").batch(range(9))
    kept = torch.stack([*data.memory(batch).values()])  # (marks, B, T)
    for k, text in enumerate(spell(batch)):
        for step in range(30):
            seen = ["?XY".index(mark) for mark in order(text[:step]).ljust(3, "?")]
            assert kept[:, k, step].tolist() == [(0, -1, 1)[mark] for mark in seen]


def test_describe_names_the_marks_and_their_steps():
    data = TemporalOrder(steps=10)
    inputs = torch.tensor([[SYMBOLS.index(symbol) for symbol in "EaXbcYddaB"]])
    batch = data.dataset("test").batch([0])._replace(inputs=inputs, targets=torch.tensor([1]))
    said = torch.tensor([[0.1, 0.2, 0.7, 0.0]])
    expected = [("X at 3, Y at 6 of 10", "XY", "YX", False, "0.700")]
    assert data.describe(batch, said) == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"marks": 1}, "`marks` must be at least 2, got 1."),
        ({"marks": 4}, "`marks` must be at most 3, got 4."),
        ({"steps": 9}, "`steps` must be at least 10, got 9."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        TemporalOrder(**fields)
