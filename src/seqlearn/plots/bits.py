"""The view of tasks whose answers are bits."""

from functools import cache

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.examples import set_names
from seqlearn.plots.classes import classes
from seqlearn.plots.crop import aligned, cropped, reach, some, spread
from seqlearn.plots.once import once
from seqlearn.plots.shades import MISTAKE, key, shade, tally
from seqlearn.plots.style import new
from seqlearn.plots.words import caption
from seqlearn.splits import UNSCORED, SequenceBatch
from seqlearn.task import Task

EXAMPLES, ROWS, STEPS, FEATURES = 6, 24, 64, 4
"""How much is drawn at most."""
DIGITS = 20
"""Steps up to which there is room for digits."""
HEIGHT = 5.2
"""Of a digit, in points."""

Rows = dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]]
"""By name the shades of each row, and which are mistakes."""


def bits(
    data: Task, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
) -> Figure:
    """Draw rows of bits: what is shown, what was asked for, and what is held likely."""
    if data.mapping == "many-to-one":
        return once(data, batch, predictions)
    if set_names(data):
        return classes(data, batch, predictions, alone)
    targets = batch.targets  # (B, T, C)
    scored = targets != UNSCORED
    whole, counted, right, answers = tally((predictions > 0.5) == targets, scored)
    title = f"{whole} of {counted} right in every bit ({right:,} of {answers:,} bits)"
    said = {"predicted": predictions}
    if alone is not None:
        said["alone"] = aligned(alone, targets.shape[1])

    def table(example: int, steps: int) -> Rows:
        parts = {name: part[example, :steps] for name, part in said.items()}
        return inputs(batch, example, steps) | answered(targets[example, :steps], parts)

    chosen = spread(len(targets), min(EXAMPLES, max(1, ROWS // len(table(0, 1)))))
    shown, long, outputs = len(chosen), reach(scored[chosen]), targets.shape[2]
    steps = min(STEPS, long)
    tables = [table(k, steps) for k in chosen.tolist()]
    note = cropped(
        steps=(steps, long),
        examples=(shown, len(targets)),
        outputs=(min(FEATURES, outputs), outputs),
    )
    height = 1.3 + shown * (0.35 + 0.18 * len(tables[0]))
    figure, axes = new(title, shown, size=(8, height), note=note, squeeze=False, sharex=True)
    words = data.describe(some(batch, chosen), predictions[chosen])
    for axis, rows, example in zip(axes[:, 0], tables, words, strict=True):
        chances, wrong = (np.stack(parts) for parts in zip(*rows.values(), strict=True))
        shade(axis, chances, {MISTAKE: wrong})
        axis.set_yticks(range(len(rows)), list(rows), fontsize=8)
        axis.set_title(caption(example, 30), fontsize=9, loc="left", parse_math=False)
        axis.hlines(np.arange(1, len(rows)) - 0.5, 0.5, steps + 0.5, color="white", lw=2)
        if steps <= DIGITS:
            write(axis, rows)
    for axis in axes[:-1, 0]:
        axis.xaxis.set_visible(False)
    axes[-1, 0].set_xlabel("step")
    key(figure, "bit, or probability of a one")
    return figure


def inputs(batch: SequenceBatch, example: int, steps: int) -> Rows:
    """Give the rows of what is shown at each step, from 0 for the least to 1 for the most."""
    if batch.inputs.ndim - batch.inputs.is_floating_point() < 2:  # one-to-many: no steps
        return {}
    features = batch.inputs.double().reshape(*batch.inputs.shape[:2], -1)  # (B, T, F)
    low, high = features.min(), features.max()
    features = (features - low) / (high - low).clamp(min=1e-9)
    features = features.where(
        torch.arange(features.shape[1])[:, None] < batch.lengths[:, None, None], torch.nan
    )[example, :steps, :FEATURES]
    short = torch.full((steps - len(features), features.shape[1]), torch.nan)
    columns = torch.cat([features, short]).numpy().T
    nothing = np.zeros(steps, bool)
    return {name("input", k, columns): (row, nothing) for k, row in enumerate(columns)}


def answered(targets: Tensor, said: dict[str, Tensor]) -> Rows:
    """Give the rows of what was asked for and what was said, ``(T, C)`` each."""
    rows: Rows = {}
    columns = targets.T[:FEATURES]
    for k, asked in enumerate(columns):
        scored = asked != UNSCORED
        shades = asked.double().where(scored, torch.nan).numpy()
        rows[name("target", k, columns)] = shades, np.zeros(len(shades), bool)
        for word, chances in said.items():
            there = scored & ~chances[:, k].isnan()
            wrong = there & ((chances[:, k] > 0.5) != asked)
            shades = chances[:, k].double().where(there, torch.nan).numpy()
            rows[name(word, k, columns)] = shades, wrong.numpy()
    return rows


def name(word: str, k: int, rows: Tensor | NDArray[np.float64]) -> str:
    """Number a row where there are several of its kind."""
    return f"{word} {k + 1}" if len(rows) > 1 else word


def write(axis: Axes, rows: Rows) -> None:
    """Write each bit into its place, or the likelier one, save where a mark says that it is not."""
    shades, wrong = (np.stack(parts) for parts in zip(*rows.values(), strict=True))
    answers = np.array([not name.startswith("input") for name in rows])
    bits = answers | (np.isnan(shades) | np.isin(shades, (0, 1))).all(axis=1)
    shades[wrong | ~bits[:, None]] = np.nan
    for bit, there, color in (("0", shades <= 0.5, "white"), ("1", shades > 0.5, "black")):
        down, across = there.nonzero()
        axis.scatter(
            across + 1, down, HEIGHT**2, color, marker=outline(bit), linewidths=0, label=bit
        )


@cache
def outline(character: str) -> Path:
    """Give a character as a mark, about its middle: to draw, a tenth of the work of a text."""
    path = TextPath((0, 0), character)
    return path.transformed(Affine2D().translate(*-path.get_extents().get_points().mean(0)))
