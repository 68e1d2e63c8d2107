"""What the tests of single tasks share."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule

Predictors = dict[str, Callable[[SequenceBatch], Tensor]]
"""For each baseline what it says to a batch: shaped like the targets, in the same units."""


def reached(data: SequenceDataModule, batch: SequenceBatch, said: Tensor) -> float:
    """The headline metric of predictions, by its definition, over what is scored."""
    targets = batch.targets
    if data.metric in ("accuracy", "exact_match"):
        right, scored = said == targets, targets != UNSCORED
        if data.metric == "exact_match":
            return (right | ~scored).flatten(1).all(1).double().mean().item()
        return right[scored].double().mean().item()
    errors = (said - targets)[~targets.isnan()].double() * data.scale
    if data.metric == "mse_ratio":
        return errors.square().mean().item() / data.optimum(data.curve[0])
    return (errors.square() if data.metric == "mse" else errors.abs()).mean().item()


@pytest.fixture
def check_baselines():
    """Compare what a task claims of simple predictors with what they reach on its test split."""

    def check(data: SequenceDataModule, predictors: Predictors, rel: float = 0.1) -> None:
        torch.manual_seed(0)
        dataset = data.dataset("test", data.curve[0])
        batch = dataset.batch(range(len(dataset)))
        claimed = data.baselines()
        assert list(claimed) == list(predictors)
        for name, predict in predictors.items():
            value = reached(data, batch, predict(batch))
            assert value == pytest.approx(claimed[name], rel=rel, abs=1e-3), name

    return check
