"""How long runs will take."""

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence

import torch

from seqlearn.grid import Job
from seqlearn.modules.quick import fuse
from seqlearn.score import in_words
from seqlearn.sizing import Recipe

START = 2.0
"""Seconds of a run beside its steps."""
STEPS = 4
"""Steps that are timed, the first of which does not count."""


class Clock:
    """Tells how long runs take, by those that are known, and else by a few steps.

    Args:
        recipes: How each task is trained on.
    """

    def __init__(self, recipes: dict[str, Recipe]) -> None:
        self.recipes = recipes
        self.known: dict[tuple[str, ...], list[float]] = {}
        self.measured: dict[Job, float] = {}

    def note(self, job: Job, seconds: float) -> None:
        """Keep in mind how long a run took."""
        self.known.setdefault((job.task, job.cell), []).append(seconds)

    def seconds(self, job: Job) -> float:
        """Estimate how long a run takes."""
        if known := self.known.get((job.task, job.cell)):
            return START + statistics.median(known)
        alike = job._replace(seed=0)
        if alike not in self.measured:
            self.measured[alike] = START + measure(self.recipes[job.task], job)
        return self.measured[alike]

    def left(self, jobs: Iterable[Job], at_once: int) -> float:
        """Estimate how long runs take together, so many at a time."""
        each = [self.seconds(job) for job in jobs]
        return max([sum(each) / at_once, *each])

    def outline(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Tell of each task how long a run takes, and of each cell its units and parameters."""
        for task, recipe in self.recipes.items():
            units = {job.cell: job for job in jobs if job.task == task}
            mean = statistics.fmean(self.seconds(job) for job in units.values())
            sizes = {cell: job.hidden_size for cell, job in units.items()}
            each = (f"{cell} {n} ({recipe.parameters(cell, n)})" for cell, n in sizes.items())
            yield f"  {task:<18} {in_words(mean):>6} a run   {', '.join(each)}"


def measure(recipe: Recipe, job: Job) -> float:
    """Time a few steps of training, and count them and the passes over validation and test."""
    data, network = recipe.data, recipe.network(job.cell, job.hidden_size)
    batches = data.dataset("train").batches(range(STEPS * data.batch_size), data.batch_size)
    optimizer = fuse(torch.optim.Adam(network.parameters()))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = []
        for batch in batches:
            begun = time.perf_counter()
            outputs = network.answer(batch, 0)
            torch.autograd.backward(network.objective.losses(outputs, batch.targets, "sum"))
            optimizer.step()
            optimizer.zero_grad()
            times.append(time.perf_counter() - begun)
    finally:
        torch.set_num_threads(threads)
    step = statistics.median(times[1:])
    steps: int = recipe.trainer["max_steps"]
    # There is no way back in evaluation, which is two thirds of a step.
    sizes = {
        name: len(data.dataset(name, data.length)) / data.batch_size for name in ("val", "test")
    }
    share = step / 3
    validations: float = steps / recipe.trainer["val_check_interval"]
    lengths = sum(length / data.length for length in data.curve)
    return step * steps + share * (validations * sizes["val"] + lengths * sizes["test"])
