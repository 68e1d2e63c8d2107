"""Pictures of a benchmark: what each cell reaches on each task, and how far beyond training."""

from collections.abc import Sequence
from math import nan

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqlearn.findings import Standing
from seqlearn.plots import style
from seqlearn.plots.levels import number, scale, words
from seqlearn.ranking import cells_of
from seqlearn.score import MORE_IS_BETTER

ROW, HEAD, WIDTH = 0.27, 1.7, 8
"""Height of a task and of what stands around them all, and the width, in inches."""
PANELS, PANEL = 3, 2.1
"""Tasks side by side, and the height of each, in inches."""


def share(standing: Standing) -> float:
    """Tell how far a cell has come from the best simple predictor, 0, to the optimum, 1.

    Where no optimum is known the goal takes its place.
    """
    top = standing.goal if standing.optimum is None else standing.optimum
    if standing.simple is None or top is None or top == standing.simple:
        return nan
    return float(np.clip((standing.mean - standing.simple) / (top - standing.simple), 0, 1))


def heat_map(standings: Sequence[Standing]) -> Figure:
    """Draw a table of tasks and cells: as trained, and at the longest length tested."""
    cells, tasks = cells_of(standings), [*dict.fromkeys(each.task for each in standings)]
    trained = {(each.task, each.cell): each for each in standings if each.trained}
    longest: dict[tuple[str, str], Standing] = {}
    for each in standings:
        if not each.trained and each.length >= trained[each.task, each.cell].length:
            longest[each.task, each.cell] = each  # they come in the order of their lengths
    panels = {"at the length trained on": trained, "at the longest that is tested": longest}
    panels = {title: group for title, group in panels.items() if group}
    figure, axes = style.new(
        found(list(trained.values()), cells),
        columns=len(panels),
        size=(max(WIDTH, 2.5 + 1.5 * len(cells)), HEAD + ROW * len(tasks)),
        note="colour: 0 is the best simple predictor, 1 the optimum; numbers: mean over seeds",
        sharey=True,
        squeeze=False,
    )
    for axis, (title, group) in zip(axes[0], panels.items(), strict=True):
        paint(axis, group, tasks, cells)
        axis.set_title(title, fontsize=10)
    bar = figure.colorbar(axes[0, 0].images[0], ax=[*axes[0]], fraction=0.03, pad=0.01)
    bar.outline.set_visible(False)
    return figure


def found(trained: Sequence[Standing], cells: Sequence[str]) -> str:
    """Say on how many tasks each cell reaches the goal with every seed."""
    asked = [each for each in trained if each.reached is not None]
    reached = {
        cell: sum(each.cell == cell and each.reached == each.seeds for each in asked)
        for cell in cells
    }
    tasks = len({each.task for each in asked})
    counts = ", ".join(f"{cell} {count}" for cell, count in reached.items())
    return f"Goals reached with every seed, of {tasks}: {counts}"


def paint(
    axis: Axes,
    group: dict[tuple[str, str], Standing],
    tasks: Sequence[str],
    cells: Sequence[str],
) -> None:
    """Draw one table."""
    values = np.full((len(tasks), len(cells)), nan)
    for (task, cell), standing in group.items():
        row, column = tasks.index(task), cells.index(cell)
        values[row, column] = share(standing)
        dark = values[row, column] <= 0.5
        axis.text(
            column,
            row,
            number(standing.mean),
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if dark else "black",
        )
    axis.set_facecolor("#eeeeee")  # where it is not known
    axis.imshow(values, cmap=style.LIKELY, vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(cells)), [cell.rpartition(".")[2] for cell in cells], fontsize=9)
    axis.set_yticks(range(len(tasks)), tasks, fontsize=8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def curves(standings: Sequence[Standing]) -> Figure | None:
    """Draw the headline metric over the length, for each task that is tested at several."""
    groups: dict[str, list[Standing]] = {}
    for each in standings:
        groups.setdefault(each.task, []).append(each)
    groups = {k: group for k, group in groups.items() if len({e.length for e in group}) > 1}
    if not groups:
        return None
    cells, rows = cells_of(standings), -(-len(groups) // PANELS)
    figure, axes = style.new(
        "What each cell reaches beyond the length trained on",
        rows,
        PANELS,
        (WIDTH, 0.9 + PANEL * rows),
        "line: mean of the seeds; band: from the worst to the best; dotted: the length trained on",
        squeeze=False,
    )
    lines = {}
    for axis, (task, group) in zip(axes.flat, groups.items(), strict=False):
        for cell in cells:
            if points := [each for each in group if each.cell == cell]:
                lines[cell] = draw(axis, points, cells.index(cell))
        values = [each.mean for each in group]
        scale(axis, values, group[0].metric in MORE_IS_BETTER)
        lengths = sorted({each.length for each in group})
        axis.set_xscale("log")
        axis.set_xticks(lengths, [str(n) for n in lengths], fontsize=7, rotation=45)
        axis.set_xticks([], minor=True)
        axis.tick_params(axis="y", labelsize=7)
        axis.axvline(next(e.length for e in group if e.trained), color=style.TRUE, linestyle=":")
        axis.set_title(f"{task}: {words(group[0].metric)}", fontsize=9)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    style.legend_below(figure, lines)
    return figure


def draw(axis: Axes, points: Sequence[Standing], place: int) -> Artist:
    """Draw what a cell reaches on a task."""
    color = style.COLORS[place % len(style.COLORS)]
    lengths = [each.length for each in points]
    low, high = ([getattr(each, name) for each in points] for name in ("best", "worst"))
    axis.fill_between(lengths, low, high, color=color, alpha=0.15, linewidth=0)
    (line,) = axis.plot(
        lengths,
        [each.mean for each in points],
        color=color,
        marker=style.MARKS[place % len(style.MARKS)],
        markersize=4,
        linewidth=1.2,
    )
    return line
