"""The metric under every metric."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
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


class Tally(nn.Module):
    """Every metric over one loader: its values and weights come batch by batch."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = nn.ModuleDict()

    def add(self, scores: Mapping[str, tuple[Tensor, Tensor]], prefix: str = "") -> None:
        """Add a batch: for each metric its values and their weights."""
        for name, (values, weights) in scores.items():
            if prefix + name not in self.metrics:
                self.metrics[prefix + name] = WeightedMean().to(values.device)
            self._metric(prefix + name).update(values, weights)

    def _metric(self, name: str) -> WeightedMean:
        return cast(WeightedMean, self.metrics[name])

    def means(self) -> dict[str, Tensor]:
        """Divide, over all devices."""
        return {name: self._metric(name).compute() for name in self.metrics}
