"""The sunspots of the next year."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.random_walk import one_step_ahead

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST = 1700
ENDS = {"train": 1920, "val": 1955, "test": 2008}
"""The last year that a split forecasts; it begins where the one before ends."""
LAGS = 9
"""Years that the autoregression looks back."""


@dataclass(kw_only=True, eq=False)
class Sunspots(SequenceDataModule):
    """Forecast the sunspot number of the next year.

    ::

        shown    1932  1933  1934  ...  1955      to test: the 24 years before the one asked for
        asked       .     .     .  ...  1956

    Splits follow time: training asks for years up to 1920, validation for 1921 to 1955, the test
    for 1956 to 2008, each once. The years shown before may be older, those asked for never are.

    Shapes:
        inputs ``(B, window, 1)`` float32: sunspot numbers in hundreds, year by year.
        targets ``(B, window, 1)`` float32: the years after, likewise; in validation and test only
        the last is scored, the others are ``NaN``.

    Baseline:
        Mean squared error in sunspot numbers over the years of the test: the mean of the training
        years, persistence, and an autoregression on 9 years with an intercept, by least squares on
        the training years. The series is real: no one knows the optimum. Cycles after 1955 are
        stronger than any before, so the test is harder than the validation.

    Source:
        Yearly means of the US National Geophysical Data Center, public domain; the figures revised
        in 2015 differ. The split follows Weigend, Huberman & Rumelhart 1990, "Predicting the
        future: a connectionist approach", Int. J. Neural Systems 1, 193-209, who trained up to 1920
        and tested on 1921 to 1955 and on 1956 to 1979.

    Example:
        >>> inputs, targets, _ = Sunspots(window=3).dataset("test")[0]  # 1953 to 1955, then 1956
        >>> (inputs[:, 0] * 100).numpy().round(1), round(targets[-1].item() * 100, 1)
        (array([13.9,  4.4, 38. ], dtype=float32), 141.7)
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "window"
    input_size: ClassVar[int] = 1
    output_size: ClassVar[int] = 1
    max_length: ClassVar[int | None] = 220
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2)
    held_out: ClassVar[bool] = False  # by content; here it is by time
    scale: ClassVar[float] = 100.0

    window: int = 24
    """Years shown, about two cycles; a test length shows more, or fewer."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("window", 1)
        if self.window > 110:
            raise ValueError(
                f"`window` must be at most 110, half of the years to train on, got {self.window}."
            )
        super().__post_init__()

    @property
    def goal(self) -> float:
        """A tenth above the error of the autoregression."""
        return 1.1 * self.baselines()["autoregression"]

    def population(self, split: str, length: int | None) -> int:
        """One example for each year that may be the last one asked for."""
        return ENDS[split] - self._first(split, length) + 1

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Give the windows that end with the years of these numbers."""
        last = self._first(rng.split, length) - FIRST + rng.indices.astype(np.int64)
        before = np.arange(-(length or self.window), 1)
        batch = one_step_ahead(NUMBERS[last[:, None] + before] / self.scale)
        if rng.split != "train":
            batch.targets[:, :-1] = torch.nan
        return batch

    def _first(self, split: str, length: int | None) -> int:
        """The first year to end a window."""
        if split == "train":
            return FIRST + (length or self.window)
        return ENDS["train" if split == "val" else "val"] + 1

    def baselines(self) -> dict[str, float]:
        """Mean squared error in sunspot numbers."""
        trained, tested = ENDS["train"] - FIRST + 1, ENDS["test"] - ENDS["val"]
        windows = sliding_window_view(NUMBERS, LAGS + 1)  # a row for each year from 1709 on
        known = np.column_stack([np.ones(len(windows)), windows[:, :-1]])
        weights = np.linalg.lstsq(known[: trained - LAGS], NUMBERS[LAGS:trained])[0]
        forecasts = {
            "mean": NUMBERS[:trained].mean(),
            "persistence": NUMBERS[-tested - 1 : -1],
            "autoregression": known[-tested:] @ weights,
        }
        errors = {name: NUMBERS[-tested:] - said for name, said in forecasts.items()}
        return {name: float(np.mean(error**2)) for name, error in errors.items()}

    def plot(
        self, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
    ) -> "Figure":
        """Draw the forecasts in one series, year by year."""
        from seqlearn.plots.series import renumber  # imports matplotlib

        window = batch.inputs.shape[1]
        windows = sliding_window_view((NUMBERS / self.scale).astype(np.float32), window)
        same = (windows == batch.inputs[:, None, :, 0].numpy()).all(axis=2)  # (B, windows)
        starts = same.argmax(axis=1)
        first, end = int(starts.min()), int(starts.max()) + window + 1
        series = one_step_ahead(NUMBERS[None, first:end] / self.scale)
        said = torch.zeros_like(series.targets)
        scored = torch.zeros_like(said, dtype=torch.bool)
        for start, asked, guess in zip(starts - first, batch.targets, predictions, strict=True):
            steps = asked.isfinite().nonzero()[:, 0]
            said[0, start + steps] = guess[steps]
            scored[0, start + steps] = True
        figure = super().plot(
            series._replace(targets=series.targets.where(scored, torch.nan)), said
        )
        axis = figure.axes[0]
        axis.set(xlabel="year", ylabel="sunspot number")
        renumber(axis, FIRST + first)
        return figure

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the sunspot numbers."""
        return plainly(self, batch._replace(inputs=batch.inputs * self.scale), predictions)


NUMBERS: NDArray[np.float64] = np.array(
    """
    5 11 16 23 36 58 29 20 10 8
    3 0 0 2 11 27 47 63 60 39
    28 26 22 11 21 40 78 122 103 73
    47 35 11 5 16 34 70 81 111 101
    73 40 20 16 5 11 22 40 60 80.9
    83.4 47.7 47.8 30.7 12.2 9.6 10.2 32.4 47.6 54
    62.9 85.9 61.2 45.1 36.4 20.9 11.4 37.8 69.8 106.1
    100.8 81.6 66.5 34.8 30.6 7 19.8 92.5 154.4 125.9
    84.8 68.1 38.5 22.8 10.2 24.1 82.9 132 130.9 118.1
    89.9 66.6 60 46.9 41 21.3 16 6.4 4.1 6.8
    14.5 34 45 43.1 47.5 42.2 28.1 10.1 8.1 2.5
    0 1.4 5 12.2 13.9 35.4 45.8 41.1 30.1 23.9
    15.6 6.6 4 1.8 8.5 16.6 36.3 49.6 64.2 67
    70.9 47.8 27.5 8.5 13.2 56.9 121.5 138.3 103.2 85.7
    64.6 36.7 24.2 10.7 15 40.1 61.5 98.5 124.7 96.3
    66.6 64.5 54.1 39 20.6 6.7 4.3 22.7 54.8 93.8
    95.8 77.2 59.1 44 47 30.5 16.3 7.3 37.6 74
    139 111.2 101.6 66.2 44.7 17 11.3 12.4 3.4 6
    32.3 54.3 59.7 63.7 63.5 52.2 25.4 13.1 6.8 6.3
    7.1 35.6 73 85.1 78 64 41.8 26.2 26.7 12.1
    9.5 2.7 5 24.4 42 63.5 53.8 62 48.5 43.9
    18.6 5.7 3.6 1.4 9.6 47.4 57.1 103.9 80.6 63.6
    37.6 26.1 14.2 5.8 16.7 44.3 63.9 69 77.8 64.9
    35.7 21.2 11.1 5.7 8.7 36.1 79.7 114.4 109.6 88.8
    67.8 47.5 30.6 16.3 9.6 33.2 92.6 151.6 136.3 134.7
    83.9 69.4 31.5 13.9 4.4 38 141.7 190.2 184.8 159
    112.3 53.9 37.6 27.9 10.2 15.1 47 93.8 105.9 105.5
    104.5 66.6 68.9 38 34.5 15.5 12.6 27.5 92.5 155.4
    154.6 140.4 115.9 66.6 45.9 17.9 13.4 29.4 100.2 157.6
    142.6 145.7 94.3 54.6 29.9 17.5 8.6 21.5 64.3 93.3
    119.6 111 104 63.7 40.4 29.8 15.2 7.5 2.9
    """.split(),
    np.float64,
)
"""The sunspot number of each year from 1700 to 2008, ten years a line."""
