"""The generators in plain Python that ours are compared with: the same shapes, law and answers."""

from itertools import islice
from random import Random

import pytest
import torch
from experiments.speed.generators import draw
from experiments.speed.generators.sample import batch
from torch.nn.functional import one_hot

from seqlearn.rng import IndexedRNG
from seqlearn.splits import UNSCORED
from seqlearn.tasks import TASKS
from seqlearn.tasks.digits import load
from seqlearn.tasks.reber import SYMBOLS, WAYS
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
    ours = data.dataset("train").batch(range(count))
    if data.population("train", None) is None:  # the others keep nothing apart
        ours = data.draw(IndexedRNG(0, "train", range(count)), None)
    return data, ours, batch(islice(samples, count))


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


def added(data, batch):
    numbers, marks = batch.inputs.unbind(2)
    halves = marks.tensor_split(2, dim=1)
    once = all((half.sum(1) == 1).all() for half in halves)
    return once and torch.allclose((numbers * marks).sum(1, keepdim=True), batch.targets)


def in_order(data, batch):
    texts = ["".join(data.vocabulary[k] for k in row) for row in batch.inputs]
    marks = ["".join(c for c in text if c in "XY") for text in texts]
    ends = {text[0] + text[-1] for text in texts}
    return marks == [data.answers[k] for k in batch.targets] and ends == {"EB"}


def gone_round(data, batch):
    moves = (batch.inputs == 1).long() - (batch.inputs == 2).long()
    return torch.equal(moves.sum(1) % data.places, batch.targets)


def seen(data, batch):
    images, digits = map(torch.from_numpy, load())
    same = (images == batch.inputs.flatten(1)[:, None]).all(2)
    return same.any(1).all() and torch.equal(digits[same.int().argmax(1)], batch.targets)


def counted(data, batch):
    scored = torch.arange(batch.inputs.shape[1]) < batch.lengths[:, None]
    return torch.equal(torch.where(scored, batch.inputs.cumsum(1) % 2, -100), batch.targets[..., 0])


def evaluated(data, batch):
    return all(eval(a) % data.modulus == int(b) for a, b in read(data, batch))


def paired(data, batch):
    """Each key is answered by what stood behind it, a blank by nothing."""
    shown = 2 * data.pairs
    for inputs, targets in zip(
        batch.inputs.tolist(), batch.targets[:, shown:].tolist(), strict=True
    ):
        table = dict(zip(inputs[:shown:2], inputs[1:shown:2], strict=True))
        table[data.values + data.keys] = UNSCORED
        if [table[key] for key in inputs[shown:]] != targets:
            return False
    return True


def spelled(data, batch):
    """The strings of their n."""
    return drawn_by_number(data, batch, (batch.lengths - 1) // len(data.letters) - 1)


def walked(data, batch):
    """Through the grammar, symbol by symbol."""
    for symbols, sets, end in zip(*batch, strict=True):
        state = 0
        for symbol, legal in zip(symbols[:end], sets, strict=False):
            state = WAYS[state][SYMBOLS[symbol]]
            if {SYMBOLS[k] for k in legal.nonzero()} != WAYS[state].keys():
                return False
    return True


def summed(data, batch):
    """As the note has it."""
    answers = one_hot(batch.targets.clamp(min=0), data.output_size).double()
    sums = [example.note.split(" = ") for example in data.describe(batch, answers)]
    return all(eval(pair) == int(total) for pair, total in sums)


RIGHT = {
    "adding": added,
    "alphabet": lambda data, batch: drawn_by_number(data, batch, batch.inputs[:, 0]),
    "anbn": spelled,
    "anbncn": spelled,
    "arma": follow,
    "associative_recall": paired,
    "binary_add": carried,
    "binary_add_serial": summed,
    "bouncing_ball": follow,
    "char_lm": follow,
    "copy_memory": lambda data, batch: torch.equal(batch.inputs[:, :10], batch.targets[:, -10:]),
    "countdown": lambda data, batch: drawn_by_number(data, batch, batch.inputs),
    "cycle_nav": gone_round,
    "decimal_add": lambda data, batch: all(str(eval(a)) == b for a, b in read(data, batch)),
    "digits": seen,
    "first_symbol": lambda data, batch: torch.equal(batch.inputs[:, 0], batch.targets),
    "football": attacks,
    "mod_arith": evaluated,
    "next_number": windows,
    "parity": lambda data, batch: torch.equal(batch.inputs.sum(1) % 2, batch.targets[:, 0]),
    "random_walk": follow,
    "reber": walked,
    "reverse": lambda data, batch: all(a[::-1] == b for a, b in read(data, batch)),
    "running_parity": counted,
    "selective_copy": lambda data, batch: torch.equal(
        batch.inputs[batch.inputs < data.classes], batch.targets[batch.targets >= 0]
    ),
    "sunspots": follow,
    "temporal_order": in_order,
    "topic": named,
    "waveform": waves,
}


@pytest.mark.parametrize("task", RIGHT)
def test_the_answers_are_right(task):
    data, _, plain = both(task, 100)
    assert RIGHT[task](data, plain)


def test_all_answers_that_can_be_right_are_looked_at():
    assert TASKS.keys() - RIGHT.keys() == {"noise"}
