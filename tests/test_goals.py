"""The promises of the presets, on many seeds: ``pytest -m slow``."""

import pytest
from experiments.goals import GOALS, run

from seqlearn.tasks import TASKS

MANY = [(task, seed) for task, (_, seeds, _) in GOALS.items() for seed in range(seeds)]


def test_every_task_has_a_goal():
    assert set(GOALS) == set(TASKS)


@pytest.mark.parametrize("task", GOALS)
def test_the_preset_reaches_its_goal(task):
    assert GOALS[task][2](run(task, 0)["metrics"])


@pytest.mark.slow
@pytest.mark.parametrize(("task", "seed"), MANY)
def test_the_preset_reaches_its_goal_on_every_seed(task, seed):
    assert GOALS[task][2](run(task, seed)["metrics"])
