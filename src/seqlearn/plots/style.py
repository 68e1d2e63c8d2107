"""How pictures look: what they share of colours, marks and size."""

import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image  # comes with matplotlib

from seqlearn import files

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by everyone: Okabe & Ito 2008, "Color universal design"."""
TRUE, SAID, ALONE, WRONG = "#555555", COLORS[0], COLORS[4], COLORS[1]
"""What is so, what the network says, what it says going on alone, and its mistakes."""
MARKS = ("o", "s", "^", "D", "v", "P", "X")
LIKELY = "cividis"
"""Colours of what goes from 0 to 1."""
SIGNED = "PuOr"
"""Colours of what is negative or positive."""
DOTS = 100
"""Dots to an inch."""
LARGE = 150_000
"""Bytes above which a picture has to do with 256 colours."""


def new(
    title: str,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (8, 4),
    note: str = "",
    **options: Any,
) -> tuple[Figure, Any]:
    """Make a figure, titled with what was found, and its axes: one, or an array of them.

    Args:
        title: What the picture shows.
        rows: Axes one below the other.
        columns: Axes side by side.
        size: Width and height in inches.
        note: What else must be known, such as what is left out.
        **options: As for ``Figure.subplots``.
    """
    figure = Figure(figsize=size, dpi=DOTS, layout="constrained")  # no window, no global state
    figure.suptitle(title, fontsize=12, parse_math=False)
    if note:
        figure.supxlabel(note, x=0.99, ha="right", fontsize=9, color=TRUE, parse_math=False)
    axes = figure.subplots(rows, columns, **options)
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure, axes


def ends(axes: Sequence[Axes]) -> list[Axes]:
    """Give the first and the last, between which a bar of colours stretches.

    For a bar beside all of them, matplotlib would measure it again for each one between.
    """
    return [*axes[:: max(1, len(axes) - 1)]]


def legend(axis: Axes, **options: Any) -> None:
    """Name what is drawn."""
    axis.legend(frameon=False, fontsize=9, **options)


def legend_below(figure: Figure, names: Mapping[str, Artist]) -> None:
    """Name what is drawn in all axes, below them."""
    figure.legend(
        list(names.values()),
        list(names),
        loc="outside lower left",
        ncols=2,  # leaves room for a note
        frameon=False,
        fontsize=9,
    )


def save(figure: Figure, path: Path) -> None:
    """Write a picture as a PNG file.

    Raises:
        OSError: If it cannot be written; an old file is then untouched.
    """
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib gives its methods no types
    with warnings.catch_warnings():
        # Of characters that the font has not: they show as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas.draw()  # `savefig` would draw it once more before, to arrange it
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    if len(content := png(image)) > LARGE:  # many fine lines: with fewer shades a third is left
        content = png(image.quantize(256))
    files.replace(path, content)


def png(image: Image.Image) -> bytes:
    """Write an image as a PNG file would be."""
    buffer = BytesIO()
    image.save(buffer, format="png", compress_level=1)  # 5 % larger, 1.4 times as fast
    return buffer.getvalue()
