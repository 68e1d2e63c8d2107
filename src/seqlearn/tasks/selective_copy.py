"""A few symbols picked out and said again."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.copy_memory import BLANK, CUE, LETTERS
from seqlearn.tasks.first_symbol import share_of_the_most_frequent


@dataclass(kw_only=True, eq=False)
class SelectiveCopy(SequenceDataModule):
    """Pick a few symbols out of blanks, and say them in their order.

    ::

        shown   . . c . . a f . . . h .  > > > >
        said                             c a f h

    The symbols stand at random places, every set of places alike; with each cue the next of them is
    to be said. The lag from a symbol to its answer is never the same, so that a linear delay line,
    which does in `copy_memory`, is of no use: what is stored, and where, must depend on what is
    read. Gates can do that.

    Shapes:
        inputs ``(B, T)`` int64: the symbols as 0 to ``classes - 1``, the blank, the cue; ``T`` is
        ``steps`` and a cue for each symbol, with blanks behind what is shorter (the modules make
        them one-hot).
        targets ``(B, T)`` int64: the symbols at the cues; ``-100`` elsewhere.

    Baseline:
        Accuracy: 1/classes for a guess; who knows the last symbol only has one place more; who kept
        the symbols but not their order does best to say the most frequent one throughout. The
        optimum is 1, at any length.

    Source:
        Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces", arXiv
        2312.00752, who put it beside `copy_memory`; their sequences are far longer.

    Example:
        >>> data = SelectiveCopy(tokens=3, steps=8)
        >>> inputs, targets, _ = data.dataset("test", length=8)[0]
        >>> shown = "".join(data.vocabulary[k] for k in inputs)
        >>> shown, "".join(data.answers[k] for k in targets if k >= 0)
        ('..m.he..>>>', 'mhe')
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    tokens: int = 8
    """Symbols to pick out."""
    classes: int = 14
    """Different symbols, each as likely; with blank and cue a vocabulary of 16."""
    steps: int = 64
    """Train on up to this many steps, cues not counted; longer tests have as many symbols."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("tokens", 1)
        self.require("classes", 2, len(LETTERS))
        self.require("steps", self.tokens)
        super().__post_init__()
        if self.test_lengths and min(self.test_lengths) < self.tokens:
            raise ValueError(
                f"`test_lengths` must be at least `tokens`, {self.tokens}, "
                f"got {min(self.test_lengths)}."
            )

    @property
    def input_size(self) -> int:
        """The different symbols, the blank and the cue."""
        return self.classes + 2

    @property
    def output_size(self) -> int:
        """The different symbols."""
        return self.classes

    @property
    def answers(self) -> str:
        """The symbols as letters."""
        return LETTERS[: self.classes]

    @property
    def vocabulary(self) -> str:
        """The symbols as letters, the blank, the cue."""
        return self.answers + BLANK + CUE

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw symbols, each alike, and places, every set of them alike, among ``length`` steps.

        If None, among as many as there are symbols up to `steps`, each number as likely: the short
        sequences teach what is to be done, the long ones to wait.
        """
        most = length or self.steps
        steps = rng.integers(length or self.tokens, most + 1)
        symbols = rng.integers(0, self.classes, self.tokens)
        inputs = np.full((len(rng), most + self.tokens), self.classes)
        targets = np.full(inputs.shape, UNSCORED)
        rows, asked = np.arange(len(rng))[:, None], steps[:, None] + np.arange(self.tokens)
        inputs[rows, rng.subset(steps, self.tokens)] = targets[rows, asked] = symbols
        inputs[rows, asked] = self.classes + 1
        return SequenceBatch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(targets),
            lengths=torch.from_numpy(steps + self.tokens),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, of who knows the last symbol or no order, and of who recalls."""
        chance = 1 / self.classes
        return {
            "guess": chance,
            "last": (1 + (self.tokens - 1) * chance) / self.tokens,
            "unordered": share_of_the_most_frequent(self.classes, self.tokens),
            "optimum": 1.0,
        }

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """How many symbols are held: one more with each that is read, one less with each cue."""
        read = (batch.inputs < self.classes).long()
        said = (batch.inputs > self.classes).long()
        after = (read - said).cumsum(1)
        return {"held": torch.cat([torch.zeros_like(after[:, :1]), after[:, :-1]], 1)}
