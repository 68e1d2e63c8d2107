"""How fast sequences are drawn: as the training loader does, and one at a time in plain Python.

The loader also holds sequences apart for validation and test, which plain Python does not; the last
column is without that.
"""

import argparse
from collections.abc import Callable, Iterator
from itertools import count, islice
from random import Random

import numpy as np
from experiments.speed.generators import draw
from experiments.speed.generators.sample import batch
from experiments.speed.timing import Row, in_turns, positive, ratio, spread

from seqlearn.corpora import shakespeare_path
from seqlearn.data import SequenceDataModule
from seqlearn.loaders import batches_at_once
from seqlearn.request import read_preset
from seqlearn.rng import IndexedRNG
from seqlearn.tasks import TASKS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", choices=list(TASKS), help="only this one")
    parser.add_argument("--batch-size", type=positive, help="if not that of the preset")
    parser.add_argument("--rounds", type=positive, default=9)
    parser.add_argument("--calls", type=positive, default=32, help="draws of the loader in a round")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    for task in [wanted.task] if wanted.task else TASKS:
        data = as_in_preset(task, wanted.batch_size)
        batches = batches_at_once(data.dataset("train"), data.batch_size)
        things = {
            "ours": serve(data, wanted.calls, batches),
            "alone": alone(data, wanted.calls, batches),
            "plain": make(task, data, batches),
        }
        times = in_turns(things, wanted.rounds)
        size = batches * data.batch_size
        ours, drawn = (
            [wanted.calls * size / seconds for seconds in times[name]] for name in ("ours", "alone")
        )
        plain = [size / seconds for seconds in times["plain"]]
        lengths = data.dataset("train").batch(range(size)).lengths
        yield {
            "task": task,
            "sequences/s": spread(ours).median,
            "symbols/s": spread(ours).median * lengths.double().mean().item(),
            "plain Python, sequences/s": spread(plain).median,
            "ratio": ratio(ours, plain),
            "ratio, nothing held apart": ratio(drawn, plain),
        }


def as_in_preset(task: str, batch_size: int | None = None) -> SequenceDataModule:
    """Make a task as its preset does; without Tiny Shakespeare the grammar takes its place.

    Args:
        task: The task's word.
        batch_size: Sequences in a batch, if not as many as there.
    """
    settings = read_preset(task)["data"]
    if task == "char_lm" and not shakespeare_path().exists():
        settings["corpus"] = "grammar"
    if batch_size:
        settings["batch_size"] = batch_size
    return TASKS[task](**settings)


def serve(data: SequenceDataModule, calls: int, batches: int) -> Callable[[], None]:
    """Draw as the training loader does: so many batches in a call, going on from call to call."""
    dataset, size = data.dataset("train"), data.batch_size
    firsts = count(step=batches * size)

    def draw() -> None:
        for first in islice(firsts, calls):
            dataset.batches(first + np.arange(batches * size), size)

    return draw


def alone(data: SequenceDataModule, calls: int, batches: int) -> Callable[[], None]:
    """Draw likewise, but with nothing held apart for validation and test, as plain Python does."""
    size, population = batches * data.batch_size, data.population("train", None)
    firsts = count(step=size)

    def only_draw() -> None:
        for first in islice(firsts, calls):
            indices = first + np.arange(size)
            if population:
                indices %= population
            data.draw(IndexedRNG(data.seed, "train", indices), None)

    return only_draw


def make(task: str, data: SequenceDataModule, batches: int) -> Callable[[], None]:
    """Draw so many batches sample by sample."""
    samples = draw(task, data, Random(0))

    def by_one() -> None:
        for _ in range(batches):
            batch(islice(samples, data.batch_size))

    return by_one
