import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.rng import IndexedRNG

MANY = np.arange(20_000)


def draws(seed=0, split="train", indices=MANY, size=8):
    return IndexedRNG(seed, split, indices).uniform(size=size)


@given(seed=st.integers(-(2**70), 2**70), data=st.data())
def test_sample_does_not_depend_on_its_batch(seed, data):
    indices = data.draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=20))
    whole = IndexedRNG(seed, "val", indices)
    parts = [IndexedRNG(seed, "val", [index]) for index in indices]
    for name, arguments in [
        ("bits", [(3, 5)]),
        ("integers", [0, 7, 4]),
        ("uniform", [0, 1, 3]),
        ("normal", [0, 1, 5]),
        ("permutation", [6]),
        ("bits", [70]),
        ("symbols", [7, (3, 5)]),
    ]:
        expected = np.concatenate([getattr(part, name)(*arguments) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name)(*arguments), expected)


def test_attempts_stand_side_by_side_and_each_keeps_its_numbers():
    both = IndexedRNG(0, "train", [3, 9], (5, 40))
    pairs = [(index, attempt) for index in (3, 9) for attempt in (5, 40)]
    alone = [IndexedRNG(0, "train", [i], [attempt]).integers(0, 100, 3)[0] for i, attempt in pairs]
    assert both.indices.tolist() == [3, 3, 9, 9]
    assert both.integers(0, 100, 3).tolist() == [each.tolist() for each in alone]
    assert alone[0].tolist() == [86, 61, 19]


def test_global_generators_do_not_matter():
    np.random.seed(1)
    first = draws()
    np.random.seed(2)
    np.testing.assert_array_equal(draws(), first)


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"seed": -1}, {"split": "val"}, {"indices": MANY + len(MANY)}]
)
def test_other_seeds_splits_and_indices_give_unrelated_numbers(other):
    correlation = np.corrcoef(draws().ravel(), draws(**other).ravel())[0, 1]
    assert abs(correlation) < 5 / math.sqrt(8 * len(MANY))


def chi_square(counts):
    """Distance from even counts, in standard deviations of the chi-square distribution."""
    expected = counts.sum() / counts.size
    freedom = counts.size - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom)


@pytest.mark.parametrize("axis", [0, 1], ids=["across samples", "along a sample"])
def test_numbers_are_even_and_successive_ones_independent(axis):
    shape = (200_000, 2) if axis == 0 else (20, 20_000)
    numbers = IndexedRNG(3, "train", np.arange(shape[0])).integers(0, 16, shape[1])
    series = numbers[:, 0] if axis == 0 else numbers[7]
    assert abs(chi_square(np.bincount(series, minlength=16))) < 5
    pairs = np.bincount(series[:-1] * 16 + series[1:], minlength=256)
    assert abs(chi_square(pairs)) < 5
    triples = np.bincount((series[:-2] * 16 + series[1:-1]) * 16 + series[2:], minlength=4096)
    assert abs(chi_square(triples)) < 5


def test_each_of_the_64_bits_is_fair_and_independent_of_the_others():
    words = IndexedRNG(5, "train", MANY).words()
    bits = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1).astype(float)
    limit = 5 / math.sqrt(len(MANY))
    assert np.abs(bits.mean(0) * 2 - 1).max() < limit
    correlations = np.corrcoef(bits.T) - np.eye(64)
    assert np.abs(correlations).max() < limit


@pytest.mark.parametrize("lag", [1, 2, 64, 1000])
def test_no_serial_or_cross_sample_correlation(lag):
    numbers = draws(size=64) - 0.5
    limit = 5 * (1 / 12) / math.sqrt(numbers.size - lag * 64)
    assert abs((numbers[:-lag] * numbers[lag:]).mean()) < limit
    if lag < 64:
        assert abs((numbers[:, :-lag] * numbers[:, lag:]).mean()) < 1.1 * limit


@pytest.mark.parametrize("bit", [0, 1, 7, 31, 50])
def test_avalanche_one_flipped_index_bit_flips_half_of_the_word(bit):
    words = IndexedRNG(0, "train", MANY).words(4)
    others = IndexedRNG(0, "train", MANY ^ (1 << bit)).words(4)
    flips = np.unpackbits((words ^ others).view(np.uint8).reshape(-1, 8), axis=1).mean(0)
    assert np.abs(flips - 0.5).max() < 5 * 0.5 / math.sqrt(4 * len(MANY))


def test_bits_are_fair_at_every_place():
    means = IndexedRNG(0, "train", MANY).bits((2, 50)).mean(0)
    assert np.abs(means - 0.5).max() < 5 * 0.5 / math.sqrt(len(MANY))


def test_integers_take_bounds_for_each_sample():
    low = MANY % 5
    numbers = IndexedRNG(0, "train", MANY).integers(low, low + 3)
    for offset in range(5):
        of_these = numbers[low == offset] - offset
        assert abs(chi_square(np.bincount(of_these, minlength=3))) < 5


def test_integers_refuse_an_empty_range():
    with pytest.raises(ValueError, match="`low` must be below `high`"):
        IndexedRNG(0, "train", [0]).integers(3, 3)


def test_symbols_are_even_up_to_each_count():
    counts = np.array([1, 2, 3, 10, 256])
    numbers = IndexedRNG(0, "train", MANY).symbols(counts, 5)
    assert numbers.dtype == np.uint8 and not numbers[:, 0].any()
    for count, series in zip(counts[1:], numbers.T[1:], strict=True):
        assert abs(chi_square(np.bincount(series, minlength=count))) < 5
        assert abs(np.corrcoef(series, numbers[:, 1])[0, 1]) < 0.05 or count == 2


@pytest.mark.parametrize("count", [0, 257, [3, 300]])
def test_symbols_refuse_a_count_that_is_too_small_or_large(count):
    with pytest.raises(ValueError, match="`count` must be from 1 to 256, got"):
        IndexedRNG(0, "train", [0]).symbols(count, 2)


def test_uniform_and_normal_have_their_moments():
    uniform = IndexedRNG(0, "train", MANY).uniform(-1, 3, 4)
    assert uniform.min() >= -1 and uniform.max() < 3
    assert uniform.mean() == pytest.approx(1, abs=0.03)
    normal = IndexedRNG(0, "train", MANY).normal(2, 3, 5)
    assert normal.mean() == pytest.approx(2, abs=0.05)
    assert normal.std() == pytest.approx(3, rel=0.02)
    tail = (np.abs(normal - 2) > 3 * 1.959964).mean()
    assert tail == pytest.approx(0.05, abs=0.005)
    assert np.abs(np.corrcoef(normal.T) - np.eye(5)).max() < 0.04


def test_permutations_hold_each_number_once_and_every_order_is_as_likely():
    orders = IndexedRNG(0, "train", MANY).permutation(4)
    assert (np.sort(orders) == np.arange(4)).all()
    assert abs(chi_square(np.unique(orders, axis=0, return_counts=True)[1])) < 5


def test_subsets_hold_different_numbers_in_order_and_each_set_is_as_likely():
    sizes = 5 + MANY % 3
    chosen = IndexedRNG(0, "train", MANY).subset(sizes, 3)
    assert (np.diff(chosen, axis=1) > 0).all() and chosen.min() >= 0
    for size in (5, 6, 7):
        sets, counts = np.unique(chosen[sizes == size], axis=0, return_counts=True)
        assert len(sets) == math.comb(size, 3) and sets.max() == size - 1
        assert abs(chi_square(counts)) < 5
    assert (IndexedRNG(0, "train", MANY).subset(4, 4) == np.arange(4)).all()


def test_a_subset_larger_than_the_whole_is_refused():
    with pytest.raises(ValueError, match="`low` must be below `high`"):
        IndexedRNG(0, "train", [0]).subset(2, 3)


def test_negative_indices_are_refused():
    for indices in ([-1], np.array([3, -1])):
        with pytest.raises(ValueError, match="`indices` must be zero or greater, got -1"):
            IndexedRNG(0, "train", indices)
