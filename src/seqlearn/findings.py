"""What the runs of a benchmark came to: tables for programs and for people."""

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqlearn import files
from seqlearn.cells import CELLS
from seqlearn.data import SequenceDataModule
from seqlearn.goals import met_at
from seqlearn.grid import RUN
from seqlearn.record import Record, RecordError
from seqlearn.score import cost
from seqlearn.tasks import TASKS

RUNS, RESULTS = "runs.csv", "results.csv"
WHAT = ("task", "cell", "hidden_size", "seed")
"""What tells runs apart; of two alike the later counts, and so does the size that came last."""
SAMPLED = 1000
"""Training sequences whose mean length counts."""


class Finding(NamedTuple):
    """What one run reached at one length: a row of ``runs.csv``."""

    task: str
    cell: str
    hidden_size: int
    parameters: int | None
    seed: int
    metric: str
    length: int
    trained: bool
    value: float
    goal: float | None
    met: bool | None
    steps_to_goal: int | None
    steps: int
    seconds: float
    tokens_per_second: float
    run: str


class Standing(NamedTuple):
    """What a cell reached on a task at one length, over seeds: a row of ``results.csv``.

    Attributes:
        std: Standard deviation of a seed, 0 of a single one.
        best: The best of all seeds.
        reached: Seeds that reached the goal at this length; None if there is none.
        steps_to_goal: Median of the seeds that did in validation; None if none did.
        seconds: Median of a fit, validation included.
        tokens_per_second: Median of the steps of sequences trained on in a second of it.
        simple: The best simple predictor, as far as that is known.
    """

    task: str
    cell: str
    hidden_size: int
    parameters: int | None
    metric: str
    length: int
    trained: bool
    seeds: int
    mean: float
    std: float
    best: float
    worst: float
    goal: float | None
    reached: int | None
    steps_to_goal: float | None
    steps: int
    seconds: float
    tokens_per_second: float
    simple: float | None
    optimum: float | None


class Findings:
    """The finished runs in a folder.

    Args:
        folder: That of the benchmark.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        records = []
        for run in folder.glob(RUN):
            with suppress(RecordError):  # not finished
                records.append(Record(run))
        records.sort(key=lambda record: str(record.results["finished"]))
        keys = [tuple(record.results[name] for name in WHAT) for record in records]
        latest = {(task, cell): size for task, cell, size, _ in keys}
        found = dict(zip(keys, records, strict=True))
        self.records = [record for key, record in found.items() if key[2] == latest[key[:2]]]
        configs = {record.results["task"]: record.config["data"] for record in self.records}
        self.tasks = {task: TASKS[task](**data) for task, data in configs.items()}

    @cached_property
    def rows(self) -> list[Finding]:
        """Every run at every length, in the order of tasks, cells, seeds and lengths."""
        lengths = {name: mean_length(data) for name, data in self.tasks.items()}
        found = [
            row
            for record in self.records
            for row in findings(
                record,
                self.tasks[record.results["task"]],
                lengths[record.results["task"]],
                self.folder,
            )
        ]
        return sorted(found, key=lambda row: (row.task, rank(row.cell), *row[1:3], *row[4:7:2]))

    @cached_property
    def standings(self) -> list[Standing]:
        """Every cell on every task at every length."""
        groups: dict[tuple[Any, ...], list[Finding]] = {}
        for row in self.rows:
            groups.setdefault((row.task, row.cell, row.hidden_size, row.length), []).append(row)
        return [standing(group, self.tasks[group[0].task]) for group in groups.values()]

    def write(self) -> list[Path]:
        """Write the tables.

        Raises:
            OSError: If they cannot be written.
        """
        texts = {
            RUNS: as_csv(Finding._fields, self.rows),
            RESULTS: as_csv(Standing._fields, self.standings),
        }
        for name, text in texts.items():
            files.replace(self.folder / name, text.encode())
        return [self.folder / name for name in texts]


def findings(
    record: Record, data: SequenceDataModule, length: float, folder: Path
) -> Iterable[Finding]:
    """Read what a run reached at each length.

    Args:
        record: The run.
        data: Its task.
        length: The mean length of its training sequences.
        folder: What the run's path is given from.
    """
    results = record.results
    seconds = max(results["seconds"], 1e-3)
    sequences = data.batch_size * record.config["trainer"]["accumulate_grad_batches"]
    for name, value in results["metrics"].items():
        metric, _, tested = name.removeprefix("test/").partition("@")
        if metric != results["metric"]:
            continue
        yield Finding(
            task=results["task"],
            cell=results["cell"],
            hidden_size=results["hidden_size"],
            parameters=results.get("parameters"),
            seed=results["seed"],
            metric=metric,
            length=int(tested),
            trained=int(tested) == results["length"],
            value=value,
            goal=None if met_at(data, int(tested), value) is None else data.goal,
            met=met_at(data, int(tested), value),
            steps_to_goal=first_met(record, data),
            steps=results["steps"],
            seconds=results["seconds"],
            tokens_per_second=round(results["steps"] * sequences * length / seconds),
            run=str(record.folder.relative_to(folder)),
        )


def first_met(record: Record, data: SequenceDataModule) -> int | None:
    """Give the steps after which a validation first met the goal."""
    points = record.metrics().get(f"val/{data.metric}", [])
    return next((step + 1 for step, value in points if met_at(data, data.length, value)), None)


def rank(cell: str) -> int:
    """Give a cell's place: as the words of cells are listed, those of others after them."""
    words = [*CELLS]
    return words.index(cell) if cell in words else len(words)


def mean_length(data: SequenceDataModule) -> float:
    """Give the mean number of steps in a training sequence."""
    return data.dataset("train").batch(range(SAMPLED)).lengths.double().mean().item()


def standing(group: Sequence[Finding], data: SequenceDataModule) -> Standing:
    """Sum up the seeds of a cell on a task at a length."""
    first = group[0]
    values = sorted((row.value for row in group), key=lambda value: cost(first.metric, value))
    reached = [row.steps_to_goal for row in group if row.steps_to_goal is not None]
    predictors = dict(data.baselines_at(first.length))
    optimum = predictors.pop("optimum", None)
    simple = min(predictors.values(), key=lambda value: cost(first.metric, value), default=None)
    return Standing(
        *first[:4],
        metric=first.metric,
        length=first.length,
        trained=first.trained,
        seeds=len(group),
        mean=float(np.mean(values)),
        std=deviation(values),
        best=values[0],
        worst=values[-1],
        goal=first.goal,
        reached=None if first.goal is None else sum(bool(row.met) for row in group),
        steps_to_goal=statistics.median(reached) if reached else None,
        steps=first.steps,
        seconds=statistics.median(row.seconds for row in group),
        tokens_per_second=statistics.median(row.tokens_per_second for row in group),
        simple=simple,
        optimum=optimum,
    )


def deviation(values: Sequence[float]) -> float:
    """Give the standard deviation, NaN if a value is not finite, 0 of a single one."""
    with np.errstate(invalid="ignore"):
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write rows as CSV; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in rows)
    return text.getvalue()
