"""The metric under every metric."""

import torch
from torch import Tensor
from torchmetrics import Metric


class WeightedMean(Metric):
    """The weighted mean of all values seen, on all devices: sums and weights, divided once.

    ``torchmetrics.MeanMetric`` would do, but in 1.9 it either looks for NaN in every batch, to hide
    it or to stop, or (``nan_strategy="disable"``) counts every weight as 1.

    Example:
        >>> metric = WeightedMean()
        >>> metric.update(torch.tensor([1.0, 7.0]), torch.tensor([3.0, 1.0]))
        >>> metric.compute()
        tensor(2.5000)
    """

    full_state_update = False
    total: Tensor
    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("weight", torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, values: Tensor, weights: Tensor) -> None:
        """Add values and their weights, of one shape."""
        self.total += (values * weights).sum()
        self.weight += weights.sum()

    def compute(self) -> Tensor:
        """Divide."""
        return self.total / self.weight
