"""What a cell keeps from step to step, and how to go on from it.

A state is whatever the next call takes: a tensor, or tensors in tuples, each with the batch on one
of its axes, such as PyTorch's ``(num_layers, B, H)``; None at the start.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

State = Any

STATELESS = "`cell` must give what it keeps, (states, state), to go on from it, but keeps no state."


class Stepwise:
    """A cell that can be led through a sequence by hand."""

    def step(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Take one step: ``x (B, F), state -> (h (B, H), state)``."""
        assert isinstance(self, nn.Module)
        return step(self, x, state)


def step(cell: nn.Module, x: Tensor, state: State = None) -> tuple[Tensor, State]:
    """Take one step with any cell: ``x (B, F), state -> (h (B, H), state)``."""
    states, state = cell(x[:, None], state)
    if state is None:
        raise ValueError(STATELESS)
    return states[:, 0], state


def map_state(function: Callable[..., Any], *states: State) -> State:
    """Apply a function to the tensors of a state, or of several alike.

    Raises:
        ValueError: If the first is made of anything but tensors in tuples or lists.
    """
    if isinstance(states[0], Tensor) or states[0] is None:
        return states[0] if states[0] is None else function(*states)
    if not isinstance(states[0], tuple | list):
        kind = type(states[0]).__name__
        raise ValueError(f"a cell's state must be a tensor, or tensors in tuples, got a {kind}.")
    return tuple(map_state(function, *parts) for parts in zip(*states, strict=True))


def keeps_state(cell: nn.Module, features: int) -> bool:
    """Tell whether a cell can go on from a state; one that gives None for it cannot."""
    return look(cell, 1, features) is not None


def require_state(cell: nn.Module, features: int) -> None:
    """Refuse a cell that cannot go on from a state."""
    if not keeps_state(cell, features):
        raise ValueError(STATELESS)


def batch_axes(cell: nn.Module, features: int) -> State:
    """Find the axis of the batch in each tensor of a cell's state, shaped like the state."""

    def axis(two: Tensor, three: Tensor) -> int:
        pairs = zip(two.shape, three.shape, strict=True)
        axes = [k for k, (one, other) in enumerate(pairs) if one != other]
        if len(axes) != 1:
            raise ValueError(
                "a cell's state must have the batch on one axis, got "
                f"{tuple(two.shape)} for 2 sequences and {tuple(three.shape)} for 3."
            )
        return axes[0]

    require_state(cell, features)
    return map_state(axis, *[look(cell, size, features) for size in (2, 3)])


def look(cell: nn.Module, size: int, features: int) -> State:
    """See what state a cell keeps of a step of so many sequences; it leaves no trace."""
    place, training = next(cell.parameters(), torch.zeros(())), cell.training
    try:
        with torch.no_grad():
            return cell.eval()(place.new_zeros(size, 1, features))[1]
    finally:
        cell.train(training)


def last_state(
    cell: nn.Module, x: Tensor, lengths: Tensor | None = None, axes: State = None
) -> State:
    """Run over ``(B, T, F)`` and give each sequence's state after its last valid step.

    Args:
        cell: The cell.
        x: The sequences, padded on the right.
        lengths: ``(B,)`` valid steps; None if all are valid.
        axes: Where the batch lies in the state, as `batch_axes` finds it.
    """
    if lengths is None:
        return cell(x)[1]
    kept = state = None
    for start, end in pairwise([0, *sorted(set(lengths.tolist()))]):
        _, state = cell(x[:, start:end], state)
        going = lengths >= end  # (B,)

        def later(old: Tensor, new: Tensor, axis: int, going: Tensor = going) -> Tensor:
            return torch.where(going.view(-1, *[1] * (old.ndim - axis - 1)), new, old)

        kept = state if kept is None else map_state(later, kept, state, axes)
    return kept
