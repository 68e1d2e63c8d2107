"""The view of balls in a box."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from seqlearn.plots.crop import cropped
from seqlearn.plots.style import ALONE, SAID, TRUE, legend_below, new
from seqlearn.plots.words import number, several

EXAMPLES, BALLS, STEPS = 3, 2, 40
"""How much is drawn at most; as many steps one step ahead as alone."""
LOOKS: dict[str, dict[str, Any]] = {
    "true": {"color": TRUE, "marker": ".", "lw": 1, "alpha": 0.6},
    "one step ahead": {"color": SAID, "marker": "o", "ls": "", "ms": 6, "mfc": "none"},
    "going on alone": {"color": ALONE, "marker": "^", "lw": 1, "ms": 5, "mec": "black", "mew": 0.4},
    "alone from here": {"color": "black", "marker": "s", "ls": "", "ms": 7, "mfc": "white"},
}


def balls(shown: Tensor, asked: Tensor, said: Tensor, alone: Tensor | None = None) -> Figure:
    """Draw where balls are and where they are said to be, in a box of width and height 1.

    Args:
        shown: ``(B, T, balls, 2)`` where they are.
        asked: Where they are next; ``NaN`` where it does not count.
        said: Where they are said to be next.
        alone: What is said going on alone, for the last of the steps.
    """
    examples, whole, count, _ = asked.shape
    far = (said - asked).norm(dim=3)
    title = f"One step ahead: mean error {number(float(far.nanmean()))} box widths"
    steps, columns, drawn = min(STEPS, whole), min(EXAMPLES, examples), min(BALLS, count)
    cuts = {"steps": (steps, whole), "examples": (columns, examples), "balls": (drawn, count)}
    rows = 1
    if alone is not None:
        begin = whole - alone.shape[1]  # the place of the first answer given alone
        end = min(whole, begin + STEPS)
        drift = (alone[:, end - begin - 1] - asked[:, end - 1]).norm(dim=2).nanmean()
        going = several(end - begin, "steps")
        title += f"\nalone it drifts to {number(float(drift))} after {going}"
        cuts["steps alone"] = (end - begin, whole - begin)
        rows = 2
    size = (8, 1.5 + 2.7 * rows)
    figure, axes = new(title, rows, columns, size, cropped(**cuts), squeeze=False)
    for k in range(columns):
        axes[0, k].set_title(f"example {k + 1}", fontsize=9, loc="left")
        for ball in range(drawn):
            path = torch.cat([shown[k, :, ball], asked[k, -1:, ball]])
            guess = said[k, :steps, ball].where(~asked[k, :steps, ball].isnan(), torch.nan)
            draw(axes[0, k], "true", path[: steps + 1])
            draw(axes[0, k], "one step ahead", guess)
            if alone is not None:
                start = path[begin : begin + 1]
                draw(axes[1, k], "true", path[begin : end + 1])
                draw(
                    axes[1, k], "going on alone", torch.cat([start, alone[k, : end - begin, ball]])
                )
                draw(axes[1, k], "alone from here", start)
    for axis in axes.flat:
        axis.set(
            aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.08, 1.08), xticks=[0, 1], yticks=[0, 1]
        )
        axis.tick_params(length=0)
        axis.add_patch(Rectangle((0, 0), 1, 1, fill=False, color="black", lw=0.8))
        axis.spines[:].set_visible(False)
    for axis in axes[-1]:
        axis.set_xlabel("across, in box widths", fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("up", fontsize=9)
    handles = {str(line.get_label()): line for axis in axes[:, 0] for line in axis.get_lines()}
    legend_below(figure, {name: handles[name] for name in LOOKS if name in handles})
    return figure


def draw(axis: Axes, what: str, places: Tensor) -> None:
    """Draw places ``(T, 2)``, named once."""
    named = any(line.get_label() == what for line in axis.get_lines())
    axis.plot(*places.T.numpy(), label="_" if named else what, **LOOKS[what])
