"""One sample, and how several make a batch."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from seqlearn.splits import SequenceBatch

Sample = tuple[Any, Any, int]
"""Inputs and targets, as numbers in lists or as a tensor, and the length."""


def batch(samples: Iterable[Sample]) -> SequenceBatch:
    """Make tensors of samples."""
    return SequenceBatch(
        *(
            torch.stack(column) if isinstance(column[0], Tensor) else torch.tensor(column)
            for column in zip(*samples, strict=True)
        )
    )
