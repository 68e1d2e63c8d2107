"""What a cell keeps from step to step, and how to go on from it.

A state is whatever the next call takes: a tensor, or tensors in tuples, with the batch on their
last axis but one, such as PyTorch's ``(num_layers, B, H)``; None at the start.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

State = Any


class Stepwise:
    """A cell that can be led through a sequence by hand."""

    def step(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Take one step: ``x (B, F), state -> (h (B, H), state)``."""
        assert isinstance(self, nn.Module)
        return step(self, x, state)


def step(cell: nn.Module, x: Tensor, state: State = None) -> tuple[Tensor, State]:
    """Take one step with any cell: ``x (B, F), state -> (h (B, H), state)``."""
    states, state = cell(x[:, None], state)
    return states[:, 0], state


def map_state(function: Callable[..., Tensor], *states: State) -> State:
    """Apply a function to the tensors of a state, or of several alike."""
    if isinstance(states[0], Tensor) or states[0] is None:
        return states[0] if states[0] is None else function(*states)
    return tuple(map_state(function, *parts) for parts in zip(*states, strict=True))


def last_state(cell: nn.Module, x: Tensor, lengths: Tensor | None = None) -> State:
    """Run over ``(B, T, F)`` and give each sequence's state after its last valid step."""
    if lengths is None:
        return cell(x)[1]
    kept = state = None
    for start, end in pairwise([0, *sorted(set(lengths.tolist()))]):
        _, state = cell(x[:, start:end], state)
        going = (lengths >= end)[:, None]  # (B, 1), beside states (num_layers, B, H)

        def later(old: Tensor, new: Tensor, going: Tensor = going) -> Tensor:
            return torch.where(going, new, old)

        kept = state if kept is None else map_state(later, kept, state)
    return kept
