"""The view of tasks whose answers are series of real values."""

from itertools import product
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from seqlearn.plots.crop import aligned, cropped, reach, some, spread
from seqlearn.plots.distance import distance, judged
from seqlearn.plots.scatter import scatter
from seqlearn.plots.style import ALONE, SAID, TRUE, legend_below, new
from seqlearn.plots.words import line, number, several
from seqlearn.splits import SequenceBatch
from seqlearn.task import Task

PANELS, STEPS, DOTTED = 4, 128, 64
"""How much is drawn at most, and up to how many values each is a dot."""
LOOKS: dict[str, dict[str, Any]] = {
    "true": {"color": TRUE, "marker": ".", "lw": 2.5, "alpha": 0.5},
    "predicted": {"color": SAID, "marker": "o", "lw": 1, "ms": 3.5},
    "going on alone": {"color": ALONE, "marker": "^", "lw": 1, "ms": 3.5},
}


def series(
    data: Task, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
) -> Figure:
    """Draw true and predicted values over time, and those said going on alone."""
    if data.mapping == "many-to-one":
        return scatter(data, batch, predictions)
    forecast = one_step_ahead(data, batch)
    targets, said = batch.targets * data.scale, {"predicted": predictions * data.scale}
    examples, whole, outputs = targets.shape
    title = judged(targets, said["predicted"], batch.inputs * data.scale if forecast else None)
    title = f"One step ahead: {title}" if forecast else title[0].upper() + title[1:]
    chosen = spread(examples, max(1, PANELS // outputs))
    long = reach(~targets[chosen].isnan())
    steps = min(long, STEPS)
    if alone is not None:
        begin = whole - alone.shape[1] + 1  # steps shown before
        steps = min(long, max(STEPS, 2 * begin))
        said["going on alone"] = aligned(alone, whole) * data.scale
        drift = distance(targets[:, steps - 1], said["going on alone"][:, steps - 1])
        if drift is not None:
            going = several(steps - begin + 1, "steps")
            title += f"\nalone it is off by {number(drift)} after {going}"

    count = len(chosen) * min(PANELS, outputs)
    note = cropped(steps=(steps, long), series=(count, examples * outputs))
    down = -(-count // 2)
    across = min(2, count)
    size = (8, 1.5 + 1.8 * down)
    figure, axes = new(title, down, across, size, note, squeeze=False, sharex=True)
    words = data.describe(some(batch, chosen), predictions[chosen])
    panels = product(zip(chosen.tolist(), words, strict=True), range(min(PANELS, outputs)))
    truth = continued(batch, data.scale) if forecast else targets
    for axis, ((k, example), c) in zip(axes.flat, panels, strict=False):
        lines = {"true": truth[k, : steps + forecast, c]}
        for name, values in said.items():
            asked = ~targets[k, :steps, c].isnan()
            lines[name] = values[k, :steps, c].where(asked, torch.nan)
        for name, drawn in lines.items():
            look = LOOKS[name] | ({} if drawn.isfinite().sum() <= DOTTED else {"marker": ""})
            last = steps + forecast
            axis.plot(range(last - len(drawn) + 1, last + 1), drawn.numpy(), label=name, **look)
        if alone is not None:
            axis.axvline(begin + forecast - 0.5, color=TRUE, ls=":", lw=1, label="alone from here")
        text = f"example {k + 1}" * (examples > 1) if forecast else line(example.input, 36)
        text += f"  output {c + 1}" * (outputs > 1)
        axis.set_title(text, fontsize=9, loc="left", parse_math=False)
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    for axis in axes.flat[count - across : count]:  # the lowest
        axis.set_xlabel("step")
        axis.tick_params(labelbottom=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("value")
    legend_below(figure, {str(line.get_label()): line for line in axes[0, 0].get_lines()})
    return figure


def renumber(axis: Axes, first: int) -> None:
    """Let the steps of an axis begin with another number than 1, such as a year."""
    low, high = axis.get_xlim()
    shift = first - 1
    numbers = np.array(
        MaxNLocator(integer=True, min_n_ticks=1).tick_values(low + shift, high + shift)
    )
    axis.set_xticks(numbers - shift, [f"{number:.0f}" for number in numbers])
    axis.set_xlim(low, high)


def one_step_ahead(data: Task, batch: SequenceBatch) -> bool:
    """Tell whether each target is the next input, as far as one can see."""
    shown, asked = batch.inputs, batch.targets
    if data.mapping != "many-to-many" or shown.shape != asked.shape:
        return False
    return bool(((asked[:, :-1] == shown[:, 1:]) | asked[:, :-1].isnan()).all())


def continued(batch: SequenceBatch, scale: float) -> Tensor:
    """Put the target after each input: ``(B, T + 1, C)``, what is asked for and what is shown."""
    steps = torch.arange(batch.inputs.shape[1])[:, None]
    shown = batch.inputs.where(steps < batch.lengths[:, None, None], torch.nan)
    end = shown.new_full((len(shown), 1, shown.shape[2]), torch.nan)
    asked = torch.cat([end, batch.targets], 1)
    return asked.where(~asked.isnan(), torch.cat([shown, end], 1)) * scale
