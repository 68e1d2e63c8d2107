"""A linear recurrence of all steps at once: each is a sum that can be taken in any grouping."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

WIDE = 2048
"""Numbers in a step from which on a processor goes through the steps one by one: pairs would cost
more memory than the calls they save cost time."""


def scan(a: Tensor, b: Tensor, start: Tensor | None = None) -> Tensor:
    """Give ``h_t = a_t h_{t-1} + b_t`` for every step.

    Two steps are one of the same kind: ``h_2 = (a_2 a_1) h_0 + (a_2 b_1 + b_2)``. So the steps are
    paired, the half as many that this makes are gone through likewise, and the steps between
    follow. There are neither logarithms nor quotients: if no ``|a_t|`` is above 1, no factor comes
    to be, and the error is below that of a loop. On a processor, which has few hands, steps of many
    numbers are gone through one by one.

    Args:
        a: Factors, ``(T, B, H)``, or broadcast to that: ``(1, 1, H)`` are the same at every step.
        b: What is added, ``(T, B, H)``, real or complex as the factors.
        start: ``(B, H)`` before the first step; None for zeros.

    Source:
        Blelloch 1990, "Prefix sums and their applications", CMU-CS-90-190.

    Example:
        >>> halves, ones = torch.full((1, 1, 1), 0.5), torch.ones(4, 1, 1)
        >>> scan(halves, ones).ravel()
        tensor([1.0000, 1.5000, 1.7500, 1.8750])
    """
    if start is not None:
        b = torch.cat([torch.addcmul(b[:1], a[:1], start), b[1:]])
    if len(b) < 2:
        return b
    h: Tensor = Scan.apply(a, b, False)  # type: ignore[no-untyped-call]
    return h


class Scan(Function):
    """One operation for autograd, which keeps factors and states only; its way back is a scan."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, b: Tensor, back: bool) -> Tensor:  # noqa: D102
        wide = b.device.type == "cpu" and b[0].numel() >= WIDE
        return (one_by_one if wide else paired)(a, b, back)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Tensor) -> None:  # noqa: D102
        a, _, ctx.back = inputs
        ctx.save_for_backward(a, output)

    @staticmethod
    def backward(ctx: Any, dh: Tensor) -> Any:  # noqa: D102
        a, h = ctx.saved_tensors
        later = (a if len(a) == 1 else shifted(a, not ctx.back)).conj()
        # ∂L/∂b_t = what arrives + conj(a_{t+1}) ∂L/∂b_{t+1}
        db: Tensor = Scan.apply(later, dh, not ctx.back)  # type: ignore[no-untyped-call]
        da = None
        if ctx.needs_input_grad[0]:
            da = (db * shifted(h, ctx.back).conj()).sum_to_size(a.shape)
        return da, db, None


def one_by_one(a: Tensor, b: Tensor, back: bool) -> Tensor:
    """Scan in order; ``back`` as in `paired`."""
    factors = a.to(b.dtype).expand(len(b), *a.shape[1:]).unbind()
    steps = list(zip(factors, b.unbind(), strict=True))
    steps = steps[::-1] if back else steps
    states = [steps[0][1]]
    for factor, new in steps[1:]:
        states.append(torch.addcmul(new, factor, states[-1]))
    return torch.stack(states[::-1] if back else states)


def paired(a: Tensor, b: Tensor, back: bool) -> Tensor:
    """Scan in pairs; ``back`` goes from the last step to the first, ``h_t = a_t h_{t+1} + b_t``."""
    if len(b) == 1:
        return b
    if len(b) % 2:
        return paired(a if len(a) == 1 else padded(a, 0, 1), padded(b, 0, 1), back)[:-1]
    a1, a2 = (a, a) if len(a) == 1 else halves(a)
    b1, b2 = halves(b)
    if back:
        a1, a2, b1, b2 = a2, a1, b2, b1
    second = paired(widened(a1) * widened(a2), torch.addcmul(b2, a2.to(b.dtype), b1), back)
    first = torch.addcmul(b1, a1.to(b.dtype), shifted(second, back))
    return torch.stack((second, first) if back else (first, second), 1).flatten(0, 1)


def halves(x: Tensor) -> tuple[Tensor, ...]:
    """Take the first and the second step of each pair."""
    return x.reshape(len(x) // 2, 2, *x.shape[1:]).unbind(1)


def widened(a: Tensor) -> Tensor:
    """Take 64 bits for products of factors.

    In 32, those of factors like 0.9999 lose the same last bit every time: over 8192 steps 1.4e-5.
    """
    if a.device.type == "mps":  # has none
        return a
    return a.to(torch.promote_types(a.dtype, torch.float64))


def shifted(x: Tensor, back: bool) -> Tensor:
    """Give at each step the one before, ``back`` the one after, and zeros where there is none."""
    return padded(x, -1, 1) if back else padded(x, 1, -1)


def padded(x: Tensor, before: int, after: int) -> Tensor:
    """Put in so many steps of zeros; less than none takes steps away."""
    return F.pad(x, [0, 0] * (x.ndim - 1) + [before, after])
