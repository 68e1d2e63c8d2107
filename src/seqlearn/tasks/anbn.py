"""The language of as many a as b, and what the next one needs of it too."""

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG

START, END = "S", "T"


@dataclass(kw_only=True, eq=False)
class AnBn(SequenceDataModule):
    """Say what may come next in a string of n times a, then n times b.

    ::

        string    S   a   a   b   b          n = 2
        next      a   ab  ab  b   T          T: here it ends

    After an a both letters are legal; from the first b on, all that follows is settled by the
    number of a. A string is accepted if every set is right at every step, and the test length is
    its n: the greatest n that is accepted tells how far a network can count.

    No finite automaton knows this language: the memory must grow with n. A cell of an LSTM can
    count, as it may add at each a what it takes away at each b. The states of tanh units and of a
    GRU stay between -1 and 1, so that their counts crowd together: with the preset's budget and as
    many weights they accept all strings trained on, and none of n = 20, which an LSTM does.

    The strings of n from 1 to `n` are the whole world, so all are used to train and to validate; a
    test is the one string of that n.

    Shapes:
        inputs ``(B, T)`` int64: S, a, b as 0 to 2, of ``2 * n + 1`` steps (the modules make them
        one-hot).
        targets ``(B, T, 3)`` int64: a, b and T, 1 if it may come next; ``-100`` after the end.

    Baseline:
        Exact match of every set: who knows the order of the letters and does not count never sees
        the end coming, and is right in no string. The optimum is 1, at any n.

    Source:
        Gers & Schmidhuber 2001, "LSTM recurrent networks learn simple context-free and
        context-sensitive languages", doi:10.1109/72.963769, whose cells have peepholes.

    Example:
        >>> inputs, targets, length = AnBn().dataset("test", length=2)[0]
        >>> inputs.tolist(), targets.tolist()
        ([0, 1, 1, 2, 2], [[1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]])
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "binary"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 1.0
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "n"
    held_out: ClassVar[bool] = False
    test_multiples: ClassVar[tuple[int, ...]] = tuple(range(1, 11))
    letters: ClassVar[str] = "ab"

    n: int = 10
    """Train on all strings of 1 to this many a."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("n", 1)
        super().__post_init__()

    @property
    def input_size(self) -> int:
        """The start and the letters."""
        return len(self.letters) + 1

    @property
    def output_size(self) -> int:
        """The letters and the end."""
        return len(self.letters) + 1

    @property
    def vocabulary(self) -> str:
        """The start and the letters."""
        return START + self.letters

    @property
    def answers(self) -> str:
        """The letters and the end."""
        return self.letters + END

    def population(self, split: str, length: int | None) -> int:
        """One string of each n; of a given n there is one."""
        return 1 if length else self.n

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Give the strings of these numbers, or the one of n ``length``."""
        numbers = rng.indices.astype(np.int64) + (length or 1)
        counts, rows = np.unique(numbers, return_inverse=True)  # each is made once
        n, kinds = counts[:, None], len(self.letters)
        steps = np.arange(kinds * (length or self.n) + 1)
        shown, following = (steps + n - 1) // n, steps // n  # a is 1 among what is shown, else 0
        legal = following[:, :, None] == np.arange(kinds + 1)
        legal[:, :, :2] |= (shown == 1)[:, :, None]
        ended = steps > kinds * n
        targets = np.where(ended[:, :, None], UNSCORED, legal)
        return SequenceBatch(
            inputs=torch.from_numpy(np.where(ended, 0, shown)[rows]),
            targets=torch.from_numpy(targets[rows]),
            lengths=torch.from_numpy(kinds * numbers + 1),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of knowing the order of the letters only, and of counting."""
        return {"no_counting": 0.0, "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """How many of a letter were shown that the next letter has not answered yet."""
        shown = torch.nn.functional.one_hot(batch.inputs, self.input_size)
        before = shown.cumsum(1) - shown  # (B, T, symbols)
        symbols = enumerate(self.letters, start=1)
        return {
            f"{one} without {other}": before[:, :, k] - before[:, :, m]
            for (k, one), (m, other) in pairwise(symbols)
        }
