"""The first of many symbols that are alike."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import FirstSymbol
from seqlearn.tasks.first_symbol import share_of_the_most_frequent


@given(
    classes=st.integers(2, 9),
    steps=st.integers(8, 50),
    seed=st.integers(0, 9),
    length=st.none() | st.integers(8, 300),
)
def test_first_symbol_asks_for_the_first_of_so_many(classes, steps, seed, length):
    data = FirstSymbol(classes=classes, steps=steps, seed=seed)
    inputs, targets, lengths = data.dataset("train", length).batch(range(20))
    assert inputs.shape == (20, length or steps)
    assert targets.tolist() == [row[0] for row in inputs.tolist()]
    assert (lengths == (length or steps)).all()
    assert data.input_size == data.output_size == classes


def test_nothing_but_its_place_marks_the_first():
    inputs, targets, _ = FirstSymbol(classes=5, steps=20).dataset("train").batch(range(20_000))
    shares = torch.nn.functional.one_hot(inputs, 5).double().mean(0)  # (T, classes)
    assert (shares - 0.2).abs().max() < 0.015
    alike = (inputs[:, 1:] == targets[:, None]).double().mean(0)
    assert (alike - 0.2).abs().max() < 0.015


@pytest.mark.parametrize(("classes", "steps"), [(2, 1), (2, 8), (3, 7), (4, 6), (5, 2)])
def test_the_share_of_the_most_frequent_is_that_of_all_sequences(classes, steps):
    sequences = list(product(range(classes), repeat=steps))
    largest = [max(map(sequence.count, range(classes))) / steps for sequence in sequences]
    expected = sum(largest) / len(largest)
    assert share_of_the_most_frequent(classes, steps) == pytest.approx(expected, rel=1e-9)


def test_the_share_of_the_most_frequent_falls_to_that_of_a_guess():
    shares = [share_of_the_most_frequent(4, steps) for steps in (30, 200, 1000)]
    assert shares == sorted(shares, reverse=True)
    assert 0.25 < shares[-1] < 0.27


def most_frequent(batch):
    counts = torch.nn.functional.one_hot(batch.inputs).sum(1)
    return (counts + torch.rand(counts.shape)).argmax(1)


@pytest.mark.parametrize(("classes", "steps"), [(4, 30), (2, 100)])
def test_baselines_are_what_such_predictors_reach(check_baselines, classes, steps):
    predictors = {
        "guess": lambda b: torch.randint(classes, b.targets.shape),
        "last": lambda b: b.inputs[:, -1],
        "most_frequent": most_frequent,
        "optimum": lambda b: b.inputs[:, 0],
    }
    data = FirstSymbol(classes=classes, steps=steps, test_size=20_000)
    check_baselines(data, predictors, rel=0.03)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classes": 1}, "`classes` must be at least 2, got 1."),
        ({"steps": 0}, "`steps` must be at least 1, got 0."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FirstSymbol(**fields)


def test_describe_gives_all_symbols_and_the_probability():
    data = FirstSymbol(classes=3, steps=12)
    batch = data.dataset("test").batch([0])
    said = torch.nn.functional.one_hot((batch.targets + 1) % 3, 3) * 0.8
    first = batch.targets.item()
    shown = " ".join(map(str, batch.inputs[0].tolist()))
    expected = [(shown, str(first), str((first + 1) % 3), False, "0.800")]
    assert data.describe(batch, said) == expected
