"""The alphabet, recited from any letter on."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.rng import IndexedRNG

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(kw_only=True, eq=False)
class Alphabet(SequenceDataModule):
    """Recite the alphabet from any letter on.

    ::

        letter    w  x  y  z  a  b
        next      x  y  z  a  b  c

    One recitation from each letter is the whole world, so all are used to train, to validate and to
    test. Longer tests go around several times. At test the network also recites alone: it is shown
    one letter, then reads its own answers (`rollout_exact_match`).

    Shapes:
        inputs ``(B, T)`` int64: a to z as 0 to 25 (the modules make them one-hot).
        targets ``(B, T)`` int64: the next letter; ``-100`` after the end, if it does not wrap.

    Baseline:
        Exact match of all letters: who stops at the end of the alphabet is right only where there
        is no need to go around. The optimum is 1, and needs no memory, as each letter names the
        next: this is a lesson in feeding answers back.

    Source:
        A classroom example.

    Example:
        >>> inputs, targets, _ = Alphabet(letters=4).dataset("test")[24]
        >>> "".join(LETTERS[i] for i in inputs), "".join(LETTERS[i] for i in targets)
        ('yzab', 'zabc')
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 1.0
    measure: ClassVar[str] = "letters"
    input_size: ClassVar[int] = len(LETTERS)
    output_size: ClassVar[int] = len(LETTERS)
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)
    held_out: ClassVar[bool] = False
    given: ClassVar[int] = 1
    vocabulary: ClassVar[str] = LETTERS

    letters: int = 25
    """Letters to recite in training after the first."""
    direction: Literal["forward", "backward"] = "forward"
    """From a to z, or from z to a."""
    wrap: bool = True
    """Go on from the other end of the alphabet; else a recitation stops at the end."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("letters", 1)
        if self.direction not in ("forward", "backward"):
            raise ValueError(f"`direction` must be forward or backward, got {self.direction!r}.")
        if not self.wrap:
            if self.test_lengths is None:
                self.test_lengths = (self.letters,)  # longer recitations are no longer
            for name, most in (
                ("letters", self.letters),
                ("test_lengths", max(self.test_lengths, default=1)),
            ):
                if most >= len(LETTERS):
                    raise ValueError(f"`{name}` must be at most 25 if not `wrap`, got {most}.")
        super().__post_init__()

    def population(self, split: str, length: int | None) -> int:
        """One recitation from each letter; if not `wrap`, nothing follows the last."""
        return len(LETTERS) if self.wrap else len(LETTERS) - 1

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Recite from the letters of these numbers, counted in the order of reciting."""
        steps = length or self.letters
        starts = rng.indices.astype(np.int64)
        places = (starts[:, None] + np.arange(steps + 1)) % len(LETTERS)
        letters = places if self.direction == "forward" else len(LETTERS) - 1 - places
        lengths = self._asked(starts, steps)
        asked = np.arange(steps) < lengths[:, None]  # (B, T)
        return SequenceBatch(
            inputs=torch.from_numpy(letters[:, :-1].copy()),
            targets=torch.from_numpy(np.where(asked, letters[:, 1:], UNSCORED)),
            lengths=torch.from_numpy(lengths),
        )

    def _asked(self, starts: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
        """How many letters are asked for after those of these numbers."""
        return np.minimum(steps, np.where(self.wrap, steps, len(LETTERS) - 1 - starts))

    def baselines(self) -> dict[str, float]:
        """Exact match of stopping at the end of the alphabet, of no memory, and the best."""
        starts = np.arange(self.population("test", None))
        asked = self._asked(starts, self.letters)
        return {
            "stop_at_the_end": float(np.mean(starts + asked < len(LETTERS))),
            "no_memory": 1.0,
            "optimum": 1.0,
        }
