"""The view of a language model."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.crop import cropped
from seqlearn.plots.shades import key, shade
from seqlearn.plots.style import WRONG, new
from seqlearn.plots.words import visible
from seqlearn.splits import UNSCORED, SequenceBatch
from seqlearn.task import Task

LINES, WIDTH = 8, 64
"""How many lines of how many characters are drawn at most."""
FONT: dict[str, Any] = {
    "ha": "center",
    "va": "center",
    "family": "monospace",
    "fontsize": 8,
    "parse_math": False,
    "in_layout": False,  # not to be measured, as there is room for it
}
LEAST = 1e-12
"""Probability below which surprise grows no more."""


def text(
    data: Task, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
) -> Figure:
    """Draw text, shaded by how likely each character was held; below, what was held likelier."""
    targets, best = batch.targets, predictions.argmax(2)  # (B, T)
    scored = targets != UNSCORED
    chances = predictions.gather(2, targets.clamp(min=0)[:, :, None])[:, :, 0]
    right, count = int((best == targets)[scored].sum()), int(scored.sum())
    title = f"{right:,} of {count:,} characters guessed right"
    if count:
        surprise = -chances[scored].clamp(min=LEAST).log2().mean()
        title += f"; surprise {surprise:.2f} bits a character"

    names = data.vocabulary or [str(k) for k in range(predictions.shape[2])]
    lines = [
        (k, places)
        for k, row in enumerate(scored)
        for places in row.nonzero()[:, 0].split(WIDTH)
        if len(places)
    ]
    drawn = lines[:LINES]
    width = max((len(places) for _, places in drawn), default=1)
    shades = np.full((2 * max(1, len(drawn)), width), np.nan)
    for row, (k, places) in enumerate(drawn):
        shades[2 * row, : len(places)] = chances[k, places].numpy()
    note = "below: what was held more likely"
    if left := cropped(lines=(len(drawn), len(lines))):
        note += f"; {left}"
    figure, axis = new(title, size=(8, 1.3 + 0.22 * len(shades)), note=note)
    shade(axis, shades, {})
    for row, (k, places) in enumerate(drawn):
        for column, place in enumerate(places.tolist()):
            asked, said = (names[part[k, place]] for part in (targets, best))
            color = "black" if shades[2 * row, column] > 0.5 else "white"
            axis.text(
                column + 1, 2 * row, asked if asked == " " else visible(asked), color=color, **FONT
            )
            if said != asked:
                axis.text(column + 1, 2 * row + 1, visible(said), color=WRONG, **FONT)
    begun = [row for row, (k, _) in enumerate(drawn) if not row or drawn[row - 1][0] != k]
    axis.set_yticks([2 * row for row in begun], [f"{drawn[row][0] + 1}." for row in begun])
    axis.set_ylabel("example")
    axis.set_xticks([])
    axis.spines[:].set_visible(False)
    key(figure, "probability of the true character")
    return figure
