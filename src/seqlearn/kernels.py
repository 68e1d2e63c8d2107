"""Recurrent layers that a processor goes through fast: a layer is one operation for autograd.

PyTorch records every product of every step of its `nn.RNN` and `nn.GRU`, and goes back through all
of them. Here the input's share of all steps is one product, a step is done in place, the way back
is the equations of `seqlearn.bptt`, and the gradients of the weights are products over all steps at
the end. ``python -m experiments.speed cell`` compares the two.

Inside, the steps come first, ``(T, B, H)``, so that each lies in one piece. ``W h`` is ``h @ W.T``,
as a vector is a row.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional as F

ONCE = (
    "a cell has no second derivatives; if you need them, take PyTorch's own, "
    "`cell` torch.nn.{} with `cell_args` {{'batch_first': True}}."
)

NONLINEARITIES: dict[str, tuple[Callable[..., Tensor], Callable[..., Tensor]]] = {
    "tanh": (torch.tanh_, lambda h: torch.addcmul(h.new_ones(()), h, h, value=-1)),
    "relu": (torch.relu_, torch.sign),
    "sigmoid": (torch.sigmoid_, lambda h: torch.addcmul(h, h, h, value=-1)),
    "identity": (lambda a: a, torch.ones_like),
}
"""For each word h = f(a), in place, and f'(a) as a function of h."""


def fits(x: Any) -> bool:
    """Tell whether the layers here do what PyTorch's do, and faster.

    An Elman layer takes 0.4 to 0.9 of PyTorch's time, but as long for a single step, and up to 1.2
    for fewer than 16 without gradients. Who looks into the operations one by one sees PyTorch's.
    """
    return (
        type(x) is Tensor
        and x.is_cpu
        and x.ndim == 3
        and x.shape[1] >= (2 if torch.is_grad_enabled() else 16)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        # Private, but what `Function.apply` itself asks before it refuses torch.func.
        and not torch._C._are_functorch_transforms_active()
    )


def run(
    layer: type[Function], cell: nn.RNNBase, x: Tensor, state: Tensor | None, *more: object
) -> tuple[Tensor, Tensor]:
    """Go through all layers of a cell: ``(B, T, F), (num_layers, B, H) -> (B, T, H), state``."""
    if state is not None:
        cell.check_forward_args(x, state, None)
    ends = []
    for k, weights in enumerate(cell.all_weights):
        if k and cell.dropout:  # over (T, B, H), as PyTorch draws it
            x = F.dropout(x.transpose(0, 1), cell.dropout, cell.training).transpose(0, 1)
        start = None if state is None else state[k]
        try:
            x, end = layer.apply(x, start, *weights, *more)  # type: ignore[no-untyped-call]
        except RuntimeError:
            cell.check_input(x, None) if k == 0 else None  # says it better
            raise
        ends.append(end)
    return x, ends[0] if len(ends) == 1 else torch.cat(ends)


class Elman(Function):
    """A layer ``h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``, f a word of `NONLINEARITIES`.

    From inputs ``(B, T, F)`` and a start ``(B, H)``, or None for zeros, it makes the states
    ``(B, T, H)`` and, apart from them, the last, ``(1, B, H)``.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        x: Tensor,
        start: Tensor | None,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
        word: str,
    ) -> tuple[Tensor, Tensor]:
        rows, states = steps_first(x), new_states(x, w_hh)
        torch.addmm(b_ih + b_hh, rows, w_ih.T, out=states.view(-1, w_hh.shape[1]))
        f, recurrent, h = NONLINEARITIES[word][0], w_hh.T, start
        for a in states.unbind():  # a_t, and h_t in its place
            h = f(a if h is None else a.addmm_(h, recurrent))
        end = torch.stack((states[-1],))  # a copy, which may be written to
        ctx.word = word
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rows, start, w_ih, w_hh, states.transpose_(0, 1))
        return states, end

    @staticmethod
    def backward(ctx: Any, dstates: Tensor | None, dend: Tensor | None) -> Any:  # noqa: D102
        if torch.is_grad_enabled():
            raise RuntimeError(ONCE.format("RNN"))
        rows, start, w_ih, w_hh, states = ctx.saved_tensors
        of_x, of_start, of_w_ih, of_w_hh, *of_biases, _ = ctx.needs_input_grad
        h, slope = states.transpose(0, 1), NONLINEARITIES[ctx.word][1]
        dh, later = arriving(dstates, dend, h), None
        for dh_t, slope_t in zip(reversed(dh.unbind()), reversed(slope(h).unbind()), strict=True):
            if later is not None:
                dh_t.addmm_(later, w_hh)  # ∂L/∂h_t = what arrives + W_hhᵀ ∂L/∂a_{t+1}
            later = dh_t.mul_(slope_t)  # ∂L/∂a_t = ∂L/∂h_t f'(a_t)
        da = dh.view(-1, w_hh.shape[1])  # ∂L/∂a_t of all steps, in the place of ∂L/∂h_t
        db = da.sum(0) if any(of_biases) else None  # Σ_t ∂L/∂a_t
        return (
            inputs_gradient(da, w_ih, h) if of_x else None,
            later @ w_hh if of_start else None,  # W_hhᵀ ∂L/∂a_1
            weight_gradient(da, rows) if of_w_ih else None,
            recurrent_gradient(da, h, start) if of_w_hh else None,
            db,
            None if db is None else db.clone(),  # each bias has a gradient of its own
            None,
        )


class Gated(Function):
    """A layer of gated recurrent units as PyTorch has them, used like `Elman`.

    As equations::

        r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)        z_t likewise
        q_t = W_hn h_{t-1} + b_hn
        n_t = tanh(W_in x_t + b_in + r_t q_t)
        h_t = n_t + z_t (h_{t-1} - n_t)

    All that stands before a nonlinearity, and q_t, is ∂L/∂h_t times a factor that needs no step
    after: so these are made for all steps at once, and a step back is three operations::

        ∂L/∂(W_in x_t)  = ∂L/∂h_t (1 - z_t) (1 - n_t²)
        ∂L/∂q_t         = ∂L/∂(W_in x_t) r_t
        ∂L/∂(W_ir x_t)  = ∂L/∂(W_in x_t) q_t r_t (1 - r_t)
        ∂L/∂(W_iz x_t)  = ∂L/∂h_t (h_{t-1} - n_t) z_t (1 - z_t)
        ∂L/∂h_{t-1}     = what arrives + ∂L/∂h_t z_t + W_hhᵀ ∂L/∂(r, z, q)_t
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any,
        x: Tensor,
        start: Tensor | None,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor,
        b_hh: Tensor,
    ) -> tuple[Tensor, Tensor]:
        (batch, steps, _), size = x.shape, w_hh.shape[1]
        two = 2 * size  # weights stand as r, z, n
        rows, states, q = steps_first(x), new_states(x, w_hh), new_states(x, w_hh)
        rz = torch.addmm((b_ih + b_hh)[:two], rows, w_ih[:two].T).view(steps, batch, two)
        n = torch.addmm(b_ih[two:], rows, w_ih[two:].T).view(steps, batch, size)
        w_rz, w_n, b_n = w_hh[:two].T, w_hh[two:].T, b_hh[two:]
        h = x.new_zeros(batch, size) if start is None else start
        each = (rz, *rz.chunk(2, -1), q, n, states)
        for rz_t, r_t, z_t, q_t, n_t, h_t in zip(*(s.unbind() for s in each), strict=True):
            rz_t.addmm_(h, w_rz).sigmoid_()
            torch.addmm(b_n, h, w_n, out=q_t)
            n_t.addcmul_(r_t, q_t).tanh_()
            h = torch.lerp(n_t, h, z_t, out=h_t)
        end = torch.stack((states[-1],))  # a copy, which may be written to
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(rows, start, w_ih, w_hh, rz, q, n, states.transpose_(0, 1))
        return states, end

    @staticmethod
    def backward(ctx: Any, dstates: Tensor | None, dend: Tensor | None) -> Any:  # noqa: D102
        if torch.is_grad_enabled():
            raise RuntimeError(ONCE.format("GRU"))
        rows, start, w_ih, w_hh, rz, q, n, states = ctx.saved_tensors
        of_x, of_start, of_w_ih, of_w_hh, of_b_ih, of_b_hh = ctx.needs_input_grad
        h = states.transpose(0, 1)
        r, z = rz.chunk(2, -1)
        first = torch.zeros_like(h[0]) if start is None else start
        slope = (1 - z) * (1 - n * n)
        # The factors of ∂L/∂(r, z, q)_t; each becomes that gradient as the loop comes by.
        d = torch.stack([slope * q, torch.cat([first[None], h[:-1]]) - n, slope * r], 2)
        d[:, :, :2] *= torch.addcmul(rz, rz, rz, value=-1).view_as(d[:, :, :2])
        drzq = d.flatten(2)  # (T, B, 3H)
        dh = arriving(dstates, dend, h)
        later: tuple[Tensor, ...] = ()
        each = (dh, dh.unsqueeze(2), z, d, drzq)
        for dh_t, wide, z_t, d_t, flat in zip(*(reversed(s.unbind()) for s in each), strict=True):
            if later:
                dh_t.addcmul_(*later[:2]).addmm_(later[2], w_hh)
            d_t.mul_(wide)
            later = (dh_t, z_t, flat)
        dhidden = drzq.view(-1, w_hh.shape[0])
        dstart = torch.addmm(dh[0] * z[0], drzq[0], w_hh) if of_start else None
        dw_hh = recurrent_gradient(dhidden, h, start) if of_w_hh else None
        db_hh = dhidden.sum(0) if of_b_hh else None
        torch.mul(dh, slope, out=d[:, :, 2])  # from here on ∂L/∂(W_in x_t) in place of ∂L/∂q_t
        return (
            inputs_gradient(dhidden, w_ih, h) if of_x else None,
            dstart,
            weight_gradient(dhidden, rows) if of_w_ih else None,
            dw_hh,
            dhidden.sum(0) if of_b_ih else None,
            db_hh,
        )


def steps_first(x: Tensor) -> Tensor:
    """Make ``(B, T, F)`` to ``(T * B, F)``; a layer's states come that way and are not copied."""
    batch, steps, size = x.shape
    return x.transpose(0, 1).reshape(steps * batch, size)


def new_states(x: Tensor, w_hh: Tensor) -> Tensor:
    """Find place for states ``(T, B, H)``."""
    return x.new_empty(x.shape[1], x.shape[0], w_hh.shape[1])


def arriving(dstates: Tensor | None, dend: Tensor | None, h: Tensor) -> Tensor:
    """Give what comes to the states from outside, ``(T, B, H)``, to be written over."""
    if dstates is None:
        dh = torch.zeros_like(h)
    else:
        dh = dstates.transpose(0, 1).clone(memory_format=torch.contiguous_format)
    if dend is not None:
        dh[-1:] += dend
    return dh


def inputs_gradient(da: Tensor, w_ih: Tensor, h: Tensor) -> Tensor:
    """Give W_ihᵀ ∂L/∂a_t of all steps, as ``(B, T, F)``."""
    return (da @ w_ih).view(*h.shape[:2], w_ih.shape[1]).transpose(0, 1)


def weight_gradient(da: Tensor, rows: Tensor) -> Tensor:
    """Give Σ_t ∂L/∂a_t x_tᵀ."""
    if rows.shape[1] < 16:  # 2 to 7 times faster than the other way round, equal at 16
        return (rows.T @ da).T.contiguous()
    return da.T @ rows


def recurrent_gradient(da: Tensor, h: Tensor, start: Tensor | None) -> Tensor:
    """Give Σ_t ∂L/∂a_t h_{t-1}ᵀ."""
    batch = h.shape[1]
    dw = da[batch:].T @ h.reshape(-1, h.shape[2])[:-batch]
    return dw if start is None else dw.addmm_(da[:batch].T, start)
