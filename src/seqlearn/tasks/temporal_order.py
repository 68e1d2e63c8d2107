"""The order of a few symbols that stand far apart."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG

SYMBOLS = "abcdXYEB"
X, Y, FIRST, LAST = (SYMBOLS.index(symbol) for symbol in "XYEB")
WINDOWS = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
"""Where marks stand, from and to, in hundredths of the length, for two and for three of them."""


@dataclass(kw_only=True, eq=False)
class TemporalOrder(SequenceDataModule):
    """Tell in which order X and Y came among many other symbols.

    ::

        symbols   E  b  d  ...  X  a  c  ...  Y  c  ...  d  B
        asked     .  .  .  ...  .  .  .  ...  .  .  ...  .  XY

    Either of two marks is an X or a Y, by a toss of a coin: the first stands between a tenth and a
    fifth of the length, the second between five and six tenths. All others are a, b, c or d, the
    first symbol is E and the last is B. It is not enough to count the marks: the state has to tell
    XY from YX, over a gap of a third of the sequence. With `marks` of 3 there are 8 classes, and
    the third mark stands behind two thirds of the length.

    Shapes:
        inputs ``(B, T)`` int64: a, b, c, d, X, Y, E, B as 0 to 7 (the modules make them one-hot).
        targets ``(B,)`` int64: XX, XY, YX, YY as 0 to 3, or XXX to YYY as 0 to 7.

    Baseline:
        Accuracy, of m marks: 1/2^m for a guess, twice that for who only knows the last mark, and
        (m + 1)/2^m for who knows how many are X, but not their order; the optimum is 1.

    Source:
        Hochreiter & Schmidhuber 1997, "Long short-term memory", doi:10.1162/neco.1997.9.8.1735,
        experiments 6a and 6b, where a length of 100 to 110 is drawn for each sequence; the preset
        trains on 50.

    Example:
        >>> inputs, target, length = TemporalOrder(steps=20).dataset("test")[0]
        >>> "".join(SYMBOLS[i] for i in inputs), TemporalOrder().answers[target]
        ('EadXbabbccdYaaacccdB', 'XY')
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    input_size: ClassVar[int] = len(SYMBOLS)
    vocabulary: ClassVar[str] = SYMBOLS
    min_length: ClassVar[int] = 10
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    marks: int = 2
    """How often X or Y come: 2 or 3 times."""
    steps: int = 50
    """Symbols in a sequence to train on; the more, the harder."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("marks", min(WINDOWS), max(WINDOWS))
        self.require("steps", self.min_length)
        super().__post_init__()

    @property
    def output_size(self) -> int:
        """Every order of the marks."""
        return 1 << self.marks

    @property
    def answers(self) -> tuple[str, ...]:
        """The marks as they came."""
        return tuple(map("".join, product("XY", repeat=self.marks)))

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw the symbols, then the marks and the place of each, any in its window alike."""
        steps = length or self.steps
        low, high = rng.bits((2, steps)).swapaxes(0, 1)  # quicker than integers from 0 to 3
        symbols = low + 2 * high  # (B, T)
        symbols[:, 0], symbols[:, -1] = FIRST, LAST
        first, last = np.array(WINDOWS[self.marks]).T * steps // 100
        places = rng.integers(first, last + 1, self.marks)
        marks = rng.bits(self.marks)  # (B, marks), 1 for a Y
        np.put_along_axis(symbols, places, X + marks, axis=1)
        return SequenceBatch(
            inputs=torch.from_numpy(symbols).long(),
            targets=torch.from_numpy(marks @ 2 ** np.arange(self.marks)[::-1]),
            lengths=torch.full((len(rng),), steps),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of guessing, of knowing the last mark or how many are X, and the best."""
        guess = 1 / self.output_size
        order_unknown = (self.marks + 1) * guess
        return {"guess": guess, "last_mark": 2 * guess, "count": order_unknown, "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """Each mark once it has come: 1 for a Y, -1 for an X."""
        signs = (batch.inputs == Y).long() - (batch.inputs == X).long()  # (B, T)
        numbers = signs.abs().cumsum(1)
        marks = {f"mark {k}": signs * (numbers == k) for k in range(1, self.marks + 1)}
        return {name: mark.cumsum(1) - mark for name, mark in marks.items()}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the marks and their steps; the note has the probability of the answer."""
        examples = []
        for symbols, target, row in zip(*batch[:2], predictions, strict=True):
            places = ((symbols == X) | (symbols == Y)).nonzero().flatten().tolist()
            marks = ", ".join(f"{SYMBOLS[symbols[place]]} at {place + 1}" for place in places)
            guess = int(row.argmax())
            asked, said = self.answers[target], self.answers[guess]
            text = f"{marks} of {len(symbols)}"
            examples.append(Example(text, asked, said, asked == said, f"{row[guess]:.3f}"))
        return examples
