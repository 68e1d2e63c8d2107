"""The view of tasks that ask for one decision about a whole sequence."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.crop import cropped, some, spread
from seqlearn.plots.shades import ASKED, MISTAKE, key, name_classes, shade, tally
from seqlearn.plots.style import new
from seqlearn.plots.words import caption
from seqlearn.splits import UNSCORED, SequenceBatch
from seqlearn.task import Task

EXAMPLES = 12
"""How many are drawn at most."""
WIDTH = 4.2
"""Room for classes in inches, at least."""


def once(data: Task, batch: SequenceBatch, predictions: Tensor) -> Figure:
    """Draw a row for each example: the probability of each class, or that each bit is one."""
    targets = batch.targets  # (B,) classes, or (B, C) bits
    scored = targets != UNSCORED
    if targets.ndim == 2:
        guess, asked = predictions > 0.5, targets == 1
        right, wrong = guess == targets, (guess != targets) & scored
    else:
        classes = torch.arange(predictions.shape[1])
        best = predictions.argmax(1)
        asked, right = targets[:, None] == classes, best == targets
        wrong = (best[:, None] == classes) & (scored & ~right)[:, None]
    whole, counted, *_ = tally(right, scored)
    title = f"{whole} of {counted} answers right"
    chosen, count = spread(len(targets), EXAMPLES), predictions.shape[1]
    shown = len(chosen)
    figure, axis = new(
        title, size=(8, 1.5 + 0.3 * shown), note=cropped(examples=(shown, len(targets)))
    )
    marks = {ASKED: asked[chosen].numpy(), MISTAKE: wrong[chosen].numpy()}
    shade(axis, predictions[chosen].double().numpy(), marks)
    words = data.describe(some(batch, chosen), predictions[chosen])
    rows = [caption(example, 36) for example in words]
    axis.set_yticks(range(shown), rows, fontsize=8, parse_math=False)
    names = ["is it 1?"] if targets.ndim == 2 and count == 1 else data.answers
    ticks = name_classes(names, count, WIDTH * 72 / count, across=True)
    axis.set_xticks(np.add(ticks.pop("ticks"), 1), **ticks)
    axis.set_xlabel("answer" if targets.ndim == 1 else "output")
    key(figure)
    return figure
