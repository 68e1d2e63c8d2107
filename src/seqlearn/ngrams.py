"""Predict a text by counting: what a language model has to beat."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def ngram_losses(
    train: NDArray[np.integer],
    held_out: NDArray[np.integer],
    symbols: int,
    orders: Sequence[int],
) -> dict[int, float]:
    """Score a text with interpolated Witten-Bell n-gram models that counted another.

    An n-gram model sees n - 1 symbols. After such a context, that was followed by *c* symbols in
    ``train``, *k* different ones, it mixes what it counted with the next shorter model, which sees
    one symbol less::

        P(symbol | context) = (count(context, symbol) + k P(symbol | shorter)) / (c + k)

    A context never seen leaves all to the shorter one. At the end, order 0, every symbol is as
    likely. The held-out text goes on where ``train`` ends, so its first symbols have a context.

    Source: Witten & Bell 1991, "The zero-frequency problem", doi:10.1109/18.87000, method C;
    interpolated as in Chen & Goodman 1999, "An empirical study of smoothing techniques for language
    modeling", doi:10.1006/csla.1999.0128.

    Args:
        train: ``(N,)`` symbols from 0 to ``symbols - 1``, at least as many as the greatest order.
        held_out: ``(M,)`` symbols that follow, at least one.
        symbols: How many symbols there are.
        orders: Which models: 0 uniform, 1 counts of symbols, 2 counts of pairs, and so on.

    Returns:
        The mean loss of each order on ``held_out``, in nats per symbol.

    Raises:
        ValueError: If a text is too short, a symbol is out of range, or an order is negative.

    Example:
        >>> text = np.array([0, 1, 0, 1, 0, 1])
        >>> losses = ngram_losses(text, text, symbols=2, orders=(0, 1, 2))
        >>> {order: round(loss, 4) for order, loss in losses.items()}
        {0: 0.6931, 1: 0.6931, 2: 0.1579}
    """
    if not orders or min(orders) < 0:
        raise ValueError(f"`orders` must be zero or greater, got {list(orders)}.")
    if len(train) < max(orders):
        raise ValueError(f"`train` must hold at least {max(orders)} symbols, got {len(train)}.")
    if not len(held_out):
        raise ValueError("`held_out` must hold at least 1 symbol, got 0.")
    text = np.concatenate([train, held_out]).astype(np.int64)
    if text.min() < 0 or text.max() >= symbols:
        raise ValueError(f"`symbols` must be above every symbol from 0, got {symbols}.")
    chances = np.full(len(held_out), 1 / symbols)
    losses = {0: math.log(symbols)}
    contexts = np.zeros_like(text)  # numbers the order - 1 symbols before each symbol
    for order in range(1, max(orders) + 1):
        grams, numbers = np.unique(contexts * symbols + text[order - 1 :], return_inverse=True)
        known, size = len(train) - order + 1, contexts.max() + 1
        counts = np.bincount(numbers[:known], minlength=len(grams))
        followers = np.bincount(contexts[:known], minlength=size)
        kinds = np.bincount(grams[counts > 0] // symbols, minlength=size)
        kinds = np.maximum(kinds, 1)  # an unseen context leaves all to the shorter one
        asked, context = numbers[known:], contexts[known:]
        chances = (counts[asked] + kinds[context] * chances) / (followers + kinds)[context]
        losses[order] = -float(np.log(chances).mean())
        contexts = numbers[:-1]
    return {order: losses[order] for order in orders}
