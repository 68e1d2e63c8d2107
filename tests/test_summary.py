"""The rows of a run's table, and how numbers and tables read."""

import io
import re

import pytest
from rich.console import Console

from seqlearn import BinaryAdd, BouncingBall, NextNumber, Noise
from seqlearn.examples import Example
from seqlearn.score import number
from seqlearn.summary import rows
from seqlearn.terminal import marked, show, table

METRICS = {
    f"test/{name}@{n}": value
    for n, exact in ((8, 1.0), (16, 0.9), (64, 0.0))
    for name, value in {"loss": 0.1, "accuracy": 0.99, "exact_match": exact}.items()
}


def test_the_headline_comes_first_at_every_length_the_rest_where_trained():
    found = rows(BinaryAdd(bits=8, test_lengths=(8, 16, 64)), METRICS, "test")
    assert [row.name for row in found] == [
        *("exact_match@8", "exact_match@16", "exact_match@64"),
        *("loss@8", "accuracy@8"),
    ]
    assert [row.trained for row in found] == [True, False, False, True, True]


def test_nothing_scored_is_no_row():
    assert rows(BinaryAdd(), {}, "test") == []  # `--trainer.limit_test_batches 0`


def test_the_headline_is_compared_at_its_own_length():
    trained, longer, *_, accuracy = rows(BinaryAdd(bits=8), METRICS, "test")
    assert trained.predictors == {"coin": 0.5**9, "ignore_carry": 0.75**8}
    assert next(iter(trained.predictors)) == "ignore_carry"  # the strongest
    assert longer.predictors == {"coin": 0.5**17, "ignore_carry": 0.75**16}
    assert trained.optimum == longer.optimum == 1
    assert (trained.bound, trained.met, longer.met) == (1, True, False)
    assert not accuracy.predictors and accuracy.optimum is accuracy.met is None


def test_a_goal_for_the_training_length_is_for_no_other():
    metrics = {"test/mae@100": 0.1, "test/mae@200": 3.0}
    inside, beyond = rows(NextNumber(), metrics, "test")
    assert inside.met is True and beyond.met is beyond.bound is None


def test_rollouts_follow_the_headline():
    metrics = {"test/rollout_mse@50": 1.0, "test/mse@50": 0.5, "test/rollout_loss@50": 0.2}
    found = rows(BouncingBall(), metrics, "test")
    assert [row.name for row in found] == ["mse@50", "rollout_mse@50", "rollout_loss@50"]


def test_validation_has_no_length_and_no_goal():
    (row,) = rows(BinaryAdd(), {"val/exact_match": 1.0}, "val")
    assert row.name == "exact_match" and row.length is None and row.met is None
    assert row.optimum == 1 and not row.trained


def test_where_nothing_can_be_asked_there_is_no_goal():
    (row,) = rows(Noise(), {"test/mse@5": 1.2}, "test")
    assert row.bound is row.met is None and row.optimum == 1


def test_lengths_that_do_not_have_the_trained_one_show_the_shortest():
    metrics = {"test/exact_match@32": 1.0, "test/loss@64": 0.2, "test/loss@32": 0.1}
    found = rows(BinaryAdd(bits=8, test_lengths=(32, 64)), metrics, "test")
    assert [row.name for row in found] == ["exact_match@32", "loss@32"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0000"),
        (0.999999, "0.9999"),
        (0.00012, "1.2e-04"),
        (1.234e-32, "1e-32"),
        (0.0, "0.0000"),
        (-0.0002, "-2.0e-04"),
        (379.9, "379.9"),
        (41.5, "41.5000"),
        (float("nan"), "nan"),
    ],
)
def test_numbers_do_not_round_to_what_they_are_not(value, text):
    assert number(value) == text


def drawn(*parts) -> str:
    console = Console(file=io.StringIO(), width=80)
    for part in parts:
        console.print(part)
    return console.file.getvalue()


def test_the_table_says_what_was_reached_and_what_others_reach():
    text = drawn(table(rows(BinaryAdd(bits=8), METRICS, "test"), "BinaryAdd: test"))
    (line,) = [line for line in text.splitlines() if "exact_match@8" in line]
    for part in ("(trained)", "1.0000", "ignore_carry 0.1001", "1.0000 ✓"):
        assert part in line
    assert "0.9000" in text and "✗" in text and max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("width", "missing"),
    [(80, ()), (60, ("simple predictor",)), (40, ("simple predictor", "optimum", "goal"))],
)
def test_a_narrow_terminal_goes_without_columns(capfd, monkeypatch, width, missing):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.setenv("COLUMNS", str(width))
    data = BinaryAdd(bits=8)
    series = " ".join(f"{k / 7:.2f}" for k in range(99))
    show(data, rows(data, METRICS, "test"), [Example("sine", series, series)])
    out = re.sub(r"\x1b\[[0-9;]*m", "", capfd.readouterr().out)
    told = f"(too narrow here for {', '.join(missing)})"
    *shown, others, _, asked, said = out.splitlines()
    assert (told in shown) is bool(missing)
    head = next(line for line in shown if "reached" in line)
    for name in ("metric", "reached", "simple predictor", "optimum", "goal"):
        assert (name in head) is (name not in missing)
    grid = [line for line in shown if line != told]
    assert max(map(len, [*grid, asked, said])) <= width and "…" not in out
    assert "exact_match@16" in out and others.startswith("For comparison")


def test_what_looks_like_markup_is_text():
    example = Example("[bold]", "[/x]", "[/y]", correct=None)
    assert "[bold] -> [/x]   predicted [/y]" in drawn(marked(example))


def test_mistakes_are_coloured():
    spans = marked(Example("ab", "ba", "bb", correct=False)).spans
    assert {span.style for span in spans} == {"bold red"}
    assert not marked(Example("a[b", "[x]", "[x]")).spans
