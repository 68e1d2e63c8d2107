"""Expressions, evaluated by Python."""

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import ModArith


def written(data, batch):
    """The expressions as Python reads them."""
    return [
        "".join(data.vocabulary[token] for token in row[:end])
        for row, end in zip(batch.inputs.tolist(), batch.lengths.tolist(), strict=True)
    ]


@given(
    modulus=st.integers(2, 10),
    numbers=st.integers(3, 20),
    seed=st.integers(0, 9),
    length=st.none() | st.integers(3, 60),
)
def test_the_answer_is_the_value_of_the_expression(modulus, numbers, seed, length):
    data = ModArith(modulus=modulus, numbers=numbers, seed=seed)
    batch = data.dataset("train", length).batch(range(9))
    assert batch.inputs.shape == (9, 2 * (length or numbers) - 1)
    for text, target, end, row in zip(written(data, batch), *batch[1:], batch[0], strict=True):
        assert (end == 2 * length - 1) if length else (end % 2 and 1 <= end < 2 * numbers)
        assert not row[end:].any()
        assert {*text[::2]} <= {*"0123456789"[:modulus]} and {*text[1::2]} <= {*"+-*"}
        assert target == eval(text) % modulus


def test_digits_and_operators_are_even_at_every_place():
    inputs, *_ = ModArith().dataset("train", 10).batch(range(20_000))
    shares = torch.nn.functional.one_hot(inputs, 8).double().mean(0)
    assert (shares[::2, :5] - 1 / 5).abs().max() < 0.02 and not shares[::2, 5:].any()
    assert (shares[1::2, 5:] - 1 / 3).abs().max() < 0.02 and not shares[1::2, :5].any()


def test_memory_is_the_complete_sum_and_the_term_before_each_token():
    data = ModArith(numbers=6)
    batch = data.dataset("test", 6).batch(range(30))
    kept = data.memory(batch)
    assert list(kept) == ["sum", "term"]
    for text, sums, terms in zip(written(data, batch), *kept.values(), strict=True):
        for k, pair in enumerate(zip(sums.tolist(), terms.tolist(), strict=True)):
            digits = text[: max(0, k - 1 + k % 2)]  # what was read, up to the last digit
            last = max(digits.rfind("+"), digits.rfind("-"))
            complete, term = digits[: max(last, 0)], digits[max(last, 0) :]
            assert pair == (eval(complete or "0") % 5, eval(term or "0") % 5)


@pytest.mark.parametrize(("modulus", "numbers"), [(5, 1), (5, 3), (2, 4), (3, 4)])
def test_the_most_frequent_value_is_that_of_all_expressions(modulus, numbers):
    counts = [0] * modulus
    for digits in product(map(str, range(modulus)), repeat=numbers):
        for signs in product("+-*", repeat=numbers - 1):
            text = digits[0] + "".join(map("".join, zip(signs, digits[1:], strict=True)))
            counts[eval(text) % modulus] += 1
    share = ModArith(modulus=modulus, numbers=numbers).baselines()["most_frequent"]
    assert share == pytest.approx(max(counts) / sum(counts))


@pytest.mark.parametrize(("modulus", "numbers"), [(5, 20), (10, 4)])
def test_baselines_are_what_such_predictors_reach(check_baselines, modulus, numbers):
    data = ModArith(modulus=modulus, numbers=numbers, test_size=10_000)
    predictors = {
        "guess": lambda b: torch.randint(modulus, b.targets.shape),
        "most_frequent": lambda b: torch.zeros_like(b.targets),
        "optimum": lambda b: torch.tensor([eval(text) % modulus for text in written(data, b)]),
    }
    check_baselines(data, predictors, rel=0.06)


def test_expressions_and_values_are_written_as_text():
    data = ModArith()
    batch = data.dataset("train").batch(range(9))
    right = torch.nn.functional.one_hot(batch.targets, 5).float()
    for text, example in zip(written(data, batch), data.describe(batch, right), strict=True):
        assert example == (text, str(eval(text) % 5), str(eval(text) % 5), True, "")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"modulus": 1}, "`modulus` must be at least 2, got 1."),
        ({"modulus": 11}, "`modulus` must be at most 10, got 11."),
        ({"numbers": 0}, "`numbers` must be at least 1, got 0."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        ModArith(**fields)
