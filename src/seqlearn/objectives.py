"""What is predicted: loss, metrics and decoding for each kind of target.

One expression serves every mapping: all axes but that of classes are alike, and what is not scored
carries `UNSCORED`, or ``NaN`` where targets are real.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqlearn.data import UNSCORED

Scores = dict[str, tuple[Tensor, Tensor]]
"""For each metric its values and their weights, of which it is the weighted mean."""


class Objective(ABC):
    """How outputs are scored against targets.

    Outputs are ``(B, ..., C)``; targets are shaped the same, or ``(B, ...)`` to name a class.
    """

    goals: ClassVar[dict[str, str]]
    """The metrics and whether the best is the ``"min"`` or the ``"max"``; the last says most."""

    @abstractmethod
    def scored(self, targets: Tensor) -> Tensor:
        """Tell which targets count, as a bool tensor shaped like ``targets``."""

    @abstractmethod
    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Give the loss of each target, 0 where it does not count, shaped like ``targets``."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Turn outputs ``(B, ..., C)`` into probabilities, or values for a regression."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:
        """Give each metric's values and weights for one batch."""


class Decision(Objective):
    """Shared by objectives whose predictions are right or wrong."""

    goals: ClassVar[dict[str, str]] = {"loss": "min", "accuracy": "max", "exact_match": "max"}

    def scored(self, targets: Tensor) -> Tensor:  # noqa: D102
        return targets != UNSCORED

    @abstractmethod
    def decide(self, outputs: Tensor) -> Tensor:
        """Turn outputs into the predicted targets."""

    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:  # noqa: D102
        scored = self.scored(targets)
        right = self.decide(outputs) == targets
        whole = (right | ~scored).flatten(1).all(1) if targets.ndim > 1 else right
        counted = scored.flatten(1).any(1) if targets.ndim > 1 else scored
        return {
            "loss": (self.losses(outputs, targets), scored.float()),
            "accuracy": (right.float(), scored.float()),
            "exact_match": (whole.float(), counted.float()),
        }


class Binary(Decision):
    """Bits: outputs are logits, targets are 0 or 1."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        scored = self.scored(targets).to(outputs.dtype)
        bits = targets.clamp(min=0).to(outputs.dtype)
        return F.binary_cross_entropy_with_logits(outputs, bits, weight=scored, reduction="none")

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs.sigmoid()

    def decide(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return (outputs > 0).long()


class Categorical(Decision):
    """Classes: outputs are the logits of ``C`` classes, targets name one."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        flat = F.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), ignore_index=UNSCORED, reduction="none"
        )
        return flat.view_as(targets)

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs.softmax(-1)

    def decide(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs.argmax(-1)


class Regression(Objective):
    """Real values: the loss is the squared error, the metrics are in the unit of the task."""

    goals: ClassVar[dict[str, str]] = {"loss": "min", "mse": "min", "mae": "min"}

    def scored(self, targets: Tensor) -> Tensor:  # noqa: D102
        return ~targets.isnan()

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:  # noqa: D102
        return self._errors(outputs, targets).square()

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs

    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:  # noqa: D102
        errors, scored = self._errors(outputs, targets), self.scored(targets).float()
        return {
            "loss": (errors.square(), scored),
            "mse": ((errors * scale).square(), scored),
            "mae": ((errors * scale).abs(), scored),
        }

    def _errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # The outputs stand in for targets that are not scored, so that no gradient comes of them.
        return outputs - torch.where(self.scored(targets), targets, outputs)


OBJECTIVES: dict[str, Objective] = {
    "binary": Binary(),
    "categorical": Categorical(),
    "regression": Regression(),
}
