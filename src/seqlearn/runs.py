"""``python -m seqlearn.runs [FOLDER]``: the runs of a folder in a table, or two side by side."""

import argparse
import json
import math
import os
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlearn.compare import compare
from seqlearn.entries import COLUMNS, Entry, arranged, find, read
from seqlearn.errors import refuse, say
from seqlearn.output import put
from seqlearn.plain import Parser
from seqlearn.record import Record, RecordError, UnfinishedError, listed
from seqlearn.score import number
from seqlearn.signals import Signals, interrupt
from seqlearn.tables import fitted, width, write

NUMBERS = ("size", "steps", "seconds")
SPARE = ("task", "date", "seconds", "steps", "size", "goal", "cell")
"""What a narrow terminal goes without, the first first: task and date stand in a run's path too."""


def column(word: str) -> str:
    """Read the name of a column."""
    if word not in COLUMNS:
        rule = f"must be one of {', '.join(COLUMNS)}, got {word!r}"
        raise argparse.ArgumentTypeError(rule)
    return word


def main(arguments: Sequence[str] | None = None) -> None:
    """List the runs of a folder, or compare two.

    Args:
        arguments: As on the command line, which is the default.

    Raises:
        SystemExit: With code 2 and one line of text, if the arguments are not right.
    """
    parser = Parser("runs", "List the runs of a folder, or compare two of them.")
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path("runs"),
        metavar="FOLDER",
        help="where to look, at any depth (runs)",
    )
    parser.add_argument("--task", help="only the runs of this task")
    parser.add_argument(
        "--sort",
        type=column,
        metavar="COLUMN",
        help=f"{', '.join(COLUMNS)}; by metric, the best of each task comes first (date)",
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, for programs")
    form.add_argument(
        "--compare",
        nargs="+",
        metavar="RUN",
        help="show what differs between two runs: folders, or their paths in FOLDER",
    )
    wanted = parser.parse_args(arguments)
    if wanted.compare and len(wanted.compare) != 2:
        parser.error(f"argument --compare: must be two runs, got {len(wanted.compare)}")
    with Signals(interrupt):
        if wanted.compare:
            side_by_side(wanted.folder, *wanted.compare)
        else:
            show_list(wanted)


def side_by_side(root: Path, *names: str) -> None:
    """Show two runs."""
    paths = [
        root / name if not os.path.exists(name) and os.path.exists(root / name) else Path(name)
        for name in names
    ]
    if len({os.path.realpath(path) for path in paths}) == 1:
        refuse("runs", f"argument --compare: must be two runs, got {paths[0]} twice")
    try:
        parts = compare(*map(Record, paths))
    except RecordError as error:
        refuse("runs", f"argument --compare: {error}")
    console = Console(highlight=False)
    if not console.is_terminal:  # there is nothing to fit it into
        console.width = max(width(part, console) for part in parts if isinstance(part, Table))
    write(console, *parts)


def show_list(wanted: argparse.Namespace) -> None:
    """Show the runs of a folder."""
    try:
        listed(wanted.folder)
    except RecordError as error:
        refuse("runs", f"argument FOLDER: {error}")
    found = arranged(map(read, find(wanted.folder)), "date")
    entries = [entry for entry in found if wanted.task in (None, entry.task)]
    entries = arranged(entries, wanted.sort or "date", wanted.reverse)
    if wanted.json:
        put(json.dumps([plain(entry) for entry in entries], indent=2, ensure_ascii=False))
    elif entries:
        console = Console(highlight=False)
        spare = [name for name in SPARE if name != wanted.sort]
        grid, left = fitted(partial(table, entries), list(COLUMNS), spare, console)
        if left:
            say("runs", f"the terminal is too narrow for {', '.join(left)}")
        write(console, grid)
        tell(entries)
    elif found:
        tasks = ", ".join(sorted({entry.task for entry in found}))
        put(f"{wanted.folder} has no runs of {wanted.task}, but of {tasks}")
    else:
        put(f"{wanted.folder} has no runs yet; to make one: seqlearn fit --task binary_add")


def plain(entry: Entry) -> dict[str, Any]:
    """Say of a run what a list says, for programs."""
    said = entry._asdict()
    value, date = entry.value, entry.date
    return {
        "run": str(said.pop("folder")),
        **said,
        "value": value if value is not None and math.isfinite(value) else None,
        "date": date and date.isoformat(timespec="seconds"),
        "fault": entry.fault and entry.fault.reason,
    }


def table(entries: Sequence[Entry], columns: Sequence[str]) -> Table:
    """Set out runs, a row each."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in columns:
        grid.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True)
    for entry in entries:
        texts = cells(entry)
        grid.add_row(*(texts[name] for name in columns), style="dim" if entry.fault else "")
    return grid


def cells(entry: Entry) -> dict[str, Text]:
    """Write what a list says of a run."""
    value = "" if entry.value is None else f"{entry.metric} {number(entry.value)}"
    if entry.fault:
        value = "not finished" if isinstance(entry.fault, UnfinishedError) else "not readable"
    words = {
        "run": shlex.quote(str(entry.folder)),
        "task": entry.task,
        "cell": entry.cell,
        "size": entry.size,
        "metric": value,
        "steps": entry.steps,
        "seconds": None if entry.seconds is None else f"{entry.seconds:.1f}",
        "date": entry.date and f"{entry.date:%Y-%m-%d %H:%M}",
    }
    goals = {None: Text(), True: Text("✓", "green"), False: Text("✗", "bold red")}
    texts = {name: Text(visible(word)) for name, word in words.items()}
    return {**texts, "goal": goals[entry.goal]}


def visible(word: Any) -> str:
    """Write what may hold anything on one line."""
    return "".join(c if c.isprintable() else "�" for c in str("" if word is None else word))


def tell(entries: Sequence[Entry]) -> None:
    """Say why runs have no results, each reason once."""
    faults: dict[str, list[RecordError]] = {}
    for entry in entries:
        if entry.fault:
            faults.setdefault(entry.fault.reason, []).append(entry.fault)
    for alike in faults.values():
        others = f" ({len(alike) - 1} more likewise)" if len(alike) > 1 else ""
        say("runs", f"{alike[-1]}{others}")


if __name__ == "__main__":
    from seqlearn import cli

    cli.main(["runs", *sys.argv[1:]])
