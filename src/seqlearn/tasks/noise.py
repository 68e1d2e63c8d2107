"""Noise, to be learnt by heart."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class Noise(SequenceDataModule):
    """Say the random number that belongs to a random sequence.

    ::

        shown    -0.3   1.2   0.8  -1.1   0.4      and nine more such features
        asked       .     .     .     .   0.7      nothing that the sequence could tell

    A lesson on overfitting: nothing can be learnt here, only remembered, 100 sequences in all. A
    network that is large enough has them by heart soon: ``train/loss`` in ``metrics.csv`` falls to
    almost 0, while ``val/loss``, on sequences it has not seen, rises above the variance of the
    targets, 1, which is the cost of saying 0. As always the weights of the least validation loss
    are kept and tested: those of a network that has hardly begun.

    Shapes:
        inputs ``(B, steps, features)`` and targets ``(B, 1)`` float32: normal, independent, of mean
        0 and variance 1.

    Baseline:
        Mean squared error on new sequences: 1 for saying 0, which is the optimum, 2 for repeating
        the number of another sequence.

    Source:
        Learning random labels by heart: Zhang et al. 2017, "Understanding deep learning requires
        rethinking generalization", arXiv 1611.03530.

    Example:
        >>> targets = Noise().dataset("train").batch(range(1000)).targets
        >>> len(targets.unique())  # ten passes over the same
        100
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    output_size: ClassVar[int] = 1

    steps: int = 5
    """Steps of a sequence."""
    features: int = 10
    """Features of a step."""
    train_limit: int | None = 100
    """Sequences to remember; with null every one is new, and there is nothing to do at all."""

    def __post_init__(self) -> None:
        """Check the fields."""
        for name in ("steps", "features"):
            self.require(name, 1)
        super().__post_init__()

    @property
    def input_size(self) -> int:
        """Features of a step."""
        return self.features

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw a sequence, and a target that has nothing to do with it."""
        inputs = rng.normal(size=(length or self.steps, self.features))
        return SequenceBatch(
            inputs=torch.from_numpy(inputs).float(),
            targets=torch.from_numpy(rng.normal(size=1)).float(),
            lengths=torch.full((len(rng),), inputs.shape[1]),
        )

    def baselines(self) -> dict[str, float]:
        """Mean squared error on new sequences: of 0, and of a target drawn like the others."""
        return {"zero": 1.0, "another_target": 2.0, "optimum": 1.0}
