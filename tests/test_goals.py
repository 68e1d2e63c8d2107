"""The promises of the presets: what they are, and that they are kept (``pytest -m slow``)."""

import math

import pytest
from experiments.goals import GOALS, Goal, run

from seqlearn.goals import met, met_at, more_is_better
from seqlearn.grammar import entropy_rate
from seqlearn.tasks import (
    TASKS,
    BinaryAdd,
    BouncingBall,
    CharLM,
    DecimalAdd,
    Noise,
    RandomWalk,
    Sunspots,
    Waveform,
)

QUICK = ("alphabet", "binary_add", "random_walk")
PRESETS = [command for command in GOALS if " " not in command]
MANY = [(command, seed) for command, goal in GOALS.items() for seed in range(goal.seeds)]


def test_every_task_has_a_goal():
    assert set(PRESETS) == set(TASKS)


@pytest.mark.parametrize(
    ("data", "bound"),
    [
        (CharLM(), 1.65),
        (CharLM(corpus="grammar", grammar_size=9000), 1.04 * entropy_rate()),
        (BouncingBall(slowest=0.3, fastest=0.3), 8 / 3 * 0.3**3 * 4 / (3 * math.pi) / 10),
        (Waveform(), 7 / 24 / 100),
        (Sunspots(), 417.91),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, float) else None,
)
def test_goals_that_are_computed(data, bound):
    assert data.goal == pytest.approx(bound, rel=1e-4)


def test_a_text_of_ones_own_has_no_goal(tmp_path):
    path = tmp_path / "text"
    path.write_text("abc" * 1000, encoding="utf-8")
    assert CharLM(path=str(path)).goal is None
    assert CharLM(path=str(path), corpus="grammar").goal is None


@pytest.mark.parametrize("name", [name for name in TASKS if name != "noise"])
def test_a_goal_lies_between_the_worst_predictor_and_the_optimum(name):
    data = TASKS[name](**{"corpus": "grammar"} if name == "char_lm" else {})
    baselines = data.baselines()
    best = baselines.get("optimum", float(more_is_better(data)))
    worst = max(baselines.values(), key=lambda value: abs(value - best))
    assert met_at(data, data.length, best) is True
    assert met_at(data, data.length, worst) is False
    assert met_at(data, data.length, data.goal) is True
    assert met_at(data, data.length, float("nan")) is False


def test_a_goal_is_for_every_length_if_the_task_generalizes():
    task, other = BinaryAdd(), DecimalAdd()
    reached = {"test/exact_match@8": 1.0, "test/exact_match@16": 1.0, "test/loss@8": 0.5}
    assert met(task, reached) is True
    assert met(task, {**reached, "test/exact_match@64": 0.999}) is False
    assert met(task, {"test/exact_match@64": 1.0}) is True
    assert met(other, {"test/exact_match@3": 0.99, "test/exact_match@6": 0.0}) is True
    assert met(other, {"test/exact_match@3": 0.989, "test/exact_match@6": 1.0}) is False
    assert met(other, {"test/exact_match@6": 1.0}) is None
    assert met_at(other, 6, 1.0) is None


def test_a_goal_is_met_by_what_was_measured_in_the_stage_asked_for():
    walk = RandomWalk()
    reached = {"val/mse_ratio": 1.02, "test/mse_ratio@50": 1.0201, "test/rollout_mse_ratio@50": 0}
    assert met(walk, reached, "val") is True and met(walk, reached) is False
    assert met(walk, {}) is None and met(walk, {"test/mse@50": 0.5}) is None


def test_nothing_is_asked_of_noise():
    assert Noise().goal is None
    assert met(Noise(), {"test/mse@5": 1.0}) is None and met_at(Noise(), 5, 1.0) is None


def test_a_study_is_as_it_should_be_if_it_reaches_or_misses_the_goal_and_what_else_is_asked():
    def results(met, value):
        return {"goal": {"bound": 1.0, "met": met}, "metrics": {"test/x": value}}

    plain, fails = Goal("", also=lambda m: m["test/x"] < 1), Goal("", fails=True)
    assert plain.reached(results(True, 0)) and not plain.reached(results(False, 0))
    assert not plain.reached(results(True, 1))
    assert fails.reached(results(False, 0)) and not fails.reached(results(True, 0))
    assert plain.reached({"goal": None, "metrics": {"test/x": 0}})


@pytest.mark.parametrize("task", QUICK)
def test_the_preset_reaches_its_goal(task):
    assert GOALS[task].reached(run(task, 0))


@pytest.mark.slow
@pytest.mark.parametrize(("command", "seed"), MANY)
def test_the_goal_is_reached_on_every_seed(command, seed):
    assert GOALS[command].reached(run(command, seed))
