"""Axes of metrics: their scale, and baselines as lines with their names beside them."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from seqlearn.plots import style
from seqlearn.plots.words import number as size

Labels = list[tuple[float, str, str]]
"""Heights, texts and colours."""

OPTIMUM = "optimum"
"""The name of the best there can be, among baselines."""
DASHES = ((0, (6, 2)), (0, (2, 2)), (0, (6, 2, 1, 2)), (0, (1, 3)), (0, (10, 3)))
"""Simple predictors are grey; these tell them apart."""
APART = 0.08
"""Room for a label, as a share of the height of an axis."""
WIDE = 5
"""From such a ratio of values on an axis is logarithmic."""


def scale(axis: Axes, values: Sequence[float], share: bool) -> None:
    """Choose an axis: from 0 to 1 for shares, logarithmic where values are of several sizes.

    There is no place on a logarithmic axis for the optimum of an error, 0.
    """
    positive = [value for value in values if value > 0]
    if share:
        axis.set_ylim(-0.03, 1.06)
    elif positive and max(positive) > WIDE * min(positive):
        logarithmic(axis, positive)


def logarithmic(axis: Axes, positive: Sequence[float]) -> None:
    """Make an axis logarithmic, with numbers in full: to set powers as formulas takes long."""
    axis.set_yscale("log")
    few = max(positive) < 1000 * min(positive)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.yaxis.set_major_formatter(lambda value, _: size(value))
    axis.yaxis.set_minor_locator(NullLocator())


def level(axis: Axes, baselines: Mapping[str, float]) -> None:
    """Draw the baselines that fit an axis as level lines, with their names beside it."""
    low, high = axis.get_ylim()
    factor = 10 if axis.get_yscale() == "log" else 2
    names: dict[float, list[str]] = {}
    for name, value in baselines.items():
        if min(low, low / factor) <= value <= high * factor:
            names.setdefault(value, []).append(words(name))
    labels: Labels = []
    for (value, same), dashes in zip(names.items(), DASHES * len(names), strict=False):
        color = style.COLORS[2] if OPTIMUM in same else style.TRUE
        axis.axhline(value, color=color, linestyle=dashes, linewidth=1, zorder=1)
        labels.append((value, f"{', '.join(same)} {number(value)}", color))
    beside(axis, labels)


def beside(axis: Axes, labels: Labels) -> None:
    """Write labels to the right of an axis at their heights, pushed apart where they collide."""
    axis.autoscale_view()  # what is pending would move the axis below the labels
    log = axis.get_yscale() == "log"
    shown = sorted(label for label in labels if label[0] > 0 or not log)
    places = (axis.transScale + axis.transLimits).transform([(1, value) for value, *_ in shown])
    heights: list[float] = [height for _, height in places]
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + APART)
    for k in range(len(heights) - 1, -1, -1):
        above = heights[k + 1] - APART if k + 1 < len(heights) else 1.0
        heights[k] = min(heights[k], above)
    for height, (_, text, color) in zip(heights, shown, strict=True):
        axis.annotate(
            text,
            (1.01, height),
            xycoords="axes fraction",
            color=color,
            fontsize=9,
            va="center",
            annotation_clip=False,
            parse_math=False,
        )


def words(name: str) -> str:
    """Write a name as people do."""
    return name.replace("_", " ")


def number(value: float) -> str:
    """Write a metric so that 1 means exactly that.

    Example:
        >>> [number(value) for value in (1.0, 0.9999, 0.00123456, 1.2e-128, 37921.4)]
        ['1', '0.999', '0.00123', '< 1e-9', '37921']
    """
    if 0.9995 <= value < 1:
        return "0.999"
    if 0 < abs(value) < 1e-4:
        return f"{value:.0e}" if abs(value) >= 1e-9 else "< 1e-9"
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
