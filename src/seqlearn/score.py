"""A metric's value: how it is written, and which of two is the better."""

MORE_IS_BETTER = ("accuracy", "exact_match")
"""Metrics of which the best is the most; of the others it is the least."""


def cost(name: str, value: float) -> float:
    """Turn a metric into a number that is less the better it is, and infinite if it is none.

    Args:
        name: The metric, such as ``test/rollout_mse@100``.
        value: Its value.

    Example:
        >>> cost("test/accuracy@8", 0.5), cost("mse", 0.5)
        (-0.5, 0.5)
    """
    metric = name.rpartition("/")[2].partition("@")[0].removeprefix("rollout_")
    if value != value:
        return float("inf")
    return -value if metric in MORE_IS_BETTER else value


def number(value: float) -> str:
    """Write a metric so that 1.0000 means exactly that, and small ones can be told apart."""
    if 0.99995 <= value < 1:
        value = 0.9999
    if 0 < abs(value) < 1e-3:
        return f"{value:.1e}" if abs(value) >= 1e-9 else f"{value:.0e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def in_words(seconds: float) -> str:
    """Write a time.

    Example:
        >>> in_words(40), in_words(130), in_words(9000)
        ('40 s', '2 min', '2 h 30 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
