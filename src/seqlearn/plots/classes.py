"""The view of tasks whose answers are sequences of classes."""

from itertools import product

import torch
from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.crop import aligned, cropped, reach, some, spread
from seqlearn.plots.once import once
from seqlearn.plots.shades import ASKED, MISTAKE, key, name_classes, shade, tally
from seqlearn.plots.style import new
from seqlearn.plots.words import caption
from seqlearn.splits import UNSCORED, SequenceBatch
from seqlearn.task import Task

BESIDE, BELOW, STEPS, SHORT = 3, 2, 64, 12
"""How many examples and steps are drawn, and up to how many steps examples stand side by side."""
LOWEST, HIGHEST = 1.5, 2.6
"""Height of a picture of classes, in inches."""


def classes(
    data: Task, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
) -> Figure:
    """Draw the probability of each class at each step; beside it, what is said going on alone."""
    if data.mapping == "many-to-one":
        return once(data, batch, predictions)
    targets, count = batch.targets, predictions.shape[2]  # (B, T), C
    scored = targets != UNSCORED
    whole, counted, right, answers = tally(predictions.argmax(2) == targets, scored)
    title = f"{whole} of {counted} sequences right ({right:,} of {answers:,} steps)"
    said = {"": predictions}
    if alone is not None:
        given = targets.shape[1] - alone.shape[1]  # steps before the first answer given alone
        rest = scored[:, given:]
        whole, counted, *_ = tally(alone.argmax(2) == targets[:, given:], rest)
        title += f"; alone {whole} of {counted}"
        said = {"": predictions, "going on alone": aligned(alone, targets.shape[1])}
    together = targets.shape[1] <= SHORT and len(said) == 1
    chosen = spread(len(targets), BESIDE if together else BELOW)
    shown, long = len(chosen), reach(scored[chosen])
    steps = min(STEPS // len(said), long)
    note = cropped(steps=(steps, long), examples=(shown, len(targets)))
    beside = shown if together else len(said)
    down = shown * len(said) // beside
    height = min(HIGHEST, max(LOWEST, 0.13 * count))
    figure, axes = new(
        title,
        down,
        beside,
        (8, 1.2 + down * (height + 0.3)),
        note,
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    words = data.describe(some(batch, chosen), predictions[chosen])
    panels = product(zip(chosen.tolist(), words, strict=True), said.items())
    for axis, ((k, example), (name, part)) in zip(axes.flat, panels, strict=True):
        chances = part[k, :steps]  # (T, C)
        there = scored[k, :steps] & ~chances.isnan().any(1)
        asked = torch.arange(count)[:, None] == targets[k, :steps]  # (C, T)
        best = torch.arange(count)[:, None] == chances.argmax(1)
        wrong = best & ~asked & there
        marks = {ASKED: (asked & there).numpy(), MISTAKE: wrong.numpy()}
        shade(axis, chances.T.double().where(there, torch.nan).numpy(), marks)
        text = name or caption(example, 36 // beside)
        axis.set_title(text, fontsize=9, loc="left", parse_math=False)
    for axis in axes[:, 0]:
        axis.set_yticks(**name_classes(data.answers, count, height * 72 / count))
        axis.set_ylabel("answer")
    for axis in axes[-1]:
        axis.set_xlabel("step")
    key(figure)
    return figure
