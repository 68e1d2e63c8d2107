"""The sum of two binary numbers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, mark
from seqlearn.rng import IndexedRNG

Bits = NDArray[np.uint8]

MOST_IN_DECIMAL = 10_000
"""Bits of a number; Python refuses to write more than 4300 digits."""


@dataclass(kw_only=True, eq=False)
class BinaryAdd(SequenceDataModule):
    """Add two binary numbers, least significant bit first.

    ::

        a       1 1 0 1 0       11     each step shows one bit of either number,
        b       1 0 0 0 0      + 1     the last one none, for the carry
        sum     0 0 1 1 0     = 12

    Shapes:
        inputs ``(B, T, 2)`` float32: the bits a, b; ``T`` is the number of bits plus one.
        targets ``(B, T, 1)`` int64: the bit of the sum; ``-100`` beyond the end of a shorter pair.

    Baseline:
        Exact match of all bits: ignoring the carry is right when there is none, in (3/4)^bits of
        the sums; a coin in 2^-(bits + 1); the optimum is 1, at any length, as the carry is one bit.

    Source:
        The lesson is folklore; a scored protocol is that of Delétang et al. 2023, "Neural networks
        and the Chomsky hierarchy", arXiv 2207.02098, who show one number after the other: a harder
        task. Here both are shown at once, and two states of memory suffice.

    Example:
        >>> inputs, targets, lengths = BinaryAdd(bits=4).dataset("test", length=4)[0]
        >>> (inputs.T @ 2.0 ** torch.arange(5)).tolist()
        [5.0, 2.0]
        >>> (targets.T @ 2 ** torch.arange(5)).tolist(), lengths.item()
        ([7], 5)
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "binary"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 1.0
    measure: ClassVar[str] = "bits"
    input_size: ClassVar[int] = 2
    output_size: ClassVar[int] = 1
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 8, 32, 128)

    bits: int = 8
    """Train on numbers of one to this many bits, long ones more often."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("bits", 1)
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw pairs of numbers of ``length`` bits; if None, the longer of two random lengths."""
        longest = length or self.bits
        # With lengths drawn evenly, two seeds in a hundred learn carries that fade over 1024 bits.
        bits = (
            rng.integers(1, longest + 1, 2).max(axis=1) if not length else np.full(len(rng), length)
        )
        valid = np.arange(longest + 1) <= bits[:, None]  # (B, T), the step of the carry included
        pairs = np.zeros((len(rng), longest + 1, 2), np.uint8)
        both = rng.bits((longest, 2)).view(np.uint16)[:, :, 0]  # to be masked as one, far quicker
        pairs.view(np.uint16)[:, :-1, 0] = both * valid[:, 1:]
        targets = np.where(valid, add(pairs[:, :, 0], pairs[:, :, 1]), np.int64(UNSCORED))
        return SequenceBatch(
            inputs=torch.from_numpy(pairs).float(),
            targets=torch.from_numpy(targets[:, :, None]),
            lengths=torch.from_numpy(bits + 1),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of tossing a coin, ignoring the carry, and adding."""
        return {"coin": 0.5 ** (self.bits + 1), "ignore_carry": 0.75**self.bits, "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The carry into each place."""
        a, b = batch.inputs.numpy().astype(np.uint8).transpose(2, 0, 1)
        return {"carry": torch.from_numpy(a ^ b ^ add(a, b))}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show each sum in decimal; the note has its bits as predicted."""
        examples = []
        for inputs, target, guess, end in zip(
            batch.inputs.long(), batch.targets, predictions > 0.5, batch.lengths, strict=True
        ):
            right, ours = target[:end, 0].tolist(), guess[:end, 0].long().tolist()
            write = str if end < MOST_IN_DECIMAL else hex
            a, b, total, said = (
                write(number(row)) for row in (*inputs[:end].T.tolist(), right, ours)
            )
            bits = mark(*("".join(map(str, reversed(row))) for row in (right, ours)))
            examples.append(Example(f"{a} + {b}", total, said, ours == right, bits))
        return examples


def add(a: Bits, b: Bits) -> Bits:
    """Add rows of bits ``(B, T)``, least significant first, dropping a carry out of the last.

    They are added 64 at a time, as words, each of which passes a carry on to the next.
    """
    count, length = a.shape
    octets = np.zeros((2, count, -(-length // 64) * 8), np.uint8)
    octets[:, :, : -(-length // 8)] = np.packbits([a, b], axis=2, bitorder="little")
    x, y = octets.view("<u8").transpose(0, 2, 1)  # (words, B)
    total = x + y
    carry = total < x
    for k in range(1, len(total)):
        total[k] += carry[k - 1]
        carry[k] |= total[k] < carry[k - 1]
    sums = np.ascontiguousarray(total.T).view(np.uint8)
    return np.unpackbits(sums, axis=1, count=length, bitorder="little")


def number(bits: list[int]) -> int:
    """Read bits, least significant first, as a number of any size."""
    return sum(bit << place for place, bit in enumerate(bits))
