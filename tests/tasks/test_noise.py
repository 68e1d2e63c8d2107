"""Noise: nothing to learn, a hundred things to remember."""

import pytest
import torch

from seqlearn.tasks import Noise


def test_training_is_a_hundred_sequences_again_and_again():
    dataset = Noise().dataset("train")
    assert len(dataset) == 100
    inputs, targets, lengths = dataset.batch(range(300))
    assert len(inputs.flatten(1).unique(dim=0)) == len(targets.unique()) == 100
    assert (lengths == 5).all()
    pairs = torch.cat([inputs.flatten(1), targets], 1)
    assert len(pairs.unique(dim=0)) == 100  # each with a number of its own, always the same


@pytest.mark.parametrize("limit", [7, None])
def test_another_limit_or_none(limit):
    targets = Noise(train_limit=limit).dataset("train").batch(range(500)).targets
    assert len(targets.unique()) == (limit or 500)


@pytest.mark.parametrize(("steps", "features", "length"), [(5, 10, None), (3, 2, 8), (2, 4, 1)])
def test_sequences_and_targets_are_unit_normal_and_unrelated(steps, features, length):
    data = Noise(steps=steps, features=features, test_size=20_000)
    dataset = data.dataset("test", length)
    inputs, targets, _ = dataset.batch(range(len(dataset)))
    assert inputs.shape[1:] == (length or steps, features)
    numbers = torch.cat([inputs.flatten(1), targets], 1).double()
    assert numbers.mean(0).abs().max() < 5 / 20_000**0.5
    size = numbers.shape[1]
    assert (torch.cov(numbers.T) - torch.eye(size)).abs().max() < 5 * (2 / 20_000) ** 0.5
    assert (numbers**4).mean() == pytest.approx(3, abs=5 * (96 / numbers.numel()) ** 0.5)


def test_baselines_are_what_such_predictors_reach(check_baselines):
    predictors = {
        "zero": lambda b: torch.zeros_like(b.targets),
        "another_target": lambda b: b.targets.roll(1, 0),
        "optimum": lambda b: torch.zeros_like(b.targets),
    }
    check_baselines(Noise(test_size=20_000), predictors, rel=0.05)


@pytest.mark.parametrize("name", ["steps", "features"])
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got 0"):
        Noise(**{name: 0})
