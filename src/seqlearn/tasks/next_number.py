"""The number that comes after a few consecutive ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.limits import MOST
from seqlearn.rng import IndexedRNG

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(kw_only=True, eq=False)
class NextNumber(SequenceDataModule):
    """Continue consecutive numbers by the next one.

    ::

        shown    95   96   97   98   99
        asked     .    .    .    .  100

    A tanh unit answers between -1 and 1 and stands still beyond a few units of input. Raw numbers
    up to 100 drive it there at once: windows look alike and no gradient comes back, while the
    readout has to stretch values below 1 to reach 100. So the numbers are centred and scaled to
    ``[-1, 1]`` over the training range, inputs and targets alike; ``normalize=False`` keeps them
    raw, to see the difference. Errors are given in numbers either way.

    The windows start at 0 to ``limit - 1``. An eighth of them is held out for validation and
    another for the test inside the range; a test length above `limit` asks for windows that start
    from `limit` on: beyond anything seen, where a network that saturates cannot follow.

    Shapes:
        inputs ``(B, window, 1)`` float32, in units of ``limit / 2`` around the middle of the range.
        targets ``(B, 1)`` float32: the next number, in the same units.

    Baseline:
        Mean absolute error in numbers: 1 for repeating the last (persistence), 0 for continuing
        the line through the last two, which is the optimum.

    Source:
        A classroom example; windows ``j ... j + 4`` for ``j`` from 0 to 99, target ``j + 5``.

    Example:
        >>> NextNumber(normalize=False).dataset("train")[0].inputs.flatten().tolist()
        [73.0, 74.0, 75.0, 76.0, 77.0]
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mae"
    goal: ClassVar[float] = 0.5
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "limit"
    input_size: ClassVar[int] = 1
    output_size: ClassVar[int] = 1
    min_length: ClassVar[int] = 64
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 10)

    limit: int = 100
    """Windows to train on start below this number, which is also the training length."""
    window: int = 5
    """Consecutive numbers shown."""
    normalize: bool = True
    """Scale numbers to [-1, 1] over the training range; raw numbers are hard for tanh units."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("limit", self.min_length, MOST // max(self.test_multiples))
        self.require("window", 1, 1000)
        super().__post_init__()

    @property
    def scale(self) -> float:
        """Numbers to one unit of a target."""
        return self.limit / 2 if self.normalize else 1.0

    def population(self, split: str, length: int | None) -> int:
        """One window for each number that it may start from."""
        return length - self._first(length) if length else self.limit

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Give the windows of these numbers: from 0 on, or from `limit` on for a greater length."""
        starts = rng.indices.astype(np.int64) + self._first(length)
        numbers = starts[:, None] + np.arange(self.window + 1)
        units = numbers / self.scale - 1 if self.normalize else numbers
        values = torch.from_numpy(units.astype(np.float32))
        return SequenceBatch(
            inputs=values[:, :-1, None],
            targets=values[:, -1:],
            lengths=torch.full((len(rng),), self.window),
        )

    def _first(self, length: int | None) -> int:
        return self.limit if length and length > self.limit else 0

    def baselines(self) -> dict[str, float]:
        """Mean absolute error, in numbers."""
        return {"persistence": 1.0, "linear_extrapolation": 0.0, "optimum": 0.0}

    def plot(
        self, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
    ) -> "Figure":
        """Draw the predicted against the true numbers."""
        shift = float(self.normalize)  # from the middle of the range to 0
        shifted = batch._replace(targets=batch.targets + shift)
        return super().plot(shifted, predictions + shift, alone)

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the window, the next number and the predicted one."""
        shown, asked, said = (
            (part + 1) * self.scale if self.normalize else part
            for part in (batch.inputs[:, :, 0], batch.targets[:, 0], predictions[:, 0])
        )
        return [
            Example(" ".join(f"{x:.0f}" for x in window), f"{number:.0f}", f"{guess:.2f}")
            for window, number, guess in zip(
                shown.tolist(), asked.tolist(), said.tolist(), strict=True
            )
        ]
