"""Many-to-one: one answer to a whole sequence."""

from typing import ClassVar

import torch
from torch import Tensor

from seqlearn.data import SequenceBatch
from seqlearn.modules.base import SequenceModule


class ManyToOne(SequenceModule):
    """Answer once, at the last valid step.

    Shapes:
        forward ``(B, T, F), lengths (B,) -> (B, C)``, or ``(B, T), lengths -> (B, C)`` for symbols.
    """

    mapping: ClassVar[str] = "many-to-one"

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Read the state at the last valid step; without lengths, at the last step."""
        states = self.states(x)
        last = (
            states[:, -1]
            if lengths is None
            else states[torch.arange(len(x), device=x.device), lengths - 1]
        )
        outputs: Tensor = self.head(last)
        return outputs

    def answer(self, batch: SequenceBatch, batch_idx: int) -> Tensor:  # noqa: D102
        return self(batch.inputs, batch.lengths)  # type: ignore[no-any-return]
