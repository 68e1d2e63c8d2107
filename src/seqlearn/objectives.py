"""What is predicted: loss, metrics and decoding for each kind of target.

One expression serves every mapping: all axes but that of classes are alike, and what is not scored
carries `UNSCORED`, or ``NaN`` where targets are real.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from seqlearn.data import UNSCORED

Scores = dict[str, tuple[Tensor, Tensor]]
"""For each metric its values and their weights, of which it is the weighted mean."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is chosen among likely ones.

    Attributes:
        temperature: 0 takes the most likely answer; else one is drawn, the more evenly the higher
            (below `COLD` the most likely one is taken too).
        top_k: Draw from so many of the most likely classes only.
        generator: Source of chance; by default PyTorch's global one.
    """

    temperature: float = 0.0
    top_k: int | None = None
    generator: torch.Generator | None = None


GREEDY = Sampling()
COLD = 1e-5
"""Temperature below which all but the most likely answer has no chance, and float32 no numbers."""


class Objective(ABC):
    """How outputs are scored against targets.

    Outputs are ``(B, ..., C)``; targets are shaped the same, or ``(B, ...)`` to name a class.
    """

    goals: ClassVar[dict[str, str]]
    """The metrics and whether the best is the ``"min"`` or the ``"max"``; the last says most."""
    writes: ClassVar[bool] = False
    """Whether answers, one after the other, make a text to read."""

    @abstractmethod
    def scored(self, targets: Tensor) -> Tensor:
        """Tell which targets count, as a bool tensor shaped like ``targets``."""

    @abstractmethod
    def losses(self, outputs: Tensor, targets: Tensor, reduction: str = "none") -> Tensor:
        """Give the loss of each target, 0 where it does not count, shaped like ``targets``.

        Args:
            outputs: ``(B, ..., C)``.
            targets: What they should be.
            reduction: ``"none"``, or ``"sum"`` for the sum over all.
        """

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Turn outputs ``(B, ..., C)`` into probabilities, or values for a regression."""

    @abstractmethod
    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:
        """Give each metric's values and weights for one batch."""

    def derive(self, means: dict[str, Tensor], optimum: float | None) -> dict[str, Tensor]:
        """Add the metrics that follow from others, given the least error where it is known."""
        return means

    @abstractmethod
    def choose(self, outputs: Tensor, how: Sampling = GREEDY) -> Tensor:
        """Settle on answers, shaped like the targets; a regression has nothing to draw."""

    @abstractmethod
    def feed(self, answers: Tensor, size: int) -> Tensor:
        """Turn answers into ``size`` features to read back; what is not scored is read as zeros."""


class Decision(Objective):
    """Shared by objectives whose predictions are right or wrong."""

    goals: ClassVar[dict[str, str]] = {"loss": "min", "accuracy": "max", "exact_match": "max"}

    def scored(self, targets: Tensor) -> Tensor:  # noqa: D102
        return targets != UNSCORED

    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:  # noqa: D102
        scored, losses = self.scored(targets), self.losses(outputs, targets)
        right = (self.choose(outputs) == targets) & ~losses.isnan()  # who says NaN says nothing
        whole = (right | ~scored).flatten(1).all(1) if targets.ndim > 1 else right
        counted = scored.flatten(1).any(1) if targets.ndim > 1 else scored
        return {
            "loss": (losses, scored.float()),
            "accuracy": (right.float(), scored.float()),
            "exact_match": (whole.float(), counted.float()),
        }


class Binary(Decision):
    """Bits: outputs are logits, targets are 0 or 1."""

    def losses(self, outputs: Tensor, targets: Tensor, reduction: str = "none") -> Tensor:  # noqa: D102
        bits, scored = targets.to(outputs.dtype), self.scored(targets).to(outputs.dtype)
        return F.binary_cross_entropy_with_logits(outputs, bits, scored, reduction=reduction)

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs.sigmoid()

    def choose(self, outputs: Tensor, how: Sampling = GREEDY) -> Tensor:  # noqa: D102
        if how.temperature < COLD:
            return (outputs > 0).long()
        chances = (outputs / how.temperature).sigmoid()
        return chances.bernoulli(generator=how.generator).long()

    def feed(self, answers: Tensor, size: int) -> Tensor:  # noqa: D102
        return answers.clamp(min=0)


class Categorical(Decision):
    """Classes: outputs are the logits of ``C`` classes, targets name one."""

    def losses(self, outputs: Tensor, targets: Tensor, reduction: str = "none") -> Tensor:  # noqa: D102
        flat = F.cross_entropy(
            outputs.flatten(0, -2), targets.flatten(), ignore_index=UNSCORED, reduction=reduction
        )
        return flat.view_as(targets) if reduction == "none" else flat

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs.softmax(-1)

    def choose(self, outputs: Tensor, how: Sampling = GREEDY) -> Tensor:  # noqa: D102
        if how.temperature < COLD:
            return outputs.argmax(-1)
        if how.top_k:
            least = outputs.topk(min(how.top_k, outputs.shape[-1])).values[..., -1:]
            outputs = outputs.where(outputs >= least, -torch.inf)
        chances = (outputs / how.temperature).softmax(-1)
        drawn = chances.flatten(0, -2).multinomial(1, generator=how.generator)
        return drawn.view(outputs.shape[:-1])

    def feed(self, answers: Tensor, size: int) -> Tensor:  # noqa: D102
        return F.one_hot(answers.clamp(min=0), size) * self.scored(answers)[..., None]


class Language(Categorical):
    """Characters of a text: classes, whose loss in nats is also given in the units of the field.

    ``bits_per_character`` is the loss over ln 2; ``perplexity``, its exponential, is the number of
    equally likely characters that would be as hard to guess.
    """

    goals: ClassVar[dict[str, str]] = {
        "loss": "min",
        "accuracy": "max",
        "bits_per_character": "min",
        "perplexity": "min",
    }
    writes: ClassVar[bool] = True

    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:  # noqa: D102
        scores = super().scores(outputs, targets, scale)
        return {name: scores[name] for name in ("loss", "accuracy")}

    def derive(self, means: dict[str, Tensor], optimum: float | None) -> dict[str, Tensor]:  # noqa: D102
        loss = means["loss"]
        return means | {"bits_per_character": loss / math.log(2), "perplexity": loss.exp()}


class Regression(Objective):
    """Real values: the loss is the squared error, the metrics are in the unit of the task."""

    goals: ClassVar[dict[str, str]] = {"loss": "min", "mse": "min", "mae": "min"}

    def scored(self, targets: Tensor) -> Tensor:  # noqa: D102
        return ~targets.isnan()

    def losses(self, outputs: Tensor, targets: Tensor, reduction: str = "none") -> Tensor:  # noqa: D102
        squares = self._errors(outputs, targets).square()
        return squares if reduction == "none" else squares.sum()

    def predict(self, outputs: Tensor) -> Tensor:  # noqa: D102
        return outputs

    def scores(self, outputs: Tensor, targets: Tensor, scale: float) -> Scores:  # noqa: D102
        errors, scored = self._errors(outputs, targets), self.scored(targets).float()
        return {
            "loss": (errors.square(), scored),
            "mse": ((errors * scale).square(), scored),
            "mae": ((errors * scale).abs(), scored),
        }

    def derive(self, means: dict[str, Tensor], optimum: float | None) -> dict[str, Tensor]:  # noqa: D102
        return means | ({"mse_ratio": means["mse"] / optimum} if optimum else {})

    def choose(self, outputs: Tensor, how: Sampling = GREEDY) -> Tensor:  # noqa: D102
        return outputs

    def feed(self, answers: Tensor, size: int) -> Tensor:  # noqa: D102
        return answers.nan_to_num()

    def _errors(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # The outputs stand in for targets that are not scored, so that no gradient comes of them.
        return outputs - torch.where(self.scored(targets), targets, outputs)


OBJECTIVES: dict[str, Objective] = {
    "binary": Binary(),
    "categorical": Categorical(),
    "regression": Regression(),
    "language": Language(),
}
