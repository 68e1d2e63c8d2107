"""Encoder and decoder: a sequence into another of a length of its own."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlearn.data import SequenceBatch
from seqlearn.modules.base import SequenceModule
from seqlearn.modules.decoding import decode, probability
from seqlearn.objectives import GREEDY, Sampling
from seqlearn.states import batch_axes, last_state


class EncoderDecoder(SequenceModule):
    """Read a whole sequence, then write another from the state that is left.

    Two cells of the same kind: the state of the encoder after the last valid step is all that the
    decoder gets. It begins with zeros for an input; then each answer is fed back.

    Args:
        teacher_forcing: In training, the probability to go on from the true answer instead of the
            network's own.

    Raises:
        ValueError: If the cell's state depends on what it reads, so that it cannot be handed over.

    Shapes:
        forward ``(B, T, F), lengths, steps -> (B, U, C)``, or ``(B, T)`` for symbols.

    Source:
        Sutskever, Vinyals & Le 2014, arXiv 1409.3215; Cho et al. 2014, arXiv 1406.1078.
    """

    mapping: ClassVar[str] = "encoder-decoder"

    def __init__(self, *args: Any, teacher_forcing: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.teacher_forcing = probability("teacher_forcing", teacher_forcing)
        self.decoder = self.new_cell(self.output_size)
        try:
            with torch.no_grad():  # and in evaluation, so that the look leaves no trace
                self.axes = batch_axes(self.cell.eval(), self.input_size)
                self.eval()(torch.zeros(1, 1, self.input_size))
        except RuntimeError as error:
            raise ValueError(
                f"`cell` {self.kind!r} must keep a state of the same size whatever it reads, for "
                f"the decoder to go on from the encoder's: {error}"
            ) from error
        self.train()

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        steps: int | None = None,
        targets: Tensor | None = None,
        how: Sampling = GREEDY,
    ) -> Tensor:
        """Write so many steps, by default as many as were read; see `OneToMany` for the rest."""
        state = last_state(self.cell, self.features(x), lengths, self.axes)
        first = self.head.weight.new_zeros(len(x), self.output_size)
        steps = x.shape[1] if steps is None else steps
        parts = (self.decoder, self.head, self.objective)
        return decode(parts, first, state, steps, how, targets, self.teacher_forcing)

    def answer(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Write as many steps as there are targets; only in training these may be looked at."""
        inputs, targets, lengths = batch
        truth = targets if self.training else None
        return self(inputs, lengths, targets.shape[1], truth)  # type: ignore[no-any-return]
