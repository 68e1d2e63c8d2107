"""The language of as many a as b as c."""

from dataclasses import dataclass
from typing import ClassVar

from seqlearn.tasks.anbn import AnBn


@dataclass(kw_only=True, eq=False)
class AnBnCn(AnBn):
    """Say what may come next in a string of n times a, then b, then c.

    ::

        string    S   a   a   b   b   c   c          n = 2
        next      a   ab  ab  b   c   c   T          T: here it ends

    As in `anbn`, with one count more: while the count of a is used up by b, that of b must grow for
    c. One stack is not enough for this language, as what it counted is gone once it is used; two
    counters are. With the preset an LSTM accepts all strings trained on, and a few beyond: up to an
    n of 13 to 20.

    Shapes:
        inputs ``(B, T)`` int64: S, a, b, c as 0 to 3, of ``3 * n + 1`` steps (the modules make them
        one-hot).
        targets ``(B, T, 4)`` int64: a, b, c and T, 1 if it may come next; ``-100`` after the end.

    Baseline:
        Exact match of every set: who knows the order of the letters and does not count is right in
        no string. The optimum is 1, at any n.

    Source:
        Gers & Schmidhuber 2001, "LSTM recurrent networks learn simple context-free and
        context-sensitive languages", doi:10.1109/72.963769, whose cells have peepholes.

    Example:
        >>> inputs, targets, length = AnBnCn().dataset("test", length=1)[0]
        >>> inputs.tolist(), targets.tolist()
        ([0, 1, 2, 3], [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    """

    letters: ClassVar[str] = "abc"
