"""Pictures of a benchmark: what each cell reaches on each task, and how far beyond training."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqlearn.examples import shorten
from seqlearn.findings import Standing
from seqlearn.plots import style
from seqlearn.plots.levels import number, scale, words
from seqlearn.ranking import by_task, cells_of, ends
from seqlearn.score import MORE_IS_BETTER, cost

ROW, HEAD, WIDTH = 0.27, 2.0, 8
"""Height of a task and of what stands around them all, and the width, in inches."""
PANELS, PANEL = 3, 2.1
"""Tasks side by side, and the height of each, in inches."""
LONGEST, LINE = 18, 90
"""Characters of a cell's name, and of a line."""

Table = Mapping[tuple[str, str], Standing]
"""What there is of each task and cell."""


def share(standing: Standing) -> float:
    """Tell how far a cell has come from the best simple predictor, 0, to the optimum, 1.

    Where no optimum is known the goal takes its place; NaN if neither is better than the predictor.
    """
    top = standing.goal if standing.optimum is None else standing.optimum
    if standing.simple is None or top is None:
        return nan
    if cost(standing.metric, top) >= cost(standing.metric, standing.simple):
        return nan
    return float(np.clip((standing.mean - standing.simple) / (top - standing.simple), 0, 1))


def heat_map(standings: Sequence[Standing]) -> Figure:
    """Draw a table of tasks and cells: as trained, and at the longest length tested."""
    cells = cells_of(standings)
    trained: dict[tuple[str, str], Standing] = {}
    longest: dict[tuple[str, str], Standing] = {}
    for task, group in by_task(standings).items():
        first, last = ends(group)
        trained |= {(task, each.cell): each for each in group if each.length == first}
        if last != first:
            longest |= {(task, each.cell): each for each in group if each.length == last}
    tasks = [*dict.fromkeys(task for task, _ in trained)]
    panels = {"at the length trained on": trained, "at the longest that is tested": longest}
    panels = {title: table for title, table in panels.items() if table}
    figure, axes = style.new(
        found([*trained.values()], cells),
        columns=len(panels),
        size=(max(WIDTH, 3 + 1.1 * len(cells)), HEAD + ROW * len(tasks)),
        note="colour: 0 for the simple predictor, 1 for optimum or goal; numbers: mean over seeds",
        sharey=True,
        squeeze=False,
    )
    for axis, (title, table) in zip(axes[0], panels.items(), strict=True):
        paint(axis, table, tasks, cells)
        axis.set_title(title, fontsize=10)
    bar = figure.colorbar(axes[0, 0].images[0], ax=[*axes[0]], fraction=0.03, pad=0.01)
    bar.outline.set_visible(False)
    return figure


def found(trained: Sequence[Standing], cells: Sequence[str]) -> str:
    """Say which cell reaches the goal with every seed on most tasks."""
    asked = [each for each in trained if each.reached is not None]
    tasks = len({each.task for each in asked})
    solved = [each.cell for each in asked if each.reached == each.seeds]
    most = max((solved.count(cell) for cell in cells), default=0)
    if not most:
        return f"No cell reaches a goal as trained, with every seed: none of {tasks}"
    best = [shorten(cell, LONGEST) for cell in cells if solved.count(cell) == most]
    who = ", ".join(best) if len(best) < 4 else f"{len(best)} cells"
    return f"Goals reached as trained, with every seed: at most {most} of {tasks}, by {who}"


def paint(axis: Axes, table: Table, tasks: Sequence[str], cells: Sequence[str]) -> None:
    """Draw one table."""
    values = np.full((len(tasks), len(cells)), nan)
    for (task, cell), standing in table.items():
        row, column = tasks.index(task), cells.index(cell)
        values[row, column] = share(standing)
        axis.text(
            column,
            row,
            number(standing.mean),
            ha="center",
            va="center",
            fontsize=7.5,
            color="white" if values[row, column] <= 0.5 else "black",
        )
    axis.set_facecolor("#eeeeee")  # where it is not known
    axis.imshow(values, cmap=style.LIKELY, vmin=0, vmax=1, aspect="auto")
    names = [shorten(cell, LONGEST) for cell in cells]
    turned = sum(map(len, names)) > LINE // 3
    axis.set_xticks(range(len(cells)), names, fontsize=8, rotation=90 if turned else 0)
    axis.set_yticks(range(len(tasks)), tasks, fontsize=8)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def curves(standings: Sequence[Standing]) -> Figure | None:
    """Draw the headline metric over the length, for each task that is tested at several."""
    groups = {
        task: group
        for task, group in by_task(standings).items()
        if len({each.length for each in group}) > 1
    }
    if not groups:
        return None
    cells, rows = cells_of(standings), -(-len(groups) // PANELS)
    columns = max(1, LINE // (6 + max(len(shorten(cell, LONGEST)) for cell in cells)))
    figure, axes = style.new(
        "What each cell reaches beyond the length trained on, which is dotted:\n"
        "the mean of the seeds, and from the worst to the best",
        rows,
        PANELS,
        (WIDTH, 1.1 + PANEL * rows + 0.2 * (len(cells) // columns)),
        squeeze=False,
    )
    lines = {}
    for axis, (task, group) in zip(axes.flat, groups.items(), strict=False):
        for place, cell in enumerate(cells):
            if points := [each for each in group if each.cell == cell and isfinite(each.mean)]:
                lines[cell] = draw(axis, points, place)
        settle(axis, task, group)
    for axis in axes.flat[len(groups) :]:
        axis.remove()
    figure.legend(
        [*lines.values()],
        [shorten(cell, LONGEST) for cell in lines],
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=9,
    )
    return figure


def settle(axis: Axes, task: str, group: Sequence[Standing]) -> None:
    """Name and scale the axes of a task."""
    values = [each.mean for each in group if isfinite(each.mean)]
    scale(axis, values, group[0].metric in MORE_IS_BETTER)
    lengths = sorted({each.length for each in group})
    axis.set_xscale("log")
    axis.set_xticks(lengths, [str(n) for n in lengths], fontsize=7, rotation=45)
    axis.set_xticks([], minor=True)
    axis.tick_params(axis="y", labelsize=7)
    for length in {each.length for each in group if each.trained}:
        axis.axvline(length, color=style.TRUE, linestyle=":")
    axis.set_title(f"{task}: {words(group[0].metric)}", fontsize=9)


def draw(axis: Axes, points: Sequence[Standing], place: int) -> Artist:
    """Draw what a cell reaches on a task."""
    color = style.COLORS[place % len(style.COLORS)]
    marker = style.MARKS[(place + place // len(style.COLORS)) % len(style.MARKS)]
    lengths = [each.length for each in points]
    low, high = ([getattr(each, name) for each in points] for name in ("best", "worst"))
    axis.fill_between(lengths, low, high, color=color, alpha=0.15, linewidth=0)
    means = [each.mean for each in points]
    (line,) = axis.plot(lengths, means, color=color, marker=marker, markersize=4, linewidth=1.2)
    return line
