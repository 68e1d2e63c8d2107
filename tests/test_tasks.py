"""The contract that every task keeps, and an oracle of its own for each."""

import inspect
import random
from dataclasses import fields
from importlib.resources import files

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from seqlearn.data import SequenceDataModule
from seqlearn.modules import MODULES
from seqlearn.objectives import OBJECTIVES
from seqlearn.request import task_names
from seqlearn.splits import UNSCORED, content_hash
from seqlearn.tasks import TASKS, BinaryAdd, Football, NextNumber
from seqlearn.tasks.football import ACTIONS, OUTCOMES

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
PLACES = [("train", False), ("val", False), ("test", True)]


def first(task, split, count, at_length=False, **settings):
    """The first examples of a split."""
    data = task(**settings)
    dataset = data.dataset(split, data.curve[0] if at_length else None)
    return dataset.batch(range(min(count, len(dataset))))


def same(one, other):
    return all(
        torch.equal(a.nan_to_num(9e9), b.nan_to_num(9e9)) for a, b in zip(one, other, strict=True)
    )


@each_task
@pytest.mark.parametrize(("split", "at_length"), PLACES)
def test_shapes_and_types_are_those_of_the_mapping_and_the_objective(task, split, at_length):
    data = task()
    inputs, targets, lengths = first(task, split, 5, at_length)
    size, steps = inputs.shape[:2]
    if inputs.is_floating_point():
        assert inputs.dtype == torch.float32 and inputs.shape == (size, steps, data.input_size)
    else:
        assert inputs.dtype == torch.int64 and inputs.shape == (size, steps)
        assert 0 <= inputs.min() and inputs.max() < data.input_size
    axes = {"many-to-one": (size,), "many-to-many": (size, steps)}[data.mapping]
    last = () if data.objective == "categorical" else (data.output_size,)
    assert targets.shape == axes + last
    assert targets.dtype == (torch.float32 if data.objective == "regression" else torch.int64)
    assert lengths.dtype == torch.int64 and lengths.shape == (size,)
    assert 1 <= lengths.min() and lengths.max() <= steps
    scored = OBJECTIVES[data.objective].scored(targets)
    assert scored.any()
    if data.mapping == "many-to-many":
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
    data = task(train_size=30, val_size=30, test_size=30)
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
    data = task()
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
    data = task(**preset["data"])
    network = {k: v for k, v in preset["model"].items()}
    assert MODULES[task.mapping].for_data(data, **network)


@each_task
def test_docstrings_say_what_a_reader_needs(task):
    text = inspect.getdoc(task)
    for part in ("::", "Shapes:", "Baseline:", "Source:", "Example:"):
        assert part in text
    assert task.metric in OBJECTIVES[task.objective].goals
    source = inspect.getsource(task) + inspect.getsource(SequenceDataModule)
    for field in fields(task):
        assert f"\n    {field.name}:" in source
        following = source.split(f"\n    {field.name}:", 1)[1].split("\n", 2)[1]
        assert following.strip().startswith('"""'), f"{field.name} has no docstring"


def binary_predictor(guess):
    return lambda batch: guess(batch).eq(batch.targets).all(dim=(1, 2)).float().mean()


def next_number_predictor(guess):
    scale = NextNumber().scale
    return lambda batch: ((guess(batch.inputs[:, :, 0]) - batch.targets[:, 0]).abs() * scale).mean()


PREDICTORS = {
    "binary_add": {
        "coin": binary_predictor(lambda b: torch.randint(2, b.targets.shape)),
        "ignore_carry": binary_predictor(lambda b: b.inputs.sum(2, keepdim=True).long() % 2),
        "optimum": binary_predictor(lambda b: b.targets),
    },
    "football": {
        "always_goal": lambda b: (b.targets == 0).float().mean(),
        "last_action": lambda b: (
            (b.targets == torch.tensor([9, 9, 0, 0, 1, 2])[b.inputs[:, -1]]).float().mean()
        ),
        "optimum": lambda b: torch.tensor(1.0),
    },
    "next_number": {
        "persistence": next_number_predictor(lambda x: x[:, -1]),
        "linear_extrapolation": next_number_predictor(lambda x: 2 * x[:, -1] - x[:, -2]),
        "optimum": next_number_predictor(lambda x: 2 * x[:, -1] - x[:, -2]),
    },
}


@pytest.mark.parametrize("name", TASKS)
def test_baselines_are_what_such_predictors_really_reach(name):
    torch.manual_seed(0)
    batch = first(TASKS[name], "test", 20_000, at_length=True, test_size=20_000)
    claimed = TASKS[name]().baselines()
    assert list(claimed) == list(PREDICTORS[name])
    for predictor, value in claimed.items():
        reached = PREDICTORS[name][predictor](batch)
        assert reached == pytest.approx(value, rel=0.1, abs=1e-3), predictor


def number(bits):
    return int("".join(str(int(bit)) for bit in bits)[::-1], 2)


@given(bits=st.integers(2, 40), seed=st.integers(0, 9), length=st.none() | st.integers(3, 200))
def test_binary_add_is_pythons_addition(bits, seed, length):
    data = BinaryAdd(bits=bits, seed=seed)
    inputs, targets, lengths = data.dataset("train", length).batch(range(5))
    for pair, total, end in zip(inputs, targets[:, :, 0], lengths, strict=True):
        assert number(pair[:end, 0]) + number(pair[:end, 1]) == number(total[:end])
        assert not pair[end - 1 :].any()
        assert end - 1 == length if length else 1 <= end - 1 <= bits


def test_binary_add_golden_row_by_hand():
    inputs = np.array([[1, 1, 0, 1, 0], [1, 0, 0, 0, 0]], np.uint8)  # 11 and 1
    from seqlearn.tasks.binary_add import add

    assert add(inputs[:1], inputs[1:]).tolist() == [[0, 0, 1, 1, 0]]  # 12


def test_binary_add_trains_on_every_length_and_on_every_bit():
    inputs, _, lengths = BinaryAdd(bits=4).dataset("train").batch(range(40_000))
    shares = np.bincount(lengths) / len(lengths)
    longer_of_two = np.array([1, 3, 5, 7]) / 16
    assert shares[2:] == pytest.approx(longer_of_two, abs=0.05)  # save what is held out
    longest = inputs[lengths == 5][:, :4].mean(0)
    assert longest == pytest.approx(np.full((4, 2), 0.5), abs=0.06)


def test_football_is_the_table_of_the_lesson():
    attacks = {
        ("Pass", "Dribble", "Shot"): "Goal",
        ("Dribble", "Shot", "Save"): "Save",
        ("Pass", "Pass", "Miss"): "Miss",
        ("Dribble", "Shot", "Goal"): "Goal",
        ("Pass", "Dribble", "Save"): "Save",
    }
    for split in ("train", "val", "test"):
        batch = Football().dataset(split).batch(range(5))
        assert {
            tuple(ACTIONS[action] for action in actions): OUTCOMES[outcome]
            for actions, outcome in zip(batch.inputs, batch.targets, strict=True)
        } == attacks


@given(
    limit=st.integers(64, 300),
    window=st.integers(1, 9),
    normalize=st.booleans(),
    split=st.sampled_from(["train", "val", "test"]),
    beyond=st.booleans(),
)
def test_next_number_goes_on_counting(limit, window, normalize, split, beyond):
    data = NextNumber(limit=limit, window=window, normalize=normalize)
    dataset = data.dataset(split, 2 * limit if beyond else None)
    inputs, targets, lengths = dataset.batch(range(min(9, len(dataset))))
    whole = torch.cat([inputs[:, :, 0], targets], 1).double()
    numbers = (whole * data.scale + (data.scale if normalize else 0)).round()
    assert (numbers.diff() == 1).all()
    start, end = (limit, 2 * limit) if beyond else (0, limit)
    assert ((start <= numbers[:, 0]) & (numbers[:, 0] < end)).all()
    assert (lengths == window).all()


def test_next_number_trains_on_every_window_that_is_not_held_out():
    data = NextNumber(normalize=False)
    starts = {
        split: {
            int(x) for x in data.dataset(split).batch(range(len(data.dataset(split)))).inputs[:, 0]
        }
        for split in ("train", "val", "test")
    }
    assert set.union(*starts.values()) == set(range(100))
    assert sum(map(len, starts.values())) == 100


@each_task
def test_examples_read_as_lines_and_mark_mistakes(task):
    data = task()
    batch = first(task, "test", 3, at_length=True)
    right = {
        "binary": lambda t: t.float(),
        "categorical": lambda t: torch.nn.functional.one_hot(t, data.output_size).float(),
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
        task(**{name: value})


@each_task
def test_test_lengths_must_be_some_and_in_range(task):
    with pytest.raises(ValueError, match="`test_lengths` must name at least one length"):
        task(test_lengths=())
    short = task.min_length - 1
    with pytest.raises(ValueError, match=f"`test_lengths` must be at least .* got {short}"):
        task(test_lengths=(short,))


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
