"""Whether the ones so far are even or odd in number, asked at every bit."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from seqlearn.data import UNSCORED, SequenceBatch
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.parity import Parity


@dataclass(kw_only=True, eq=False)
class RunningParity(Parity):
    """Tell at every bit whether the number of ones so far is odd.

    ::

        bits     0 1 1 0 1 0 ... 1
        parity   0 1 0 0 1 1 ... 0

    The sequences are those of `parity`, but every step teaches: the answers to the first bits are
    soon learnt, and each later one differs from the one before by its own bit alone.

    Shapes:
        inputs ``(B, T)`` int64: bits (the modules make them one-hot), then padding.
        targets ``(B, T, 1)`` int64: 1 where the number of ones so far is odd; ``-100`` after the
        end.

    Baseline:
        Accuracy over all bits of n: 1/2 for a guess; naming the last bit is right at the first,
        and half of the time later, 1/2 + 1/(2n); the optimum is 1, at any length.

    Source:
        As `parity`, with an answer at every step.

    Example:
        >>> inputs, targets, length = RunningParity().dataset("test", length=8)[0]
        >>> inputs.tolist(), targets[:, 0].tolist()
        ([0, 1, 0, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 1, 0, 0])
    """

    mapping: ClassVar[str] = "many-to-many"

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw as for `parity`, and ask at every bit."""
        inputs, _, lengths = super().draw(rng, length)
        parities = inputs.cumsum(1)[:, :, None] % 2
        parities[torch.arange(inputs.shape[1]) >= lengths[:, None]] = UNSCORED
        return SequenceBatch(inputs, parities, lengths)

    def baselines(self) -> dict[str, float]:
        """Accuracy of a guess, of naming the last bit, and of who counts."""
        return {"guess": 0.5, "last_bit": 0.5 + 0.5 / self.bits, "optimum": 1.0}
