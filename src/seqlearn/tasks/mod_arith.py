"""The value of an expression, modulo a small number."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.parity import draw_lengths

OPERATORS = "+-*"
Small = NDArray[np.uint8]


@dataclass(kw_only=True, eq=False)
class ModArith(SequenceDataModule):
    """Evaluate sums, differences and products of digits, modulo 5.

    ::

        expression   2  +  3  *  4  -  1
        value        .  .  .  .  .  .  3        2 + 12 - 1 = 13, 3 modulo 5

    There are no brackets, and products come first. So two numbers must be kept: the sum of the
    terms that are complete, and the term that a product may still change; with a modulus of 5 that
    is 25 states, and the sign to come.

    Shapes:
        inputs ``(B, T)`` int64: digits as themselves, then +, - and * (the modules make them
        one-hot); ``T`` is twice the number of digits less one.
        targets ``(B,)`` int64: the value, 0 to ``modulus - 1``.

    Baseline:
        Accuracy: 1/modulus for a guess; the most frequent value, mostly 0, as a single 0 makes a
        product 0; the optimum is 1, at any length.

    Source:
        Trained on lengths up to 40 and tested up to 500 by Delétang et al. 2023, "Neural networks
        and the Chomsky hierarchy", arXiv 2207.02098, who call it modular arithmetic (simple).

    Example:
        >>> data = ModArith()
        >>> inputs, target, length = data.dataset("test", length=4)[0]
        >>> "".join(data.vocabulary[i] for i in inputs), target.item(), length.item()
        ('1*2*3+4', 0, 7)
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "numbers"
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 5, 13)

    modulus: int = 5
    """Digits to choose from, and values."""
    numbers: int = 20
    """Train on expressions of one to this many digits, short ones more often."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("modulus", 2, 10)
        self.require("numbers", 1)
        super().__post_init__()

    @property
    def input_size(self) -> int:
        """The digits and the operators."""
        return self.modulus + len(OPERATORS)

    @property
    def output_size(self) -> int:
        """The digits."""
        return self.modulus

    @property
    def vocabulary(self) -> str:
        """The digits and the operators."""
        return "0123456789"[: self.modulus] + OPERATORS

    @property
    def answers(self) -> str:
        """The digits."""
        return self.vocabulary[: self.modulus]

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw ``length`` digits, all alike, and operators between; if None, mostly few."""
        longest = length or self.numbers
        lengths = 2 * draw_lengths(rng, longest, length) - 1
        operator = np.arange(2 * longest - 1) % 2 == 1
        tokens = rng.symbols(np.where(operator, len(OPERATORS), self.modulus), len(operator))
        tokens += np.where(operator, self.modulus, 0).astype(np.uint8)
        tokens *= np.arange(len(operator)) < lengths[:, None]
        complete, terms = follow(tokens, self.modulus)
        values = complete.sum(axis=0, dtype=np.int64) + terms[-1]
        return SequenceBatch(
            inputs=torch.from_numpy(tokens.astype(np.int64)),
            targets=torch.from_numpy(values % self.modulus),
            lengths=torch.from_numpy(lengths),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of a guess, of the most frequent value, and of who evaluates."""
        m = self.modulus
        chances = np.zeros((m, m))  # of each sum of complete terms and each term
        chances[0] = 1 / m
        moves = np.zeros((m, m, m, m))
        for total, term, digit in product(range(m), repeat=3):
            moves[total, term, (total + term) % m, digit] += 2 / 3 / m  # + or -
            moves[total, term, total, term * digit % m] += 1 / 3 / m
        many = np.linalg.matrix_power(moves.reshape(m * m, m * m), self.numbers - 1)
        values = np.add.outer(range(m), range(m)).ravel() % m
        most_frequent = np.bincount(values, chances.ravel() @ many).max()
        return {"guess": 1 / m, "most_frequent": float(most_frequent), "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The sum of the terms that are complete, and the last term, before each token."""
        complete, terms = follow(batch.inputs.numpy().astype(np.uint8), self.modulus)
        sums = np.cumsum(complete, axis=0, dtype=np.int64) % self.modulus
        before = np.arange(batch.inputs.shape[1]) + 1 >> 1  # how many digits there were
        return {
            "sum": torch.from_numpy(np.pad(sums, ((2, 0), (0, 0)))[before].T),
            "term": torch.from_numpy(np.pad(terms, ((1, 0), (0, 0)))[before].T).long(),
        }


def follow(tokens: Small, modulus: int) -> tuple[Small, Small]:
    """Give the terms that each operator completes, else 0, and the term after each digit.

    Args:
        tokens: ``(B, T)``; padding adds 0.
        modulus: Of the values.

    Returns:
        ``(operators, B)`` and ``(digits, B)``.
    """
    digits, operators = (np.ascontiguousarray(part) for part in (tokens.T[::2], tokens.T[1::2]))
    times, minus = (operators == modulus + OPERATORS.index(sign) for sign in "*-")
    starts = np.where(minus, modulus - digits[1:], digits[1:]) * ~times
    terms = digits.copy()
    for k, (factor, start) in enumerate(zip(digits[1:] * times, starts, strict=True)):
        terms[k + 1] = (terms[k] * factor + start) % modulus  # one of the two is 0
    return terms[:-1] * ~times, terms
