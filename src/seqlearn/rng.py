"""Randomness that is a pure function of (seed, split, sample index)."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]


def mix(words: Words) -> Words:
    """Scramble 64-bit words, one to one: the finalizer of SplitMix64.

    Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators",
    doi:10.1145/2660193.2660195.
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class IndexedRNG:
    """Draw random numbers for a batch of samples, each addressed by its index.

    Sample *i* of a split gets the same numbers whatever the batch it is drawn in, the order of
    access, the number of workers or machines, and the state of every global generator. Each method
    returns an array whose leading axis is ``len(indices)`` and moves on to fresh numbers.

    Source: counter-based generators are those of Salmon et al. 2011, "Parallel random numbers: as
    easy as 1, 2, 3", doi:10.1145/2063384.2063405.

    Args:
        seed: Any integer.
        split: Name of the split: other names give unrelated numbers.
        indices: ``(B,)`` sample indices, zero or greater.
        attempts: Which of the unrelated streams of the same samples, for those who must redraw; of
            several, each sample stands in the batch once for each, one after the other.

    Raises:
        ValueError: If an index is negative.

    Example:
        >>> IndexedRNG(0, "train", [3, 4]).integers(0, 100, size=2).tolist()
        [[91, 5], [62, 87]]
        >>> IndexedRNG(0, "train", [4]).integers(0, 100, size=2).tolist()
        [[62, 87]]
    """

    def __init__(
        self, seed: int, split: str, indices: ArrayLike, attempts: Sequence[int] = (0,)
    ) -> None:
        self.split = split
        numbers = np.asarray(indices)
        if (numbers < 0).any():
            raise ValueError(f"`indices` must be zero or greater, got {numbers.min()}.")
        self.indices: Words = np.repeat(numbers.astype(np.uint64), len(attempts))
        names = (f"{seed}/{split}/{attempt}".encode() for attempt in attempts)
        hashes = b"".join(hashlib.blake2b(name, digest_size=8).digest() for name in names)
        bases = np.frombuffer(hashes, "<u8")
        self._keys = mix(np.add.outer(mix(numbers.astype(np.uint64)), bases).ravel())  # (B,)
        self._position = 0

    def __len__(self) -> int:
        return len(self.indices)

    def words(self, size: int | tuple[int, ...] = ()) -> Words:
        """Draw ``(B, *size)`` uniform 64-bit words: everything else is made of these."""
        shape = (size,) if isinstance(size, int) else size
        count = int(np.prod(shape, dtype=np.int64))
        # Mixed positions, so that no two samples run through the same words at a shift.
        positions = mix(np.arange(self._position, self._position + count, dtype=np.uint64))
        self._position += count
        return mix(self._keys[:, None] + positions).reshape(len(self), *shape)

    def bits(self, size: int | tuple[int, ...] = ()) -> NDArray[np.uint8]:
        """Draw ``(B, *size)`` fair bits."""
        shape = (size,) if isinstance(size, int) else size
        count = int(np.prod(shape, dtype=np.int64))
        octets = self.words(-(-count // 64)).astype("<u8").view(np.uint8)
        return np.unpackbits(octets, axis=1, count=count).reshape(len(self), *shape)

    def integers(
        self, low: ArrayLike, high: ArrayLike, size: int | tuple[int, ...] = ()
    ) -> NDArray[np.int64]:
        """Draw ``(B, *size)`` integers from ``low`` to ``high - 1``.

        The bounds may be arrays that broadcast to the result. The bias is below
        ``(high - low) / 2**64``.
        """
        first, end = np.asarray(low, np.int64), np.asarray(high, np.int64)
        if not (first < end).all():
            raise ValueError(f"`low` must be below `high`, got {low!r} and {high!r}.")
        return (self.words(size) % (end - first).astype(np.uint64)).astype(np.int64) + first

    def symbols(self, count: ArrayLike, size: int | tuple[int, ...] = ()) -> NDArray[np.uint8]:
        """Draw ``(B, *size)`` numbers from 0 to ``count - 1``, far quicker than `integers`.

        The counts, up to 256, may be an array that broadcasts to the result. The bias is below
        ``count / 2**24``.
        """
        counts = np.asarray(count, np.uint32)
        if not ((counts >= 1) & (counts <= 256)).all():
            raise ValueError(f"`count` must be from 1 to 256, got {count!r}.")
        shape = (size,) if isinstance(size, int) else size
        flat = int(np.prod(shape, dtype=np.int64))
        halves = self.words(-(-flat // 2)).astype("<u8", copy=False).view("<u4")[:, :flat]
        scaled = (halves.reshape(len(self), *shape) >> np.uint32(8)) * counts
        return (scaled >> np.uint32(24)).astype(np.uint8)

    def uniform(
        self, low: ArrayLike = 0.0, high: ArrayLike = 1.0, size: int | tuple[int, ...] = ()
    ) -> NDArray[np.float64]:
        """Draw ``(B, *size)`` floats, uniform in ``[low, high)``, with 53 random bits."""
        first, end = np.asarray(low, np.float64), np.asarray(high, np.float64)
        unit = (self.words(size) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return first + (end - first) * unit

    def normal(
        self, loc: ArrayLike = 0.0, scale: ArrayLike = 1.0, size: int | tuple[int, ...] = ()
    ) -> NDArray[np.float64]:
        """Draw ``(B, *size)`` normal floats of mean ``loc`` and standard deviation ``scale``.

        Source: Box & Muller 1958, doi:10.1214/aoms/1177706645.
        """
        shape = (size,) if isinstance(size, int) else size
        count = int(np.prod(shape, dtype=np.int64))
        pairs = self.uniform(size=(2, -(-count // 2)))
        radius, angle = np.sqrt(-2 * np.log1p(-pairs[:, 0])), 2 * np.pi * pairs[:, 1]
        flat = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        unit: NDArray[np.float64] = flat[:, :count].reshape(len(self), *shape)
        return np.asarray(loc, np.float64) + np.asarray(scale, np.float64) * unit

    def permutation(self, n: int) -> NDArray[np.int64]:
        """Draw ``(B, n)``: in each row the numbers 0 to ``n - 1``, shuffled."""
        return np.argsort(self.words(n), axis=1)

    def subset(self, n: ArrayLike, size: int) -> NDArray[np.int64]:
        """Draw ``(B, size)``: in each row different numbers from 0 to ``n - 1``, in rising order.

        ``n`` may be an array ``(B,)``; every set of numbers is as likely.

        Source: Floyd's algorithm, in Bentley & Floyd 1987, "Programming pearls: a sample of
        brilliance", Communications of the ACM 30(9).
        """
        ends = np.broadcast_to(n, len(self))[:, None] - np.arange(size)[::-1]
        # Each sample in a column, as that is quicker.
        chosen, lasts = np.ascontiguousarray(self.integers(0, ends, size).T), ends.T - 1
        for k in range(1, size):
            taken = (chosen[:k] == chosen[k]).any(axis=0)
            chosen[k, taken] = lasts[k, taken]  # which none before it can be
        return np.sort(chosen.T, axis=1)
