"""The embedded Reber grammar."""

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import UNSCORED, SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG

SYMBOLS = "BTPSXVE"
INNER: tuple[dict[str, int], ...] = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
"""For each state of the inner grammar which symbols may come next, and the state after each."""
T, P = 2, 2 + len(INNER) + 1
"""Where the states of the inner grammar begin, by the outer symbol that they keep."""
LAST = P + len(INNER) + 1


def kept(outer: str, first: int) -> list[dict[str, int]]:
    """Give the inner grammar with states from ``first`` on, and the outer symbol after it."""
    states = [{symbol: first + state for symbol, state in ways.items()} for ways in INNER]
    return [*states, {outer: LAST}]


WAYS = ({"B": 1}, {"T": T, "P": P}, *kept("T", T), *kept("P", P), {"E": LAST + 1})
"""The embedded grammar likewise; one state more is the end."""
NEXT = np.array([[*ways.values()] * (3 - len(ways)) for ways in WAYS] + [[LAST + 1] * 2])
"""The two states that follow each, the same twice where there is one way: ``(states, 2)``."""
SAID = np.array([[SYMBOLS.index(s) for s in ways] * (3 - len(ways)) for ways in WAYS] + [[0, 0]])
"""The symbols on these ways."""
LEGAL = np.array([[s in ways for s in SYMBOLS] for ways in WAYS] + [[UNSCORED] * len(SYMBOLS)])
"""What may come next in each state: ``(states, symbols)``."""


@dataclass(kw_only=True, eq=False)
class Reber(SequenceDataModule):
    """Say what may come next in a string of the embedded Reber grammar.

    ::

        string    B   T   B   P   V   P   S   E   T            and E
        next      TP  B   TP  TV  PV  SX  E   T   E

        inner grammar, by state:    0 B 1    1 T 2    2 S 2    2 X 4    4 S 6    4 X 3    6 E
                                             1 P 3    3 T 3    3 V 5    5 V 6    5 P 4

    A string is B, then T or P, then a string of the inner grammar, then the same T or P again, then
    E. Inside, the last two symbols tell what may come next. The one before the end is the outer T
    or P, that stands at the beginning, and nothing after it gives it away: this is what memory is
    for. A network that does not keep it says both.

    Strings trained on follow the grammar's own law, a fair coin at every fork, among those of at
    most `symbols` symbols; seven in ten have 9 to 12. A test draws by the same law among all
    strings of its length.

    Shapes:
        inputs ``(B, T)`` int64: B, T, P, S, X, V, E as 0 to 6 (the modules make them one-hot), all
        of a string but the last.
        targets ``(B, T, 7)`` int64: the same, 1 if it may come next; ``-100`` after the end.

    Baseline:
        Exact match of every set: who sees the last symbol only is never right, as after the outer T
        or P comes B at the beginning and E at the end; a coin for the outer symbol, all else right,
        is right in half of the strings. The optimum is 1, at any length.

    Source:
        Cleeremans, Servan-Schreiber & McClelland 1989, "Finite state automata and simple recurrent
        networks", Neural Computation 1(3), and Fahlman 1990, "The recurrent cascade-correlation
        architecture", NIPS 3; the first experiment of Hochreiter & Schmidhuber 1997, "Long
        short-term memory", doi:10.1162/neco.1997.9.8.1735.

    Example:
        >>> inputs, targets, _ = Reber().dataset("test", length=12)[0]
        >>> "".join(SYMBOLS[i] for i in inputs), [SYMBOLS[i] for i in targets[-2].nonzero()]
        ('BPBPVPXVVEP', ['P'])
    """

    mapping: ClassVar[str] = "many-to-many"
    objective: ClassVar[str] = "binary"
    metric: ClassVar[str] = "exact_match"
    goal: ClassVar[float] = 0.99
    generalizes: ClassVar[bool] = False
    measure: ClassVar[str] = "symbols"
    input_size: ClassVar[int] = len(SYMBOLS)
    output_size: ClassVar[int] = len(SYMBOLS)
    vocabulary: ClassVar[str] = SYMBOLS
    min_length: ClassVar[int] = 11  # shorter strings are too few to hold any out
    test_multiples: ClassVar[tuple[int, ...]] = (1, 2, 4)

    symbols: int = 20
    """Symbols of the longest strings to train on; the inner string has four less."""

    def __post_init__(self) -> None:
        """Check the fields."""
        self.require("symbols", self.min_length)
        super().__post_init__()

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Walk through the grammar; at a fork, each way is as likely as to end in time by it."""
        shares = second_ways(length or self.symbols, exact=length is not None)
        chances = rng.uniform(size=len(shares) - 1).T  # the last symbol is not shown
        ways = np.empty(chances.shape, np.int64)  # (T, B)
        state = np.zeros(len(rng), np.int64)
        for step, (share, chance) in enumerate(zip(shares, chances, strict=False)):
            ways[step] = 2 * state + (chance < share[state])
            state = NEXT.take(ways[step])
        states = NEXT.take(ways.T)  # (B, T), after each symbol
        going_on = states <= LAST
        return SequenceBatch(
            inputs=torch.from_numpy(np.where(going_on, SAID.take(ways.T), 0)),
            targets=torch.from_numpy(LEGAL[states]),
            lengths=torch.from_numpy(going_on.sum(axis=1)),
        )

    def baselines(self) -> dict[str, float]:
        """Exact match of who sees the last symbol only, of forgetting the outer one, and of all."""
        return {"last_symbol": 0.0, "coin_for_the_outer": 0.5, "optimum": 1.0}

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """The outer symbol, once it was shown: 1 for P, -1 for T."""
        outer = 2 * (batch.inputs[:, 1:2] == SYMBOLS.index("P")).long() - 1
        known = torch.arange(batch.inputs.shape[1]) > 1
        return {"outer symbol": outer * known}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the string and the sets; the note has the outer symbol."""
        return [
            example._replace(note=f"outer {example.input[1]}")
            for example in plainly(self, batch, predictions)
        ]


@lru_cache(maxsize=8)
def second_ways(length: int, exact: bool) -> NDArray[np.float64]:
    """Give the chance of the second way at each of ``length`` steps: ``(steps, states)``.

    Without conditions it is a half. A way is the likelier, the likelier the string is to end in
    time by it.

    Args:
        length: Symbols of the string.
        exact: Whether it has so many, or at most so many.
    """
    ends = np.zeros(len(NEXT))
    ends[-1] = 1
    shares = []
    for _ in range(length):
        chances = ends[NEXT] / 2  # to end in time by each way
        total = chances.sum(axis=1)
        shares.append(np.divide(chances[:, 1], total, out=np.zeros_like(total), where=total > 0))
        ends = total
        if exact:
            ends[-1] = 0
            ends /= ends.max() or 1  # only how they compare counts, and they would get too small
    return np.array(shares[::-1])
