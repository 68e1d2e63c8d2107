"""How much of a batch is drawn."""

import torch
from torch import Tensor

from seqlearn.splits import SequenceBatch


def first(batch: SequenceBatch, count: int) -> SequenceBatch:
    """Give the first examples of a batch."""
    return SequenceBatch(*(part[:count] for part in batch))


def some(batch: SequenceBatch, chosen: Tensor) -> SequenceBatch:
    """Give these examples of a batch."""
    return SequenceBatch(*(part[chosen] for part in batch))


def spread(count: int, most: int) -> Tensor:
    """Choose examples from the first to the last, as often they come in an order.

    Example:
        >>> spread(11, 3), spread(2, 3)
        (tensor([ 0,  5, 10]), tensor([0, 1]))
    """
    return torch.linspace(0, count - 1, min(count, most)).long()


def reach(scored: Tensor) -> int:
    """Tell how many steps of ``(B, T, ...)`` there are up to the last that counts, at least 1.

    Example:
        >>> reach(torch.tensor([[True, False, False, False], [True, True, False, False]]))
        2
    """
    found = scored.transpose(0, 1).flatten(1).any(1).nonzero()
    return int(found.max()) + 1 if len(found) else 1


def begin(scored: Tensor) -> int:
    """Tell how many steps of ``(B, T, ...)`` there are before the first that counts.

    Example:
        >>> begin(torch.tensor([[False, False, True, True], [False, True, True, False]]))
        1
    """
    return int(scored.transpose(0, 1).flatten(1).any(1).int().argmax())


def aligned(alone: Tensor, steps: int) -> Tensor:
    """Put ``NaN`` before what is said alone ``(B, U, C)``, so that it ends at so many steps."""
    before = alone.new_full((len(alone), steps - alone.shape[1], alone.shape[2]), torch.nan)
    return torch.cat([before, alone], 1)


def cropped(**found: tuple[int, int]) -> str:
    """Say how much of what there is can be seen, if not all.

    Example:
        >>> cropped(steps=(64, 1025), examples=(4, 6), outputs=(1, 1))
        'shown: 64 of 1,025 steps, 4 of 6 examples'
    """
    parts = [
        f"{shown:,} of {whole:,} {what}" for what, (shown, whole) in found.items() if shown < whole
    ]
    return f"shown: {', '.join(parts)}" if parts else ""
