import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.corpora import SHAKESPEARE_SYMBOLS, read_text
from seqlearn.ngrams import ngram_losses

SHAKESPEARE = Path(__file__).parents[2] / "shared" / "data" / "tinyshakespeare.txt"


def slow_losses(train, held_out, symbols, orders):
    """The definition, with dictionaries and one symbol at a time."""
    counts = Counter()
    for end in range(len(train)):
        for order in range(1, min(max(orders), end + 1) + 1):
            counts[tuple(train[end + 1 - order : end + 1])] += 1

    def chance(context, symbol):
        after = [counts[(*context, other)] for other in range(symbols)]
        shorter = chance(context[1:], symbol) if context else 1 / symbols
        kinds = sum(count > 0 for count in after)
        if not kinds:
            return shorter
        return (after[symbol] + kinds * shorter) / (sum(after) + kinds)

    losses = {}
    for order in orders:
        total = 0.0
        for place, symbol in enumerate(held_out):
            before = (*train, *held_out[:place])
            context = before[len(before) - order + 1 :] if order > 1 else ()
            total -= math.log(chance(context, symbol) if order else 1 / symbols)
        losses[order] = total / len(held_out)
    return losses


@given(data=st.data(), symbols=st.integers(1, 4))
def test_losses_are_those_of_the_definition(data, symbols):
    symbol = st.integers(0, symbols - 1)
    train = data.draw(st.lists(symbol, min_size=5, max_size=40))
    held_out = data.draw(st.lists(symbol, min_size=1, max_size=15))
    losses = ngram_losses(np.array(train), np.array(held_out), symbols, range(6))
    assert losses == pytest.approx(slow_losses(train, held_out, symbols, range(6)), abs=1e-12)


@pytest.mark.parametrize("order", range(7))
@pytest.mark.parametrize("end", [[2, 1, 0, 2, 1], [3, 3, 3, 3, 3]], ids=["seen", "never seen"])
def test_chances_of_all_symbols_add_up_to_one(order, end):
    train = np.array([0, 1, 2, 0, 2, 1, 0, 2, 2, 1, 0, 2, 2, 1, 0, 2, 1, 4, *end])
    losses = [ngram_losses(train, np.array([s]), 6, [order])[order] for s in range(6)]
    assert sum(math.exp(-loss) for loss in losses) == pytest.approx(1, abs=1e-12)


def test_only_what_is_asked_for_is_given_and_in_that_order():
    text = np.arange(20) % 3
    whole = ngram_losses(text, text, 3, range(5))
    assert list(ngram_losses(text, text, 3, [3, 0]).items()) == [(3, whole[3]), (0, whole[0])]


def test_many_symbols_and_long_contexts_do_not_overflow():
    symbols = 100_000
    text = np.random.default_rng(0).integers(0, symbols, 50)
    losses = ngram_losses(np.tile(text, 4), text, symbols, range(13))
    assert losses[12] < losses[6] < losses[1] < losses[0] == math.log(symbols)
    assert losses[12] < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"orders": []}, "`orders` must be zero or greater, got \\[\\]"),
        ({"orders": [2, -1]}, "`orders` must be zero or greater, got \\[2, -1\\]"),
        ({"orders": [4]}, "`train` must hold at least 4 symbols, got 3"),
        ({"held_out": []}, "`held_out` must hold at least 1 symbol, got 0"),
        ({"symbols": 2}, "`symbols` must be above every symbol from 0, got 2"),
        ({"train": [0, -1, 2]}, "`symbols` must be above every symbol from 0, got 3"),
    ],
)
def test_what_cannot_be_counted_is_refused(change, message):
    given = {"train": [0, 1, 2], "held_out": [0], "symbols": 3, "orders": [1]} | change
    train, held_out = (np.array(given[name], dtype=int) for name in ("train", "held_out"))
    with pytest.raises(ValueError, match=message):
        ngram_losses(train, held_out, given["symbols"], given["orders"])


@pytest.mark.skipif(not SHAKESPEARE.is_file(), reason=f"{SHAKESPEARE} is not there")
def test_tiny_shakespeare_has_its_known_losses():
    text = read_text(SHAKESPEARE)
    numbers = np.searchsorted(list(SHAKESPEARE_SYMBOLS), list(text))
    train, held_out = np.split(numbers, [1_003_854])
    losses = ngram_losses(train, held_out, len(SHAKESPEARE_SYMBOLS), range(7))
    # Computed independently of this package, with the same split and smoothing.
    known = [4.1744, 3.3473, 2.4858, 2.0492, 1.7738, 1.6688, 1.6981]
    assert list(losses.values()) == pytest.approx(known, abs=5.1e-5)
