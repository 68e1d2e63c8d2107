"""The promises of the presets, on many seeds: ``pytest -m slow``."""

import pytest
from experiments.goals import GOALS, run

from seqlearn.tasks import TASKS

QUICK = ("alphabet", "arma", "binary_add", "countdown", "football", "next_number", "random_walk")
PRESETS = [command for command in GOALS if " " not in command]
MANY = [(command, seed) for command, (_, seeds, _) in GOALS.items() for seed in range(seeds)]


def test_every_task_has_a_goal():
    assert set(PRESETS) == set(TASKS)


@pytest.mark.parametrize("task", QUICK)
def test_the_preset_reaches_its_goal(task):
    assert GOALS[task][2](run(task, 0)["metrics"])


@pytest.mark.slow
@pytest.mark.parametrize(("command", "seed"), MANY)
def test_the_goal_is_reached_on_every_seed(command, seed):
    assert GOALS[command][2](run(command, seed)["metrics"])
