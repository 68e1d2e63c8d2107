"""The runs of a folder, as far as they can be read."""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from seqlearn.record import (
    CONFIG,
    METRICS,
    RESULTS,
    Record,
    RecordError,
    read_config,
    read_metrics,
)
from seqlearn.score import cost

PARTS = {CONFIG, RESULTS, METRICS, "checkpoints"}
"""A folder with two of these is a run, be it half-written; other programs have one or none."""


class Entry(NamedTuple):
    """A run in a list; what is not known is None.

    Attributes:
        folder: The run folder.
        task: The task's word.
        cell: What the network is made of.
        size: The size of its state.
        metric: The headline metric, with the training length: ``exact_match@8``.
        value: Its value in the test.
        goal: Whether the goal was met.
        steps: Steps of training; of a run that is not finished those that are known of.
        seconds: How long they took.
        date: When it was finished, or else when its folder was last changed.
        fault: Why the rest is not known.
    """

    folder: Path
    task: str
    cell: str | None = None
    size: int | None = None
    metric: str | None = None
    value: float | None = None
    goal: bool | None = None
    steps: int | None = None
    seconds: float | None = None
    date: datetime | None = None
    fault: RecordError | None = None


COLUMNS: dict[str, Callable[[Entry], Any]] = {
    "run": lambda entry: str(entry.folder),
    "task": lambda entry: entry.task,
    "cell": lambda entry: entry.cell,
    "size": lambda entry: entry.size,
    "metric": lambda entry: standing(entry),
    "goal": lambda entry: None if entry.goal is None else not entry.goal,
    "steps": lambda entry: entry.steps,
    "seconds": lambda entry: entry.seconds,
    "date": lambda entry: entry.date,
}
"""What a list can be sorted by, and how: from less to more, the best first."""


def standing(entry: Entry) -> tuple[str, str, float] | None:
    """Rank a run among those of its task, the best first."""
    if entry.metric is None or entry.value is None:
        return None
    return entry.task, entry.metric, cost(entry.metric, entry.value)


def arranged(entries: Iterable[Entry], column: str, reverse: bool = False) -> list[Entry]:
    """Sort a list by a column; runs of which it is not known come last."""
    key = COLUMNS[column]
    known: list[Entry] = []
    unknown: list[Entry] = []
    for entry in entries:
        (unknown if key(entry) is None else known).append(entry)
    return sorted(known, key=key, reverse=reverse) + unknown


def find(root: Path) -> Iterator[Path]:
    """Find the run folders in a folder, at any depth, or that it is one itself."""
    closed: list[OSError] = []
    for path, folders, files in os.walk(root, onerror=closed.append):
        if len(PARTS & {*folders, *files}) > 1:
            yield Path(path)
            folders.clear()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    yield from (Path(error.filename) for error in closed)


def read(folder: Path) -> Entry:
    """Read what a list shows of a run, whatever state it is in."""
    entry = Entry(folder, folder.absolute().parent.name, date=changed(folder))
    try:
        results = Record(folder).results
    except RecordError as error:
        return planned(entry._replace(fault=error))
    tested = [name.removeprefix("test/") for name in results["metrics"]]
    asked = f"{results['metric']}@{results['length']}"
    others = (name for name in tested if name.partition("@")[0] == results["metric"])
    metric = asked if asked in tested else next(others, None)
    return entry._replace(
        task=results["task"],
        cell=results["cell"],
        size=results["hidden_size"],
        metric=metric,
        value=results["metrics"].get(f"test/{metric}"),
        goal=(results["goal"] or {}).get("met"),
        steps=results["steps"],
        seconds=results["seconds"],
        date=moment(results["finished"]) or entry.date,
    )


def planned(entry: Entry) -> Entry:
    """Add what is known of a run that has no results."""
    try:
        config = read_config(entry.folder)
    except RecordError:
        return entry
    model = config["model"].get("init_args") or config["model"]
    logged = read_metrics(entry.folder)
    trained = [points[-1][0] + 1 for name, points in logged.items() if name.startswith("train/")]
    return entry._replace(
        task=config.get("task") or entry.task,
        cell=model.get("cell"),
        size=model.get("hidden_size"),
        steps=max(trained, default=0),
    )


def moment(text: str) -> datetime | None:
    """Read a date."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        return None


def changed(folder: Path) -> datetime | None:
    """Tell when a folder was last changed."""
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime).astimezone()
    except OSError:
        return None
