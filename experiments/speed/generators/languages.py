"""The tasks of formal languages."""

from collections.abc import Iterator
from random import Random

from experiments.speed.generators.sample import Sample

from seqlearn.splits import UNSCORED
from seqlearn.tasks import AnBn, AnBnCn, BinaryAddSerial, Reber
from seqlearn.tasks.reber import INNER, SYMBOLS


def anbn(data: AnBn, chance: Random) -> Iterator[Sample]:
    kinds = len(data.letters)
    while True:
        n = chance.randint(1, data.n)
        shown, legal = [0], [[1] + [0] * kinds]
        for letter in range(kinds):
            for k in range(n):
                following = letter if k < n - 1 else letter + 1
                shown.append(letter + 1)
                legal.append([int(other == following) for other in range(kinds + 1)])
                if letter == 0:
                    legal[-1][:2] = 1, 1
        missing = kinds * (data.n - n)
        padding = [[UNSCORED] * (kinds + 1)] * missing
        yield shown + [0] * missing, legal + padding, len(shown)


def anbncn(data: AnBnCn, chance: Random) -> Iterator[Sample]:
    yield from anbn(data, chance)


def binary_add_serial(data: BinaryAddSerial, chance: Random) -> Iterator[Sample]:
    while True:
        tokens = chance.randint(3, data.tokens)
        n = chance.randint(1, tokens - 2)
        m = tokens - 1 - n
        a, b = chance.getrandbits(n), chance.getrandbits(m)
        total = [*map(int, reversed(f"{a + b:b}"))]
        first, second = (
            [number >> k & 1 for k in range(size)] for number, size in ((a, n), (b, m))
        )
        shown = [*first, 2, *second] + [3] * (2 * data.tokens - tokens)
        said = [UNSCORED] * tokens + total + [2]
        yield shown, said + [UNSCORED] * (2 * data.tokens - len(said)), len(said)


def reber(data: Reber, chance: Random) -> Iterator[Sample]:
    """Draw again what is too long."""
    codes = {symbol: code for code, symbol in enumerate(SYMBOLS)}
    while True:
        outer, state = chance.choice("TP"), 0
        string, following = f"B{outer}", ["TP", "B"]
        while state < len(INNER):
            symbol, state = chance.choice([*INNER[state].items()])
            string += symbol
            following.append("".join(INNER[state]) if state < len(INNER) else outer)
        string += outer
        following.append("E")
        missing = data.symbols - 1 - len(string)
        if missing < 0:
            continue
        shown = [codes[symbol] for symbol in string] + [0] * missing
        legal = [[int(symbol in ways) for symbol in SYMBOLS] for ways in following]
        yield shown, legal + [[UNSCORED] * len(SYMBOLS)] * missing, len(string)
