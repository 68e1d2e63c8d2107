"""A benchmark's runs: every cell on every task with every seed, and how far each has come."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seqlearn import files
from seqlearn.checkpoints import read
from seqlearn.errors import CheckpointError
from seqlearn.examples import SIGN
from seqlearn.record import LAST, Record, RecordError, read_config
from seqlearn.score import in_words, number
from seqlearn.sizing import Recipe

PLAN = "benchmark.json"
"""What all runs of a folder have in common."""

RUN = "*/seed*/*/*/"
"""Where run folders are: by cell, seed and task."""

DECIDED = (
    *("task", "config", "resume", "data", "model", "ckpt_path", "seed_everything", "data.seed"),
    *("model.cell", "model.hidden_size", "trainer.default_root_dir"),
    *("trainer.devices", "trainer.num_nodes", "trainer.strategy", "trainer.fast_dev_run"),
    *("help", "print_config"),
)
"""Arguments of ``seqlearn fit`` that a benchmark decides itself."""

QUIET = ("--report", "false", "--trainer.enable_progress_bar", "false")
"""What nobody looks at while runs go on side by side."""


class Job(NamedTuple):
    """One run.

    Attributes:
        task: The task's word.
        cell: The word or path of the cell.
        seed: Of weights and data.
        hidden_size: Units of each layer.
    """

    task: str
    cell: str
    seed: int
    hidden_size: int

    def __str__(self) -> str:
        return f"{self.task} with {self.cell}, seed {self.seed}"

    def root(self, folder: Path) -> Path:
        """Where runs of its cell and seed are."""
        return folder / self.cell / f"seed{self.seed}"

    def log(self, folder: Path) -> Path:
        """The file for what it prints."""
        return folder / "logs" / f"{self.task}-{self.cell}-{self.seed}.log"

    def place(self, folder: Path) -> Path:
        """Where its run folders are; a run that was killed may have left more than one."""
        return self.root(folder) / self.task

    def runs(self, folder: Path) -> list[Path]:
        """Its run folders, the newest first."""
        return sorted(self.place(folder).glob("*/"), reverse=True)

    def finished(self, folder: Path) -> Record | None:
        """What it came to, if it has."""
        for run in self.runs(folder):
            try:
                record = Record(run)
            except RecordError:
                continue
            if record.results["hidden_size"] == self.hidden_size:
                return record
        return None

    def last_words(self, folder: Path) -> str:
        """Give the last line that it printed: of one that failed, why, if it says so."""
        try:
            lines = self.log(folder).read_text("utf-8", errors="replace").splitlines()
        except OSError:
            return "it left no log"
        errors = [line for line in lines if re.search(r"\b(\w*Error|error): ", line)]
        return next((line for line in reversed(errors or lines) if line.strip()), "it said nothing")

    def arguments(self, folder: Path, flags: Sequence[str]) -> list[str]:
        """What ``seqlearn fit`` is to be told: to go on from a checkpoint, or to begin."""
        for run in self.runs(folder):
            if size(run) == self.hidden_size and sound(run / LAST):
                return ["--resume", str(run)]
        seed = str(self.seed)
        return [
            *("--task", self.task, "--model.cell", self.cell),
            *("--model.hidden_size", str(self.hidden_size)),
            *("--seed_everything", seed, "--data.seed", seed),
            *("--trainer.default_root_dir", str(self.root(folder)), *QUIET, *flags),
        ]


def sound(path: Path) -> bool:
    """Tell whether there is a checkpoint to go on from."""
    try:
        read(path)
    except CheckpointError:
        return False
    return True


def size(run: Path) -> int | None:
    """Read how many units a run was begun with; None if that cannot be read."""
    try:
        units: int | None = read_config(run)["model"].get("hidden_size")
    except RecordError:
        return None
    return units


def reached(record: Record) -> str:
    """Say what a run came to: the headline metric at the shortest and at the longest length."""
    results = record.results
    ending = f"test/{results['metric']}@"
    values = [(name, value) for name, value in results["metrics"].items() if ending in name]
    ends = dict([*values[:1], *values[-1:]])
    said = ", ".join(f"{name.removeprefix('test/')} {number(v)}" for name, v in ends.items())
    sign = SIGN[(results["goal"] or {}).get("met")]
    return f"{said}{sign}, {in_words(results['seconds'])}"


def agree(folder: Path, plan: dict[str, Any], note: bool) -> str | None:
    """Say what differs from what all runs of a folder have in common.

    Args:
        folder: That of the benchmark.
        plan: What they are to have in common.
        note: Whether to write it down where nothing is noted.

    Raises:
        OSError: If it cannot be written.
    """
    path = folder / PLAN
    try:
        noted = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if note:
            folder.mkdir(parents=True, exist_ok=True)
            with files.held(folder):
                files.replace(path, f"{json.dumps(plan, indent=2)}\n".encode())
        return None
    except ValueError:
        noted = None
    if not isinstance(noted, dict):
        return f"{path} is damaged"
    for name, value in plan.items():
        if noted.get(name) != value:
            there = json.dumps(noted.get(name))
            return f"{folder} has runs with {name} {there}, got {json.dumps(value)}"
    return None


def plan(
    recipes: Mapping[str, Recipe],
    cells: Sequence[str],
    seeds: Sequence[int],
    parameters: int | None,
) -> list[Job]:
    """List the runs, a seed after the other, so that what there is at any time can be compared.

    Args:
        recipes: How each task is trained on.
        cells: Their words or paths.
        seeds: Of weights and data.
        parameters: Of each network; None is for those of the task's preset.

    Raises:
        ValueError: If there is no such cell, or it cannot be built.
    """
    sizes = {}
    for task, recipe in recipes.items():
        for cell in cells:
            try:
                size = recipe.fitting(cell, parameters or recipe.own_parameters)
            except ValueError as error:
                raise ValueError(f"{cell} on {task}: {error}") from error
            sizes[task, cell] = size
    return [Job(*pair, seed, size) for seed in seeds for pair, size in sizes.items()]
