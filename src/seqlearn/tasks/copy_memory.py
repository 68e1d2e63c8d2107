"""Symbols said again after a long pause."""

import string
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.first_symbol import share_of_the_most_frequent

LETTERS = string.ascii_letters
BLANK, CUE = ".", ">"
"""How they are written."""


@dataclass(kw_only=True, eq=False)
class CopyMemory(SequenceDataModule):
    """Say a string again after a long pause.

    ::

        shown   c a f h  . . . . ...  . >  . . . .
        said                               c a f h

    The symbols come first, then ``delay - 1`` blanks and a cue; while as many blanks are read, the
    symbols are to be said in their order. Nothing disturbs the memory but its own decay: a linear
    network whose eigenvalues lie near the unit circle becomes a delay line, where what a tanh
    network held is long gone, and with it the gradient that could teach it to hold more.

    Shapes:
        inputs ``(B, T)`` int64: the symbols as 0 to ``classes - 1``, the blank, the cue; ``T`` is
        the delay and twice the number of symbols (the modules make them one-hot).
        targets ``(B, T)`` int64: the symbols at the last steps; ``-100`` before.

    Baseline:
        Accuracy: 1/classes without a memory; who kept the symbols but not their order does best to
        say the most frequent one throughout; the optimum is 1, at any delay.

        Only what is recalled is scored, so that the loss without a memory is ln 8 = 2.079. The
        field often counts the blanks before as well, as steps at which to say nothing: over T + 20
        steps that is 10 ln 8 / (T + 20), 0.173 at T = 100, and who never says a word is right at 92
        of 100 steps there, at 99 of 100 for T = 1000.

    Source:
        Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural networks", arXiv
        1511.06464, after a task of Hochreiter & Schmidhuber 1997; linear solutions are given by
        Henaff, Szlam & LeCun 2016, "Recurrent orthogonal networks and long-memory tasks", arXiv
        1602.06662.

    Example:
        >>> data = CopyMemory(tokens=4, delay=3)
        >>> inputs, targets, _ = data.dataset("test")[0]
        >>> shown = "".join(data.vocabulary[k] for k in inputs)
        >>> shown, "".join(data.answers[k] for k in targets if k >= 0)
        ('aaea..>....', 'aaea')
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "delay"

    tokens: int = 10
    """Symbols to remember."""
    classes: int = 8
    """Different symbols, each as likely at each place."""
    delay: int = 100
    """Steps from the last symbol to the cue, the T of the literature; the more, the harder."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("tokens", 1)
        self.require("classes", 2, len(LETTERS))
        self.require("delay", 1)
        super().__post_init__()

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
        """Draw every symbol alike; the delay is always the same."""
        delay = length or self.delay
        symbols = rng.integers(0, self.classes, self.tokens)
        inputs = np.full((len(rng), delay + 2 * self.tokens), self.classes)
        inputs[:, : self.tokens] = symbols
        inputs[:, self.tokens + delay - 1] = self.classes + 1
        targets = np.full(inputs.shape, UNSCORED)
        targets[:, -self.tokens :] = symbols
        return SequenceBatch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(targets),
            lengths=torch.full((len(rng),), inputs.shape[1]),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, of who forgot the order, and of who recalls."""
        return {
            "memoryless": 1 / self.classes,
            "unordered": share_of_the_most_frequent(self.classes, self.tokens),
            "optimum": 1.0,
        }
