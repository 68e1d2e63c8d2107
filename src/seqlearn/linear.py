"""Cells whose recurrence is linear, so that all steps of a sequence are gone through at once.

What is kept and what is taken in depends on the input alone, not on the state before:
``h_t = a_t h_{t-1} + b_t``, which `scan` does for all steps. A single step is the formula itself.
"""

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn.scan import scan
from seqlearn.states import Stepwise


class Layers(Stepwise, nn.Module):
    """Linear recurrences on top of each other.

    Args:
        layers: Each makes states ``(T, B, H)`` and a last state ``(B, N)`` of inputs ``(T, B, F)``
            and a start, or None.
        dropout: Probability to drop a unit between layers.
    """

    def __init__(self, layers: Iterable[nn.Module], dropout: float) -> None:
        super().__init__()
        self.layers, self.dropout = nn.ModuleList(layers), dropout

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over ``(B, T, F)``; the state is ``(num_layers, B, N)``, in at least 32 bits."""
        if not x.shape[1]:
            raise RuntimeError(f"a sequence must have at least 1 step, got {tuple(x.shape)}.")
        starts = [None] * len(self.layers) if state is None else state
        states, ends = x.transpose(0, 1), []
        for k, (layer, start) in enumerate(zip(self.layers, starts, strict=True)):
            states = F.dropout(states, self.dropout, self.training and k > 0)
            states, end = layer(states, start)
            states = states.to(x.dtype)
            ends.append(end)
        return states.transpose(0, 1), torch.stack(ends)


class Averaging(nn.Module):
    """A layer that keeps a share f of each unit and takes in 1 - f of something new."""

    def __init__(
        self, input_size: int, hidden_size: int, gates: int, positive: bool, forget_bias: float
    ) -> None:
        super().__init__()
        self.gates, self.positive = gates, positive
        self.weights = nn.Linear(input_size, (1 + gates) * hidden_size)  # c, and z or f, i
        with torch.no_grad():  # what takes in comes last, what keeps before it
            self.weights.bias[-hidden_size:] -= forget_bias
            self.weights.bias[hidden_size:-hidden_size] += forget_bias

    def forward(self, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run over ``(T, B, F)``."""
        c, *gates = at_least_32(self.weights(x)).chunk(1 + self.gates, -1)
        if self.positive:
            c = c.relu() + c.clamp(max=0).sigmoid()  # g
        new = gates[0]  # the share of it is sigmoid of this
        if self.gates == 2:  # i / (f + i), also where both are too small to hold
            new = F.logsigmoid(gates[1]) - F.logsigmoid(gates[0])
        h = scan((-new).sigmoid(), new.sigmoid() * c, start)
        return h, h[-1]


class Minimal(Layers):
    """Layers of `Averaging`; what their arguments are, the final classes say."""

    gates: ClassVar[int]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        positive: bool = True,
        forget_bias: float = 0.0,
    ) -> None:
        if not isinstance(positive, bool):
            raise ValueError(f"`positive` must be true or false, got {positive!r}.")
        sizes = pairwise([input_size, *[hidden_size] * num_layers])
        super().__init__(
            (Averaging(*size, self.gates, positive, forget_bias) for size in sizes), dropout
        )


class MinGRU(Minimal):
    """The minimal gated recurrent unit; the state is ``(num_layers, B, H)``.

    As equations::

        z_t = sigmoid(W_z x_t + b_z)
        c_t = g(W_c x_t + b_c)
        h_t = (1 - z_t) h_{t-1} + z_t c_t

    The gate does not see the state: what one layer makes of an input is the same at any place, and
    only a second layer can tell a first symbol from a later one.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.
        positive: Whether g keeps the states above zero: ``g(u)`` is ``u + 1/2`` from 0 on and
            ``sigmoid(u)`` below. Else it is the identity, with which a single layer learns some
            tasks sooner, but two layers of it did not learn `first_symbol`, which with g they do.
        forget_bias: Taken from the bias of the gates at the start, so that memories last.

    Source:
        Feng et al. 2024, "Were RNNs all we needed?", arXiv 2410.01201; g is that of its appendix,
        where a scan in logarithms needs it.
    """

    gates = 1


class MinLSTM(Minimal):
    """Minimal long short-term memory; the state is ``(num_layers, B, H)``.

    As equations::

        f_t = sigmoid(W_f x_t + b_f)        i_t likewise
        c_t = g(W_c x_t + b_c)
        h_t = (f_t h_{t-1} + i_t c_t) / (f_t + i_t)

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H).
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.
        positive: Whether g keeps the states above zero, as for `MinGRU`; else it is the identity.
        forget_bias: Added to the bias of the forget gates at the start and taken from that of the
            input gates, so that memories last: only how the two compare counts.

    Source:
        Feng et al. 2024, "Were RNNs all we needed?", arXiv 2410.01201.
    """

    gates = 2


class Turning(nn.Module):
    """A layer of `LRU`."""

    def __init__(
        self, input_size: int, hidden_size: int, ring: tuple[float, float, float], bend: bool
    ) -> None:
        super().__init__()
        r_min, r_max, max_phase = ring
        squares = r_min**2 + (r_max**2 - r_min**2) * (1 - torch.rand(hidden_size))  # above r_min
        self.nu = nn.Parameter((-squares.log() / 2).log())
        self.theta = nn.Parameter((max_phase * (1 - torch.rand(hidden_size))).log())
        self.gamma = nn.Parameter((1 - squares).log() / 2)
        # Complex numbers are pairs of real ones, which every precision and optimizer can handle.
        self.into = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.out = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.past = nn.Linear(input_size, hidden_size)
        nn.init.normal_(self.into.weight, std=(2 * input_size) ** -0.5)
        nn.init.normal_(self.out.weight, std=hidden_size**-0.5)
        self.bend = nn.Linear(input_size, 2 * input_size) if bend else None

    def forward(self, x: Tensor, start: Tensor | None) -> tuple[Tensor, Tensor]:
        """Run over ``(T, B, F)``."""
        x = F.glu(self.bend(F.gelu(x))) if self.bend else x
        nu, theta, gamma = (at_least_32(part).exp() for part in (self.nu, self.theta, self.gamma))
        turn = torch.polar((-nu).exp(), theta)[None, None]  # the same at every step
        pairs = at_least_32(self.into(x)).view(*x.shape[:2], -1, 2) * gamma[:, None]
        h = scan(turn, torch.view_as_complex(pairs), start)
        read = self.out(torch.view_as_real(h).flatten(-2).to(x.dtype))
        return read + self.past(x), h[-1]


class LRU(Layers):
    """The linear recurrent unit; the state is complex, ``(num_layers, B, H)``.

    As equations::

        λ   = exp(-exp(nu) + i exp(theta))
        s_t = λ s_{t-1} + exp(gamma) B x_t
        h_t = Re(C s_t) + D x_t

    Each unit turns and shrinks by a number of its own, whatever is read. So one layer is linear, a
    moving average of all inputs like an `RNN` with ``nonlinearity: identity``; from the second on
    each reads the one below through GELU and a gated linear unit.

    Args:
        input_size: Features of an input step (F).
        hidden_size: Units of each layer (H), complex ones and outputs alike.
        num_layers: Layers, each of which reads the states of the one below.
        dropout: Probability to drop a unit between layers.
        r_min: Least ``|λ|`` at the start, on a ring that λ is uniform on.
        r_max: Largest ``|λ|`` at the start: a memory of about ``1 / (1 - r_max)`` steps.
        max_phase: Largest angle of λ at the start.

    Source:
        Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences", arXiv
        2303.06349; there with normalization and a shortcut around each layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        r_min: float = 0.9,
        r_max: float = 0.999,
        max_phase: float = math.tau,
    ) -> None:
        if not 0 <= r_min <= r_max < 1:
            raise ValueError(
                "`r_min` and `r_max` must be at least 0 and below 1, in this order, "
                f"got {r_min} and {r_max}."
            )
        if not r_max > 0:
            raise ValueError(f"`r_max` must be above 0, got {r_max}.")
        if not max_phase > 0:
            raise ValueError(f"`max_phase` must be above 0, got {max_phase}.")
        sizes = pairwise([input_size, *[hidden_size] * num_layers])
        ring = (r_min, r_max, max_phase)
        super().__init__((Turning(*size, ring, k > 0) for k, size in enumerate(sizes)), dropout)


def at_least_32(x: Tensor) -> Tensor:
    """Take at least 32 bits: what is left of 16 after a hundred steps is not much."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
