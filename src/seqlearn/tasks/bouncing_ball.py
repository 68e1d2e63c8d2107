"""A ball in a box."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class BouncingBall(SequenceDataModule):
    """Predict where a ball in a box will be next.

    ::

        shown    x_1  x_2  x_3  x_4  ...     x_t = (across, up), in a box of width and height 1
        next      .    .   x_4  x_5  ...

    Balls are points, walls elastic, and balls pass through each other. Velocity is never shown: it
    must be told from where a ball has been. One position is not enough, nor are two where a wall
    may lie between them, so predictions are scored from the third on. At test the network also goes
    on alone: it is shown `given` positions, then reads its own predictions (`rollout_mse`).

    Shapes:
        inputs ``(B, T, 2 * balls)`` float32: x and y of each ball, from -1 to 1.
        targets ``(B, T, 2 * balls)`` float32: the next positions; ``NaN`` for the first two steps.

    Baseline:
        Mean squared error, in box widths squared, of staying put and of constant velocity, which
        errs at walls; the optimum is 0. An axis at speed v meets a wall in v of the steps, which
        makes v^2 - 2 v^3 / 3 and 8 v^3 / 3; with gravity both are measured.

    Source:
        Sutskever, Hinton & Taylor 2008, "The recurrent temporal restricted Boltzmann machine", show
        pixels of balls that collide; here positions are given.

    Example:
        >>> inputs, targets, _ = BouncingBall().dataset("test")[0]
        >>> ((inputs[:4] + 1) * 500).round().int().tolist()  # (x, y) in thousandths of the box
        [[816, 678], [827, 773], [839, 869], [851, 965]]
        >>> targets[2].equal(inputs[3])
        True
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    generalizes: ClassVar[bool] = False
    min_length: ClassVar[int] = 3
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)
    scale: ClassVar[float] = 0.5

    balls: int = 1
    """Balls in the box; they do not collide."""
    steps: int = 50
    """Positions shown in training."""
    slowest: float = 0.05
    """Lowest speed at the start, in box widths a step."""
    fastest: float = 0.15
    """Highest speed at the start, in box widths a step."""
    gravity: float = 0.0
    """Downward acceleration, in box widths a step squared; 0.005 makes visible arcs."""
    given: int = 10
    """Positions shown at test before the network goes on alone."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("balls", 1)
        self.require("given", self.min_length)
        self.require("steps", self.given)
        if not 0 < self.slowest:
            raise ValueError(f"`slowest` must be greater than 0, got {self.slowest}.")
        if not self.slowest <= self.fastest <= 0.5:
            raise ValueError(
                f"`fastest` must be at least `slowest`, {self.slowest}, and at most 0.5, "
                f"got {self.fastest}."
            )
        if not 0 <= self.gravity < 1:
            raise ValueError(f"`gravity` must be at least 0 and below 1, got {self.gravity}.")
        super().__post_init__()
        for length in self.test_lengths or ():
            if length < self.given:
                raise ValueError(
                    f"`test_lengths` must be at least `given`, {self.given}, got {length}."
                )

    @property
    def input_size(self) -> int:
        """Two coordinates of each ball."""
        return 2 * self.balls

    @property
    def output_size(self) -> int:
        """Two coordinates of each ball."""
        return 2 * self.balls

    @property
    def goal(self) -> float:
        """A tenth of the error of constant velocity."""
        return self.baselines()["constant_velocity"] / 10

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Start balls anywhere, in any direction, and follow them."""
        size = (1, self.balls)
        x, y = rng.uniform(size=size), rng.uniform(size=size)  # (B, 1, balls)
        speed = rng.uniform(self.slowest, self.fastest, size)
        angle = rng.uniform(0, 2 * np.pi, size)
        times = np.arange((length or self.steps) + 1)[:, None]  # (T + 1, 1)
        across = fold(x + speed * np.cos(angle) * times)  # (B, T + 1, balls)
        up = thrown(y, speed * np.sin(angle), self.gravity, times)
        places = np.stack([across, up], 3).reshape(len(rng), len(times), -1)
        values = torch.from_numpy((places / self.scale - 1).astype(np.float32))
        targets = values[:, 1:].clone()
        targets[:, : self.min_length - 1] = torch.nan
        lengths = torch.full((len(rng),), targets.shape[1])
        return SequenceBatch(values[:, :-1], targets, lengths)

    def baselines(self) -> dict[str, float]:
        """Mean squared error of staying put, of constant velocity, and the best."""
        if self.gravity:
            count = min(4000, max(100, 10**6 // self.steps))  # at all lengths in a second
            inputs, targets, _ = self.draw(IndexedRNG(0, "baselines", np.arange(count)), None)
            last, before = inputs[:, 2:], inputs[:, 1:-1]
            truth = targets[:, 2:]
            put, gone = (
                float((guess - truth).mul(self.scale).square().mean())
                for guess in (last, 2 * last - before)
            )
        else:
            # The means of v^2 and |v|^3 along an axis, for speeds and directions drawn evenly.
            a, b = self.slowest, self.fastest
            square = (a * a + a * b + b * b) / 3 / 2
            cube = (a + b) * (a * a + b * b) / 4 * 4 / (3 * np.pi)
            put, gone = square - 2 / 3 * cube, 8 / 3 * cube
        return {"stay_put": put, "constant_velocity": gone, "optimum": 0.0}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show where the balls are, in box widths, from the third position on what is predicted."""

        def places(values: Tensor) -> str:
            steps = ((values + 1) * self.scale).reshape(-1, self.balls, 2).tolist()
            return " ".join("".join(f"({x:.3f},{y:.3f})" for x, y in step) for step in steps)

        asked = self.min_length - 1  # the first step that is scored
        return [
            Example(places(shown), places(target[asked:]), places(guess[asked:]))
            for shown, target, guess in zip(*batch[:2], predictions, strict=True)
        ]

    def plot(
        self, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
    ) -> "Figure":
        """Draw the box, with the true and the predicted places."""
        from seqlearn.plots.ball import balls  # imports matplotlib

        parts = (*batch[:2], predictions, *([] if alone is None else [alone]))
        return balls(*(((part + 1) * self.scale).view(*part.shape[:2], -1, 2) for part in parts))


def fold(line: Floats, width: float | Floats = 1.0) -> Floats:
    """Send a point on a line back and forth between 0 and ``width``: a triangle wave.

    Example:
        >>> fold(np.array([-0.25, 0.5, 1.25, 2.0]))
        array([0.25, 0.5 , 0.75, 0.  ])
    """
    folded: Floats = width - np.abs(line % (2 * width) - width)
    return folded


def thrown(height: Floats, velocity: Floats, gravity: float, times: NDArray[np.int64]) -> Floats:
    """Give the heights at these times of balls thrown up or down between floor and ceiling.

    A ball rises from the floor to where it turns or hits the ceiling, comes down along the same
    curve, and so on: heights are those of the first rise, time goes back and forth.
    """
    if not gravity:
        return fold(height + velocity * times)
    from_floor = np.sqrt(velocity**2 + 2 * gravity * height)  # speed at the floor
    top = np.minimum(1, from_floor**2 / (2 * gravity))
    at_top = np.sqrt(np.maximum(from_floor**2 - 2 * gravity, 0))
    rise = 2 * top / (from_floor + at_top)  # mean speed of the two ends
    since = 2 * height / (from_floor + np.abs(velocity))
    time = fold(np.copysign(since, velocity) + times, rise)
    heights: Floats = from_floor * time - gravity / 2 * time**2
    return heights
