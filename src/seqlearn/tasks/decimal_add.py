"""Addition of decimal numbers, characters in and characters out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example
from seqlearn.rng import IndexedRNG, mix

CHARACTERS = "0123456789+ "
CODES = np.array([CHARACTERS.find(chr(point)) for point in range(128)])
"""The number of each character of ASCII."""
MAX_DIGITS = 18
"""Numbers of more digits may add up to more than 64 bits hold."""


@dataclass(kw_only=True, eq=False)
class DecimalAdd(SequenceDataModule):
    """Add two decimal numbers as they are written: 535+61 is 596.

    ::

        query     _ 1 6 + 5 3 5                 _ is a space; a query is read from its end
        sum                      5 9 6 _        first the digit that depends on every carry

    The network learns the sums of the lengths it sees, not how to add: one more digit, and 99
    of 100 are wrong. `binary_add`, where both numbers arrive place by place, is the other story.

    Shapes:
        inputs ``(B, 2 * digits + 1)`` int64: the characters of ``"0123456789+ "`` as 0 to 11.
        targets ``(B, digits + 1)`` int64: likewise; the spaces that fill up are scored too.

    Baseline:
        Exact match of the whole answer, at length n, where the longer number has n digits: guessing
        characters is right in 12^-(n + 1); adding without carries where no place has one, which for
        n = 3 is in 33 % of the sums. The optimum is 1.

    Source:
        Keras, "Sequence to sequence learning for performing number addition", 2015; to read queries
        backwards is from Zaremba & Sutskever 2014, "Learning to execute", arXiv 1410.4615. Numbers
        are drawn as there, of one to `digits` random digits, and no pair occurs both ways round.
        There 99 % of all characters are right after 100 epochs of 50,000 fixed sums, nine tenths of
        which have a number of three digits; here sums are new all the time, and all tested ones do.

    Example:
        >>> query, answer, _ = DecimalAdd().dataset("test", length=3)[0]
        >>> "".join(CHARACTERS[i] for i in query), "".join(CHARACTERS[i] for i in answer)
        ('  376+3', '676 ')
    """

    mapping: ClassVar[str] = "encoder-decoder"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "digits"
    input_size: ClassVar[int] = len(CHARACTERS)
    output_size: ClassVar[int] = len(CHARACTERS)
    vocabulary: ClassVar[str] = CHARACTERS
    max_length: ClassVar[int | None] = MAX_DIGITS
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2)

    digits: int = 3
    """Train on numbers of one to this many digits."""
    reverse: bool = True
    """Read queries from their end, as in the picture."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("digits", 1)
        if self.digits > (most := MAX_DIGITS // 2):
            raise ValueError(f"`digits` must be at most {most}, got {self.digits}.")
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw sums; of a given length, those whose longer number has exactly so many digits."""
        longest = length or self.digits
        pairs = rng.integers(0, 10 ** rng.integers(1, longest + 1, 2), 2)  # (B, 2)
        if length:
            pairs[:, 0] = rng.integers(10 ** (length - 1) if length > 1 else 0, 10**length)
        # Which number comes first is a matter of chance, but the same whenever these two meet: else
        # a sum would be tested that was trained on the other way round.
        pairs.sort(axis=1)
        low, high = pairs.astype(np.uint64).T
        swapped = mix(mix(low) + high) % np.uint64(2) == 1
        pairs[swapped] = pairs[swapped, ::-1]
        room = max(longest, self.digits)  # shorter sums stand as they do in training
        queries = encode([f"{a}+{b}" for a, b in pairs.tolist()], 2 * room + 1)
        return SequenceBatch(
            inputs=torch.from_numpy(queries[:, ::-1].copy() if self.reverse else queries),
            targets=torch.from_numpy(encode([f"{a + b}" for a, b in pairs.tolist()], room + 1)),
            lengths=torch.full((len(rng),), 2 * room + 1),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of guessing characters, of adding without carries, and of adding."""
        # No carry: 55 of 100 pairs of digits, 45 of 90 if the first begins its number; the places
        # that only the longer number has have none.
        leading = 0.5 if self.digits > 1 else 0.55
        places = np.array([0.55] * (self.digits - 1) + [leading])
        return {
            "guess": len(CHARACTERS) ** -(self.digits + 1.0),
            "ignore_carry": float(places.cumprod().mean()),
            "optimum": 1.0,
        }

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show each sum as one writes it; a space in the middle of an answer is _."""
        examples = []
        for query, target, guess in zip(*batch[:2], predictions.argmax(-1), strict=True):
            shown, asked, said = (
                "".join(CHARACTERS[i] for i in row).rstrip().replace(" ", "_")
                for row in (query.flip(0) if self.reverse else query, target, guess)
            )
            examples.append(Example(shown, asked, said, bool((guess == target).all())))
        return examples


def encode(texts: Iterable[str], width: int) -> NDArray[np.int64]:
    """Number the characters of texts, filled up with spaces: ``(B, width)``."""
    joined = "".join(text.ljust(width) for text in texts)
    return CODES[np.frombuffer(joined.encode(), np.uint8)].reshape(-1, width)
