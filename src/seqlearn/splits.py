"""The examples of a split, by index, and the rule that keeps splits apart."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from seqlearn.rng import IndexedRNG, Words, mix

if TYPE_CHECKING:
    from seqlearn.data import SequenceDataModule

UNSCORED = -100
"""Target of a step that is not scored, where targets are integers; ``NaN`` where they are real."""

SHARES = {"val": (0, 1), "test": (1, 2), "train": (2, 8)}
"""Which eighths of all examples a split may hold, by the hash of their content."""

MAX_ATTEMPTS = 1000
"""Draws until a sample must have hit its split; the chance to miss is (7/8)**1000 = 1e-58."""

REDRAWN = 2**18
"""Bytes drawn again in one call, several attempts of each example, if one is not larger."""


class SequenceBatch(NamedTuple):
    """Sequences padded on the right, with their targets.

    Attributes:
        inputs: ``(B, T, F)`` float32 features, or ``(B, T)`` int64 symbols; for one-to-many without
            the axis of time.
        targets: ``(B, C)`` or ``(B,)`` for many-to-one, else ``(B, T, C)`` or ``(B, T)``, where
            those of an encoder and decoder have a ``T`` of their own; float32 (regression) or int64
            (binary, categorical). What is not scored is ``NaN`` (regression) or ``-100``.
        lengths: ``(B,)`` int64 number of valid steps: of the inputs, or for one-to-many of the
            targets.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor


class SequenceDataset(Dataset[SequenceBatch]):
    """The examples of one split, by index.

    Args:
        data: The task.
        split: ``"train"``, ``"val"`` or ``"test"``.
        length: The exact length to draw, or None for the mixture trained on.
    """

    def __init__(self, data: "SequenceDataModule", split: str, length: int | None = None) -> None:
        if split not in SHARES:
            raise ValueError(f"`split` must be one of {', '.join(SHARES)}, got {split!r}.")
        self.data, self.split, self.length = data, split, length
        self.members = self._members()
        wanted: int | None = getattr(data, f"{split}_size")
        limits = [wanted, None if self.members is None else len(self.members)]
        if limits == [None, None]:
            raise ValueError(
                f"`{split}_size` must be an integer, as {type(data).__name__} has no end of "
                "sequences, got None."
            )
        self.size = min(limit for limit in limits if limit is not None)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> SequenceBatch:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be from 0 to {len(self) - 1}, got {index}.")
        return SequenceBatch(*(field[0] for field in self.batch([index])))

    def batch(self, indices: ArrayLike) -> SequenceBatch:
        """Draw the examples of these indices, all at once.

        The training split has no end: beyond its length come new examples, or, where the distinct
        ones are numbered, further passes over them, each in an order of its own.
        """
        numbers = np.asarray(indices, np.int64)
        if self.members is not None and not self.data.lanes(self.split):
            if self.split == "train":
                numbers = self._shuffled(numbers, len(self.members))
            numbers = self.members[numbers]
        batch = self._draw(numbers)
        if self._apart and len(numbers):
            self._redraw(batch, numbers)
        return batch

    def batches(self, indices: ArrayLike, size: int) -> list[SequenceBatch]:
        """Draw the examples of these indices all at once and cut them into batches."""
        parts = (torch.split(field, size) for field in self.batch(indices))
        return [SequenceBatch(*fields) for fields in zip(*parts, strict=True)]

    @property
    def _apart(self) -> bool:
        """Whether examples of other splits must be drawn again; numbered ones are sorted before."""
        return self.data.held_out and self.data.population(self.split, self.length) is None

    def _draw(self, numbers: NDArray[np.int64], attempts: Sequence[int] = (0,)) -> SequenceBatch:
        rng = IndexedRNG(self.data.seed, self.split, numbers, attempts)
        return self.data.draw(rng, self.length)

    def _redraw(self, batch: SequenceBatch, numbers: NDArray[np.int64]) -> None:
        """Replace each example of other splits by the first of its further draws that belongs."""
        first, end = SHARES[self.split]
        most = 32 // (end - first)  # with which 98 of 100 are found
        room = REDRAWN * len(numbers) // sum(field.nbytes for field in batch)
        pending, attempt = np.flatnonzero(~self._belongs(batch)), 1
        while len(pending):
            if attempt >= MAX_ATTEMPTS:
                raise self._empty()
            count = max(1, min(most, room // len(pending)))
            again = self._draw(numbers[pending], range(attempt, attempt + count))
            belongs = self._belongs(again).reshape(-1, count)
            found = np.flatnonzero(belongs.any(axis=1))
            places = found * count + belongs[found].argmax(axis=1)
            for field, new in zip(batch, again, strict=True):
                field.numpy()[pending[found]] = new.numpy()[places]
            pending, attempt = np.delete(pending, found), attempt + count

    def _belongs(self, batch: SequenceBatch) -> NDArray[np.bool_]:
        first, end = SHARES[self.split]
        eighth = content_hash(batch) >> np.uint64(61)
        return (eighth >= first) & (eighth < end)

    def _members(self) -> NDArray[np.int64] | None:
        """The numbers of the distinct examples of this split; None if they are without end."""
        limit = self.data.train_limit if self.split == "train" else None
        count = self.data.population(self.split, self.length)
        if count is None:
            return None if limit is None else np.arange(limit)
        numbers = np.arange(count)
        if self.data.held_out:
            numbers = numbers[self._belongs(self._draw(numbers))]
        if not len(numbers):
            raise self._empty()
        return numbers[:limit]

    def _empty(self) -> ValueError:
        trained = self.length in (None, self.data.length)
        name = self.data.measure if trained else "test_lengths"
        return ValueError(
            f"`{name}`: {type(self.data).__name__} has no "
            f"{self.split} examples of length {self.length or self.data.length}: "
            "there are too few sequences to hold any out; ask for a greater length."
        )

    def _shuffled(self, indices: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Where the endless passes over ``count`` examples stand at these indices."""
        laps, places = np.divmod(indices, count)
        passes, rows = np.unique(laps, return_inverse=True)
        orders = shuffled(self.data.seed, tuple(passes.tolist()), count)
        return orders[rows, places]


@lru_cache(maxsize=4)
def shuffled(seed: int, passes: tuple[int, ...], count: int) -> NDArray[np.int64]:
    """The orders in which these passes over ``count`` examples go: ``(passes, count)``."""
    return IndexedRNG(seed, "order", passes).permutation(count)


def content_hash(batch: SequenceBatch) -> Words:
    """Hash what each example shows the network, its valid inputs, into ``(B,)`` 64-bit words.

    A multilinear hash: Carter & Wegman 1979, doi:10.1016/0022-0000(79)90044-8.
    """
    inputs, lengths = batch.inputs, batch.lengths
    if inputs.ndim < (3 if inputs.is_floating_point() else 2):  # one-to-many shows a single step
        inputs, lengths = inputs[:, None], torch.ones_like(lengths)
    size, length, *_ = inputs.shape
    steps = np.ascontiguousarray(inputs.numpy()).reshape(size, length, -1)
    word = np.uint64 if steps[0, 0].nbytes % 8 == 0 else np.uint32
    words = steps.view(word).astype(np.uint64, copy=False)  # (B, T, words of a step)
    factors = mix(np.arange(1, words[0].size + 1, dtype=np.uint64)).reshape(words.shape[1:])
    valid = (np.arange(length) < lengths.numpy()[:, None]).astype(np.uint64)
    sums = np.einsum("btf,tf,bt->b", words, factors, valid)
    return mix(sums + lengths.numpy().astype(np.uint64))
