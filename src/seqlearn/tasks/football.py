"""The outcome of an attack in football."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG

ACTIONS = ("Pass", "Dribble", "Shot", "Goal", "Save", "Miss")
OUTCOMES = ("Goal", "Save", "Miss")
ATTACKS = (
    (("Pass", "Dribble", "Shot"), "Goal"),
    (("Dribble", "Shot", "Save"), "Save"),
    (("Pass", "Pass", "Miss"), "Miss"),
    (("Dribble", "Shot", "Goal"), "Goal"),
    (("Pass", "Dribble", "Save"), "Save"),
)
INPUTS = np.array([[ACTIONS.index(action) for action in actions] for actions, _ in ATTACKS])
TARGETS = np.array([OUTCOMES.index(outcome) for _, outcome in ATTACKS])


@dataclass(kw_only=True, eq=False)
class Football(SequenceDataModule):
    """Name the outcome of three actions in a football match.

    ::

        actions    Pass  Dribble  Shot
        outcome      .      .     Goal

    These five attacks are the whole world, so all are used to train, to validate and to test: this
    is a lesson in how a sequence becomes one answer, not in generalisation.

    Shapes:
        inputs ``(B, 3)`` int64: Pass, Dribble, Shot, Goal, Save, Miss as 0 to 5 (the modules make
        them one-hot).
        targets ``(B,)`` int64: Goal, Save, Miss as 0 to 2.

    Baseline:
        Accuracy: 2/5 for always saying Goal. The last action alone gives the outcome away, so a
        network without memory can reach the optimum, 1, too.

    Source:
        A made-up classroom example.

    Example:
        >>> inputs, target, length = Football().dataset("test")[0]
        >>> [ACTIONS[i] for i in inputs], OUTCOMES[target]
        (['Pass', 'Dribble', 'Shot'], 'Goal')
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 1.0
    input_size: ClassVar[int] = len(ACTIONS)
    output_size: ClassVar[int] = len(OUTCOMES)
    answers: ClassVar[tuple[str, ...]] = OUTCOMES
    length: ClassVar[int] = 3
    min_length: ClassVar[int] = 3
    max_length: ClassVar[int | None] = 3
    held_out: ClassVar[bool] = False

    def population(self, split: str, length: int | None) -> int:
        """Five attacks."""
        return len(ATTACKS)

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Give the attacks of these numbers."""
        numbers = rng.indices.astype(np.int64)
        return SequenceBatch(
            inputs=torch.from_numpy(INPUTS[numbers]),
            targets=torch.from_numpy(TARGETS[numbers]),
            lengths=torch.full((len(rng),), 3),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of always saying Goal, of knowing the last action only, and the best."""
        return {"always_goal": 2 / 5, "last_action": 1.0, "optimum": 1.0}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Name the actions and outcomes; the note has the probability of each."""
        examples = []
        for actions, target, row in zip(*batch[:2], predictions, strict=True):
            likely = row.argsort(descending=True).tolist()
            note = ", ".join(f"{OUTCOMES[k]} {row[k]:.3f}" for k in likely)
            text = ", ".join(ACTIONS[action] for action in actions)
            asked, said = OUTCOMES[target], OUTCOMES[likely[0]]
            examples.append(Example(text, asked, said, asked == said, note))
        return examples
