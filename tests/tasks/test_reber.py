"""The embedded Reber grammar against all its strings, one by one."""

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.rng import IndexedRNG
from seqlearn.tasks import Reber

ARROWS = "0B1 1T2 1P3 2S2 2X4 3T3 3V5 4X3 4S6 5P4 5V6 6E7".split()


@cache
def inner(most, state="0"):
    """All ends of strings from a state on that have at most so many symbols, with their chances."""
    if state == "7":
        return {"": 1.0}
    ways = [arrow for arrow in ARROWS if arrow[0] == state] if most else []
    return {
        symbol + rest: chance / len(ways)
        for _, symbol, after in ways
        for rest, chance in inner(most - 1, after).items()
    }


@cache
def embedded(most):
    """All strings of at most so many symbols, with their chances."""
    parts = inner(most - 4).items()
    return {f"B{outer}{part}{outer}E": chance / 2 for outer in "TP" for part, chance in parts}


@cache
def following():
    """What may follow every beginning of a string of at most 24 symbols."""
    found = {}
    for string in embedded(24):
        for k in range(1, len(string)):
            found.setdefault(string[:k], set()).add(string[k])
    return found


def read(data, batch):
    """The strings that a batch shows, whole."""
    return [
        "".join(data.vocabulary[k] for k in shown[:end]) + "E"
        for shown, end in zip(batch.inputs, batch.lengths, strict=True)
    ]


@given(symbols=st.integers(11, 16), seed=st.integers(0, 9), longer=st.none() | st.integers(0, 2))
def test_every_set_is_what_may_follow(symbols, seed, longer):
    data = Reber(symbols=symbols, seed=seed)
    length = None if longer is None else symbols + longer
    batch = data.dataset("train", length).batch(range(9))
    assert batch.inputs.shape[1] == (length or symbols) - 1
    for string, sets, end in zip(read(data, batch), batch.targets, batch.lengths, strict=True):
        assert string in embedded(18)
        assert len(string) == length if length else len(string) <= symbols
        assert (sets[end:] == -100).all()
        for k in range(end):
            legal = {data.answers[j] for j, bit in enumerate(sets[k]) if bit}
            assert legal == following()[string[: k + 1]]


@pytest.mark.parametrize("length", [None, 14])
def test_strings_come_up_as_often_as_in_the_grammar(length):
    data = Reber(symbols=13)
    count = 6000
    drawn = read(data, data.draw(IndexedRNG(0, "law", range(count)), length))
    law = {s: p for s, p in embedded(length or 13).items() if length in (None, len(s))}
    whole = sum(law.values())
    assert {*drawn} == law.keys()
    for string, chance in law.items():
        share = chance / whole
        error = (share * (1 - share) / count) ** 0.5
        assert abs(drawn.count(string) / count - share) < 5 * error


def test_a_long_string_is_as_long_as_asked_for():
    batch = Reber().dataset("test", 500).batch(range(3))
    assert batch.lengths.tolist() == [499] * 3
    assert (batch.inputs[:, 1] == batch.inputs[:, -1]).all()


def test_both_outer_symbols_come_up_however_long_the_string():
    """Their chances once got too small for numbers at 2400 symbols."""
    batch = Reber().draw(IndexedRNG(0, "law", range(400)), 5000)
    outer = (batch.inputs[:, 1] == Reber().vocabulary.index("P")).double().mean()
    assert abs(outer - 0.5) < 0.1
    assert batch.lengths.tolist() == [4999] * 400 and len(batch.inputs[:, 2:9].unique(dim=0)) > 9


def test_the_shortest_length_has_strings_in_every_split():
    data = Reber(symbols=11)
    for split in ("train", "val", "test"):
        assert len(data.dataset(split, 11).batch(range(5)).inputs) == 5


def test_baselines_are_what_such_predictors_reach(check_baselines):
    def last_symbol(batch):
        """After each symbol the set that follows it most often."""
        said = torch.zeros_like(batch.targets)
        for symbol in range(7):
            here = batch.inputs == symbol
            sets, counts = batch.targets[here].unique(dim=0, return_counts=True)
            said[here] = sets[counts.argmax()] if len(sets) else 0
        return said

    def coin_for_the_outer(batch):
        said = batch.targets.clone()
        said[:, -2] = torch.nn.functional.one_hot(torch.randint(1, 3, (len(said),)), 7)
        return said

    predictors = {
        "last_symbol": last_symbol,
        "coin_for_the_outer": coin_for_the_outer,
        "optimum": lambda b: b.targets,
    }
    check_baselines(Reber(test_size=5000), predictors)


def test_what_to_keep_in_mind_is_the_outer_symbol():
    data = Reber()
    batch = data.dataset("test", 12).batch(range(20))
    (kept,) = data.memory(batch).values()
    for string, values in zip(read(data, batch), kept.tolist(), strict=True):
        assert values == [0, 0] + [{"T": -1, "P": 1}[string[1]]] * 9
    assert torch.equal(batch.targets[:, -2].argmax(1), batch.inputs[:, 1])


def test_describe_names_the_outer_symbol():
    data = Reber()
    batch = data.dataset("test", 11).batch([0])
    said = batch.targets.float()
    ((string, asked, answer, correct, note),) = data.describe(batch, said)
    assert string + "E" == read(data, batch)[0] and note == f"outer {string[1]}"
    sets = ["".join(sorted(following()[string[: k + 1]])) for k in range(10)]
    assert ["".join(sorted(word)) for word in asked.split()] == sets
    assert correct and answer == asked


def test_a_string_too_short_is_refused():
    with pytest.raises(ValueError, match=r"`symbols` must be at least 11, got 10."):
        Reber(symbols=10)
