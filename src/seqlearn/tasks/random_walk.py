"""The next position of a random walk."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class RandomWalk(SequenceDataModule):
    """Forecast the next position of a random walk.

    ::

        shown    0.0   0.4  -0.9  -0.3      steps are normal, of mean 0: of all that is shown
        asked    0.4  -0.9  -0.3  -1.1      only the last position says something of the next

    Every walk starts at 0, which is shown. Inputs and targets are divided by the standard deviation
    of the last position in training, ``sigma * sqrt(steps)``: a walk is about as wide as what a
    tanh unit can say. One 16 times as long goes 4 times as far: a tanh network does not follow it,
    a linear one (``nonlinearity: identity``) does.

    Shapes:
        inputs ``(B, T, 1)`` float32: the positions 0 to ``T - 1``, divided as said.
        targets ``(B, T, 1)`` float32: the positions 1 to ``T``, divided likewise.

    Baseline:
        Mean squared error as a multiple of the optimum, ``sigma**2``, which repeating the last
        value reaches. Saying 0 costs (T + 1)/2, the mean of the positions so far about T/6.

    Source:
        Pearson 1905, "The problem of the random walk", doi:10.1038/072294b0.

    Example:
        >>> inputs, targets, _ = RandomWalk().dataset("test", length=3)[0]
        >>> inputs[0].item(), torch.equal(inputs[1:], targets[:-1])
        (0.0, True)
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse_ratio"
    goal: ClassVar[float] = 1.02
    input_size: ClassVar[int] = 1
    output_size: ClassVar[int] = 1
    min_length: ClassVar[int] = 2
    test_multiples: ClassVar[tuple[int, ...]] = (1, 4, 16)

    steps: int = 50
    """Steps of a training walk."""
    sigma: float = 1.0
    """Standard deviation of a step: the unit of the errors."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("steps", self.min_length)
        if not 1e-6 <= self.sigma <= 1e6:
            raise ValueError(f"`sigma` must be from 1e-6 to 1e6, got {self.sigma}.")
        super().__post_init__()

    @property
    def scale(self) -> float:
        """The standard deviation of the last position of a training walk."""
        return self.sigma * math.sqrt(self.steps)

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw walks of ``length`` steps; if None, of the training length."""
        steps = rng.normal(size=length or self.steps) / math.sqrt(self.steps)
        walks = np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)  # (B, T + 1)
        return one_step_ahead(walks)

    def optimum(self, length: int | None) -> float:
        """The variance of a step."""
        return self.sigma**2

    def baselines(self) -> dict[str, float]:
        """Squared error, in variances of a step, of 0, of the mean so far and of the last value."""
        last = np.arange(self.steps)  # the position shown last, t
        return {
            "zero": (self.steps + 1) / 2,
            # The k-th step is missing from k/(t + 1) of the mean: the sum of these squared.
            "mean_so_far": float(np.mean(1 + last * (2 * last + 1) / (6 * (last + 1)))),
            "last_value": 1.0,
            "optimum": 1.0,
        }

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the positions."""
        return plainly(self, batch._replace(inputs=batch.inputs * self.scale), predictions)


def one_step_ahead(series: NDArray[np.float64]) -> SequenceBatch:
    """Make a batch of series ``(B, T + 1)``: shown all but the last, asked all but the first."""
    values = torch.from_numpy(series.astype(np.float32))[:, :, None]
    return SequenceBatch(
        inputs=values[:, :-1],
        targets=values[:, 1:].clone(),  # of their own, to be marked as not scored
        lengths=torch.full((len(series),), series.shape[1] - 1),
    )
