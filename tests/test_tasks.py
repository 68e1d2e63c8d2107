"""The contract that every task keeps; `tests/tasks` has an oracle for each."""

import inspect
import random
from dataclasses import fields
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
from seqlearn.tasks import TASKS, BinaryAdd, CharLM, NextNumber

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
    for size, workers in ((1, 0), (7, 0), (7, 2), (count, 0)):
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
    source = inspect.getsource(task) + inspect.getsource(SequenceDataModule)
    for field in fields(task):
        assert f"\n    {field.name}:" in source
        following = source.split(f"\n    {field.name}:", 1)[1].split("\n", 2)[1]
        assert following.strip().startswith('"""'), f"{field.name} has no docstring"


@each_task
def test_examples_read_as_lines_and_mark_mistakes(task):
    data = build(task)
    batch = first(task, "test", 3, at_length=True)

    def one_hot(targets):
        return torch.nn.functional.one_hot(targets.clamp(min=0), data.output_size).float()

    right = {
        "binary": lambda t: t.float(),
        "categorical": one_hot,
        "language": one_hot,
        "regression": lambda t: t,
    }[data.objective](batch.targets)
    lines = data.describe(batch, right)
    assert len(lines) == 3 and not any("✗" in line or "[" in line for line in lines)
    if data.objective == "binary":
        assert all("✗" in line and "[" in line for line in data.describe(batch, 1 - right))
    if data.objective == "categorical":
        assert all("✗" in line for line in data.describe(batch, right.roll(1, -1)))


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
