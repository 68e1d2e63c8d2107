"""``python -m seqlearn.benchmark``: every cell on every task, in one table."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlearn.errors import fail, is_own_bug, refuse, say
from seqlearn.imports import quick_imports
from seqlearn.limits import Rule
from seqlearn.output import put
from seqlearn.plain import Parser
from seqlearn.request import nearest, task_names
from seqlearn.score import in_words
from seqlearn.settings import settings
from seqlearn.signals import Signals, interrupt

if TYPE_CHECKING:
    from seqlearn.estimate import Clock
    from seqlearn.grid import Job
    from seqlearn.sizing import Recipe

DESCRIPTION = """
Train every cell on every task with several seeds, by the task's own recipe and with as many
parameters as its preset has, and set what they reach side by side. What is finished in the folder
is not done again, and what was ended goes on: to go on, give the same command.
"""


def several(word: str) -> list[str]:
    """Read words with commas between, each once."""
    words = [each.strip() for each in word.split(",")]
    if not all(words):
        raise argparse.ArgumentTypeError(f"must be words with commas between, got {word!r}")
    return [*dict.fromkeys(words)]


def tasks(word: str) -> list[str]:
    """Read the words of tasks: ``all`` is all of them, ``-reverse`` leaves one out."""
    known = task_names()
    chosen = [*known] if word.strip().startswith("-") else []
    for each in several(word):
        name = each.removeprefix("-")
        if name not in (*known, "all"):
            rule = f"must be all or some of {', '.join(known)}, got {each!r}"
            raise argparse.ArgumentTypeError(f"{rule}{nearest(name, known)}")
        if each.startswith("-"):
            chosen = [other for other in chosen if other != name]
        else:
            chosen += known if name == "all" else [name]
    if not chosen:
        raise argparse.ArgumentTypeError(f"must leave at least one, got {word!r}")
    return [*dict.fromkeys(chosen)]


def make_parser() -> Parser:
    """Make the parser of the arguments."""
    parser = Parser("benchmark", DESCRIPTION)
    parser.usage = "seqlearn benchmark --cells CELLS --tasks TASKS [options] [-- arguments of fit]"
    parser.add_argument(
        "--cells",
        type=several,
        required=True,
        help="words of cells or paths of classes: rnn,gru,lstm,my_package.MyCell",
    )
    parser.add_argument(
        "--tasks",
        type=tasks,
        required=True,
        help="words of tasks, or all; all,-reverse leaves one out",
    )
    parser.add_argument(
        "--seeds", type=Rule(1, 10**4, optional=False), default=5, help="how many (5)"
    )
    parser.add_argument(
        "--first-seed", type=Rule(0, 2**31, optional=False), default=0, help="the first (0)"
    )
    parser.add_argument(
        "--match-parameters",
        type=Rule(1, 10**7),
        metavar="NUMBER",
        help="parameters of each network, as near as whole units come (those of the task's preset)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/benchmark"),
        help="where runs and tables go (runs/benchmark)",
    )
    parser.add_argument(
        "--jobs",
        type=Rule(1, 1000, optional=False),
        default=os.cpu_count() or 1,
        help="how many runs at a time (as many as the machine has cores)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--dry-run", action="store_true", help="say how many runs, and how long")
    form.add_argument(
        "--export-sweep",
        type=Path,
        metavar="FILE",
        help="write the same as a sweep of Weights & Biases, for agents on several machines",
    )
    parser.add_argument("flags", nargs="*", metavar="-- ...", help="arguments of seqlearn fit")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark.

    Args:
        arguments: As on the command line, which is the default.

    Raises:
        SystemExit: With code 2 and one line of text, if the arguments are not right; with 1, if
            runs have failed; with 143 or 130 after SIGTERM or SIGINT, when those under way have
            saved what they need to go on.
    """
    wanted = make_parser().parse_args(arguments)
    wanted.seeds = range(wanted.first_seed, wanted.first_seed + wanted.seeds)
    with Signals() as signals, quick_imports():
        from seqlearn.estimate import Clock
        from seqlearn.ranking import publish
        from seqlearn.sweep import export, sweep
    signals.heed()
    with Signals(interrupt):
        recipes, jobs = prepare(wanted)
        if wanted.export_sweep:
            options = {"folder": wanted.folder, "match-parameters": wanted.match_parameters}
            grid = wanted.tasks, wanted.cells, wanted.seeds
            export(wanted.export_sweep, sweep(grid, options, wanted.flags))
            return
        claim(wanted)
        clock, left = Clock(recipes), list["Job"]()
        for job in jobs:
            if record := job.finished(wanted.folder):
                clock.note(job, record.results["seconds"])
            else:
                left.append(job)
        put(f"{len(jobs)} runs, {len(jobs) - len(left)} of them finished; folder: {wanted.folder}")
        if wanted.dry_run:
            for line in clock.outline(jobs):
                put(line)
            seconds = clock.left(left, wanted.jobs, clock.measured)
            put(f"about {in_words(seconds)}, {wanted.jobs} at a time")
            return
    with Signals() as signals:
        failed = run(wanted, left, clock, signals)
        publish(wanted.folder)
    if number := signals.received:
        say("benchmark", f"ended by {signal.Signals(number).name}; to go on: the same command")
        signals.heed()
    if failed:
        fail("benchmark", f"{failed} of {len(left)} runs failed; to try again: the same command")


def prepare(wanted: argparse.Namespace) -> tuple[dict[str, "Recipe"], list["Job"]]:
    """Plan the runs, or refuse what cannot be meant."""
    from seqlearn.grid import DECIDED, Job, plan

    given = settings(wanted.flags, ())
    for word in filter(lambda word: word.startswith("-"), wanted.flags):
        name = word.removeprefix("--").partition("=")[0].rstrip("+")
        if re.match("-[a-zA-Z]", word) or name in DECIDED or name.startswith("model.cell_args"):
            refuse("benchmark", f"argument {word}: not for a benchmark, which sees to it itself")
    ends = [name for name in ("trainer.max_steps", "trainer.max_epochs") if name in given]
    if ends and all(given[name] == -1 for name in ends):
        refuse("benchmark", f"argument --{ends[0]}: runs must have an end, got -1")
    for task in wanted.tasks if given else wanted.tasks[:1]:
        job = Job(task, wanted.cells[0], wanted.first_seed, 1)
        check(job.arguments(wanted.folder, wanted.flags))
    recipes = dict(recipes_of(wanted.tasks, given))
    try:
        jobs = plan(recipes, wanted.cells, wanted.seeds, wanted.match_parameters)
    except (TypeError, ValueError) as error:
        if is_own_bug(error):
            raise
        refuse("benchmark", f"argument --cells: {error}")
    return recipes, jobs


def recipes_of(tasks: Sequence[str], given: Mapping[str, Any]) -> Iterator[tuple[str, "Recipe"]]:
    """Make the recipe of each task, or refuse what does not fit it."""
    from seqlearn.sizing import Recipe

    for task in tasks:
        try:
            yield task, Recipe(task, given)
        except (TypeError, ValueError) as error:
            refuse("benchmark", f"argument --tasks: {task}: {error}")


def check(arguments: Sequence[str]) -> None:
    """Let ``seqlearn fit`` refuse what it would refuse in every run."""
    from seqlearn import fit

    try:
        with redirect_stdout(StringIO()):
            fit.main([*arguments, "--print_config"])
    except SystemExit as end:
        if end.code:
            raise


def claim(wanted: argparse.Namespace) -> None:
    """Note what all runs of the folder share, or refuse if they share something else."""
    from seqlearn.grid import agree

    shared = {"match_parameters": wanted.match_parameters, "flags": wanted.flags}
    try:
        if differs := agree(wanted.folder, shared, note=not wanted.dry_run):
            refuse("benchmark", f"argument --folder: {differs}; take another folder")
    except OSError as error:
        refuse("benchmark", f"argument --folder: cannot write there: {error}")


def run(wanted: argparse.Namespace, left: Sequence["Job"], clock: "Clock", signals: Signals) -> int:
    """Do what is left, tell of each run as it ends, and count those that fail."""
    from seqlearn.grid import reached
    from seqlearn.workers import Fit, Workers

    folder, failed, waiting = wanted.folder.absolute(), 0, [*left]
    fits = (Fit(job, folder, wanted.flags) for job in left)
    workers = Workers(wanted.jobs, f"benchmark {folder.name}")
    for number, code in workers.run(fits, signals):
        job = left[number]
        waiting.remove(job)
        place = f"{len(left) - len(waiting)} of {len(left)}"
        if record := job.finished(folder):
            clock.note(job, record.results["seconds"])
            seconds = clock.left(waiting, wanted.jobs, clock.known)
            time = f"; about {in_words(seconds)} left" if waiting else ""
            put(f"{place}  {job}: {reached(record)}{time}")
        elif not signals.received:
            failed += 1
            say("benchmark", f"{job} failed with exit code {code}: {job.last_words(folder)}")
    return failed


if __name__ == "__main__":
    from seqlearn import cli

    cli.main(["benchmark", *sys.argv[1:]])
