"""A benchmark as a sweep of Weights & Biases, whose agents share the runs on any machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from seqlearn import files
from seqlearn.errors import refuse
from seqlearn.output import put

HEAD = """\
# Every cell on every task with every seed, a run each, for any number of agents on any machines:
#
#   wandb sweep FILE      # says the ID of the sweep; it needs an account (`wandb login`)
#   wandb agent ID        # on each machine, in a folder that all of them see, or in one of its own
#
# At the end the same command with all cells, tasks and seeds, in the folder of the runs, finds them
# finished and writes the tables.
"""


def sweep(
    grid: tuple[Sequence[str], Sequence[str], Sequence[int]],
    options: Mapping[str, Any],
    flags: Sequence[str],
) -> str:
    """Write the configuration of the sweep.

    Args:
        grid: Tasks, cells and seeds.
        options: Further arguments of ``seqlearn benchmark``, the same for all runs.
        flags: Arguments of ``seqlearn fit``, likewise.
    """
    same = {"seeds": 1, "jobs": 1, **options}
    given = [f"--{name}={value}" for name, value in same.items() if value is not None]
    command = ["${env}", "${interpreter}", "-m", "${program}", *given, "${args}"]
    varied = dict(zip(("tasks", "cells", "first-seed"), grid, strict=True))
    plan = {
        "program": "seqlearn.benchmark",
        "name": "benchmark",
        "method": "grid",
        "command": command + (["--", *flags] if flags else []),
        "parameters": {name: {"values": [*values]} for name, values in varied.items()},
    }
    return HEAD + yaml.safe_dump(plan, sort_keys=False, width=100)


def export(path: Path, text: str) -> None:
    """Write a sweep to a file, and say how to start it."""
    try:
        files.replace(path.absolute(), text.encode())
    except OSError as error:
        refuse("benchmark", f"argument --export-sweep: cannot write: {error}")
    put(f"wandb sweep {path}   # says the ID; then on each machine: wandb agent ID")
