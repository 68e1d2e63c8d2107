"""What a network's units do while it answers, and which of them follow what it has to keep."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn.data import SequenceBatch
from seqlearn.modules import EncoderDecoder, SequenceModule


class Watched(NamedTuple):
    """What was seen.

    Attributes:
        parts: The states of each cell, ``(B, T, H)``: one, or those of encoder and decoder.
        outputs: What was read out of them.
    """

    parts: list[Tensor]
    outputs: Tensor


def watch(module: SequenceModule, batch: SequenceBatch) -> Watched:
    """Let a network answer, and record the states it reads out: of several layers, the top one.

    Args:
        module: Any network; it is left as it was.
        batch: What to answer.
    """
    cells = [module.cell, *([module.decoder] if isinstance(module, EncoderDecoder) else [])]
    seen: list[list[Tensor]] = [[] for _ in cells]
    hooks = [cell.register_forward_hook(keep(kept)) for cell, kept in zip(cells, seen, strict=True)]
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            given = SequenceBatch(*(part.to(module.device) for part in batch))
            outputs = module.answer(given, 0)
    finally:
        for hook in hooks:
            hook.remove()
        module.train(training)
    # A cell that is led step by step is called once a step.
    return Watched([torch.cat(kept, 1).double().cpu() for kept in seen], outputs.cpu())


def keep(kept: list[Tensor]) -> Callable[..., None]:
    """Make a hook that keeps what a cell gives."""

    def hook(cell: nn.Module, inputs: Any, outputs: tuple[Tensor, Any]) -> None:
        kept.append(outputs[0].detach())

    return hook


def after(memory: Tensor, lengths: Tensor) -> Tensor:
    """Turn what is to be kept before each step ``(B, T)`` into what is to be kept after it.

    After the last valid step nothing is: ``NaN``.
    """
    kept = F.pad(memory[:, 1:].double(), (0, 1))
    return kept.where(torch.arange(1, kept.shape[1] + 1) < lengths[:, None], torch.nan)


def correlations(states: Tensor, kept: Tensor) -> Tensor:
    """Correlate each unit with what is to be kept, over all steps of a batch: ``(H,)``.

    Args:
        states: ``(B, T, H)``.
        kept: ``(B, T)``, with ``NaN`` where nothing is.

    Returns:
        From -1 to 1; 0 for a unit that never changes.
    """
    steps = min(states.shape[1], kept.shape[1])
    states, kept = states[:, :steps], kept[:, :steps]
    valid = ~kept.isnan()
    units, values = states[valid], kept[valid]  # (N, H), (N,)
    if not len(values):
        return states.new_zeros(states.shape[2])
    units, values = units - units.mean(0), values - values.mean()
    spread = units.square().sum(0).sqrt() * values.square().sum().sqrt()
    return torch.where(spread > 1e-9, values @ units / spread.clamp(min=1e-9), 0).nan_to_num()


def order(states: Tensor, lengths: Tensor, followed: Mapping[str, Tensor]) -> Tensor:
    """Order units: those that follow a memory most closely first, else those alike together.

    Args:
        states: ``(B, T, H)``.
        lengths: ``(B,)`` valid steps.
        followed: `correlations` with each memory, by its name.

    Returns:
        ``(H,)`` units.
    """
    if followed:
        return torch.stack(list(followed.values())).abs().amax(0).argsort(descending=True)
    units = states[torch.arange(states.shape[1]) < lengths[:, None]]  # (N, H)
    units = (units - units.mean(0)).nan_to_num()
    units = units / units.norm(dim=0).clamp(min=1e-9)
    # Along the first principal axis, units that rise together are neighbours, and those that fall
    # meanwhile are far.
    axes: Tensor = torch.linalg.eigh(units.T @ units).eigenvectors
    return axes[:, -1].argsort()
