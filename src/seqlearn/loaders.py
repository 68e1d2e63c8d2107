"""Batches of a split, addressed by position, each rank its part."""

import math
from collections.abc import Iterator

import numpy as np
from lightning.pytorch import Trainer
from numpy.typing import NDArray

from seqlearn.splits import SequenceBatch, SequenceDataset

DRAWN_AT_ONCE = 4096
"""Samples drawn in one call, if a batch is not larger: the cost of a draw is by call."""

BYTES_AT_ONCE = 2**21
"""Bytes drawn in one call, if a batch is not larger: beyond, memory costs more than calls."""

EVALUATED_AT_ONCE = 4
"""Training batches to a batch of evaluation, which keeps nothing for a backward pass."""


class TrainLoader:
    """Training batches by position; the position is the Trainer's, so there is nothing to save.

    Batch *k* of a run holds the samples *kG* to *(k + 1)G*, where *G* is the global batch; each
    rank takes its slice. One epoch is the whole run when the Trainer counts steps (``max_steps``),
    else ``train_size`` samples.
    """

    def __init__(self, dataset: SequenceDataset, trainer: Trainer | None) -> None:
        self.dataset, self.trainer = dataset, trainer
        self.rank, self.world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)

    def __len__(self) -> int:
        trainer = self.trainer
        if trainer and trainer.max_steps > 0 and (trainer.max_epochs or -1) < 0:
            return trainer.max_steps * trainer.accumulate_grad_batches
        return math.ceil(len(self.dataset) / (self.dataset.data.batch_size * self.world))

    def __iter__(self) -> Iterator[SequenceBatch]:
        ahead = batches_at_once(self.dataset, self.dataset.data.batch_size)
        drawn, batches = -1, list[SequenceBatch]()
        trained = self.trainer if self.trainer and self.trainer.training else None
        for count in range(len(self)):
            position = count
            if trained:
                position = trained.fit_loop.epoch_loop.batch_progress.total.completed
            if position // ahead != drawn:
                drawn = position // ahead
                batches = self._draw(np.arange(drawn * ahead, (drawn + 1) * ahead))
            yield batches[position % ahead]

    def _draw(self, positions: NDArray[np.int64]) -> list[SequenceBatch]:
        size = self.dataset.data.batch_size
        firsts = (positions * self.world + self.rank) * size
        return self.dataset.batches((firsts[:, None] + np.arange(size)).ravel(), size)

    # Lightning warns that a loader cannot be resumed unless it has both of these.
    def state_dict(self) -> dict[str, int]:  # noqa: D102
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:  # noqa: D102
        pass


class EvalLoader:
    """Every example of a split once, whatever the number of devices: each rank takes its stride.

    Of sequences that go on from batch to batch each rank takes its lanes, in whole rows.
    """

    def __init__(self, dataset: SequenceDataset, trainer: Trainer | None) -> None:
        self.dataset = dataset
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        lanes = dataset.data.lanes(dataset.split)
        least = lanes or len(dataset)
        if least < world:  # Lightning would skip the idle ranks, and the others would wait
            raise ValueError(
                f"`{dataset.split}_size` must be at least the number of devices, {world}, "
                f"got {least}."
            )
        if lanes:
            own = np.arange(rank, lanes, world)
            rows = np.arange(max(1, len(dataset) // lanes))
            self.indices, self.size = (rows[:, None] * lanes + own).ravel(), len(own)
        else:
            self.indices = np.arange(rank, len(dataset), world)
            self.size = dataset.data.batch_size * EVALUATED_AT_ONCE

    def __len__(self) -> int:
        return math.ceil(len(self.indices) / self.size)

    def __iter__(self) -> Iterator[SequenceBatch]:
        at_once = batches_at_once(self.dataset, self.size) * self.size
        for first in range(0, len(self.indices), at_once):
            yield from self.dataset.batches(self.indices[first : first + at_once], self.size)


def batches_at_once(dataset: SequenceDataset, size: int) -> int:
    """Tell how many batches of this size are drawn in one call."""
    bytes_each = sum(field.nbytes for field in dataset[0])
    return max(1, min(DRAWN_AT_ONCE, BYTES_AT_ONCE // bytes_each) // size)
