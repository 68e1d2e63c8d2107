"""The sum of two binary numbers that are shown one after the other."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG
from seqlearn.tasks.binary_add import MOST_IN_DECIMAL, add, number

Counts = NDArray[np.int64]
Reals = NDArray[np.float64]

PLUS, NOTHING = 2, 3
"""What is shown besides bits."""
END = 2
"""What is said after the last bit of the sum."""
FEWEST = 3
"""Tokens of the shortest pairs trained on."""


@dataclass(kw_only=True, eq=False)
class BinaryAddSerial(SequenceDataModule):
    """Add two binary numbers shown one after the other: no RNN learns it.

    ::

        shown    1 0 1 + 1 1 _ _ _ _ _        5 + 3, least significant bits first
        said     . . . . . . 0 0 0 1 #        8, and # for the end

    Here the whole sum must be kept until all of it was shown, which takes a memory that grows with
    the numbers: no finite automaton can do it, and no state of fixed size and precision. Networks
    learn some sums of few bits, and about when a sum ends, and guess the rest. Delétang et al.
    found that RNNs generalize to longer sequences on regular tasks only, LSTMs also where counting
    is enough, and that other tasks take a memory with a structure, such as a tape. The same sums
    with both numbers shown at once, bit by bit, are regular: that is `binary_add`, where two states
    suffice.

    Shapes:
        inputs ``(B, T)`` int64: 0, 1, + as 2, and after the `tokens` of the two numbers nothing, as
        3, while the sum is said (the modules make them one-hot); ``T`` is ``2 * tokens``.
        targets ``(B, T)`` int64: the bits of the sum without leading zeros, then the end, as 2;
        ``-100`` before and after.

    Baseline:
        Accuracy, of the answers one by one: a guess is right in 1/3 of them, always saying 1 in
        about a half; a coin for every bit, with the end known, in a little more than that, as every
        sum has an end: 0.517 at 40 tokens. The optimum is 1.

    Source:
        Delétang et al. 2023, "Neural networks and the Chomsky hierarchy", arXiv 2207.02098, who
        train on up to 40 tokens, test on 41 to 500 and call a mean accuracy of 0.9 solved. Here a
        number may be 0, and there are at least 3 tokens.

    Example:
        >>> inputs, targets, _ = BinaryAddSerial().dataset("test", length=9)[0]
        >>> "".join("01+_"[i] for i in inputs), "".join("01#"[i] for i in targets if i >= 0)
        ('0010+0000_________', '001#')
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.9
    measure: ClassVar[str] = "tokens"
    input_size: ClassVar[int] = 4
    output_size: ClassVar[int] = 3
    answers: ClassVar[str] = "01#"
    vocabulary: ClassVar[str] = "01+_"
    min_length: ClassVar[int] = 5  # shorter pairs are too few to hold any out
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 5, 12)

    tokens: int = 40
    """Train on pairs of 3 to this many tokens, the + among them."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("tokens", self.min_length)
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw where the + stands, and the bits; what is added are those on either side of it."""
        longest = length or self.tokens
        rows, places = np.arange(len(rng))[:, None], np.arange(longest)
        tokens = rng.integers(length or FEWEST, longest + 1)[:, None]
        plus = rng.integers(1, tokens - 1, 1)
        bits = rng.bits(longest)
        second = cut(np.hstack([bits, np.zeros_like(bits)]), plus + 1, longest)
        sums = add(bits * (places < plus), second * (places < tokens - plus - 1))
        size = longest - (sums | (places == 0))[:, ::-1].argmax(axis=1)[:, None]  # 0 has one bit
        inputs = np.full((len(rng), 2 * longest), NOTHING)
        inputs[:, :longest] = bits | (places >= tokens) * np.uint8(NOTHING)
        said = np.full((len(rng), 3 * longest), UNSCORED, np.int8)
        said[:, longest : 2 * longest] = sums.view(np.int8) + (places >= size) * np.int8(UNSCORED)
        inputs[rows, plus], said[rows, longest + size] = PLUS, END
        targets = cut(said, longest - tokens, 2 * longest)  # after the last token
        return SequenceBatch(
            inputs=torch.from_numpy(inputs),
            targets=torch.from_numpy(targets.astype(np.int64)),
            lengths=torch.from_numpy((tokens + size + 1)[:, 0]),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy of a guess, of saying 1, of a coin for each bit and a known end, and of adding.

        Where numbers of n and m bits are added, every place of the longer one is 1 in half of the
        sums, and the place after it where there is a carry: one out of the shorter number that all
        further bits pass on, each in half of the cases.
        """
        n = np.arange(1.0, self.tokens - 1)  # one for each place of the plus
        m = self.tokens - 1 - n
        short, long = np.minimum(n, m), np.maximum(n, m)
        carry = (1 - 0.5**short) / 2 * 0.5 ** (long - short)
        ones = (long / 2 + carry).sum()
        size = sum_sizes(short, long).sum()
        answers = size + len(n)
        return {
            "guess": 1 / 3,
            "always_one": float(ones / answers),
            "coin_and_end": float((size / 2 + len(n)) / answers),
            "optimum": 1.0,
        }

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show what is shown and said, in its order; the note has the sum in decimal."""
        examples = []
        for inputs, targets, said in zip(*batch[:2], predictions.argmax(-1), strict=True):
            scored = targets != UNSCORED
            text = "".join(self.vocabulary[k] for k in inputs.tolist()).rstrip("_")
            right, ours = (
                "".join(self.answers[k] for k in part[scored].tolist()) for part in (targets, said)
            )
            bits = *text.split("+"), right.removesuffix("#")
            write = str if len(text) < MOST_IN_DECIMAL else hex
            a, b, total = (write(number([*map(int, part)])) for part in bits)
            examples.append(Example(text, right, ours, ours == right, f"{a} + {b} = {total}"))
        return examples


def sum_sizes(short: Reals, long: Reals) -> Reals:
    """Give the mean number of bits of sums of two random numbers of so many bits; 0 has one bit.

    It is 1 and, for each k from 1 to ``long``, the chance that the sum is not below ``2**k``. Up to
    ``short`` there are ``2**k * (2**k + 1) / 2`` pairs below, then ``2**k - b`` for each *b* of the
    shorter number; both are summed over k.

    Example:
        >>> sum_sizes(np.array([1.0]), np.array([1.0])).tolist()  # of 0, 1, 1, 10
        [1.25]
    """
    ratio, one, pair = 2.0 ** (short - long), 2.0**-long, 2.0 ** (-short - long)
    below = (ratio - pair) * 2 / 3 + one - pair
    below += 2 - 2 * ratio - (long - short) * (ratio - one) / 2
    return 1 + long - below


def cut(rows: NDArray[Any], starts: Counts, size: int) -> NDArray[Any]:
    """Cut as much out of each row, from a place of its own on.

    Example:
        >>> cut(np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1], [0]]), 2).tolist()
        [[2, 3], [4, 5]]
    """
    found: NDArray[Any] = sliding_window_view(rows, size, axis=1)[
        np.arange(len(rows)), starts[:, 0]
    ]
    return found
