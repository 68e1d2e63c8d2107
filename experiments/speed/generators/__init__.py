"""The tasks as others write them: one sample at a time, in plain Python.

Each, named as its task, draws without end what the preset trains on, by the same law, but keeps
nothing apart for validation and test. They are written as in a lesson: to be read.
"""

from collections.abc import Iterator
from random import Random
from types import ModuleType

from experiments.speed.generators import automata, copying, lags, languages, lessons
from experiments.speed.generators.sample import Sample

from seqlearn.data import SequenceDataModule

FAMILIES: tuple[ModuleType, ...] = (automata, copying, lags, languages, lessons)


def draw(task: str, data: SequenceDataModule, chance: Random) -> Iterator[Sample]:
    """Draw samples of a task without end."""
    family = next(family for family in FAMILIES if hasattr(family, task))
    samples: Iterator[Sample] = getattr(family, task)(data, chance)
    return samples
