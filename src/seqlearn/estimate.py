"""How long runs will take."""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from seqlearn.data import SequenceDataModule
from seqlearn.grid import Job
from seqlearn.modules import SequenceModule
from seqlearn.modules.quick import fuse
from seqlearn.score import in_words
from seqlearn.sizing import Recipe

START = 2.0
"""Seconds of a run beside its steps."""
STEPS = 4
"""Steps that are timed, the first of which does not count."""


class Clock:
    """Tells how long runs take.

    Args:
        recipes: How each task is trained on.
    """

    def __init__(self, recipes: dict[str, Recipe]) -> None:
        self.recipes = recipes
        self.noted: dict[tuple[str, str], list[float]] = {}
        self.timed: dict[tuple[str, str], float] = {}

    def note(self, job: Job, seconds: float) -> None:
        """Keep in mind how long a run took."""
        self.noted.setdefault((job.task, job.cell), []).append(START + seconds)

    def known(self, job: Job) -> float:
        """Tell how long a run takes, by those of its task and cell, of its task, or of all."""
        alike = [
            self.noted.get((job.task, job.cell), []),
            [each for (task, _), times in self.noted.items() for each in times if task == job.task],
            [each for times in self.noted.values() for each in times],
        ]
        return statistics.median(next((times for times in alike if times), [START]))

    def measured(self, job: Job) -> float:
        """Tell how long a run takes, by those of its task and cell, or else by a few steps."""
        pair = job.task, job.cell
        if pair in self.noted:
            return self.known(job)
        if pair not in self.timed:
            self.timed[pair] = START + measure(self.recipes[job.task], job)
        return self.timed[pair]

    def left(self, jobs: Iterable[Job], at_once: int, seconds: Callable[[Job], float]) -> float:
        """Tell how long runs take together, so many at a time."""
        each = [seconds(job) for job in jobs]
        return max([sum(each) / at_once, *each])

    def outline(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Tell of each task how long a run takes, and of each cell its units and parameters."""
        for task, recipe in self.recipes.items():
            units = {job.cell: job for job in jobs if job.task == task}
            mean = statistics.fmean(self.measured(job) for job in units.values())
            sizes = {cell: job.hidden_size for cell, job in units.items()}
            each = (f"{cell} {n} ({recipe.parameters(cell, n)})" for cell, n in sizes.items())
            yield f"  {task:<18} {in_words(mean):>6} a run   {', '.join(each)}"


def measure(recipe: Recipe, job: Job) -> float:
    """Time a few steps of training, and count them and the passes over validation and test.

    Of a cell that fails at it nothing is known; the run will tell why.
    """
    data, threads = recipe.data, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        step = statistics.median(steps(recipe.network(job.cell, job.hidden_size), data))
    except Exception:  # of any kind, as the cell may be anyone's
        return 0.0
    finally:
        torch.set_num_threads(threads)
    count: int = recipe.trainer["max_steps"] * recipe.trainer.get("accumulate_grad_batches", 1)
    interval = recipe.trainer["val_check_interval"]  # steps, unless a share of an epoch, or a time
    validations = count / interval if isinstance(interval, int) else 1
    batches = {
        name: len(data.dataset(name, data.length)) / data.batch_size for name in ("val", "test")
    }
    lengths = sum(length / data.length for length in data.curve)
    # There is no way back in evaluation, which is two thirds of a step.
    evaluated = (validations * batches["val"] + lengths * batches["test"]) / 3
    return float(step * (count + evaluated))


def steps(network: SequenceModule, data: SequenceDataModule) -> list[float]:
    """Take a few steps of training, and give the seconds of all but the first."""
    batches = data.dataset("train").batches(range(STEPS * data.batch_size), data.batch_size)
    optimizer = fuse(torch.optim.Adam(network.parameters()))
    times = []
    for batch in batches:
        begun = time.perf_counter()
        outputs = network.answer(batch, 0)
        torch.autograd.backward(network.objective.losses(outputs, batch.targets, "sum"))
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - begun)
    return times[1:]
