"""Probabilities as shades, what was asked for as dots, mistakes as crosses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.plots.style import LIKELY, WRONG, ends, legend_below
from seqlearn.plots.words import shown

ASKED, MISTAKE = "asked for", "mistake"
LOOKS: dict[str, dict[str, Any]] = {
    ASKED: {"marker": "o", "facecolor": "white", "edgecolor": "black"},
    MISTAKE: {"marker": "X", "facecolor": WRONG, "edgecolor": "white"},
}
LEAST, MOST = 6, 9
"""Size of a mark, in points."""
LETTER, LINE = 6, 9
"""Width and height of a letter of a class's name, in points."""
STRIDES = [digit * 10**power for power in range(9) for digit in (1, 2, 5)]
"""Every so many classes may be named."""


def shade(axis: Axes, chances: NDArray[Any], marks: dict[str, NDArray[Any]]) -> None:
    """Draw a table of probabilities, whose columns count from 1.

    Args:
        axis: Where.
        chances: ``(rows, columns)``; NaN stays blank.
        marks: By a word of `LOOKS` which cells carry that mark, shaped alike.
    """
    rows, columns = chances.shape
    axis.imshow(
        chances,
        cmap=LIKELY,
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, columns + 0.5, rows - 0.5, -0.5),
    )
    cell = min(axis.bbox.width / columns, axis.bbox.height / rows)
    size = np.clip(cell * 72 / axis.figure.dpi * 0.75, LEAST, MOST)
    for name, marked in marks.items():
        down, across = marked.nonzero()
        axis.scatter(
            across + 1, down, s=size**2, label=name, linewidths=0.7, zorder=3, **LOOKS[name]
        )


def key(figure: Figure, what: str = "probability") -> None:
    """Explain shades and marks."""
    axes = figure.axes
    used = {str(marks.get_label()) for axis in axes for marks in axis.collections}
    names = [name for name in LOOKS if name in used]
    legend_below(
        figure, {name: axes[0].scatter([], [], s=MOST**2, **LOOKS[name]) for name in names}
    )
    bar = figure.colorbar(axes[0].images[0], ax=ends(axes), label=what, fraction=0.05, pad=0.01)
    bar.outline.set_visible(False)


def name_classes(
    names: Sequence[str] | None, count: int, room: float, across: bool = False
) -> dict[str, Any]:
    """Give the ticks of an axis of classes, as arguments of ``set_xticks`` or ``set_yticks``.

    Args:
        names: Of the classes; by default they are numbers.
        count: Of the classes.
        room: Points on the axis for each class.
        across: Whether the axis goes across; names too long for it are then turned.
    """
    if names is None or len(names) != count:
        names = [str(k) for k in range(count)]
    words = [shown(name) for name in names]
    turned = across and max(map(len, words)) * LETTER > room
    needed = LINE if turned or not across else 1
    every = next(k for k in STRIDES if k * room >= needed)
    ticks = {"ticks": list(range(0, count, every)), "labels": words[::every]}
    return ticks | {"fontsize": 8, "parse_math": False, "rotation": 90 if turned else 0}


def tally(right: Tensor, scored: Tensor) -> tuple[int, int, int, int]:
    """Count the examples right as a whole, all examples, the answers right, and all answers.

    What is not scored is never right, as no answer is `UNSCORED`, and not counted.
    """
    right, scored = (part.reshape(len(part), -1) for part in (right, scored))
    whole, counted = (right == scored).all(1), scored.any(1)
    return int((whole & counted).sum()), int(counted.sum()), int(right.sum()), int(scored.sum())
