"""Autoregressive moving averages against their multivariate normal distribution."""

import numpy as np
import pytest
import torch

from seqlearn.response import closed_loop
from seqlearn.tasks import ARMA

PROCESSES = [
    ((1.5, -0.8), (-0.7,)),
    ((0.9,), ()),
    ((), (0.6, 0.3, 0.2)),
    ((), ()),
    ((0.5, 0.0), (0.4,)),  # the last value but one counts for nothing: a singular state
    ((-0.6, 0.2, 0.1), (0.9, 0.1)),
]
each_process = pytest.mark.parametrize(("ar", "ma"), PROCESSES)


def shocked(ar, ma, steps):
    """The definition, from rest: the values after a shock of 1."""
    shocks, values = [1.0] + [0.0] * (steps - 1), []
    for t in range(steps):
        past = sum(weight * values[t - i] for i, weight in enumerate(ar, 1) if t >= i)
        average = sum(weight * shocks[t - i] for i, weight in enumerate(ma, 1) if t >= i)
        values.append(past + shocks[t] + average)
    return np.array(values)


def covariance(ar, ma, count):
    """The covariance of ``count`` values in a row, of unit shocks: sums over all of the past."""
    response = shocked(ar, ma, 600)
    lags = np.array([response[k:] @ response[: len(response) - k] for k in range(count)])
    return lags[np.abs(np.subtract.outer(np.arange(count), np.arange(count)))]


@each_process
def test_values_are_stationary_from_the_first_on(ar, ma):
    data = ARMA(ar=ar, ma=ma, sigma=3.0, steps=12)
    inputs, targets, lengths = data.dataset("train").batch(range(20_000))
    assert torch.equal(inputs[:, 1:], targets[:, :-1]) and (lengths == 12).all()
    values = torch.cat([inputs, targets[:, -1:]], 1)[:, :, 0].double().numpy() * data.scale
    expected = 9 * covariance(ar, ma, 13)
    assert np.cov(values.T) == pytest.approx(expected, abs=0.05 * expected[0, 0])
    assert values.mean(0) == pytest.approx(np.zeros(13), abs=0.04 * expected[0, 0] ** 0.5)
    assert data.scale == pytest.approx(expected[0, 0] ** 0.5)


@each_process
@pytest.mark.parametrize("length", [1, 2, 5, 64])
def test_the_optimum_is_the_mean_conditional_variance_of_the_normal_distribution(ar, ma, length):
    factor = np.linalg.cholesky(covariance(ar, ma, length + 1))
    expected = 4 * np.mean(factor.diagonal()[1:] ** 2)
    assert ARMA(ar=ar, ma=ma, sigma=2.0).optimum(length) == pytest.approx(expected)


def test_the_optimum_of_an_endless_sequence_is_the_variance_of_a_shock():
    assert ARMA(sigma=3.0).optimum(10_000) == pytest.approx(9, rel=1e-3)


@pytest.mark.parametrize(("ar", "ma"), [PROCESSES[0], PROCESSES[-1]])
def test_baselines_are_what_such_predictors_reach(check_baselines, ar, ma):
    data = ARMA(ar=ar, ma=ma, sigma=0.5, test_size=8000)
    known = covariance(ar, ma, data.steps + 1)
    factor = np.linalg.cholesky(known)
    # What is new in a value is its share in a row of the inverse; the rest was foretold.
    weights = np.eye(len(known)) - np.diag(factor.diagonal()) @ np.linalg.inv(factor)
    best = torch.from_numpy(weights[1:, :-1]).float()
    predictors = {
        "mean": lambda b: torch.zeros_like(b.targets),
        "persistence": lambda b: b.inputs,
        "memoryless": lambda b: b.inputs * (known[0, 1] / known[0, 0]),
        "optimum": lambda b: best @ b.inputs,
    }
    check_baselines(data, predictors, rel=0.02)


@each_process
def test_the_responses_are_those_of_the_definition(ar, ma):
    data = ARMA(ar=ar, ma=ma)
    assert data.impulse_response(40) == pytest.approx(shocked(ar, ma, 40), abs=1e-12)
    forecast = data.forecast_response(40)
    assert closed_loop(forecast[:, None, None]).ravel() == pytest.approx(shocked(ar, ma, 40))
    past = np.linalg.solve(covariance(ar, ma, 200), covariance(ar, ma, 201)[0, 1:])
    assert forecast == pytest.approx(past[:40], abs=1e-6)  # regression on 200 values


def test_an_ar_forecasts_by_its_own_weights():
    assert ARMA(ar=(0.5, 0.2), ma=()).forecast_response(4).tolist() == [0.5, 0.2, 0, 0]


@pytest.mark.parametrize(
    ("weights", "modulus"),
    [((1.0,), "1"), ((-1.25,), "1.25"), ((2.0, -1.0), "1"), ((0.0, -4.0), "2"), ((0.5, 0.5), "1")],
)
def test_roots_must_be_inside_the_unit_circle(weights, modulus):
    end = f"at most 0.999 in modulus, got one of {modulus}"
    with pytest.raises(ValueError, match=f"`ar` must be stationary, .* {end}"):
        ARMA(ar=weights)
    opposite = tuple(-weight for weight in weights)
    with pytest.raises(ValueError, match=f"`ma` must be invertible, .* {end}"):
        ARMA(ma=opposite)


def test_several_roots_in_the_same_place_on_the_circle_are_seen():
    for polynomial in ((3.0, -3.0, 1.0), (4.0, -6.0, 4.0, -1.0)):
        with pytest.raises(ValueError, match="`ar` must be stationary"):
            ARMA(ar=polynomial)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["ar", "ma"])
def test_weights_must_be_finite(name, value):
    with pytest.raises(ValueError, match=rf"`{name}` must be finite, got \(0.5, {value}\)"):
        ARMA(**{name: (0.5, value)})


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("inf"), float("nan")])
def test_sigma_must_be_positive_and_finite(sigma):
    with pytest.raises(ValueError, match=f"`sigma` must be from 1e-6 to 1e6, got {sigma}"):
        ARMA(sigma=sigma)


def test_a_sequence_must_have_a_step():
    with pytest.raises(ValueError, match="`steps` must be at least 1, got 0"):
        ARMA(steps=0)
