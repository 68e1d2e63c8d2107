"""A walk round a cycle, step by step."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import CycleNav

ON = {"0": 0, "+": 1, "-": -1}


def walk(data, symbols):
    """The places of a walk, the first one included."""
    places = [0]
    for symbol in symbols:
        places.append((places[-1] + ON[data.vocabulary[symbol]]) % data.places)
    return places


@given(
    places=st.integers(2, 9),
    moves=st.integers(4, 50),
    seed=st.integers(0, 9),
    length=st.none() | st.integers(4, 300),
)
def test_the_answer_is_where_the_walk_ends(places, moves, seed, length):
    data = CycleNav(places=places, moves=moves, seed=seed)
    batch = data.dataset("train", length).batch(range(9))
    (kept,) = data.memory(batch).values()
    assert batch.inputs.shape == kept.shape == (9, length or moves)
    for row, target, end, place in zip(*batch, kept.tolist(), strict=True):
        assert (end == length) if length else (1 <= end <= moves)
        assert not row[end:].any()
        gone = walk(data, row.tolist())
        assert target == gone[-1] and place == gone[:-1]


def test_moves_are_even_at_every_step_and_so_are_the_ends():
    inputs, targets, _ = CycleNav().dataset("train", 30).batch(range(20_000))
    shares = torch.nn.functional.one_hot(inputs, 3).double().mean(0)
    assert (shares - 1 / 3).abs().max() < 0.02
    assert (torch.bincount(targets, minlength=5) / len(targets) - 0.2).abs().max() < 0.02


@pytest.mark.parametrize(("places", "moves"), [(5, 40), (7, 8), (12, 9), (2, 12)])
def test_baselines_are_what_such_predictors_reach(check_baselines, places, moves):
    data = CycleNav(places=places, moves=moves, test_size=20_000)
    predictors = {
        "guess": lambda b: torch.randint(places, b.targets.shape),
        "most_frequent": lambda b: torch.zeros_like(b.targets),
        "optimum": lambda b: torch.tensor([walk(data, row)[-1] for row in b.inputs.tolist()]),
    }
    check_baselines(data, predictors, rel=0.05)


def test_one_move_between_two_places_mostly_changes_it():
    assert CycleNav(places=2, moves=1).baselines()["most_frequent"] == pytest.approx(2 / 3)


def test_moves_are_written_as_signs_and_places_as_numbers():
    data = CycleNav(places=12)
    batch = data.dataset("test", 9).batch(range(20))
    said = torch.nn.functional.one_hot((batch.targets + 1) % 12, 12).float()
    for row, target, example in zip(*batch[:2], data.describe(batch, said), strict=True):
        assert example.input == "".join("0+-"[symbol] for symbol in row)
        assert (example.target, example.prediction) == (f"{target}", f"{(target + 1) % 12}")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"places": 1}, "`places` must be at least 2, got 1."),
        ({"moves": 0}, "`moves` must be at least 1, got 0."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        CycleNav(**fields)
