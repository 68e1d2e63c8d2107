"""The lesson in NumPy: step for step what PyTorch does, and to some effect."""

import math
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from experiments import shakespeare
from experiments.shakespeare import CHUNK, by_hand, by_torch, first_weights, main, surprise, write

from seqlearn.bptt import forward, loss
from seqlearn.grammar import entropy_rate, grammar_text


def letters_by_chance(count, kinds, seed=0):
    return np.random.default_rng(seed).integers(kinds, size=count)


def learn(text, kinds, steps):
    """The losses in nats a letter, and the last weights."""
    weights = first_weights(kinds, np.random.default_rng(0))
    values, learnt = zip(*islice(by_hand(text, weights), steps), strict=True)
    return np.array(values) / CHUNK, learnt[-1]


@pytest.mark.parametrize("kinds", [1, 2, 65])
@pytest.mark.parametrize("limit", [5.0, 0.1])
def test_the_twin_follows_for_20_steps(kinds, limit, monkeypatch):
    monkeypatch.setattr(shakespeare, "LIMIT", limit)
    text = letters_by_chance(9 * CHUNK, kinds)  # it starts anew on the way
    weights = first_weights(kinds, np.random.default_rng(0))
    hand = np.array([value for value, _ in islice(by_hand(text, weights), 20)])
    twin = np.array(list(islice(by_torch(text, weights), 20)))
    np.testing.assert_allclose(hand, twin, rtol=0, atol=1e-6)
    assert hand[0] == pytest.approx(CHUNK * math.log(kinds), abs=0.1)  # summed over the chunk
    assert kinds == 1 or np.ptp(hand) > 0.01


@pytest.mark.parametrize("lesson", [by_hand, by_torch])
def test_the_state_is_carried_from_chunk_to_chunk(lesson, monkeypatch):
    monkeypatch.setattr(shakespeare, "RATE", 0.0)
    weights = first_weights(5, np.random.default_rng(0))
    weights = weights._replace(weight_hh=20 * weights.weight_hh, weight_hy=20 * weights.weight_hy)
    text = letters_by_chance(4 * CHUNK + 1, 5)
    steps = list(islice(lesson(text, weights), 8))
    parts = [step[0] if lesson is by_hand else step for step in steps]
    whole = loss(forward(weights, np.eye(5)[text[None, :-1]]), text[None, 1:])
    assert sum(parts[:4]) == pytest.approx(whole, rel=1e-12)
    assert parts[:4] == parts[4:]  # a pass starts from zero


def test_a_text_that_repeats_itself_is_learnt_and_recited():
    losses, weights = learn(np.tile(np.arange(12), 50), 12, 1000)
    assert losses[0] == pytest.approx(math.log(12), abs=0.01)
    assert losses[-50:].mean() < 0.01
    written = write(weights, 0, 30, np.random.default_rng(0))
    assert written == [k % 12 for k in range(31)]


def test_the_grammar_is_learnt_beyond_pairs_of_letters():
    text = grammar_text(0, 100_000)
    alphabet = sorted(set(text))
    losses, _ = learn(np.array([alphabet.index(letter) for letter in text]), len(alphabet), 2500)
    assert entropy_rate() < losses[-500:].mean() < 0.5 < surprise(text)[1]


@pytest.mark.parametrize(
    ("text", "single", "pairs"),
    [
        ("ab" * 5000, math.log(2), 0),  # the next letter is known
        ("aabb" * 5000, math.log(2), math.log(2)),  # a single letter says nothing of it
        (
            "abac" * 5000,
            1.5 * math.log(2),
            0.5 * math.log(2),
        ),  # known after b and c, b or c after a
    ],
)
def test_surprise_is_the_entropy_of_what_comes_next(text, single, pairs):
    assert surprise(text) == pytest.approx((single, pairs), abs=1e-3)


def test_the_command_shows_losses_writing_and_the_twin(capsys):
    Path("text.txt").write_text("Grüße, «Welt»!\n" * 20, "utf-8")
    main(["text.txt", "--steps", "21", "--twin"])
    text = capsys.readouterr().out
    assert "300 letters of 14 kinds" in text and f"{math.log(14):.3f} by\nchance" in text
    assert text.count(" nats a letter\n    G") == 7  # every 3 steps
    assert "in the first 20 chunks,\nby no more than 1e-6 in the first 21, " in text
    main(["text.txt", "--steps", "21"])
    assert text.startswith(capsys.readouterr().out)
    main(["text.txt", "--steps", "21", "--seed", "1"])
    assert not text.startswith(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "`path` must have at least one character"),
        (b"x" * 25, "`path` must have more than 25 letters, got 25."),
        (b"\xff" * 100, "`path` must be text in UTF-8"),
    ],
    ids=["missing", "empty", "too short", "not UTF-8"],
)
def test_a_text_that_cannot_be_read_is_refused_in_one_line(content, message, capsys):
    if content is not None:
        Path("text.txt").write_bytes(content)
    with pytest.raises(SystemExit, match="2"):
        main(["text.txt"])
    output = capsys.readouterr()
    assert output.err.startswith("shakespeare: error: ") and message in output.err
    assert output.err.count("\n") == 1 and not output.out


def test_a_folder_is_not_a_text(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["."])
    assert "Is a directory" in capsys.readouterr().err


def test_the_shortest_text_is_read(capsys):
    Path("text.txt").write_text("x" * 26)
    main(["text.txt", "--steps", "1"])
    assert "0.000 nats a letter" in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--steps", "0"], ["--seed", "-1"]])
def test_numbers_out_of_range_are_refused(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(option)
    assert "--steps must be at least 1, and --seed at least 0" in capsys.readouterr().err
