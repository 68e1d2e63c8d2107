"""The generators in plain Python that ours are compared with: the same shapes, law and answers."""

from itertools import islice
from random import Random

import pytest
import torch
from experiments.speed.generators import draw
from experiments.speed.generators.sample import batch
from torch.nn.functional import one_hot

from seqlearn.rng import IndexedRNG
from seqlearn.tasks import TASKS
from seqlearn.tasks.topic import CLUES
from seqlearn.tasks.waveform import unscaled

MANY = 1500
SETTINGS = {
    "char_lm": {"corpus": "grammar", "grammar_size": 20_000},  # no file, no network
    "noise": {"train_limit": MANY},  # 100 numbers are too few to have the law they are drawn by
}
each_task = pytest.mark.parametrize("task", TASKS)


def both(task, count):
    """The first training examples, and as many of the plain generator."""
    data = TASKS[task](**SETTINGS.get(task, {}))
    samples = draw(task, data, Random(0))
    return data, data.dataset("train").batch(range(count)), batch(islice(samples, count))


def numbers(data, batch):
    """All that a batch says, one-hot where it is symbols, else with squares and a product."""
    parts = [batch.lengths]
    for field, size in ((batch.inputs, data.input_size), (batch.targets, data.output_size)):
        if field.is_floating_point():
            parts += [field.nan_to_num(7), field.nan_to_num(7) ** 2]
        else:
            parts.append(one_hot(field.clamp(min=-1) + 1, max(size, 2) + 1))
    if data.objective == "regression":
        parts.append(batch.inputs.flatten(1)[:, -1] * batch.targets.flatten(1)[:, -1])
    return torch.cat([part.reshape(len(part), -1).double() for part in parts], 1)


@each_task
def test_the_law_is_that_of_the_task(task):
    data, ours, plain = both(task, MANY)
    for one, other in zip(ours, plain, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
    one, other = numbers(data, ours), numbers(data, plain)
    error = ((one.var(0) + other.var(0)) / MANY).sqrt()
    assert ((one.mean(0) - other.mean(0)).abs() <= 5 * error + 1e-6).all()


def follow(data, batch):
    """Targets are the next inputs, from the first that is scored on."""
    first = int(batch.targets[0, :, 0].isnan().sum()) if data.objective == "regression" else 0
    return torch.equal(batch.inputs[:, first + 1 :], batch.targets[:, first:-1])


def drawn_by_number(data, batch, numbers):
    """The task draws the same for these numbers."""
    expected = data.draw(IndexedRNG(0, "train", numbers), None)
    return all(torch.equal(*pair) for pair in zip(expected, batch, strict=True))


def carried(data, batch):
    bits = batch.inputs.long().sum(2) + data.memory(batch)["carry"]
    scored = torch.arange(bits.shape[1]) < batch.lengths[:, None]
    return torch.equal(torch.where(scored, bits % 2, -100), batch.targets[..., 0])


def read(data, batch):
    """In the words of the task, a question and its answer."""
    answers = one_hot(batch.targets.clamp(min=0), data.output_size).double()
    return [(example.input, example.target) for example in data.describe(batch, answers)]


def named(data, batch):
    scored = torch.arange(batch.inputs.shape[1]) < batch.lengths[:, None]
    clues = (batch.inputs < CLUES.size) & scored
    topics = torch.where(clues, batch.inputs // CLUES.shape[1], -1)
    return (clues.sum(1) == data.clues).all() and torch.equal(topics.amax(1), batch.targets)


def waves(data, batch):
    frequency, phase, amplitude = torch.from_numpy(unscaled(batch.inputs.numpy())).T[..., None]
    times = torch.arange(data.steps) / data.rate
    expected = amplitude * torch.sin(2 * torch.pi * frequency * times + phase)
    return torch.allclose(batch.targets[..., 0].double(), expected, atol=1e-5)


def attacks(data, batch):
    return {*read(data, batch)} == {*read(data, data.dataset("test").batch(range(5)))}


def windows(data, batch):
    starts = (batch.inputs[:, 0, 0] + 1) * data.scale
    return drawn_by_number(data, batch, starts.round().long())


RIGHT = {
    "alphabet": lambda data, batch: drawn_by_number(data, batch, batch.inputs[:, 0]),
    "arma": follow,
    "binary_add": carried,
    "bouncing_ball": follow,
    "char_lm": follow,
    "countdown": lambda data, batch: drawn_by_number(data, batch, batch.inputs),
    "decimal_add": lambda data, batch: all(str(eval(a)) == b for a, b in read(data, batch)),
    "first_symbol": lambda data, batch: torch.equal(batch.inputs[:, 0], batch.targets),
    "football": attacks,
    "next_number": windows,
    "random_walk": follow,
    "reverse": lambda data, batch: all(a[::-1] == b for a, b in read(data, batch)),
    "sunspots": follow,
    "topic": named,
    "waveform": waves,
}


@pytest.mark.parametrize("task", RIGHT)
def test_the_answers_are_right(task):
    data, _, plain = both(task, 100)
    assert RIGHT[task](data, plain)


def test_all_answers_that_can_be_right_are_looked_at():
    assert TASKS.keys() - RIGHT.keys() == {"noise"}
