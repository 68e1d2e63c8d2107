"""The first symbol, asked for at the end."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class FirstSymbol(SequenceDataModule):
    """Name the first symbol after many others.

    ::

        symbols   2  0  3  3  1  0  2  ...  0
        asked     .  .  .  .  .  .  .  ...  2

    The symbols in between are drawn from the same few, so that nothing but its place marks the
    first: it must be stored at once, and kept from all that follow.

    `steps` is the dial from easy to impossible: the gradient that could teach to keep the first
    symbol shrinks with every step it is led back through. With the preset's size and budget a tanh
    network mostly learns it at 10 steps and stays at chance at 200; gates that start half open, and
    forget a half in each step, stay there at 30 already: the preset starts them open
    (`forget_bias`).

    Shapes:
        inputs ``(B, T)`` int64: symbols as 0 to ``classes - 1`` (the modules make them one-hot).
        targets ``(B,)`` int64: the first of them.

    Baseline:
        Accuracy: 1/classes for a guess, or for the symbol seen last; a little more for the most
        frequent one, as the first is one of those counted; the optimum is 1, at any length.

    Source:
        The latch of Bengio, Simard & Frasconi 1994, "Learning long-term dependencies with gradient
        descent is difficult", doi:10.1109/72.279181, with symbols instead of real noise.

    Example:
        >>> inputs, target, length = FirstSymbol(steps=8).dataset("test")[0]
        >>> inputs.tolist(), target.item(), length.item()
        ([3, 3, 0, 3, 1, 0, 2, 1], 3, 8)
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4, 10)

    classes: int = 4
    """Different symbols, each of which can be the first."""
    steps: int = 30
    """Symbols in a sequence to train on; the more, the harder."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("classes", 2)
        self.require("steps", 1)
        super().__post_init__()

    @property
    def input_size(self) -> int:
        """The different symbols."""
        return self.classes

    @property
    def output_size(self) -> int:
        """The different symbols."""
        return self.classes

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw every symbol alike."""
        steps = length or self.steps
        symbols = torch.from_numpy(rng.integers(0, self.classes, steps))
        return SequenceBatch(symbols, symbols[:, 0], torch.full((len(rng),), steps))

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, naming the last and the most frequent symbol, and remembering."""
        chance = 1 / self.classes
        most_frequent = share_of_the_most_frequent(self.classes, self.steps)
        last = 1.0 if self.steps == 1 else chance
        return {"guess": chance, "last": last, "most_frequent": most_frequent, "optimum": 1.0}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the symbols; the note has the probability of the answer."""
        chances = predictions.amax(-1).tolist()
        return [
            example._replace(note=f"{chance:.3f}")
            for example, chance in zip(plainly(self, batch, predictions), chances, strict=True)
        ]


def share_of_the_most_frequent(classes: int, steps: int) -> float:
    """Give the mean share, among so many even draws, of the class that comes up most often.

    The counts of the classes are those of independent Poisson variables, given their sum; the mean
    of the largest is the sum of its chances to exceed 0, 1, 2, ...

    Example:
        >>> round(share_of_the_most_frequent(classes=2, steps=2), 6)  # AA, BB: all; AB, BA: half
        0.75
    """
    counts = np.arange(steps + 1)
    logs = np.cumsum(np.log(np.maximum(counts, 1)))  # of the factorials
    single, total = (np.exp(counts * np.log(m) - m - logs) for m in (steps / classes, steps))
    largest = -(-steps // classes)  # at least that
    for count in range(largest, steps):
        size = classes * count + 1
        sums = np.fft.irfft(np.fft.rfft(single[: count + 1], size) ** classes, size)
        exceeds = 1 - sums[steps] / total[steps]
        if exceeds < 1e-9:
            break
        largest += exceeds
    return float(largest / steps)
