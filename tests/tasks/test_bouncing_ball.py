"""Balls against a simulation that goes from bounce to bounce."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import BouncingBall
from seqlearn.tasks.bouncing_ball import fold, thrown


def follow(height, velocity, gravity, time):
    """The height after some time, bounce by bounce."""
    while True:
        # When height + velocity t - gravity t^2 / 2 is 0 or 1 next, moving outwards.
        hits = []
        for wall in (0.0, 1.0):
            if gravity:
                root = velocity**2 + 2 * gravity * (height - wall)
                if root >= 0:
                    sign = -1 if wall else 1
                    hits.append((velocity + sign * math.sqrt(root)) / gravity)
            elif velocity:
                hits.append((wall - height) / velocity)
        first = min((t for t in hits if t > 1e-9), default=math.inf)
        step = min(first, time)
        height += velocity * step - gravity / 2 * step**2
        velocity -= gravity * step
        time -= step
        if time <= 0:
            return height
        height, velocity = float(round(height)), -velocity


@given(
    height=st.floats(0.01, 0.99),
    velocity=st.floats(0.01, 0.5),
    down=st.booleans(),
    gravity=st.just(0.0) | st.floats(1e-4, 0.05),
)
def test_heights_are_those_of_a_simulation_from_bounce_to_bounce(height, velocity, down, gravity):
    velocity = -velocity if down else velocity
    times = np.arange(30)
    ours = thrown(np.array([height]), np.array([velocity]), gravity, times)
    theirs = [follow(height, velocity, gravity, float(time)) for time in times]
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_gravity_that_is_next_to_none_is_none():
    heights = np.linspace(0.1, 0.9, 9)
    velocities = np.linspace(-0.2, 0.25, 9)
    times = np.arange(100)[:, None]
    straight = thrown(heights, velocities, 0.0, times)
    assert thrown(heights, velocities, 1e-9, times) == pytest.approx(straight, abs=1e-4)


def test_golden_bounces_by_hand():
    assert fold(np.array([0.7, 1.1, -0.3, 2.2])) == pytest.approx([0.7, 0.9, 0.3, 0.2])
    # Thrown up from the floor at 0.4 under 0.1: up 0.35, 0.6, 0.75, 0.8, and down again.
    heights = thrown(np.array([0.0]), np.array([0.4]), 0.1, np.arange(10))
    assert heights == pytest.approx([0, 0.35, 0.6, 0.75, 0.8, 0.75, 0.6, 0.35, 0, 0.35])


def places(batch):
    """All positions in box widths, ``(B, T + 1, balls, 2)``."""
    units = torch.cat([batch.inputs, batch.targets[:, -1:]], 1).double()
    return ((units + 1) / 2).unflatten(2, (-1, 2))


@pytest.mark.parametrize("gravity", [0.0, 0.005])
@pytest.mark.parametrize("balls", [1, 3])
def test_balls_stay_in_the_box_keep_their_energy_and_start_within_the_speeds(gravity, balls):
    data = BouncingBall(balls=balls, gravity=gravity, slowest=0.03, fastest=0.2)
    batch = data.dataset("train").batch(range(200))
    x = places(batch)
    assert x.shape == (200, 51, balls, 2)
    assert (
        batch.targets[:, 2:] == torch.cat([batch.inputs, batch.targets[:, -1:]], 1)[:, 3:]
    ).all()
    assert x.min() >= 0 and x.max() <= 1
    accelerations = x[:, 2:] - 2 * x[:, 1:-1] + x[:, :-2]
    expected = torch.tensor([0.0, -gravity], dtype=torch.float64)
    free = ((accelerations - expected).abs() < 1e-6).all(3)  # no wall among the three
    assert 0.5 < free.double().mean() < 0.95
    velocities = (x[:, 2:] - x[:, :-2]) / 2
    energies = velocities.square().sum(3) / 2 + gravity * x[:, 1:-1, :, 1]
    energies[~free] = torch.nan
    middle = energies.nanmedian(1, keepdim=True).values
    assert (energies - middle).abs().nan_to_num(0).max() < 1e-6
    start = (2 * (middle[:, 0] - gravity * x[:, 0, :, 1])).sqrt()
    assert start.min() > 0.03 - 1e-4 and start.max() < 0.2 + 1e-4
    assert start.mean() == pytest.approx(0.115, abs=0.015)


def test_three_positions_tell_where_a_ball_goes():
    data = BouncingBall(slowest=0.02, fastest=0.3, balls=2)
    x = places(data.dataset("test").batch(range(1000))).numpy()
    for first in (0, 20):
        x0, x1, x2, x3 = (x[:, first + k] for k in range(4))
        misses, guesses = [], []
        for wall, sign in ((0.0, 1), (0.0, -1), (2.0, -1)):  # none between, the lower, the upper
            velocity = wall + sign * x1 - x0
            misses.append(np.abs(fold(x0 + 2 * velocity) - x2))
            guesses.append(fold(x0 + 3 * velocity))
        best = np.argmin(misses, 0)
        guess = np.take_along_axis(np.array(guesses), best[None], 0)[0]
        wrong = np.abs(guess - x3) > 1e-5
        assert wrong.mean() < 0.002  # two answers too close for single precision


def test_predictions_are_scored_from_the_third_position_on():
    targets = BouncingBall(balls=2).dataset("test", 80).batch(range(5)).targets
    assert targets.shape == (5, 80, 4)
    assert targets[:, :2].isnan().all() and not targets[:, 2:].isnan().any()


@pytest.mark.parametrize(
    "fields", [{}, {"balls": 2, "slowest": 0.2, "fastest": 0.5}, {"gravity": 0.01}]
)
def test_baselines_are_what_such_predictors_reach(check_baselines, fields):
    def constant_velocity(batch):
        return torch.cat([batch.inputs[:, :1], 2 * batch.inputs[:, 1:] - batch.inputs[:, :-1]], 1)

    predictors = {
        "stay_put": lambda b: b.inputs,
        "constant_velocity": constant_velocity,
        "optimum": lambda b: b.targets,
    }
    check_baselines(BouncingBall(test_size=4000, **fields), predictors, rel=0.05)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"balls": 0}, "`balls` must be at least 1, got 0."),
        ({"given": 2}, "`given` must be at least 3, got 2."),
        ({"steps": 9}, "`steps` must be at least 10, got 9."),
        ({"test_lengths": (50, 8)}, "`test_lengths` must be at least `given`, 10, got 8."),
        ({"slowest": 0.0}, "`slowest` must be greater than 0, got 0.0."),
        (
            {"slowest": 0.2},
            "`fastest` must be at least `slowest`, 0.2, and at most 0.5, got 0.15.",
        ),
        (
            {"fastest": 0.6},
            "`fastest` must be at least `slowest`, 0.05, and at most 0.5, got 0.6.",
        ),
        ({"gravity": -0.1}, "`gravity` must be at least 0 and below 1, got -0.1."),
        ({"gravity": math.nan}, "`gravity` must be at least 0 and below 1, got nan."),
        ({"slowest": math.nan}, "`slowest` must be greater than 0, got nan."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        BouncingBall(**fields)


def test_describe_gives_places_in_the_box_of_all_balls():
    data = BouncingBall(balls=2)
    batch = data.dataset("test").batch([0])
    batch.inputs[0, 0] = torch.tensor([-1.0, 1.0, 0.0, 0.5])
    batch.targets[0, 2] = torch.tensor([1.0, -1.0, 0.0, -0.5])
    said = batch.targets + 0.02
    ((shown, asked, guess, correct, _),) = data.describe(batch, said)
    assert shown.split()[0] == "(0.000,1.000)(0.500,0.750)" and len(shown.split()) == 50
    assert asked.split()[0] == "(1.000,0.000)(0.500,0.250)" and len(asked.split()) == 48
    assert guess.split()[0] == "(1.010,0.010)(0.510,0.260)" and len(guess.split()) == 48
    assert correct is None


def test_long_games_with_gravity_are_measured_with_less():
    short, long = (BouncingBall(gravity=0.01, steps=n).baselines() for n in (50, 5000))
    assert long["constant_velocity"] == pytest.approx(short["constant_velocity"], rel=0.1)
