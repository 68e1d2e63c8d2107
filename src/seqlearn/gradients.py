"""How much of an error comes back: the gradient at every state, by its lag behind the answer.

In a recurrent network it is a product of as many factors as there are steps between, so that it
vanishes or explodes: Hochreiter 1991; Bengio, Simard & Frasconi 1994, doi:10.1109/72.279181;
Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063.
"""

from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor, nn

from seqlearn.data import SequenceBatch
from seqlearn.modules import SequenceModule
from seqlearn.states import State, batch_axes, step


def gradient_norms(module: SequenceModule, batch: SequenceBatch) -> Tensor:
    """Measure the gradient of the last answer's loss at the state of every step before.

    Args:
        module: Any network; the cell is led step by step, without dropout, and left as it was. Of
            an encoder and decoder it is the encoder, and the loss that of the whole answer.
        batch: Sequences to measure it on.

    Returns:
        ``(T,)`` the mean over the batch of ``||dL / dh_{end - k}||`` for each lag *k* from 0 on,
        where *L* is the loss at *end*, the last scored step, and *h* is all that the cell keeps:
        for an LSTM both ``h`` and ``c``. A lag that no sequence has is ``NaN``.

    Example:
        >>> from seqlearn import BinaryAdd, ManyToMany
        >>> data = BinaryAdd(bits=8)
        >>> _ = torch.manual_seed(0)
        >>> module = ManyToMany.for_data(data, cell="window", cell_args={"size": 3})
        >>> (gradient_norms(module, data.dataset("test", 8).batch(range(4))) > 0).tolist()
        [True, True, True, False, False, False, False, False, False]
    """
    probe, training, cell = Probe(module.cell), module.training, module.cell
    # Tensors made in inference mode cannot be differentiated, and cuDNN only when it trains.
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.backends.cudnn.flags(enabled=False),
    ):
        inputs, targets, lengths = (part.to(module.device).clone() for part in batch)
        module.eval()
        module.cell = probe
        try:
            outputs = module.answer(SequenceBatch(inputs, targets, lengths), 0)
        finally:
            module.cell = cell
            module.train(training)
        losses, scored = module.objective.losses(outputs, targets), module.objective.scored(targets)
        ends = lengths - 1
        if module.mapping in ("many-to-many", "one-to-many"):
            asked = scored if scored.ndim == 2 else scored.any(-1)  # (B, T)
            steps = torch.arange(asked.shape[1], device=asked.device)
            ends = torch.where(asked, steps, 0).amax(1)
            losses = losses[torch.arange(len(ends)), ends]
        states = [state for kept in probe.kept for state, _ in kept]
        found = iter(torch.autograd.grad(losses.sum(), states, allow_unused=True))
    norms = []
    for kept in probe.kept:
        # In 64 bits: what has come back far is so small that its square is lost in 32.
        squares = torch.zeros(len(ends), dtype=torch.float64)
        for (_, axis), g in zip(kept, found, strict=False):
            if g is not None:
                squares += g.cpu().abs().double().square().movedim(axis, 0).flatten(1).sum(1)
        norms.append(squares.sqrt())
    return by_lag(torch.stack(norms, 1), ends.cpu()).to(losses)


def by_lag(norms: Tensor, ends: Tensor) -> Tensor:
    """Average ``(B, T)`` norms over sequences, counted back from the end of each: ``(T,)``."""
    lags = torch.arange(norms.shape[1], device=norms.device)
    places = ends[:, None] - lags  # (B, T)
    there = places >= 0
    aligned = norms.gather(1, places.clamp(min=0)).where(there, 0)
    return aligned.sum(0) / there.sum(0)


class Probe(nn.Module):
    """A cell led step by step, which keeps the states in between to differentiate by."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell
        self.kept: list[list[tuple[Tensor, int]]] = []  # for each step, with the axis of the batch

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Run over ``(B, T, F)`` like the cell itself."""
        axes, said = leaves(batch_axes(self.cell, x.shape[2])), []
        for x_t in x.unbind(1):
            h, state = step(self.cell, x_t, state)
            tensors = leaves(state)
            for tensor in tensors:
                if not tensor.requires_grad:
                    tensor.requires_grad_()
            kept = list(zip(tensors, axes, strict=True))
            # What is read out is mostly the state or its top layer: then take it from there, so
            # that the gradient by the state has both its parts, from the readout and from later.
            tops = [part for t in tensors[:1] for part in (t, *t[-1:].unbind(0))]
            same = next((top for top in tops if torch.equal(top, h)), None)
            if same is None:
                kept.append((h, 0))
            self.kept.append(kept)
            said.append(h if same is None else same)
        return torch.stack(said, 1), state


def leaves(state: State) -> list[Any]:
    """List what stands in a state, or in what is shaped like one."""
    if isinstance(state, tuple | list):
        return [leaf for part in state for leaf in leaves(part)]
    return [] if state is None else [state]


class GradientFlow(Callback):
    """Log the gradient by lag as ``gradient/norm@LAG``, now and then during training.

    Args:
        every: Steps from one measurement to the next.
        examples: Sequences of the training batch to measure it on.

    Attributes:
        curves: For each step measured, ``(T,)`` norms by lag.
    """

    def __init__(self, every: int = 100, examples: int = 32) -> None:
        for name, value in (("every", every), ("examples", examples)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1, got {value}.")
        self.every, self.examples = every, examples
        self.curves: dict[int, Tensor] = {}

    def on_train_batch_end(  # noqa: D102
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: SequenceBatch, batch_idx: int
    ) -> None:
        now = trainer.global_step
        if now % self.every or now in self.curves:
            return
        few = SequenceBatch(*(part[: self.examples] for part in batch))
        self.curves[now] = curve = gradient_norms(pl_module, few).cpu()
        lags = [0, *(2**k for k in range(20) if 2**k < len(curve) - 1), len(curve) - 1]
        found = {f"gradient/norm@{lag}": float(curve[lag]) for lag in dict.fromkeys(lags)}
        for logger in trainer.loggers:
            logger.log_metrics(found, now - 1)  # where Lightning logs what it took this step for
