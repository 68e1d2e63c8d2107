"""What can stand between inputs and states.

A cell is a class with ``__init__(input_size, hidden_size, num_layers=1, dropout=0.0)`` and
``forward(x (B, T, F), state=None) -> (states (B, T, H), state)``.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn

Cell = str | type[nn.Module] | partial[nn.Module]
"""A word of `CELLS`, the path of a class, or what builds a cell when called."""

CELLS: dict[str, Callable[..., nn.Module]] = {
    "rnn": partial(nn.RNN, batch_first=True),
    "lstm": partial(nn.LSTM, batch_first=True),
    "gru": partial(nn.GRU, batch_first=True),
}
"""The words for cells: ``rnn`` also takes ``nonlinearity``, ``"tanh"`` or ``"relu"``."""


def make_cell(cell: Cell, sizes: tuple[int, int], **arguments: Any) -> nn.Module:
    """Build a cell from a word of `CELLS`, the path of a class, or a class itself.

    Args:
        cell: ``"gru"``, ``"my_package.MyCell"``, or anything that builds a module when called.
        sizes: ``input_size`` and ``hidden_size``.
        arguments: Passed on to the cell.

    Raises:
        ValueError: If there is no such cell, it refuses the arguments, or does not give states.

    Example:
        >>> make_cell("rnn", (2, 16), nonlinearity="relu")
        RNN(2, 16, batch_first=True)
    """
    build = find_cell(cell) if isinstance(cell, str) else cell
    try:
        module = build(*sizes, **arguments)
    except TypeError as error:
        raise ValueError(f"`cell` {cell!r} cannot be built with {arguments}: {error}.") from error
    if getattr(module, "batch_first", True) is False:
        raise ValueError(
            f"`cell` {cell!r} must read inputs (B, T, F), but was built with batch_first=False; "
            "give `cell_args` {'batch_first': True}."
        )
    input_size, hidden_size = sizes
    with torch.no_grad():  # and in evaluation, so that the look leaves no trace
        states = module.eval()(torch.zeros(1, 2, input_size))[0]
    module.train()
    if states.shape != (1, 2, hidden_size):
        raise ValueError(
            f"`cell` {cell!r} must give states (B, T, {hidden_size}), "
            f"but made {tuple(states.shape)} of inputs (1, 2, {input_size})."
        )
    return module


def find_cell(name: str) -> Callable[..., nn.Module]:
    """Look up a word of `CELLS` or import a class by its path."""
    if name in CELLS:
        return CELLS[name]
    module, _, attribute = name.rpartition(".")
    try:
        found: Callable[..., nn.Module] = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        why = f" ({error})" if module else ""
        raise ValueError(
            f"`cell` must be one of {', '.join(CELLS)} or the path of a class, got {name!r}{why}."
        ) from error
    return found


def cell_name(cell: Cell) -> str:
    """Give the word or path by which `find_cell` finds it again, or describe a partial."""
    if isinstance(cell, str):
        return cell
    return f"{cell.__module__}.{cell.__qualname__}" if isinstance(cell, type) else repr(cell)
