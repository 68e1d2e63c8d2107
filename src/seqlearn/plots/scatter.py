"""The view of tasks that ask for values of a whole sequence."""

from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator
from torch import Tensor

from seqlearn.plots.crop import cropped
from seqlearn.plots.distance import judged
from seqlearn.plots.style import COLORS, MARKS, TRUE, legend, new
from seqlearn.splits import SequenceBatch
from seqlearn.task import Task

POINTS = 1000
"""How many examples are drawn at most."""


def scatter(data: Task, batch: SequenceBatch, predictions: Tensor) -> Figure:
    """Draw predicted against true values, one mark for each output."""
    truth, said = (part.detach() * data.scale for part in (batch.targets, predictions))  # (B, C)
    shown, count = min(POINTS, len(truth)), truth.shape[1]
    outputs = min(len(MARKS), count)
    note = cropped(examples=(shown, len(truth)), outputs=(outputs, count))
    title = judged(truth, said)
    figure, axis = new(title[0].upper() + title[1:], size=(6, 5.5), note=note)
    for k, (color, mark) in enumerate(zip(COLORS[:outputs], MARKS, strict=False)):
        label = f"output {k + 1}" if count > 1 else "an example"
        points = truth[:shown, k].numpy(), said[:shown, k].numpy()
        axis.plot(*points, mark, color=color, alpha=0.7, mec="white", ls="", label=label)
    ends = truth[:shown].nan_to_num(nan=float(truth.nan_to_num().mean()))
    low, high = float(ends.min()), float(ends.max())
    margin = 0.05 * (high - low) or 1.0
    line = (low - margin, high + margin)
    axis.plot(line, line, color=TRUE, lw=1, ls="--", label="predicted = true", zorder=1)
    axis.xaxis.set_major_locator(AutoLocator())
    axis.set_xlabel("true value")
    axis.set_ylabel("predicted value")
    legend(axis)
    return figure
