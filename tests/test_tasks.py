"""The contract that every task keeps; `tests/tasks` has an oracle for each."""

import inspect
import random
from dataclasses import dataclass, fields
from importlib.resources import files

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader

from seqlearn.data import SequenceDataModule
from seqlearn.modules import MODULES
from seqlearn.objectives import OBJECTIVES
from seqlearn.request import task_names
from seqlearn.splits import UNSCORED, content_hash
from seqlearn.tasks import (
    TASKS,
    Alphabet,
    BinaryAdd,
    BouncingBall,
    CharLM,
    Countdown,
    DecimalAdd,
    Digits,
    FirstSymbol,
    Football,
    NextNumber,
    RandomWalk,
    Reverse,
    Sunspots,
    Topic,
)

SETTINGS = {CharLM: {"corpus": "grammar", "grammar_size": 20_000}}  # no file, no network
each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
PLACES = [("train", False), ("val", False), ("test", True)]


def build(task, **settings):
    return task(**SETTINGS.get(task, {}), **settings)


def first(task, split, count, at_length=False, **settings):
    """The first examples of a split."""
    data = build(task, **settings)
    dataset = data.dataset(split, data.curve[0] if at_length else None)
    return dataset.batch(range(min(count, len(dataset))))


def same(one, other):
    return all(
        torch.equal(a.nan_to_num(9e9), b.nan_to_num(9e9)) for a, b in zip(one, other, strict=True)
    )


@each_task
@pytest.mark.parametrize(("split", "at_length"), PLACES)
def test_shapes_and_types_are_those_of_the_mapping_and_the_objective(task, split, at_length):
    data = build(task)
    inputs, targets, lengths = first(task, split, 5, at_length)
    size = len(inputs)
    shown = (size,) if data.mapping == "one-to-many" else (size, inputs.shape[1])
    if inputs.is_floating_point():
        assert inputs.dtype == torch.float32 and inputs.shape == (*shown, data.input_size)
    else:
        assert inputs.dtype == torch.int64 and inputs.shape == shown
        assert 0 <= inputs.min() and inputs.max() < data.input_size
    axes = (size,) if data.mapping == "many-to-one" else (size, targets.shape[1])
    last = () if data.objective in ("categorical", "language") else (data.output_size,)
    assert targets.shape == axes + last
    assert targets.dtype == (torch.float32 if data.objective == "regression" else torch.int64)
    assert lengths.dtype == torch.int64 and lengths.shape == (size,)
    steps = targets.shape[1] if data.mapping == "one-to-many" else inputs.shape[1]
    assert 1 <= lengths.min() and lengths.max() <= steps
    scored = OBJECTIVES[data.objective].scored(targets)
    assert scored.any()
    if data.mapping in ("many-to-many", "one-to-many"):
        assert targets.shape[1] == steps
        padded = torch.arange(steps) >= lengths[:, None]
        assert not scored[padded].any()
    if data.objective != "regression":
        classes = 2 if data.objective == "binary" else data.output_size
        assert 0 <= targets[scored].min() and targets[scored].max() < classes
        assert (targets[~scored] == UNSCORED).all()


@each_task
@pytest.mark.parametrize(("split", "at_length"), PLACES)
def test_an_example_depends_on_seed_split_and_index_alone(task, split, at_length):
    torch.manual_seed(1), np.random.seed(1), random.seed(1)
    data = build(task, train_size=30, val_size=30, test_size=30)
    dataset = data.dataset(split, data.curve[0] if at_length else None)
    count = len(dataset)
    whole = dataset.batch(range(count))
    torch.manual_seed(2), np.random.seed(2), random.seed(2)
    order = np.random.permutation(count)
    assert same([field[order] for field in whole], dataset.batch(order))
    for size, workers in ((1, 0), (7, 0), (7, 2 * (split == "train")), (count, 0)):
        loader = DataLoader(dataset, batch_size=size, num_workers=workers)
        parts = [torch.cat(part) for part in zip(*loader, strict=True)]
        assert same(parts, [field[: len(parts[0])] for field in whole])
        assert len(parts[0]) == count


@each_task
def test_other_seeds_give_other_examples_in_training(task):
    assert not same(first(task, "train", 40), first(task, "train", 40, seed=1))


@pytest.mark.parametrize("task", [task for task in TASKS.values() if task.held_out])
def test_splits_share_no_example_for_any_seed(task):
    data = build(task)
    seen = {}
    for split in ("train", "val", "test"):
        for seed in (0, 1):
            for length in (None, *data.curve[:2]):
                batch = task(seed=seed).dataset(split, length).batch(range(10))
                seen.setdefault(split, set()).update(content_hash(batch).tolist())
    assert not seen["train"] & seen["val"]
    assert not seen["train"] & seen["test"]
    assert not seen["val"] & seen["test"]


@each_task
def test_the_whole_command_line_and_the_whole_table_know_the_task(task):
    assert sorted(TASKS) == task_names()
    name = next(name for name, kind in TASKS.items() if kind is task)
    preset = yaml.safe_load((files("seqlearn") / "presets" / f"{name}.yaml").read_text("utf-8"))
    assert preset["task"] == name
    data = build(task, **preset["data"])
    network = {k: v for k, v in preset["model"].items()}
    assert MODULES[task.mapping].for_data(data, **network)


@each_task
def test_docstrings_say_what_a_reader_needs(task):
    text = inspect.getdoc(task)
    for part in ("::", "Shapes:", "Baseline:", "Source:", "Example:"):
        assert part in text
    assert task.metric in {*OBJECTIVES[task.objective].goals, "mse_ratio"}
    own = task.__mro__[: task.__mro__.index(SequenceDataModule) + 1]
    source = "".join(map(inspect.getsource, own))
    for field in fields(task):
        assert f"\n    {field.name}:" in source
        following = source.split(f"\n    {field.name}:", 1)[1].split("\n", 2)[1]
        assert following.strip().startswith('"""'), f"{field.name} has no docstring"


def answers(data, targets):
    """What one says who knows the answers."""
    if data.objective == "regression":
        return targets
    if data.objective == "binary":
        return targets.float()
    return torch.nn.functional.one_hot(targets.clamp(min=0), data.output_size).float()


@each_task
@pytest.mark.parametrize(("split", "at_length"), PLACES)
def test_examples_say_what_is_asked_and_whether_it_was_said(task, split, at_length):
    data = build(task)
    batch = first(task, split, 20, at_length)
    torch.manual_seed(0)
    noise = torch.rand(answers(data, batch.targets).shape)
    noise[::2] = 0  # every other example is right
    right = answers(data, batch.targets)
    said = right + 3 * noise if data.objective != "binary" else (right + noise) % 1.01
    guesses = (said > 0.5).long() if data.objective == "binary" else said.argmax(-1)
    scored = OBJECTIVES[data.objective].scored(batch.targets)
    examples = data.describe(batch, said)
    assert len(examples) == len(batch.inputs)
    for k, example in enumerate(examples):
        parts = (*example[:3], example.note)
        assert all(isinstance(part, str) and part.isprintable() for part in parts)
        assert example.input and example.target
        agrees = example.prediction in (example.target, f"{example.target}.00")
        if data.objective in ("regression", "language"):
            assert example.correct is None and (agrees or k % 2)
        else:
            known = torch.equal(guesses[k][scored[k]], batch.targets[k][scored[k]])
            assert example.correct is agrees is known
            assert known or k % 2


@each_task
def test_baselines_at_a_length_are_those_of_the_task_trained_there(task):
    data = build(task)
    for length in data.curve:
        expected = data.baselines()
        if length != data.length:
            try:
                expected = build(task, **{task.measure: length}).baselines()
            except ValueError:
                expected = {}
        assert data.baselines_at(length) == expected
    assert data.baselines_at(data.length)


@pytest.mark.parametrize(
    ("data", "length"),
    [
        (Alphabet(letters=4, wrap=False), 26),
        (BouncingBall(), 9),
        (Countdown(), 1001),
        (DecimalAdd(), 10),
        (Football(), 4),
        (NextNumber(), 63),
        (RandomWalk(), 1),
        (Sunspots(), 111),
        (Topic(), 9),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, SequenceDataModule) else None,
)
def test_a_length_that_cannot_be_trained_on_has_no_baselines(data, length):
    assert data.baselines_at(length) == {}


def test_baselines_keep_the_other_fields():
    data = BinaryAdd(bits=4, test_lengths=(4, 9), seed=3)
    assert data.baselines_at(9)["ignore_carry"] == pytest.approx(0.75**9)
    assert data.bits == 4 and data.curve == (4, 9)
    assert Reverse(alphabet=2).baselines_at(3)["guess"] == pytest.approx(1 / 8)


@dataclass(kw_only=True, eq=False)
class Named(FirstSymbol):
    """Has a length of its own making, as those of users may."""

    delay: int = 5
    """Steps."""

    @property
    def length(self):
        return self.delay


def test_a_length_of_ones_own_needs_no_field_to_measure_it():
    data = Named()  # `steps`, a field, is not its length
    assert data.baselines_at(5) == data.baselines() and data.baselines_at(7) == {}
    assert data.curve == (5, 10, 20, 50)


@each_task
def test_the_training_length_is_a_field_that_is_named(task):
    data = build(task)
    names = {field.name for field in fields(task)}
    fixed = {Football: 3, Digits: 8}
    assert task in fixed or task.measure in names
    assert data.length == (fixed.get(task) or getattr(data, task.measure))


def test_a_measure_that_is_no_field_is_told_to_who_writes_a_task():
    class Unmeasured(Football):
        length = SequenceDataModule.length

    with pytest.raises(TypeError, match=r"Unmeasured: `measure` must name .* got 'steps'"):
        Unmeasured().setup("fit")


@each_task
def test_what_to_keep_in_mind_is_a_number_for_every_step(task):
    data = build(task)
    batch = first(task, "test", 5, at_length=True)
    for name, values in data.memory(batch).items():
        assert name and values.shape == batch.inputs.shape[:2]


@each_task
@pytest.mark.parametrize(
    "name", ["batch_size", "train_size", "train_limit", "val_size", "test_size"]
)
@pytest.mark.parametrize("value", [0, -3])
def test_sizes_must_be_positive(task, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got {value}"):
        build(task, **{name: value})


@each_task
def test_test_lengths_must_be_some_and_in_range(task):
    with pytest.raises(ValueError, match="`test_lengths` must name at least one length"):
        build(task, test_lengths=())
    with pytest.raises(ValueError, match="`test_lengths` must be a"):
        build(task, test_lengths="abc")
    short = task.min_length - 1
    with pytest.raises(ValueError, match=f"`test_lengths` must be at least .* got {short}"):
        build(task, test_lengths=(short,))


@pytest.mark.parametrize(
    "data",
    [BinaryAdd(bits=1), NextNumber(test_lengths=(100, 101))],
    ids=["no pair of bits to hold out", "one window beyond the range"],
)
def test_a_split_without_examples_is_refused_at_the_start(data):
    with pytest.raises(ValueError, match=r"has no test examples of length \d+"):
        data.setup("fit")


def test_fields_are_hyperparameters_and_text():
    data = BinaryAdd(bits=5, batch_size=3)
    assert data.hparams["bits"] == 5 and data.hparams["batch_size"] == 3
    assert "bits=5" in str(data)
