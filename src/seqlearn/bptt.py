"""Backpropagation through time by hand: the Elman network and its gradients in NumPy.

Forward, from an initial state h_0 over the inputs x_1 to x_T::

    a_t = W_ih x_t + W_hh h_{t-1} + b_h        h_t = f(a_t)
    z_t = W_hy h_t + b_y                       y_t = softmax(z_t) or sigmoid(z_t)

The loss L is summed over the steps, all or only the last, and averaged over the batch; for one
sequence::

    softmax    L = -Σ_t ln y_t[target_t]       ∂L/∂z_t = y_t - one_hot(target_t)
    sigmoid    L = ½ Σ_t |y_t - target_t|²     ∂L/∂z_t = (y_t - target_t) y_t (1 - y_t)

Backward, from the last step to the first; nothing comes from beyond the end::

    ∂L/∂h_t = W_hyᵀ ∂L/∂z_t + W_hhᵀ ∂L/∂a_{t+1}
    ∂L/∂a_t = ∂L/∂h_t f'(a_t)                  unit by unit

In the arrays a vector is a row, one for each sequence of the batch: so ``W h`` is ``h @ W.T``,
and ``Wᵀ ∂L/∂a`` is ``da @ W``.

Source: Elman 1990, "Finding structure in time", doi:10.1207/s15516709cog1402_1; Werbos 1990,
"Backpropagation through time: what it does and how to do it", doi:10.1109/5.58337.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]


class Weights(NamedTuple):
    """The weights of the network, or the gradient of the loss by each of them.

    They lie as in PyTorch: ``weight_ih`` and ``weight_hh`` as in ``nn.RNN``, ``weight_hy`` and
    ``bias_y`` as in an ``nn.Linear`` after it. The two biases of ``nn.RNN`` are only ever added:
    ``bias_h`` is their sum, and its gradient is that of each.
    """

    weight_ih: Array  # (H, F)
    weight_hh: Array  # (H, H)
    weight_hy: Array  # (C, H)
    bias_h: Array  # (H,)
    bias_y: Array  # (C,)


class Trace(NamedTuple):
    """What `forward` saw on its way: all that `loss` and `backward` need."""

    weights: Weights
    nonlinearity: str
    output: str
    inputs: Array  # (B, T, F), x
    state: Array  # (B, H), h_0
    states: Array  # (B, T, H), h from 1 to T
    logits: Array  # (B, T, C), z
    outputs: Array  # (B, T, C), y


def log_softmax(z: Array) -> Array:
    """Give ln(e^z / Σ e^z) along the last axis, without overflow."""
    log_y: Array = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
    return log_y


def sigmoid(z: Array) -> Array:
    """Give 1 / (1 + e^-z), without overflow."""
    y: Array = np.exp(-np.logaddexp(0, -z))
    return y


NONLINEARITIES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1 - h**2),
    "sigmoid": (sigmoid, lambda h: h * (1 - h)),
    "relu": (lambda a: np.maximum(a, 0), lambda h: np.heaviside(h, 0)),
    "identity": (lambda a: a, np.ones_like),
}
"""For each word h = f(a), and f'(a) as a function of h."""

OUTPUTS: dict[str, Callable[[Array], Array]] = {
    "softmax": lambda z: np.exp(log_softmax(z)),
    "sigmoid": sigmoid,
}
"""For each word y as a function of z."""


def forward(
    weights: Weights,
    inputs: ArrayLike,
    state: ArrayLike | None = None,
    nonlinearity: str = "tanh",
    output: str = "softmax",
) -> Trace:
    """Run the network over a batch of sequences, in the dtype of its weights.

    Args:
        weights: The weights.
        inputs: ``(B, T, F)`` features.
        state: ``(B, H)`` initial states, by default zeros.
        nonlinearity: A word of `NONLINEARITIES`, for the hidden units.
        output: ``"softmax"``, to be scored by the cross-entropy, or ``"sigmoid"``, by the square.

    Raises:
        ValueError: If a shape does not fit or a word is not known.

    Example:
        >>> one, zero = np.ones((1, 1)), np.zeros(1)
        >>> summing = Weights(one, one, one, zero, zero)
        >>> forward(summing, [[[1], [2], [3]]], nonlinearity="identity").states[0, :, 0]
        array([1., 3., 6.])
    """
    if nonlinearity not in NONLINEARITIES:
        words = ", ".join(NONLINEARITIES)
        raise ValueError(f"`nonlinearity` must be one of {words}, got {nonlinearity!r}.")
    if output not in OUTPUTS:
        raise ValueError(f"`output` must be one of {', '.join(OUTPUTS)}, got {output!r}.")
    dtype = np.result_type(*weights, 0.0)  # whole numbers become float64
    weights, x = Weights(*(np.asarray(w, dtype) for w in weights)), np.asarray(inputs, dtype)
    hidden, features = _check("weight_ih", weights.weight_ih, "H", "F")
    classes, _ = _check("weight_hy", weights.weight_hy, "C", hidden)
    _check("weight_hh", weights.weight_hh, hidden, hidden)
    _check("bias_h", weights.bias_h, hidden)
    _check("bias_y", weights.bias_y, classes)
    batch, steps, _ = _check("inputs", x, "B", "T", features)
    start = np.zeros((batch, hidden), dtype) if state is None else np.asarray(state, dtype)
    _check("state", start, batch, hidden)

    f, _ = NONLINEARITIES[nonlinearity]
    driven = x @ weights.weight_ih.T + weights.bias_h  # W_ih x_t + b_h, of all steps at once
    states = [start]
    for t in range(steps):
        states.append(f(driven[:, t] + states[t] @ weights.weight_hh.T))  # h_t = f(a_t)
    h = np.stack(states[1:], axis=1)
    z = h @ weights.weight_hy.T + weights.bias_y  # z_t = W_hy h_t + b_y
    return Trace(weights, nonlinearity, output, x, start, h, z, OUTPUTS[output](z))


def loss(trace: Trace, targets: ArrayLike) -> float:
    """Sum the loss over the steps, and average it over the batch.

    Args:
        trace: What `forward` returned.
        targets: Class numbers ``(B, T)`` for softmax, values ``(B, T, C)`` for sigmoid. Without the
            axis T they are those of the last step, and no other counts.

    Raises:
        ValueError: If the targets do not fit the outputs.
    """
    target = _dense(trace, targets)
    scored = slice(-target.shape[1], None)
    if trace.output == "softmax":
        losses = -target * log_softmax(trace.logits[:, scored])
    else:
        losses = (trace.outputs[:, scored] - target) ** 2 / 2
    return float(losses.sum() / len(losses))


def backward(trace: Trace, targets: ArrayLike) -> tuple[Weights, Array]:
    """Give the gradients of `loss`: by each weight, and by the initial state ``(B, H)``.

    Args:
        trace: What `forward` returned.
        targets: As for `loss`.

    Raises:
        ValueError: If the targets do not fit the outputs.
    """
    x, h, y = trace.inputs, trace.states, trace.outputs
    target = _dense(trace, targets)
    scored = slice(-target.shape[1], None)  # every step, or the last
    dz = np.zeros_like(y)
    dz[:, scored] = (y[:, scored] - target) / len(y)  # ∂L/∂z_t = y_t - target_t, mean over B
    if trace.output == "sigmoid":
        dz *= y * (1 - y)  # ∂L/∂z_t = (y_t - target_t) y_t (1 - y_t)

    _, slope = NONLINEARITIES[trace.nonlinearity]
    dh_da = slope(h)  # ∂h_t/∂a_t = f'(a_t)
    da = np.empty_like(h)
    later = np.zeros_like(trace.state)  # W_hhᵀ ∂L/∂a_{t+1}, nothing from beyond the end
    for t in reversed(range(h.shape[1])):
        dh = dz[:, t] @ trace.weights.weight_hy + later  # ∂L/∂h_t = W_hyᵀ ∂L/∂z_t + later
        da[:, t] = dh * dh_da[:, t]  # ∂L/∂a_t = ∂L/∂h_t f'(a_t)
        later = da[:, t] @ trace.weights.weight_hh  # W_hhᵀ ∂L/∂a_t, which belongs to h_{t-1}

    before = np.concatenate([trace.state[:, None], h[:, :-1]], axis=1)  # h_{t-1}
    gradients = Weights(
        weight_ih=np.einsum("bth,btf->hf", da, x),  # ∂L/∂W_ih = Σ_t ∂L/∂a_t x_tᵀ
        weight_hh=np.einsum("bth,btk->hk", da, before),  # ∂L/∂W_hh = Σ_t ∂L/∂a_t h_{t-1}ᵀ
        weight_hy=np.einsum("btc,bth->ch", dz, h),  # ∂L/∂W_hy = Σ_t ∂L/∂z_t h_tᵀ
        bias_h=da.sum((0, 1)),  # ∂L/∂b_h = Σ_t ∂L/∂a_t
        bias_y=dz.sum((0, 1)),  # ∂L/∂b_y = Σ_t ∂L/∂z_t
    )
    return gradients, later  # ∂L/∂h_0 = W_hhᵀ ∂L/∂a_1


def clip(gradients: Weights, value: float) -> Weights:
    """Limit every entry to the range from ``-value`` to ``value``.

    Raises:
        ValueError: If the value is not above 0.
    """
    if not value > 0:
        raise ValueError(f"`value` must be above 0, got {value}.")
    return Weights(*(gradient.clip(-value, value) for gradient in gradients))


def update(weights: Weights, gradients: Weights, lr: float) -> Weights:
    """Take one step of gradient descent: W - lr ∂L/∂W."""
    return Weights(*(w - lr * dw for w, dw in zip(weights, gradients, strict=True)))


def _check(name: str, array: Array, *shape: int | str) -> tuple[int, ...]:
    """Refuse any other shape than this one, where a letter stands for any size; return it."""
    if array.ndim != len(shape) or not all(
        size == wanted or (size and isinstance(wanted, str))
        for size, wanted in zip(array.shape, shape, strict=True)
    ):
        text = ", ".join(map(str, shape))
        raise ValueError(f"`{name}` must be of shape ({text}), got {array.shape}.")
    return array.shape


def _dense(trace: Trace, targets: ArrayLike) -> Array:
    """Check the targets and make them ``(B, S, C)``, with S = T or 1; classes become one-hot."""
    batch, steps, size = trace.outputs.shape
    target, end = np.asarray(targets), () if trace.output == "softmax" else (size,)
    every, last = (batch, steps, *end), (batch, *end)
    if target.shape not in (every, last):
        raise ValueError(
            f"`targets` must be of shape {every}, or {last} for the last step, got {target.shape}."
        )
    if trace.output == "softmax":
        if target.dtype.kind not in "iu" or not 0 <= target.min() <= target.max() < size:
            raise ValueError(f"`targets` must be class numbers from 0 to {size - 1}.")
        target = target[..., None] == np.arange(size)
    return target.reshape(batch, -1, size).astype(trace.outputs.dtype)
