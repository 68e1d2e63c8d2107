"""The view of tasks whose answers are sequences of classes, or of sets of them."""

from itertools import product

import torch
from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.crop import aligned, begin, cropped, reach, some, spread
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
    targets, count = batch.targets, predictions.shape[2]  # (B, T) or (B, T, C), C
    scored = (targets != UNSCORED).view(*targets.shape[:2], -1).all(2)
    whole, counted, right, answers = tally(agree(targets, predictions), scored)
    title = f"{whole} of {counted} sequences right ({right:,} of {answers:,} steps)"
    said = {"": predictions}
    if alone is not None:
        given = targets.shape[1] - alone.shape[1]  # steps before the first answer given alone
        whole, counted, *_ = tally(agree(targets[:, given:], alone), scored[:, given:])
        title += f"; alone {whole} of {counted}"
        said = {"": predictions, "going on alone": aligned(alone, targets.shape[1])}
    together = targets.shape[1] <= SHORT and len(said) == 1
    chosen = spread(len(targets), BESIDE if together else BELOW)
    shown, long = len(chosen), reach(scored[chosen])
    start = begin(scored[chosen])  # nothing is to be seen before
    steps = min(STEPS // len(said), long - start)
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
        seen = slice(start, start + steps)
        chances = part[k, seen]  # (T, C)
        there = scored[k, seen] & ~chances.isnan().any(1)
        asked, ours = (part.T for part in picked(targets[k, seen], chances))  # (C, T)
        missed = asked & ~ours if targets.ndim == 3 else torch.tensor(False)
        wrong = (ours & ~asked | missed) & there
        marks = {ASKED: (asked & there).numpy(), MISTAKE: wrong.numpy()}
        shade(axis, chances.T.double().where(there, torch.nan).numpy(), marks)
        text = name or caption(example, 36 // beside)
        axis.set_title(text, fontsize=9, loc="left", parse_math=False)
    for axis in axes[:, 0]:
        axis.set_yticks(**name_classes(data.answers, count, height * 72 / count))
        axis.set_ylabel("answer")
    for axis in axes[-1]:
        axis.set_xlabel("step")
        axis.xaxis.set_major_formatter(lambda place, _: f"{place + start:g}")
    key(figure)
    return figure


def picked(targets: Tensor, chances: Tensor) -> tuple[Tensor, Tensor]:
    """Tell which classes were asked for and which are said, ``(T, C)`` each.

    Args:
        targets: ``(T,)`` classes, or ``(T, C)`` bits, where an answer is a set of classes.
        chances: ``(T, C)`` probabilities.
    """
    if targets.ndim == chances.ndim:
        return targets == 1, chances > 0.5
    classes = torch.arange(chances.shape[-1])
    return targets[..., None] == classes, chances.argmax(-1, keepdim=True) == classes


def agree(targets: Tensor, chances: Tensor) -> Tensor:
    """Tell where what is said is what was asked for, ``(B, T)``; never where nothing was."""
    if targets.ndim < chances.ndim:
        return chances.argmax(-1) == targets
    return ((chances > 0.5) == targets).all(-1)
