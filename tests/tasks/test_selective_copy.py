"""Symbols among blanks, against a reader who skips the blanks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import SelectiveCopy


@given(
    tokens=st.integers(3, 9),
    classes=st.integers(5, 52),
    blanks=st.integers(0, 40),
    split=st.sampled_from(["train", "val", "test"]),
    longer=st.none() | st.integers(0, 200),
)
def test_the_symbols_are_asked_for_without_the_blanks(tokens, classes, blanks, split, longer):
    steps = tokens + blanks
    data = SelectiveCopy(tokens=tokens, classes=classes, steps=steps)
    length = None if longer is None else steps + longer
    batch = data.dataset(split, length).batch(range(5))
    for shown, asked, end in zip(*(part.tolist() for part in batch), strict=True):
        assert len(shown) == len(asked) == (length or steps) + tokens
        assert end == len(shown) if length else 2 * tokens <= end <= len(shown)
        text = "".join(data.vocabulary[k] for k in shown)
        read, cues, padding = text[: end - tokens], text[end - tokens : end], text[end:]
        assert cues == ">" * tokens and not padding.strip(".")
        symbols = read.replace(".", "")
        assert len(symbols) == tokens and set(symbols) <= set(data.answers)
        assert "".join(data.answers[k] for k in asked if k >= 0) == symbols
        assert all(k >= 0 for k in asked[end - tokens : end])


def test_places_symbols_and_lengths_come_up_evenly():
    data = SelectiveCopy(tokens=3, classes=5, steps=8)
    inputs = data.dataset("train", 8).batch(range(20_000)).inputs[:, :8]
    held = inputs < 5
    assert (held.double().mean(0) - 3 / 8).abs().max() < 0.02
    together = (held[:, :, None] & held[:, None]).double().mean(0).fill_diagonal_(3 / 28)
    assert (together - 3 / 28).abs().max() < 0.012  # 3 of 8 places, as likely as any others
    shares = torch.bincount(inputs[held]) / held.sum()
    assert (shares - 1 / 5).abs().max() < 0.01
    # Short sequences are few, so that more of them than of others may be held out.
    lengths = SelectiveCopy(tokens=4, steps=8).dataset("train").batch(range(20_000)).lengths
    assert (torch.bincount(lengths)[8:] / len(lengths) - 1 / 5).abs().max() < 0.02


def test_what_is_held_is_what_was_read_and_not_yet_said():
    data = SelectiveCopy(tokens=3, steps=9)
    batch = data.dataset("train").batch(range(9))
    held = data.memory(batch)["held"]
    for shown, numbers in zip(batch.inputs.tolist(), held.tolist(), strict=True):
        text = "".join(data.vocabulary[k] for k in shown)
        for step, number in enumerate(numbers):
            before = text[:step]
            assert number == sum(map(str.isalpha, before)) - before.count(">")


def test_baselines_are_what_such_predictors_reach(check_baselines):
    def told(batch):  # (B, tokens)
        held = batch.inputs < 14
        return batch.inputs[held].view(len(held), -1)

    def guess(batch):
        return torch.randint(14, batch.targets.shape)

    def last(batch):
        said = guess(batch)
        said[:, -1] = told(batch)[:, -1]
        return said

    def recall(batch):
        said = guess(batch)
        said[:, -8:] = told(batch)
        return said

    predictors = {
        "guess": guess,
        "last": last,
        "unordered": lambda b: told(b).mode(1).values[:, None].expand_as(b.inputs),
        "optimum": recall,
    }
    check_baselines(SelectiveCopy(steps=10, test_size=5000), predictors, rel=0.03)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tokens": 0}, "`tokens` must be at least 1, got 0"),
        ({"classes": 1}, "`classes` must be at least 2, got 1"),
        ({"steps": 7}, "`steps` must be at least 8, got 7"),
        ({"test_lengths": (64, 7)}, "`test_lengths` must be at least `tokens`, 8, got 7."),
    ],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SelectiveCopy(**fields)
