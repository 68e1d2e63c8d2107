"""Two runs side by side."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from seqlearn.record import Record
from seqlearn.score import cost, number
from seqlearn.settings import flat

ABSENT = "–"


def compare(first: Record, second: Record) -> list[Table | str]:
    """Set out what differs in the configuration of two runs, and what they came to.

    Of different tasks it is only what they have in common.
    """
    pair = (first, second)
    tasks = [record.results["task"] for record in pair]
    parts: list[Table | str] = []
    if alike := tasks[0] == tasks[1]:
        parts.append(f"Both are of {tasks[0]}.")
    else:
        parts.append(f"The tasks differ, {tasks[0]} and {tasks[1]}: shown is what both have.")
    configs = [flat(record.config) for record in pair]
    grid = side_by_side("configuration", *pair)
    for name in names(configs, alike):
        before, now = (shown(config, name) for config in configs)
        if before != now:
            grid.add_row(name, before, now)
    parts.append(grid if grid.row_count else "The configurations are the same.")
    grid = side_by_side("test", *pair)
    metrics = [record.results["metrics"] for record in pair]
    for name in names(metrics, alike):
        grid.add_row(name.removeprefix("test/"), *marked(name, *metrics))
    notes = ["* the better of the two"] if grid.row_count else []
    for name, write in (("steps", str), ("seconds", "{:.1f}".format)):
        grid.add_row(name, *(write(record.results[name]) for record in pair))
    return [*parts, grid, *notes]


def side_by_side(title: str, first: Record, second: Record) -> Table:
    """Begin a table with a column for each run."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False)
    grid.add_column(title, overflow="fold")
    for record in (first, second):
        grid.add_column(Text(str(record.folder)), overflow="fold")
    return grid


def names(pair: Sequence[Mapping[str, Any]], alike: bool) -> list[str]:
    """Name what either has, or what both have, in the order of the first."""
    every = {name: None for each in pair for name in each}
    return [name for name in every if alike or all(name in each for each in pair)]


def shown(config: Mapping[str, Any], name: str) -> str:
    """Write a setting as it is given."""
    value = config.get(name, ABSENT)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def marked(name: str, first: Mapping[str, float], second: Mapping[str, float]) -> list[Text]:
    """Write a metric of both, the better one with a mark."""
    costs = [cost(name, each[name]) if name in each else None for each in (first, second)]
    texts = []
    for metrics, own, other in zip((first, second), costs, reversed(costs), strict=True):
        better = own is not None and other is not None and own < other
        text = number(metrics[name]) if own is not None else ABSENT
        texts.append(Text(f"{text} *" if better else text, "bold green" if better else ""))
    return texts
