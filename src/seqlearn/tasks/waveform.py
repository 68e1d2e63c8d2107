"""A wave from its description."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG

Reals = NDArray[np.float64]

LOWEST = np.array([1.0, -np.pi, 0.5])
HIGHEST = np.array([3.0, np.pi, 1.0])
"""Between these lie a description's frequency in hertz, phase in radians, and amplitude."""


@dataclass(kw_only=True, eq=False)
class Waveform(SequenceDataModule):
    """Draw the sine wave of a given frequency, phase and amplitude.

    ::

        described    2 Hz, phase 0, amplitude 1
        wave         0.00  0.50  0.87  1.00  0.87  0.50  0.00 -0.50 -0.87 ...

    The description is shown once; from then on the network reads what it has said itself. In
    training it may read the true wave instead (teacher forcing), which is easier: too easy if it
    always does, as it never learns to mend its own mistakes. By chance, in half of the steps, is
    best. A test goes on for longer than training did, and shows how the wave comes out of step.

    Shapes:
        inputs ``(B, 3)`` float32: frequency from 1 to 3 Hz, phase from -pi to pi, amplitude from
        0.5 to 1, each scaled to ``[-1, 1]``.
        targets ``(B, T, 1)`` float32: ``amplitude * sin(2 pi frequency t + phase)`` at the times t
        of 0, 1, 2, ... over `rate`, in seconds.

    Baseline:
        Mean squared error: zeros leave the variance, 7/24 = 0.292; a wave of the right phase and
        amplitude, but always of 2 Hz, falls out of step, and within a second does worse. The
        optimum is 0.

    Source:
        A classroom example; teacher forcing by chance is from Bengio et al. 2015, "Scheduled
        sampling for sequence prediction with recurrent neural networks", arXiv 1506.03099.

    Example:
        >>> described, wave, _ = Waveform().dataset("test")[0]
        >>> described.numpy().round(2), wave[:3, 0].numpy().round(2)
        (array([ 0.55, -0.83,  0.16], dtype=float32), array([-0.41, -0.74, -0.75], dtype=float32))
    """

    mapping: ClassVar[str] = "one-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    generalizes: ClassVar[bool] = False
    input_size: ClassVar[int] = 3
    output_size: ClassVar[int] = 1
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    steps: int = 24
    """Samples of each wave in training."""
    rate: float = 24.0
    """Samples a second."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("steps", 1)
        if not 6 < self.rate < np.inf:
            raise ValueError(
                "`rate` must be above 6, two samples for each period of the highest frequency, "
                f"and finite, got {self.rate}."
            )
        super().__post_init__()

    @property
    def goal(self) -> float:
        """A hundredth of the error of zeros."""
        return self.baselines()["zero"] / 100

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw descriptions, evenly over all that there are, and their waves."""
        steps = length or self.steps
        described = rng.uniform(-1, 1, 3).astype(np.float32)  # (B, 3)
        frequency, phase, amplitude = unscaled(described).T[:, :, None]  # (B, 1) each
        angles = 2 * np.pi * frequency * self._times(steps) + phase  # (B, T)
        waves = (amplitude * np.sin(angles)).astype(np.float32)
        return SequenceBatch(
            inputs=torch.from_numpy(described),
            targets=torch.from_numpy(waves[:, :, None]),
            lengths=torch.full((len(rng),), steps),
        )

    def _times(self, steps: int) -> Reals:
        """When the samples are taken, in seconds."""
        times: Reals = np.arange(steps) / self.rate
        return times

    def baselines(self) -> dict[str, float]:
        """Mean squared error of zeros, of a frequency that is always the middle one, and of 0."""
        least, most = LOWEST[2], HIGHEST[2]
        power = (least**2 + least * most + most**2) / 3  # the mean square of the amplitude
        # Two waves an angle d apart differ by power * (1 - cos d), on average over their phases;
        # the angle grows with time and is even in [-width * t / 2, width * t / 2].
        width = 2 * np.pi * (HIGHEST[0] - LOWEST[0])
        in_step = np.sinc(width * self._times(self.steps) / 2 / np.pi).mean()
        return {
            "zero": float(power / 2),
            "middle_frequency": float(power * (1 - in_step)),
            "optimum": 0.0,
        }

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show each description in its units, the wave and the predicted one."""
        examples = plainly(self, batch, predictions)
        units = [unscaled(described.numpy()) for described in batch.inputs]
        return [
            example._replace(input=f"{hertz:.2f} Hz, phase {phase:.2f}, amplitude {high:.2f}")
            for example, (hertz, phase, high) in zip(examples, units, strict=True)
        ]


def unscaled(described: NDArray[np.float32]) -> Reals:
    """Turn descriptions ``(..., 3)`` into hertz, radians and amplitude."""
    units: Reals = (HIGHEST + LOWEST) / 2 + (HIGHEST - LOWEST) / 2 * described.astype(np.float64)
    return units
