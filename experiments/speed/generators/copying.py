"""The tasks of copying and recall."""

from collections.abc import Iterator
from random import Random

from experiments.speed.generators.sample import Sample

from seqlearn.splits import UNSCORED
from seqlearn.tasks import AssociativeRecall, CopyMemory, SelectiveCopy


def associative_recall(data: AssociativeRecall, chance: Random) -> Iterator[Sample]:
    blank = data.values + data.keys
    while True:
        pairs = chance.randint(1, data.pairs)
        keys = chance.sample(range(data.values, blank), pairs)
        table = {key: chance.randrange(data.values) for key in keys}
        inputs = [symbol for pair in table.items() for symbol in pair]
        inputs += [blank] * (2 * data.pairs - len(inputs))
        queries = keys + [blank] * (data.steps - len(inputs) - pairs)
        chance.shuffle(queries)
        targets = [UNSCORED] * len(inputs) + [table.get(key, UNSCORED) for key in queries]
        yield inputs + queries, targets, data.steps


def copy_memory(data: CopyMemory, chance: Random) -> Iterator[Sample]:
    blank, cue = data.classes, data.classes + 1
    while True:
        symbols = [chance.randrange(data.classes) for _ in range(data.tokens)]
        inputs = symbols + [blank] * (data.delay - 1) + [cue] + [blank] * data.tokens
        targets = [UNSCORED] * (data.tokens + data.delay) + symbols
        yield inputs, targets, len(inputs)


def selective_copy(data: SelectiveCopy, chance: Random) -> Iterator[Sample]:
    blank, cue = data.classes, data.classes + 1
    while True:
        steps = chance.randint(data.tokens, data.steps)
        inputs = [blank] * steps
        symbols = []
        for place in sorted(chance.sample(range(steps), data.tokens)):
            inputs[place] = chance.randrange(data.classes)
            symbols.append(inputs[place])
        inputs += [cue] * data.tokens
        targets = [UNSCORED] * steps + symbols
        missing = data.steps - steps
        yield inputs + [blank] * missing, targets + [UNSCORED] * missing, len(inputs)
