"""The sum of the two numbers of a long sequence that are marked."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG


@dataclass(kw_only=True, eq=False)
class Adding(SequenceDataModule):
    """Add the two marked numbers of a long sequence.

    ::

        number   0.31  0.62  0.05  ...  0.93  0.27  ...  0.48
        mark        .     x     .  ...     .     x  ...     .
        asked       .     .     .  ...     .     .  ...  0.89

    One number in either half is marked, anywhere in it. Both must be let in, all the others kept
    out, and the first remembered past many that look alike. The gradient that could teach it
    shrinks with every step it is led back through, so that a tanh network says 1 to everything.
    What gates learn to keep over `steps` drifts over more of them.

    Shapes:
        inputs ``(B, T, 2)`` float32: a number, uniform from 0 to 1, and its mark, 1 or 0.
        targets ``(B, 1)`` float32: the sum of the two.

    Baseline:
        Mean squared error: 1/6 for always saying 1, the variance of the sum; 1/12 for who has
        forgotten the first and adds a half to the second; the optimum is 0, at any length.

    Source:
        Hochreiter & Schmidhuber 1997, "Long short-term memory", doi:10.1162/neco.1997.9.8.1735,
        experiment 4, there with numbers from -1 to 1. In this form, with numbers from 0 to 1 and a
        mark in either half: Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural
        networks", arXiv 1511.06464.

    Example:
        >>> inputs, target, length = Adding(steps=6).dataset("test")[0]
        >>> numbers, marks = inputs.T
        >>> marks.tolist(), f"{numbers @ marks:.3f}", f"{target.item():.3f}"
        ([0.0, 0.0, 1.0, 0.0, 1.0, 0.0], '0.434', '0.434')
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "regression"
    metric: ClassVar[str] = "mse"
    goal: ClassVar[float] = 0.001
    generalizes: ClassVar[bool] = False
    input_size: ClassVar[int] = 2
    output_size: ClassVar[int] = 1
    min_length: ClassVar[int] = 2
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    steps: int = 100
    """Numbers in a sequence to train on; the more, the harder."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("steps", self.min_length)
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw the numbers, and a place in either half; of an odd length the second is longer."""
        steps = length or self.steps
        half = steps // 2
        inputs = np.zeros((len(rng), steps, 2), np.float32)
        inputs[:, :, 0] = rng.uniform(size=steps)
        places = rng.integers([0, half], [half, steps], 2)
        rows = np.arange(len(rng))[:, None]
        inputs[rows, places, 1] = 1
        return SequenceBatch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(inputs[rows, places, 0].sum(axis=1, keepdims=True)),
            lengths=torch.full((len(rng),), steps),
        )

    def baselines(self) -> dict[str, float]:
        """Mean squared error of always saying 1, of who forgot the first number, and of adding."""
        return {"constant": 1 / 6, "second_marked": 1 / 12, "optimum": 0.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The sum of what was marked before each step."""
        marked = batch.inputs.prod(2)
        return {"sum so far": marked.cumsum(1) - marked}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the sum; the note has the steps of the two numbers."""
        examples = []
        for inputs, target, said in zip(*batch[:2], predictions, strict=True):
            numbers, marks = inputs.T
            first, second = marks.nonzero().flatten().tolist()
            text = f"{numbers[first]:.3f} + {numbers[second]:.3f}"
            note = f"at steps {first + 1} and {second + 1} of {len(marks)}"
            examples.append(Example(text, f"{target.item():.3f}", f"{said.item():.3f}", None, note))
        return examples
