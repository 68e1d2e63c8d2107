"""The five attacks of the lesson."""

import torch

from seqlearn.tasks import Football
from seqlearn.tasks.football import ACTIONS, OUTCOMES


def test_football_is_the_table_of_the_lesson():
    attacks = {
        ("Pass", "Dribble", "Shot"): "Goal",
        ("Dribble", "Shot", "Save"): "Save",
        ("Pass", "Pass", "Miss"): "Miss",
        ("Dribble", "Shot", "Goal"): "Goal",
        ("Pass", "Dribble", "Save"): "Save",
    }
    for split in ("train", "val", "test"):
        batch = Football().dataset(split).batch(range(5))
        assert {
            tuple(ACTIONS[action] for action in actions): OUTCOMES[outcome]
            for actions, outcome in zip(batch.inputs, batch.targets, strict=True)
        } == attacks


def test_baselines_are_what_such_predictors_reach(check_baselines):
    by_last_action = torch.tensor([9, 9, 0, 0, 1, 2])
    predictors = {
        "always_goal": lambda b: torch.zeros_like(b.targets),
        "last_action": lambda b: by_last_action[b.inputs[:, -1]],
        "optimum": lambda b: b.targets,
    }
    check_baselines(Football(), predictors)


def test_describe_names_actions_and_outcomes():
    batch = Football().dataset("test").batch([1])
    actions, target = batch.inputs[0], batch.targets[0]
    said = torch.tensor([[0.05, 0.05, 0.05]])
    said[0, target], said[0, target - 1] = 0.75, 0.2
    best, second, last = OUTCOMES[target], OUTCOMES[target - 1], OUTCOMES[target - 2]
    shown = ", ".join(ACTIONS[k] for k in actions)
    note = f"{best} 0.750, {second} 0.200, {last} 0.050"
    assert Football().describe(batch, said) == [(shown, best, best, True, note)]
    ((_, asked, guess, correct, _),) = Football().describe(batch, said.roll(1, 1))
    assert (asked, guess, correct) == (best, last, False)
