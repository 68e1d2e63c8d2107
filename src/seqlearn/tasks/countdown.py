"""Counting down from a number."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class Countdown(SequenceDataModule):
    """Count down from a given number to zero.

    ::

        given    3
        said     3  2  1  0  .  .  .

    A number is shown once, the rest the network says to itself: each answer is its next input. The
    countdowns from 0 to `start` are the whole world, so all are used to train, to validate and to
    test; a test length is the greatest number to count down from.

    Shapes:
        inputs ``(B,)`` int64: the number to begin with (the modules make it one-hot).
        targets ``(B, start + 1)`` int64: the numbers to say; ``-100`` after 0.

    Baseline:
        Exact match: repeating the number is right for 0 only, in 1/(start + 1). The optimum is 1:
        what is said last gives away what comes next.

    Source:
        A classroom example.

    Example:
        >>> number, targets, length = Countdown(start=5).dataset("test")[3]
        >>> number.item(), targets.tolist(), length.item()
        (3, [3, 2, 1, 0, -100, -100], 4)
    """

    mapping: ClassVar[str] = "one-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 1.0
    measure: ClassVar[str] = "start"
    held_out: ClassVar[bool] = False
    max_length: ClassVar[int] = 1000  # every step of every countdown names one of all numbers

    start: int = 10
    """The greatest number to count down from."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("start", 1, self.max_length)
        super().__post_init__()
        if (most := max(self.test_lengths or (), default=0)) > self.start:
            raise ValueError(f"`test_lengths` must be at most {self.start}, `start`, got {most}.")

    @property
    def input_size(self) -> int:
        """The numbers from 0 to `start`."""
        return self.start + 1

    @property
    def output_size(self) -> int:
        """The numbers from 0 to `start`."""
        return self.start + 1

    def population(self, split: str, length: int | None) -> int:
        """One countdown from each number."""
        return (length or self.start) + 1

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Count down from the numbers given as indices."""
        numbers = rng.indices.astype(np.int64)
        said = numbers[:, None] - np.arange(self.population(rng.split, length))  # (B, T)
        return SequenceBatch(
            inputs=torch.from_numpy(numbers),
            targets=torch.from_numpy(np.where(said < 0, UNSCORED, said)),
            lengths=torch.from_numpy(numbers + 1),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of repeating the number, and of counting down."""
        return {"repeat": 1 / (self.start + 1), "optimum": 1.0}
