"""What can stand between inputs and states.

A cell is a class with ``__init__(input_size, hidden_size, num_layers=1, dropout=0.0)`` and
``forward(x (B, T, F), state=None) -> (states (B, T, H), state)``; `states` says what a state is,
`foreign` what is done with classes that differ a little.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn import foreign, kernels
from seqlearn.errors import is_own_bug
from seqlearn.linear import LRU, MinGRU, MinLSTM
from seqlearn.states import Stepwise

Build = Callable[..., nn.Module]
Cell = str | type[nn.Module] | partial[nn.Module]
"""A word of `CELLS`, the path of a class, or what builds a cell when called."""

PYTORCHS = ("tanh", "relu")
"""Nonlinearities that PyTorch's own kernel has."""


class RNN(Stepwise, nn.RNN):
    """The Elman network: ``h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``.

    A processor learns with the layers of `kernels`. Everywhere else tanh and relu are PyTorch's
    own; it has no sigmoid and no identity, so that with these a GPU waits for Python at every step.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.
        nonlinearity: tanh, relu, sigmoid, or identity, which makes the network linear.
        gain: Factor on the recurrent weights at the start; a large one makes gradients explode.

    Source:
        Elman 1990, "Finding structure in time", doi:10.1207/s15516709cog1402_1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        gain: float = 1.0,
    ) -> None:
        if nonlinearity not in kernels.NONLINEARITIES:
            words = ", ".join(kernels.NONLINEARITIES)
            raise ValueError(f"`nonlinearity` must be one of {words}, got {nonlinearity!r}.")
        own = nonlinearity if nonlinearity in PYTORCHS else "tanh"
        super().__init__(
            input_size, hidden_size, num_layers, own, batch_first=True, dropout=dropout
        )
        self.nonlinearity = nonlinearity
        with torch.no_grad():
            for _, recurrent, *_ in self.all_weights:
                recurrent.mul_(gain)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Run over ``(B, T, F)``; the state is ``(num_layers, B, H)``."""
        if self.nonlinearity in PYTORCHS and not kernels.fits(x):
            states, state = super().forward(x, state)
            return states, state
        if torch.is_autocast_enabled(x.device.type):  # products in place want one dtype
            with torch.autocast(x.device.type, enabled=False):
                return self.forward(x.to(self.all_weights[0][0].dtype), state)
        return kernels.run(kernels.Elman, self, x, state, self.nonlinearity)


class LSTM(Stepwise, nn.LSTM):
    """Long short-term memory, PyTorch's kernel; the state is ``(h, c)``.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.
        forget_bias: Added to the bias of the forget gates at the start, so that memories last.

    Source:
        Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; the forget gate is that of
        Gers, Schmidhuber & Cummins 2000, doi:10.1162/089976600300015015.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
        with torch.no_grad():
            for *_, bias in self.all_weights:
                bias[hidden_size : 2 * hidden_size] += forget_bias  # the gates stand as i, f, g, o


class GRU(Stepwise, nn.GRU):
    """The gated recurrent unit, with PyTorch's equations; the state is ``(num_layers, B, H)``.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.

    Source:
        Cho et al. 2014, arXiv 1406.1078.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Run over ``(B, T, F)``; the state is ``(num_layers, B, H)``."""
        # With more, the kernel took 0.85 to 1.2 of PyTorch's time, as memory sets the pace; without
        # gradients up to 1.25, of few sequences.
        if kernels.fits(x) and torch.is_grad_enabled() and len(x) * self.hidden_size <= 2**16:
            return kernels.run(kernels.Gated, self, x, state)
        states, state = super().forward(x, state)
        return states, state


class Window(Stepwise, nn.Module):
    """A net without recurrence, to show what recurrence is for: it sees the last few inputs only.

    Whatever came before has no way into ``h_t = tanh(W [x_{t-size+1}, ..., x_t] + b)``; the inputs
    before the first are zeros.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers; those above the first see one step only.
        dropout: Probability to drop a unit between layers.
        size: Inputs it sees, the present one included.

    Source:
        The time-delay network of Waibel et al. 1989, doi:10.1109/29.21701.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        size: int = 3,
    ) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"`size` must be at least 1, got {size}.")
        self.size, self.dropout = size, dropout
        widths = [size * input_size, *[hidden_size] * num_layers]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over ``(B, T, F)``; the state is the inputs seen last, ``(size - 1, B, F)``."""
        if state is None:
            state = x.new_zeros(self.size - 1, len(x), x.shape[2])
        seen = torch.cat([state.transpose(0, 1), x], 1)  # (B, size - 1 + T, F)
        states = seen.unfold(1, self.size, 1).flatten(2)  # (B, T, F * size)
        for k, layer in enumerate(self.layers):
            states = torch.tanh(layer(F.dropout(states, self.dropout, self.training and k > 0)))
        return states, seen[:, x.shape[1] :].transpose(0, 1)


CELLS: dict[str, Build] = {"rnn": RNN, "lstm": LSTM, "gru": GRU, "window": Window}
CELLS |= {"min_gru": MinGRU, "min_lstm": MinLSTM, "lru": LRU}
"""The words for cells."""


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
    make = find_cell(cell) if isinstance(cell, str) else cell
    if make in CELLS.values() and arguments.get("dropout") and arguments.get("num_layers", 1) < 2:
        raise ValueError("`dropout` is between layers: `num_layers` must be at least 2, got 1.")
    try:
        module = foreign.build(make, sizes, arguments)
    except (TypeError, ValueError) as error:
        if is_own_bug(error) if isinstance(error, TypeError) else "`" in str(error):
            raise
        raise ValueError(f"`cell` {cell!r} cannot be built with {arguments}: {error}.") from error
    if not isinstance(module, nn.Module):
        raise ValueError(f"`cell` {cell!r} must make a torch.nn.Module, but made {module!r:.60}.")
    input_size, hidden_size = sizes
    try:
        module = foreign.adapt(make, module, sizes)
        states = foreign.look(module, torch.zeros(1, 2, input_size))[0]
    except (TypeError, ValueError, RuntimeError) as error:
        if is_own_bug(error):
            raise
        raise ValueError(f"`cell` {cell!r} cannot read (B, T, F): {error}.") from error
    if states.shape != (1, 2, hidden_size):
        raise ValueError(
            f"`cell` {cell!r} must give states (B, T, {hidden_size}), "
            f"but made {tuple(states.shape)} of inputs (1, 2, {input_size})."
        )
    if make not in CELLS.values() and (wrong := foreign.strays(module, input_size)):
        raise ValueError(f"`cell` {cell!r} {wrong}.")
    return module


def find_cell(name: str) -> Build:
    """Look up a word of `CELLS` or import a class by its path."""
    if name in CELLS:
        return CELLS[name]
    module, _, attribute = name.rpartition(".")
    try:
        found: Build = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
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
