"""Where a walk round a cycle ends."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.parity import draw_lengths

MOVES = (0, 1, -1)
"""What each symbol adds to the place."""


@dataclass(kw_only=True, eq=False)
class CycleNav(SequenceDataModule):
    """Name the place where a walk round a cycle ends.

    ::

        moves    +  +  0  +  -  +  +  ...  +       0 stays, + goes on and - back,
        place    .  .  .  .  .  .  .  ...  3       on from the last place to the first

    The walk begins at place 0. As in `parity` every move counts, but the memory has as many states
    as there are places, and must turn both ways.

    Shapes:
        inputs ``(B, T)`` int64: stay, on, back as 0 to 2 (the modules make them one-hot).
        targets ``(B,)`` int64: the place, 0 to ``places - 1``.

    Baseline:
        Accuracy: 1/places for a guess; the place where most walks end, a little more often in
        short ones; the optimum is 1, at any length.

    Source:
        Trained on lengths up to 40 and tested up to 500 by Delétang et al. 2023, "Neural networks
        and the Chomsky hierarchy", arXiv 2207.02098, who call it cycle navigation.

    Example:
        >>> inputs, target, length = CycleNav().dataset("test", length=8)[0]
        >>> [MOVES[i] for i in inputs], target.item()
        ([-1, -1, -1, 0, -1, 1, 0, 0], 2)
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    measure: ClassVar[str] = "moves"
    input_size: ClassVar[int] = len(MOVES)
    vocabulary: ClassVar[str] = "0+-"
    answers: ClassVar[None] = None
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 5, 13)

    places: int = 5
    """Places on the cycle."""
    moves: int = 40
    """Train on walks of one to this many moves, short ones more often."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("places", 2)
        self.require("moves", 1)
        super().__post_init__()

    @property
    def output_size(self) -> int:
        """The places."""
        return self.places

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw ``length`` moves, all alike; if None, mostly few."""
        longest = length or self.moves
        lengths = draw_lengths(rng, longest, length)
        symbols = rng.symbols(len(MOVES), longest) * (np.arange(longest) < lengths[:, None])
        moves = np.array(MOVES, np.int8)[symbols]
        return SequenceBatch(
            inputs=torch.from_numpy(symbols.astype(np.int64)),
            targets=torch.from_numpy(moves.sum(axis=1, dtype=np.int64) % self.places),
            lengths=torch.from_numpy(lengths),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of a guess, of the most frequent place, and of who goes along."""
        move = np.bincount(np.array(MOVES) % self.places, minlength=self.places) / len(MOVES)
        ends = np.fft.irfft(np.fft.rfft(move) ** self.moves, self.places)
        return {"guess": 1 / self.places, "most_frequent": float(ends.max()), "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The place before each move."""
        moves = torch.tensor(MOVES)[batch.inputs]
        return {"place": (moves.cumsum(1) - moves) % self.places}
