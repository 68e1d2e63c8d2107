"""The next value of an autoregressive moving average."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.random_walk import one_step_ahead

Array = NDArray[np.float64]

LARGEST_ROOT = 0.999
"""Roots are found to about four digits where several coincide, so 1 itself is too near."""


@dataclass(kw_only=True, eq=False)
class ARMA(SequenceDataModule):
    """Forecast the next value of an autoregressive moving average.

    ::

        shown    x[1]  x[2]  ...  x[T]      x[t] = ar[0] x[t-1] + ar[1] x[t-2] + ...
        asked    x[2]  x[3]  ...  x[T+1]           + e[t] + ma[0] e[t-1] + ma[1] e[t-2] + ...

    The shocks ``e``, normal and independent, are never shown; the first values are drawn from the
    stationary state, so that every step is alike. The best forecast is a weighted sum of the values
    so far, which is what a linear network (``nonlinearity: identity``) says: see
    `seqlearn.response`. Its weights are the same at every step, while the best ones depend a little
    on how many values there are: with the default coefficients that costs 0.4 %.

    Shapes:
        inputs ``(B, T, 1)`` float32: values 1 to ``T``, in standard deviations of ``x``.
        targets ``(B, T, 1)`` float32: values 2 to ``T + 1``, likewise.

    Baseline:
        Mean squared error as a multiple of the optimum, which a Kalman filter gives exactly: the
        variance of a shock, and a little more at the first steps. With the autocovariance ``g`` the
        mean costs ``g[0]``, persistence ``2 (g[0] - g[1])``, and the best that can be said of the
        last value alone (memoryless) ``g[0] - g[1]**2 / g[0]``.

    Source:
        Box & Jenkins 1970, "Time series analysis: forecasting and control"; the state space is
        that of Harvey 1989, "Forecasting, structural time series models and the Kalman filter".

    Example:
        >>> ARMA(ar=(0.5,), ma=(), sigma=2.0).optimum(length=10)  # an AR(1) hides nothing
        4.0
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse_ratio"
    goal: ClassVar[float] = 1.02
    input_size: ClassVar[int] = 1
    output_size: ClassVar[int] = 1
    test_multiples: ClassVar[tuple[int, ...]] = (1, 4)

    ar: tuple[float, ...] = (1.5, -0.8)
    """Weights of the last values; the defaults swing with a period of about 11 steps."""
    ma: tuple[float, ...] = (-0.7,)
    """Weights of the last shocks."""
    sigma: float = 1.0
    """Standard deviation of a shock: the unit of the errors."""
    steps: int = 64
    """Steps of a training sequence."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("steps", 1)
        if not 1e-6 <= self.sigma <= 1e6:
            raise ValueError(f"`sigma` must be from 1e-6 to 1e6, got {self.sigma}.")
        for name in ("ar", "ma"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"`{name}` must be finite, got {getattr(self, name)}.")
        check_roots("ar", "stationary", [1.0, *(-weight for weight in self.ar)])
        check_roots("ma", "invertible", [1.0, *self.ma])
        super().__post_init__()

    @cached_property
    def _space(self) -> tuple[Array, Array, Array]:
        """The transition ``(m, m)``, the weights of a shock ``(m,)`` and the covariance ``(m, m)``.

        The first element of the state is the value; the rest is what is known of the next ones. The
        stationary covariance ``P`` of unit shocks solves ``P = F P F' + R R'``.
        """
        size = max(len(self.ar), len(self.ma) + 1)
        transition, shock = np.eye(size, k=1), np.zeros(size)
        transition[: len(self.ar), 0] = self.ar
        shock[: len(self.ma) + 1] = 1, *self.ma
        equations = np.eye(size**2) - np.kron(transition, transition)
        flat = np.linalg.solve(equations, np.outer(shock, shock).ravel())
        return transition, shock, np.asarray(flat.reshape(size, size), np.float64)

    @property
    def scale(self) -> float:
        """The standard deviation of a value."""
        return self.sigma * math.sqrt(self._space[2][0, 0])

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw series of ``length`` steps, and the one to forecast."""
        transition, shock, covariance = self._space
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T  # symmetric, hence unique
        # Sums element by element: a matrix product rounds according to the size of the batch.
        state = (rng.normal(size=len(shock))[:, None] * root).sum(axis=2).T  # (m, B)
        shocks = rng.normal(size=length or self.steps).T  # (T, B)
        series = np.empty((len(shocks) + 1, len(rng)))
        series[0] = state[0]
        for t, new in enumerate(shocks):
            known = np.concatenate([state[1:], np.zeros((1, len(rng)))])
            state = known + transition[:, :1] * state[0] + shock[:, None] * new
            series[t + 1] = state[0]
        return one_step_ahead(series.T / math.sqrt(covariance[0, 0]))

    def optimum(self, length: int | None) -> float:
        """The mean variance of a value given all before, over steps 2 to ``length + 1``."""
        transition, shock, covariance = self._space
        variances = []
        for _ in range((length or self.steps) + 1):
            variances.append(covariance[0, 0])
            told = covariance[:, 0] / covariance[0, 0]
            left = covariance - np.outer(told, covariance[0])
            covariance = transition @ left @ transition.T + np.outer(shock, shock)
        return self.sigma**2 * float(np.mean(variances[1:]))

    def baselines(self) -> dict[str, float]:
        """Squared error of simple forecasts, as a multiple of the optimum."""
        transition, _, covariance = self._space
        now, following = covariance[0, 0], (transition @ covariance)[0, 0]
        errors = {
            "mean": now,
            "persistence": 2 * (now - following),
            "memoryless": now - following**2 / now,
        }
        least = self.optimum(None) / self.sigma**2
        return {name: float(error / least) for name, error in errors.items()} | {"optimum": 1.0}

    def impulse_response(self, steps: int) -> Array:
        """What a shock of 1 makes of the values from its own step on, ``(steps,)``.

        A stationary process is the sum of all its shocks so far with these weights.
        """
        return power_series([1, *self.ma], [1, *(-weight for weight in self.ar)], steps)

    def forecast_response(self, steps: int) -> Array:
        """What a value of 1 makes of the best forecasts from its own step on, ``(steps,)``.

        With all of an endless past, the best forecast is the sum of its values with these weights.
        """
        ratio = power_series([1, *(-weight for weight in self.ar)], [1, *self.ma], steps + 1)
        return -ratio[1:]

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the values in their own unit."""
        return plainly(self, batch._replace(inputs=batch.inputs * self.scale), predictions)


def check_roots(name: str, rule: str, polynomial: Sequence[float]) -> None:
    """Refuse a polynomial that has a root outside the unit circle, or too near to it."""
    largest = max(abs(np.roots(polynomial)), default=0.0)
    if largest > LARGEST_ROOT:
        raise ValueError(
            f"`{name}` must be {rule}, with the roots of its polynomial at most {LARGEST_ROOT} in "
            f"modulus, got one of {largest:.6g}."
        )


def power_series(numerator: Sequence[float], denominator: Sequence[float], steps: int) -> Array:
    """Divide two polynomials in the lag, of which the second begins with 1: ``(steps,)``."""
    result = np.zeros(steps)
    result[: len(numerator)] = numerator[:steps]
    for k in range(steps):
        for j, weight in enumerate(denominator[1 : k + 1], start=1):
            result[k] -= weight * result[k - j]
    return result
