"""Random walks: steps that nothing foretells."""

import numpy as np
import pytest
import torch

from seqlearn.tasks import RandomWalk


@pytest.mark.parametrize(
    ("sigma", "steps", "length"), [(1.0, 50, None), (0.3, 10, 40), (20.0, 64, 16)]
)
def test_a_walk_starts_at_zero_and_goes_by_independent_normal_steps(sigma, steps, length):
    data = RandomWalk(sigma=sigma, steps=steps)
    inputs, targets, lengths = data.dataset("train", length).batch(range(4000))
    assert (inputs[:, 0] == 0).all() and torch.equal(inputs[:, 1:], targets[:, :-1])
    assert (lengths == (length or steps)).all() and inputs.shape[1] == (length or steps)
    made = ((targets - inputs)[:, :, 0].double() * data.scale / sigma).numpy()
    # A statistic of n unit normals stays within 5 of its standard errors.
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert np.mean(made**power) == pytest.approx(moment, abs=5 * (spread / made.size) ** 0.5)
    for lag in (1, 2, 7):
        product = made[:, lag:] * made[:, :-lag]
        assert product.mean() == pytest.approx(0, abs=5 / product.size**0.5)


def test_the_unit_of_the_network_is_the_spread_of_the_last_position_in_training():
    targets = RandomWalk(sigma=7.0, steps=30).dataset("train").batch(range(8000)).targets
    assert targets[:, -1].std().item() == pytest.approx(1, abs=0.04)


def mean_so_far(batch):
    return batch.inputs.cumsum(1) / torch.arange(1, batch.inputs.shape[1] + 1)[:, None]


@pytest.mark.parametrize(("sigma", "steps"), [(1.0, 50), (0.2, 7)])
def test_baselines_are_what_such_predictors_reach(check_baselines, sigma, steps):
    predictors = {
        "zero": lambda b: torch.zeros_like(b.targets),
        "mean_so_far": mean_so_far,
        "last_value": lambda b: b.inputs,
        "optimum": lambda b: b.inputs,
    }
    check_baselines(RandomWalk(sigma=sigma, steps=steps, test_size=20_000), predictors, rel=0.04)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("inf"), float("nan")])
def test_sigma_must_be_positive_and_finite(sigma):
    with pytest.raises(ValueError, match=f"`sigma` must be from 1e-6 to 1e6, got {sigma}"):
        RandomWalk(sigma=sigma)


def test_a_walk_must_have_two_steps():
    with pytest.raises(ValueError, match="`steps` must be at least 2, got 1"):
        RandomWalk(steps=1)


def test_describe_gives_positions_in_their_unit():
    data = RandomWalk(sigma=10.0, steps=4)
    batch = data.dataset("test", 2).batch([0])
    batch.inputs[:], batch.targets[:] = torch.tensor([[0], [0.5]]), torch.tensor([[0.5], [-0.25]])
    said = [("0 10", "10 -5", "0.20 -10.00", None, "")]
    assert data.describe(batch, torch.tensor([[[0.01], [-0.5]]])) == said
