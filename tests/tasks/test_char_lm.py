"""Reading a text: every character once, every sequence where the last one ended."""

import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.loaders import EvalLoader, TrainLoader
from seqlearn.tasks import CharLM

SHAKESPEARE = Path(__file__).parents[3] / "shared" / "data" / "tinyshakespeare.txt"
has_shakespeare = pytest.mark.skipif(not SHAKESPEARE.exists(), reason="Tiny Shakespeare not here")


def grammar(**settings):
    return CharLM(corpus="grammar", **{"grammar_size": 3000, "steps": 7, **settings})


def trainer(rank, world):
    return SimpleNamespace(
        global_rank=rank, world_size=world, max_steps=9, max_epochs=-1, accumulate_grad_batches=1,
        training=False,
    )  # fmt: skip


@given(
    lanes=st.integers(1, 40),
    steps=st.integers(1, 50),
    seed=st.integers(0, 5),
    limit=st.none() | st.integers(1, 30),
)
def test_each_training_sequence_goes_on_where_the_one_in_its_place_ended(lanes, steps, seed, limit):
    data = grammar(batch_size=lanes, steps=steps, seed=seed, train_limit=limit)
    known = data.text[:2700] if limit is None else data.text[:2700][: limit * steps]
    rows = 5
    batch = data.dataset("train").batch(range(rows * lanes))
    shown = batch.inputs.reshape(rows, lanes, steps).transpose(0, 1).flatten(1)
    asked = batch.targets.reshape(rows, lanes, steps).transpose(0, 1).flatten(1)
    assert torch.equal(shown[:, 1:], asked[:, :-1])
    for lane in shown:
        walked = data.decode(lane)
        assert walked in known * (2 + len(walked) // len(known))
    if limit is None:
        starts = {data.decode(lane)[:60] for lane in shown}
        assert len(starts) >= min(lanes, 5) - 1  # evenly spaced, so not all the same


@given(size=st.integers(200, 3000), steps=st.integers(1, 19))
def test_each_held_out_character_is_asked_for_once_after_the_one_before(size, steps):
    data = grammar(grammar_size=size, steps=steps)
    for split in ("val", "test"):
        dataset = data.dataset(split, None if split == "val" else steps)
        batch = dataset.batch(range(len(dataset)))
        rows = len(dataset) // 16
        lanes = batch.targets.reshape(rows, 16, steps).transpose(0, 1).flatten(1)
        asked = "".join(data.decode(lane[lane >= 0]) for lane in lanes)
        held_out = data.text[data.border :]
        assert asked == held_out
        shown = batch.inputs.reshape(rows, 16, steps).transpose(0, 1).flatten(1)
        before = "".join(
            data.decode(inputs[targets >= 0]) for inputs, targets in zip(shown, lanes, strict=True)
        )
        assert before == data.text[data.border - 1 : -1]


@pytest.mark.parametrize("world", [1, 2, 3, 5, 16])
def test_ranks_share_the_places_whole(world):
    data = grammar()
    dataset = data.dataset("val")
    whole = dataset.batch(range(len(dataset))).targets.reshape(-1, 16, 7)
    seen = torch.full_like(whole, -1)
    for rank in range(world):
        batches = list(EvalLoader(dataset, trainer(rank, world)))
        assert len(batches) == len(whole)
        for row, batch in enumerate(batches):
            seen[row, rank::world] = batch.targets
    assert torch.equal(seen, whole)


def test_more_devices_than_places_are_refused():
    with pytest.raises(ValueError, match="`val_size` must be at least the number of devices, 17"):
        EvalLoader(grammar().dataset("val"), trainer(0, 17))


def test_two_devices_read_what_one_reads_with_twice_the_batch():
    one, two = grammar(batch_size=6), grammar(batch_size=3)
    whole = list(TrainLoader(one.dataset("train"), trainer(0, 1)))
    two.trainer = SimpleNamespace(world_size=2)
    parts = [list(TrainLoader(two.dataset("train"), trainer(rank, 2))) for rank in (0, 1)]
    for step, batch in enumerate(whole):
        both = torch.cat([parts[0][step].inputs, parts[1][step].inputs])
        assert torch.equal(both, batch.inputs)


def test_an_epoch_is_a_walk_through_the_text():
    data = grammar(grammar_size=10_000, steps=10, batch_size=30)
    assert len(data.train_dataloader()) == 9000 // 10 // 30


def test_baselines_are_a_count_and_the_entropy_of_the_grammar():
    data = grammar(grammar_size=20_000)
    claimed = data.baselines()
    names = ["uniform", "unigram", "2-gram", "3-gram", "4-gram", "5-gram", "forgetful", "optimum"]
    assert list(claimed) == names
    assert claimed["uniform"] == pytest.approx(math.log(20))
    counts = {c: data.text[:18_000].count(c) for c in data.vocabulary}
    unigram = -np.mean([math.log(counts[c] / 18_000) for c in data.text[18_000:]])
    assert claimed["unigram"] == pytest.approx(unigram, abs=1e-3)
    assert claimed["optimum"] < claimed["forgetful"] < claimed["5-gram"] < claimed["2-gram"]


@has_shakespeare
def test_tiny_shakespeare_is_split_nine_to_one_and_has_the_known_baselines():
    data = CharLM(path=str(SHAKESPEARE))
    assert (data.input_size, data.border, len(data.text)) == (65, 1_003_854, 1_115_394)
    assert data.vocabulary == CharLM().vocabulary
    known = [4.1744, 3.3473, 2.4858, 2.0492, 1.7738, 1.6688]
    assert list(data.baselines().values()) == pytest.approx(known, abs=6e-5)


def test_a_text_of_ones_own_is_read_as_it_is(tmp_path):
    text = "ça va? ça va!\r\n漢字🙂\n" * 20
    (tmp_path / "own.txt").write_bytes(text.encode())
    data = CharLM(path=str(tmp_path / "own.txt"), steps=5)
    assert data.text == text and data.vocabulary == "".join(sorted(set(text)))
    assert data.decode(torch.from_numpy(data.symbols)) == text


@pytest.mark.parametrize(
    ("content", "settings", "message"),
    [
        (b"", {}, "`path` must have at least one character, got .*own.txt"),
        (b"ab" * 300, {}, "must be at least 650 characters for `steps` of 64, got 600"),
        (b"abc\xff" * 300, {}, "`path` must be text in UTF-8, got .* 0xff at offset 3"),
        (b"abcd" * 300, {"vocabulary": "abd"}, "got none for 'c' at position 2"),
        (b"abcd" * 300, {"vocabulary": "abba"}, "`vocabulary` must be different characters"),
        (b"abcd" * 300, {"vocabulary": ""}, "`vocabulary` must be different characters, got ''"),
        (b"abcd" * 300, {"steps": 0}, "`steps` must be at least 1, got 0"),
        (None, {}, "`path` must be a file that can be read, got .*No such file"),
    ],
)
def test_texts_that_cannot_be_used_are_refused(tmp_path, content, settings, message):
    path = tmp_path / "own.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        CharLM(path=str(path), **settings)


def test_an_empty_path_is_no_path():
    with pytest.raises(ValueError, match="`path` must be a file that can be read, got "):
        CharLM(path="")


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ValueError, match="`corpus` must be one of shakespeare, grammar, got 'x'"):
        CharLM(corpus="x")


def test_a_grammar_text_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="`grammar_size` must be at least 650 characters"):
        CharLM(corpus="grammar", grammar_size=100)


def test_without_a_network_and_a_cache_one_line_says_what_to_do(tmp_path):
    command = [sys.executable, "-m", "seqlearn.fit", "--task", "char_lm"]
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout
    place = str(tmp_path / "seqlearn" / "tinyshakespeare.txt")
    for part in (place, "could not be downloaded", "by hand", "--data.path FILE"):
        assert part in done.stderr
    assert not any(path.is_file() for path in tmp_path.rglob("*")) and not Path("runs").exists()


def test_the_text_is_not_fetched_before_it_is_needed(monkeypatch):
    fetched = []
    monkeypatch.setattr("seqlearn.tasks.char_lm.download_shakespeare", lambda: fetched.append(1))
    assert CharLM().input_size == 65
    assert not fetched


def test_describe_shows_characters_one_by_one_and_says_nothing_of_right_and_wrong(tmp_path):
    path = tmp_path / "text"
    path.write_text("a\tb\n" * 1000, encoding="utf-8")
    data = CharLM(path=str(path), steps=4)
    batch = data.dataset("test").batch([0])
    said = torch.nn.functional.one_hot(batch.inputs, 4).float()  # says what it saw
    ((shown, asked, guess, correct, _),) = data.describe(batch, said)
    assert sorted(shown) == sorted("a⇥b↵") and asked == shown[1:] + shown[:1]
    assert guess == shown[: len(asked)] and correct is None


def test_the_text_is_counted_once_for_all_lengths(monkeypatch):
    calls = []

    def counted(*args):
        calls.append(args)
        return dict.fromkeys(range(6), 1.0)

    monkeypatch.setattr("seqlearn.tasks.char_lm.ngram_losses", counted)
    data = grammar()
    found = data.baselines()
    for length in (7, 14, 70):
        assert data.baselines_at(length) == found
        data.baselines_at(length).clear()  # a copy
    assert len(calls) == 1
