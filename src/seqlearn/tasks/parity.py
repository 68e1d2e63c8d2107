"""Whether the ones among many bits are even or odd in number."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class Parity(SequenceDataModule):
    """Tell whether the number of ones among many bits is odd.

    ::

        bits     0 1 1 0 1 0 ... 1
        parity   . . . . . . ... 0

    One bit of memory is enough, turned over by each one, for sequences of any length. To find that
    out is the difficulty: every bit counts, so that who misses a single one does no better than a
    guess, and nothing tells that half of the way is gone. The short sequences of the mixture are
    where a network begins.

    Shapes:
        inputs ``(B, T)`` int64: bits (the modules make them one-hot), then padding.
        targets ``(B, 1)`` int64: 1 where the number of ones is odd.

    Baseline:
        Accuracy: 1/2 for a guess, and for any reader of all bits but one; the optimum is 1, at any
        length.

    Source:
        Trained on lengths up to 40 and tested up to 500 by Delétang et al. 2023, "Neural networks
        and the Chomsky hierarchy", arXiv 2207.02098, who call it parity check.

    Example:
        >>> inputs, target, length = Parity().dataset("test", length=8)[0]
        >>> inputs.tolist(), target.item(), length.item()
        ([0, 1, 0, 0, 1, 1, 1, 0], 0, 8)
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "binary"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    measure: ClassVar[str] = "bits"
    input_size: ClassVar[int] = 2
    output_size: ClassVar[int] = 1
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 5, 13)

    bits: int = 40
    """Train on one to this many bits, few more often."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("bits", 1)
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw ``length`` fair bits; if None, mostly few."""
        longest = length or self.bits
        lengths = draw_lengths(rng, longest, length)
        bits = rng.bits(longest) * (np.arange(longest) < lengths[:, None])
        return SequenceBatch(
            inputs=torch.from_numpy(bits.astype(np.int64)),
            targets=torch.from_numpy(bits.sum(axis=1, keepdims=True, dtype=np.int64) % 2),
            lengths=torch.from_numpy(lengths),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of a guess, of who misses one bit, and of who counts."""
        return {"guess": 0.5, "all_but_one": 0.5, "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The parity before each bit."""
        return {"parity": (batch.inputs.cumsum(1) - batch.inputs) % 2}


def draw_lengths(rng: IndexedRNG, longest: int, length: int | None) -> NDArray[np.int64]:
    """Give ``length``; if None, draw up to ``longest``, about as many of 1 as from 20 to 40.

    The short sequences are those from which a network can begin to learn. With lengths drawn
    evenly it needs many times as many steps.
    """
    if length:
        return np.full(len(rng), length)
    return ((longest + 1) ** rng.uniform()).astype(np.int64)
