"""Recitations against Python's own alphabet."""

from string import ascii_lowercase

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.modules import ManyToMany
from seqlearn.tasks import Alphabet


def text(symbols):
    return "".join(ascii_lowercase[i] for i in symbols)


@given(
    letters=st.integers(1, 25),
    backward=st.booleans(),
    wrap=st.booleans(),
    split=st.sampled_from(["train", "val", "test"]),
    longer=st.integers(1, 99),
)
def test_every_split_recites_from_every_letter(letters, backward, wrap, split, longer):
    data = Alphabet(
        letters=letters, direction="backward" if backward else "forward", wrap=wrap, seed=longer
    )
    order = ascii_lowercase[::-1] if backward else ascii_lowercase
    for length in (None, longer if wrap else min(longer, 25)):
        steps = length or letters
        dataset = data.dataset(split, length)
        inputs, targets, lengths = dataset.batch(range(len(dataset)))
        assert inputs.shape == targets.shape == (len(dataset), steps)
        firsts = set()
        for shown, asked, end in zip(inputs, targets, lengths, strict=True):
            first = text(shown[:1])
            recited = (order * (10 if wrap else 1))[order.index(first) :][: steps + 1]
            assert (text(shown[:end]), text(asked[:end])) == (recited[:-1], recited[1:])
            assert (asked[end:] == -100).all()
            firsts.add(first)
        assert "".join(sorted(firsts, key=order.index)) == (order if wrap else order[:-1])


def test_golden_recitations_by_hand():
    def lines(**fields):
        batch = Alphabet(letters=4, **fields).dataset("test").batch([0, 23])
        return [text(row[:end]) for row, end in zip(batch.targets, batch.lengths, strict=True)]

    assert lines() == ["bcde", "yzab"]
    assert lines(wrap=False) == ["bcde", "yz"]
    assert lines(direction="backward") == ["yxwv", "bazy"]


def test_each_split_goes_through_the_whole_alphabet_in_every_pass():
    data = Alphabet()
    for lap in range(3):
        inputs = data.dataset("train").batch(range(26 * lap, 26 * lap + 26)).inputs
        assert sorted(text(inputs[:, 0])) == list(ascii_lowercase)


def test_tests_go_around_several_times_or_end_with_the_alphabet():
    assert Alphabet().curve == (25, 50, 100)
    assert Alphabet(wrap=False).curve == (25,)
    assert Alphabet(wrap=False, letters=9, test_lengths=(12, 9)).curve == (9, 12)


def test_a_network_that_knows_the_successors_recites_alone():
    data = Alphabet()
    identity = {"nonlinearity": "identity"}
    network = ManyToMany.for_data(data, cell="rnn", cell_args=identity, hidden_size=26)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    batch = data.dataset("test", 1).batch(range(26))
    with torch.no_grad():
        network.cell.weight_ih_l0.copy_(torch.eye(26))
        network.head.weight[batch.targets[:, 0], batch.inputs[:, 0]] = 1
    assert network.generate("x", 30, temperature=0) == "yzabcdefghijklmnopqrstuvwxyzab"
    assert network.given == 1


@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize(
    ("letters", "wrap"), [(3, True), (25, True), (26, True), (3, False), (25, False)]
)
def test_baselines_are_what_such_predictors_reach(check_baselines, letters, direction, wrap):
    last = 25 if direction == "forward" else 0
    predictors = {
        "stop_at_the_end": lambda b: torch.where(b.inputs == last, last, b.targets),
        "no_memory": lambda b: (b.inputs + (1 if direction == "forward" else -1)) % 26,
        "optimum": lambda b: b.targets,
    }
    check_baselines(Alphabet(letters=letters, direction=direction, wrap=wrap), predictors, 1e-6)


def test_describe_writes_letters():
    data = Alphabet(letters=3)
    batch = data.dataset("test").batch([25])
    said = torch.nn.functional.one_hot(torch.tensor([[0, 4, 2]]), 26).float()
    assert data.describe(batch, said) == [("zab", "abc", "aec", False, "")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"letters": 0}, "`letters` must be at least 1, got 0."),
        ({"direction": "up"}, "`direction` must be forward or backward, got 'up'."),
        ({"letters": 26, "wrap": False}, "`letters` must be at most 25 if not `wrap`, got 26."),
        (
            {"wrap": False, "test_lengths": (30, 5)},
            "`test_lengths` must be at most 25 if not `wrap`, got 30.",
        ),
        ({"wrap": False, "test_lengths": ()}, "`test_lengths` must name at least one length"),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Alphabet(**fields)
