"""Decimal addition against Python's own."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import DecimalAdd


def text(symbols):
    return "".join("0123456789+ "[i] for i in symbols)


def sums(data, split, length=None, count=1000):
    """The queries and answers as people write them, and the pairs of numbers."""
    batch = data.dataset(split, length).batch(range(count))
    queries = [text(row)[:: -1 if data.reverse else 1] for row in batch.inputs]
    return queries, [text(row) for row in batch.targets], batch.lengths


@given(
    digits=st.integers(2, 9),
    reverse=st.booleans(),
    split=st.sampled_from(["train", "val", "test"]),
    length=st.none() | st.integers(2, 18),
    seed=st.integers(0, 9),
)
def test_answers_are_pythons_sums(digits, reverse, split, length, seed):
    data = DecimalAdd(digits=digits, reverse=reverse, seed=seed)
    queries, answers, lengths = sums(data, split, length, 5)
    room = max(length or 1, digits)
    for query, answer in zip(queries, answers, strict=True):
        a, b = query.rstrip().split("+")
        assert query == f"{int(a)}+{int(b)}".ljust(2 * room + 1)
        assert answer == str(int(a) + int(b)).ljust(room + 1)
        longer = max(len(a), len(b))
        assert longer == length if length else longer <= digits
    assert (lengths == 2 * room + 1).all()


def test_symbols_stand_for_the_characters_of_the_vocabulary():
    data = DecimalAdd()
    assert data.vocabulary == "0123456789+ "
    assert data.input_size == data.output_size == 12
    for query, answer in zip(*sums(data, "train", count=3)[:2], strict=True):
        assert eval(query) == int(answer)


def test_numbers_have_one_to_all_digits_as_likely_and_random_digits():
    queries, _, _ = sums(DecimalAdd(), "train", count=20_000)
    numbers = [int(n) for query in queries for n in query.split("+")]
    # Of one, two or three digits alike: those of fewer come from leading zeros too.
    expected = {1: (1 + 0.1 + 0.01) / 3, 2: (0.9 + 0.09) / 3, 3: 0.9 / 3}
    shares = Counter(len(str(n)) for n in numbers)
    for digits, share in expected.items():
        assert shares[digits] / len(numbers) == pytest.approx(share, abs=0.02)
    last = Counter(n % 10 for n in numbers if n > 99)
    assert all(count / last.total() == pytest.approx(0.1, abs=0.01) for count in last.values())


@pytest.mark.parametrize("reverse", [True, False])
def test_no_pair_of_numbers_occurs_both_ways_round(reverse):
    ways = {}
    for split in ("train", "val", "test"):
        queries, _, _ = sums(DecimalAdd(digits=2, reverse=reverse), split, count=3000)
        for query in queries:
            pair = tuple(query.rstrip().split("+"))
            ways.setdefault(frozenset(pair), set()).add((pair, split))
    assert all(len(found) == 1 for found in ways.values())  # one order, and one split
    ordered = Counter(int(a) < int(b) for ((a, b), _), *_ in ways.values() if a != b)
    assert ordered[True] / ordered.total() == pytest.approx(0.5, abs=0.05)


def test_describe_shows_the_sum_and_the_spaces_in_a_wrong_answer():
    data = DecimalAdd(digits=2)
    batch = data.dataset("test", 2).batch([0])
    a, b = text(batch.inputs[0])[::-1].split("+")
    total = str(int(a) + int(b))
    assert len(total) == 2
    said = batch.targets.clone()
    said[0, 1], said[0, 2] = 11, 4  # a space, where a digit belongs, then the reverse
    one_hot = torch.nn.functional.one_hot
    right, wrong = (data.describe(batch, one_hot(s, 12).float())[0] for s in (batch.targets, said))
    assert right == (f"{a}+{b.strip()}", total, total, True, "")
    assert wrong == (f"{a}+{b.strip()}", total, f"{total[0]}_4", False, "")


def without_carries(batch):
    """Add place by place, as one who has not heard of carries."""
    said = torch.full_like(batch.targets, 11)
    for row, query in zip(said, batch.inputs.flip(1), strict=True):
        a, b = text(query).split("+")
        width = max(len(a), len(b.strip()))
        places = zip(a.zfill(width), b.strip().zfill(width), strict=True)
        row[:width] = torch.tensor([(int(x) + int(y)) % 10 for x, y in places])
    return said


@pytest.mark.parametrize("digits", [2, 3, 5])
def test_baselines_are_what_such_predictors_reach(check_baselines, digits):
    predictors = {
        "guess": lambda b: torch.randint(12, b.targets.shape),
        "ignore_carry": without_carries,
        "optimum": lambda b: b.targets,
    }
    check_baselines(DecimalAdd(digits=digits, test_size=5000), predictors)


def test_one_digit_has_a_carry_in_45_of_100_sums():
    assert DecimalAdd(digits=1).baselines()["ignore_carry"] == 0.55
    assert DecimalAdd(digits=1).baselines()["guess"] == pytest.approx(1 / 144)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"digits": 0}, "`digits` must be at least 1, got 0"),
        ({"digits": 10}, "`digits` must be at most 9, got 10"),
        ({"test_lengths": (3, 19)}, "`test_lengths` must be at most 18, got 19"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        DecimalAdd(**fields)
