"""Fields and arguments of the wrong kind, as they are given in Python."""

import numpy as np
import pytest

from seqlearn.modules import ManyToMany, OneToMany
from seqlearn.tasks import ARMA, TASKS, Alphabet, BinaryAdd, CharLM, Noise, Waveform


@pytest.mark.parametrize(
    ("task", "fields", "message"),
    [
        (BinaryAdd, {"bits": 8.5}, "`bits` must be an integer, got 8.5"),
        (BinaryAdd, {"bits": True}, "`bits` must be an integer, got True"),
        (BinaryAdd, {"bits": None}, "`bits` must be an integer, got None"),
        # A checkpoint with a number of NumPy's could not be read again.
        (BinaryAdd, {"bits": np.int64(8)}, r"`bits` must be an integer, got np.int64\(8\)"),
        (BinaryAdd, {"batch_size": 2.5}, "`batch_size` must be an integer, got 2.5"),
        (BinaryAdd, {"batch_size": 10**9}, "`batch_size` must be at most 1000000, got 1000000000"),
        (BinaryAdd, {"train_limit": "all"}, "`train_limit` must be an integer or None, got 'all'"),
        (BinaryAdd, {"seed": "a"}, "`seed` must be an integer, got 'a'"),
        (BinaryAdd, {"test_lengths": 8}, "`test_lengths` must be a tuple or None, got 8"),
        (BinaryAdd, {"test_lengths": (8, 9.5)}, "`test_lengths` must be an integer or None"),
        (BinaryAdd, {"test_lengths": "88"}, "`test_lengths` must be a tuple or None, got '88'"),
        (Noise, {"train_limit": 0}, "`train_limit` must be at least 1, got 0"),
        (Waveform, {"rate": float("inf")}, "`rate` must be above 6, .* got inf"),
        (Alphabet, {"wrap": "no"}, "`wrap` must be True or False, got 'no'"),
        (Alphabet, {"direction": "up"}, "`direction` must be forward or backward, got 'up'"),
        (CharLM, {"corpus": "bible"}, "`corpus` must be one of shakespeare, grammar, got 'bible'"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(task, fields, message):
    with pytest.raises(ValueError, match=message):
        task(**fields)


@pytest.mark.parametrize("task", TASKS.values())
def test_every_field_of_every_task_is_looked_at(task):
    for name in ("batch_size", "train_size", "seed"):
        with pytest.raises(ValueError, match=f"`{name}` must be an integer, got 'x'"):
            task(**{name: "x"})


def test_an_integer_will_do_for_a_number_and_a_list_for_a_tuple():
    assert Waveform(rate=12).rate == 12
    assert BinaryAdd(test_lengths=[9, 8]).curve == (8, 9)
    assert ARMA(ar=[0.5], ma=[]).optimum(10) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_size": "x"}, "`hidden_size` must be an integer, got 'x'"),
        ({"hidden_size": 2.0}, "`hidden_size` must be an integer, got 2.0"),
        ({"hidden_size": 10**6}, "`hidden_size` 1000000 would take about 16000 GB of memory"),
        ({"num_layers": 1001}, "`num_layers` must be at most 1000, got 1001"),
        ({"dropout": "x"}, "`dropout` must be at least 0 and below 1, got 'x'"),
        ({"dropout": 0.5}, "`dropout` is between layers: `num_layers` must be at least 2, got 1"),
        ({"cell": "window", "dropout": 0.5}, "`dropout` is between layers"),
        ({"cell_args": {"gain": float("nan")}}, "`cell_args` must be finite, got {'gain': nan}"),
        ({"cell_args": {"num_layers": 3}}, "`cell_args` must leave `num_layers` to the argument"),
        ({"cell": lambda *sizes, **arguments: 5}, "must make a torch.nn.Module, but made 5"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ManyToMany(2, 1, "binary", **arguments)


def test_a_probability_is_one():
    with pytest.raises(ValueError, match="`teacher_forcing` must be from 0 to 1, got 'x'"):
        OneToMany(3, 1, "regression", teacher_forcing="x")


def test_what_does_not_go_into_the_memory_is_not_drawn(monkeypatch):
    data = BinaryAdd(bits=1000, batch_size=64)
    data.setup("fit")
    drawn = 4 * 64 * sum(field.nbytes for field in data.dataset("train")[0])
    monkeypatch.setattr("seqlearn.limits.memory", lambda: drawn - 1)
    with pytest.raises(ValueError, match="`batch_size` 64: to draw 64 train sequences of length"):
        data.setup("fit")
