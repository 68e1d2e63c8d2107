"""Values by their keys."""

import string
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.first_symbol import share_of_the_most_frequent

VALUES, KEYS, BLANK = string.ascii_lowercase, string.ascii_uppercase, "."
"""How they are written."""


@dataclass(kw_only=True, eq=False)
class AssociativeRecall(SequenceDataModule):
    """Give the value that stood beside a key.

    ::

        shown   C e A b F a  . . A . . . F C . .
        said                     b       a e

    First come the pairs, each a key and its value, with new values in every sequence; then every
    key is asked for once, in random order and at random places among blanks. A network has to tie a
    value to its key, and to find it by that key whenever it comes up: attention does it by looking
    back, a recurrent network needs room for all the pairs at once.

    Shapes:
        inputs ``(B, T)`` int64: the values as 0 to ``values - 1``, then the keys, then the blank
        (the modules make them one-hot).
        targets ``(B, T)`` int64: the value at each step that asks for one; ``-100`` elsewhere.

    Baseline:
        Accuracy: 1/values for a guess; who knows the last pair only has one answer more; who kept
        the values but not their keys does best to say the most frequent one throughout. The optimum
        is 1, at any length.

    Source:
        Multi-query associative recall: Arora et al. 2023, "Zoology: measuring and improving recall
        in efficient language models", arXiv 2312.04927, with thousands of words, values that
        differ, and keys that come back rather sooner than later. Here values are independent of
        each other, and every place is as likely.

    Example:
        >>> data = AssociativeRecall(pairs=2, steps=10)
        >>> inputs, targets, _ = data.dataset("test")[0]
        >>> shown = "".join(data.vocabulary[k] for k in inputs)
        >>> shown, "".join(data.answers[k] for k in targets if k >= 0)
        ('CdBb.B.C..', 'bd')
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    pairs: int = 4
    """Train on sequences of one to this many keys, each with a value; tests have all."""
    keys: int = 4
    """Different keys to choose from; those of a sequence differ."""
    values: int = 4
    """Different values, each as likely beside each key."""
    steps: int = 16
    """Steps of a sequence; longer tests have as many pairs among more blanks."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("pairs", 1)
        self.require("keys", self.pairs, len(KEYS))
        self.require("values", 2, len(VALUES))
        self.require("steps", 3 * self.pairs)
        super().__post_init__()
        if self.test_lengths and min(self.test_lengths) < 3 * self.pairs:
            raise ValueError(
                f"`test_lengths` must be at least thrice `pairs`, {3 * self.pairs}, "
                f"got {min(self.test_lengths)}."
            )

    @property
    def input_size(self) -> int:
        """The values, the keys, the blank."""
        return self.values + self.keys + 1

    @property
    def output_size(self) -> int:
        """The values."""
        return self.values

    @property
    def answers(self) -> str:
        """The values as small letters."""
        return VALUES[: self.values]

    @property
    def vocabulary(self) -> str:
        """The values as small letters, the keys as capitals, the blank."""
        return self.answers + KEYS[: self.keys] + BLANK

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw keys, every choice and order alike, their values, and when each is asked for.

        If ``length`` is None, only the first of the pairs stay, one to all of them: with few there
        is little to confuse, and from there a network finds the way to tie a value to a key.
        """
        steps, shown = length or self.steps, 2 * self.pairs
        keys = self.values + rng.permutation(self.keys)[:, : self.pairs]
        values = rng.integers(0, self.values, self.pairs)
        asked = values
        if length is None:
            left_out = np.arange(self.pairs) >= rng.integers(1, self.pairs + 1)[:, None]
            keys[left_out] = values[left_out] = self.values + self.keys
            asked = np.where(left_out, UNSCORED, values)
        order = rng.permutation(self.pairs)
        places = shown + rng.subset(steps - shown, self.pairs)
        inputs = np.full((len(rng), steps), self.values + self.keys)
        inputs[:, 0:shown:2], inputs[:, 1:shown:2] = keys, values
        targets = np.full(inputs.shape, UNSCORED)
        rows = np.arange(len(rng))[:, None]
        inputs[rows, places], targets[rows, places] = keys[rows, order], asked[rows, order]
        return SequenceBatch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(targets),
            lengths=torch.full((len(rng),), steps),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, of who knows the last pair or no keys, and of who recalls."""
        chance = 1 / self.values
        return {
            "guess": chance,
            "last_pair": (1 + (self.pairs - 1) * chance) / self.pairs,
            "values_only": share_of_the_most_frequent(self.values, self.pairs),
            "optimum": 1.0,
        }
