"""One-to-many: a sequence out of a single input."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlearn.data import SequenceBatch
from seqlearn.modules.base import SequenceModule
from seqlearn.modules.decoding import decode, probability
from seqlearn.objectives import GREEDY, Sampling
from seqlearn.states import require_state


class OneToMany(SequenceModule):
    """Unfold one input into a sequence: shown at the first step, then each answer is fed back.

    Args:
        teacher_forcing: In training, the probability to go on from the true answer instead of the
            network's own.

    Shapes:
        forward ``(B, F), steps -> (B, T, C)``, or ``(B,), steps -> (B, T, C)`` for symbols.
    """

    mapping: ClassVar[str] = "one-to-many"
    feeds_back: ClassVar[bool] = True

    def __init__(self, *args: Any, teacher_forcing: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        require_state(self.cell, self.input_size + self.output_size)
        self.teacher_forcing = probability("teacher_forcing", teacher_forcing)

    def forward(
        self, x: Tensor, steps: int, targets: Tensor | None = None, how: Sampling = GREEDY
    ) -> Tensor:
        """Give the outputs of so many steps; from the true answers, if these are given."""
        shown = self.features(x)
        first = torch.cat([shown, shown.new_zeros(len(x), self.output_size)], 1)
        parts = (self.cell, self.head, self.objective)
        return decode(parts, first, None, steps, how, targets, self.teacher_forcing)

    def answer(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Unfold as many steps as there are targets; only in training these may be looked at."""
        targets = batch.targets
        truth = targets if self.training else None
        return self(batch.inputs, targets.shape[1], truth)  # type: ignore[no-any-return]
