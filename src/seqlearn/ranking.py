"""The table of a benchmark for people: a row for each task, a column for each cell."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from seqlearn import files
from seqlearn.errors import RunError, say
from seqlearn.findings import Findings, Standing, rank
from seqlearn.output import put
from seqlearn.score import number
from seqlearn.tables import fitted, write

Row = list[str]

HEAD = ("task", "measured", "simple predictor", "optimum")


def rows(standings: Sequence[Standing], cells: Sequence[str]) -> list[Row]:
    """Set out what each cell reached at the training length, and at the longest that was tested."""
    found = []
    for task, group in by_task(standings).items():
        first, last = ends(group)
        found.append(row(task, [each for each in group if each.length == first], cells))
        if last != first:
            found.append(row("", [each for each in group if each.length == last], cells))
    return found


def by_task(standings: Sequence[Standing]) -> dict[str, list[Standing]]:
    """Sort by task."""
    groups: dict[str, list[Standing]] = {}
    for each in standings:
        groups.setdefault(each.task, []).append(each)
    return groups


def ends(group: Sequence[Standing]) -> tuple[int, int]:
    """Give the length trained on, or the shortest if that was not tested, and the longest."""
    lengths = sorted((not each.trained, each.length) for each in group)
    return lengths[0][1], max(each.length for each in group)


def row(task: str, group: Sequence[Standing], cells: Sequence[str]) -> Row:
    """Write what the cells reached on a task at one length."""
    by_cell = {each.cell: each for each in group}
    first = group[0]
    return [
        task,
        f"{first.metric}@{first.length}",
        "" if first.simple is None else number(first.simple),
        "" if first.optimum is None else number(first.optimum),
        *(said(by_cell[cell]) if cell in by_cell else "" for cell in cells),
    ]


def said(standing: Standing) -> str:
    """Write mean and spread, and how many seeds reached the goal."""
    spread = f" ± {number(standing.std)}" if standing.std else ""
    share = "" if standing.reached is None else f" ({standing.reached}/{standing.seeds})"
    return f"{number(standing.mean)}{spread}{share}"


def cells_of(standings: Sequence[Standing]) -> list[str]:
    """Name the cells."""
    cells = dict.fromkeys(each.cell for each in standings)
    return sorted(cells, key=rank)


def markdown(standings: Sequence[Standing]) -> str:
    """Write the table as Markdown."""
    cells = cells_of(standings)
    head = [*HEAD, *cells]
    lines = [head, ["---"] * len(head), *rows(standings, cells)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def grid(standings: Sequence[Standing], columns: Sequence[str]) -> Table:
    """Make the table for the terminal, with some of its columns."""
    cells = cells_of(standings)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    head = [*HEAD, *cells]
    for name in columns:
        table.add_column(name, no_wrap=True)
    for line in rows(standings, cells):
        said_of = dict(zip(head, line, strict=True))
        table.add_row(*(said_of[name] for name in columns))
    return table


def publish(folder: Path) -> None:
    """Write tables and pictures of all finished runs in the folder, and show the table.

    Raises:
        RunError: If they cannot be written.
    """
    from seqlearn.plots import bench  # imports matplotlib
    from seqlearn.plots.style import save

    found = Findings(folder)
    if not (standings := found.standings):
        if found.records:
            say("benchmark", "no table, as no run has a test metric")
        return
    try:
        with files.held(folder):  # another benchmark may be at it
            paths = found.write()
            paths.append(folder / "results.md")
            files.replace(paths[-1], markdown(standings).encode())
            for name, draw in {"heat_map": bench.heat_map, "curves": bench.curves}.items():
                if figure := draw(standings):
                    paths.append(folder / f"{name}.png")
                    save(figure, paths[-1])
    except OSError as error:
        where = error.filename2 or error.filename or folder
        raise RunError(f"{where}: {error.strerror}") from error
    columns, console = [*HEAD, *cells_of(standings)], Console(highlight=False)
    table, left = fitted(partial(grid, standings), columns, HEAD[:0:-1], console)
    write(console, table)
    if left:
        say("benchmark", f"the terminal is too narrow for {', '.join(left)}")
    put(f"{os.path.relpath(folder)}: {', '.join(path.name for path in paths)}")
