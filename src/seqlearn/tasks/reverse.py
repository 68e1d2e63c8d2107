"""A string back to front."""

import string
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG

LETTERS = string.ascii_letters


@dataclass(kw_only=True, eq=False)
class Reverse(SequenceDataModule):
    """Write a string back to front.

    ::

        string       a f f h .
        reversed               h f f a .

    The state between reading and writing must hold the whole string at once, so its size limits
    how long a string can be; a network does not learn to treat every place alike, and strings
    longer than those it was trained on come out wrong.

    Shapes:
        inputs ``(B, T)`` int64: the letters as numbers from 0, then padding.
        targets ``(B, T)`` int64: the same in the opposite order; ``-100`` after the end.

    Baseline:
        Exact match of n letters out of an alphabet of k: guessing is right in k^-n; writing the
        string as it is read, in k^-floor(n / 2), the share of palindromes. The optimum is 1.

    Source:
        Scored for generalisation to longer strings by Grefenstette et al. 2015, "Learning to
        transduce with unbounded memory", arXiv 1506.02516, who read and write much longer ones.

    Example:
        >>> inputs, targets, length = Reverse(letters=4).dataset("test", length=4)[0]
        >>> "".join(LETTERS[i] for i in inputs), "".join(LETTERS[i] for i in targets)
        ('jvbl', 'lbvj')
    """

    mapping: ClassVar[str] = "encoder-decoder"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "letters"
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2)

    letters: int = 8
    """Train on strings of one to this many letters, long ones more often."""
    alphabet: int = 26
    """Letters to choose from: the first so many of a to z, then A to Z."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("letters", 1)
        if not 2 <= self.alphabet <= len(LETTERS):
            raise ValueError(f"`alphabet` must be from 2 to {len(LETTERS)}, got {self.alphabet}.")
        super().__post_init__()

    @property
    def input_size(self) -> int:
        """The letters of the alphabet."""
        return self.alphabet

    @property
    def output_size(self) -> int:
        """The letters of the alphabet."""
        return self.alphabet

    @property
    def vocabulary(self) -> str:
        """The letters of the alphabet."""
        return LETTERS[: self.alphabet]

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw strings of ``length`` letters; if None, of the longer of two random lengths."""
        longest = length or self.letters
        lengths = (
            np.full(len(rng), length) if length else rng.integers(1, longest + 1, 2).max(axis=1)
        )
        letters = rng.integers(0, self.alphabet, longest)  # (B, T)
        sources = lengths[:, None] - 1 - np.arange(longest)  # where each target stands
        return SequenceBatch(
            inputs=torch.from_numpy(np.where(sources < 0, 0, letters)),
            targets=torch.from_numpy(
                np.where(sources < 0, UNSCORED, np.take_along_axis(letters, sources, axis=1))
            ),
            lengths=torch.from_numpy(lengths),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of guessing, of writing the string as it is read, and of reversing it."""
        return {
            "guess": self.alphabet**-self.letters,
            "repeat": self.alphabet ** -(self.letters // 2),
            "optimum": 1.0,
        }
