"""The tasks with something to keep in mind for long."""

from collections.abc import Iterator
from random import Random

from experiments.speed.generators.sample import Sample

from seqlearn.tasks import Adding, TemporalOrder
from seqlearn.tasks.temporal_order import SYMBOLS, WINDOWS


def adding(data: Adding, chance: Random) -> Iterator[Sample]:
    half = data.steps // 2
    while True:
        marked = [chance.randrange(half), chance.randrange(half, data.steps)]
        inputs = [[chance.random(), float(k in marked)] for k in range(data.steps)]
        yield inputs, [sum(inputs[k][0] for k in marked)], data.steps


def temporal_order(data: TemporalOrder, chance: Random) -> Iterator[Sample]:
    while True:
        text = ["E", *chance.choices("abcd", k=data.steps - 2), "B"]
        order = ""
        for first, last in WINDOWS[data.marks]:
            mark = chance.choice("XY")
            text[chance.randint(first * data.steps // 100, last * data.steps // 100)] = mark
            order += mark
        yield [SYMBOLS.index(symbol) for symbol in text], data.answers.index(order), data.steps
