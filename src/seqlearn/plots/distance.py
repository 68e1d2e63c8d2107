"""How far off real values are, in words."""

from torch import Tensor

from seqlearn.plots.words import number


def distance(truth: Tensor, said: Tensor) -> float | None:
    """Give the mean absolute error over what counts, if anything does."""
    errors = (said - truth)[~truth.isnan() & ~said.isnan()].abs()
    return float(errors.mean()) if len(errors) else None


def judged(truth: Tensor, said: Tensor, last: Tensor | None = None) -> str:
    """Say how far off values are, and how far a simple guess would be.

    Args:
        truth: ``(B, ..., C)``; ``NaN`` does not count.
        said: What the network says.
        last: The values before the true ones, if repeating them is the simple guess; by default it
            is the mean of the true ones.

    Example:
        >>> import torch
        >>> judged(torch.tensor([[1.0], [3.0]]), torch.tensor([[1.5], [3.0]]))
        'mean error 0.25 (always saying the mean: 1)'
    """
    error = distance(truth, said)
    if error is None:
        return "nothing is asked for"
    middle = truth.flatten(0, -2).nanmean(0).expand_as(truth)
    name, guess = (
        ("always saying the mean", middle) if last is None else ("repeating the last value", last)
    )
    rival = distance(truth, guess)
    compared = f" ({name}: {number(rival)})" if rival else ""  # of a single value there is no mean
    return f"mean error {number(error)}{compared}"
