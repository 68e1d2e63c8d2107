"""Text drawn from a small grammar, so that its entropy is known exactly."""

import math
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate, count

import numpy as np

from seqlearn.rng import IndexedRNG

Grammar = dict[str, list[tuple[float, str]]]
"""What each name may be replaced by, and how likely: words of the text, and names again.

The first name is the whole sentence. A sentence is its words with spaces between and `END` after.
"""


def even(words: str) -> list[tuple[float, str]]:
    """Make each of these words equally likely."""
    return [(1 / len(words.split()), word) for word in words.split()]


GRAMMAR: Grammar = {
    "SENTENCE": [(0.5, "ONE DOES"), (0.5, "MANY DO")],
    "ONE": [
        (0.5, "the DOG"),
        (0.1, "the DOG that DOES"),
        (0.2, "the DOG that ONE SEES"),
        (0.2, "the DOG that MANY SEE"),
    ],
    "MANY": [
        (0.5, "the DOGS"),
        (0.1, "the DOGS that DO"),
        (0.2, "the DOGS that ONE SEES"),
        (0.2, "the DOGS that MANY SEE"),
    ],
    "DOES": [(0.5, "RUNS"), (0.25, "SEES ONE"), (0.25, "SEES MANY")],
    "DO": [(0.5, "RUN"), (0.25, "SEE ONE"), (0.25, "SEE MANY")],
    "DOG": even("dog cat bird goat"),
    "DOGS": even("dogs cats birds goats"),
    "RUNS": even("runs sings sleeps"),
    "RUN": even("run sing sleep"),
    "SEES": even("sees hears likes"),
    "SEE": even("see hear like"),
}
"""A verb agrees in number with its noun, whatever clauses stand between them.

In ``the dogs that the cat that the birds see likes run`` three nouns wait for their verbs at once,
and nothing near the last verb tells whether it is ``run`` or ``runs``.
"""

END = ".\n"
WORDS = {word for rules in GRAMMAR.values() for _, text in rules for word in text.split()}
WORDS -= GRAMMAR.keys()
GRAMMAR_SYMBOLS = "".join(sorted(set(" ".join(WORDS) + END)))
"""Every character of the text, in order."""

# Where a draw between 0 and 1 falls, and the pieces of that choice, ready for a stack.
LIMITS = {name: list(accumulate(p for p, _ in rules))[:-1] for name, rules in GRAMMAR.items()}
PIECES = {name: [text.split()[::-1] for _, text in rules] for name, rules in GRAMMAR.items()}

AT_ONCE = 1024
"""Sentences drawn in one call."""
AHEAD = 32
"""Choices drawn in one call for each sentence; more follow for those that need them."""


def grammar_text(seed: int, size: int) -> str:
    r"""Draw sentences one after the other, and cut the last one at ``size`` characters.

    A longer text of the same seed starts with the shorter one.

    Args:
        seed: Any integer.
        size: Characters, at least 1.

    Raises:
        ValueError: If ``size`` is below 1.

    Example:
        >>> grammar_text(0, 61)
        'the goats that the cat that runs likes run.\nthe birds see the'
    """
    if size < 1:
        raise ValueError(f"`size` must be at least 1, got {size}.")
    text, drawn = "", 0
    while len(text) < size:
        text += "".join(sentences(seed, range(drawn, drawn + AT_ONCE)))
        drawn += AT_ONCE
    return text[:size]


def sentences(seed: int, indices: Sequence[int]) -> list[str]:
    """Draw the sentences of these indices, each a function of seed and index alone."""
    rng = IndexedRNG(seed, "grammar", indices)
    blocks: list[list[list[float]]] = []  # (blocks, B, AHEAD)

    def draws(row: int) -> Iterator[float]:
        for block in count():
            if block == len(blocks):
                blocks.append(rng.uniform(size=AHEAD).tolist())
            yield from blocks[block][row]

    return [" ".join(derive(draws(row))) + END for row in range(len(indices))]


def derive(draws: Iterator[float]) -> list[str]:
    """Replace names by chance, always the leftmost, until only words are left."""
    words, stack = list[str](), ["SENTENCE"]
    while stack:
        piece = stack.pop()
        if piece in GRAMMAR:
            stack += PIECES[piece][bisect(LIMITS[piece], next(draws))]
        else:
            words.append(piece)
    return words


def expected_uses(grammar: Grammar = GRAMMAR) -> dict[str, float]:
    """Give how often each name is replaced in a sentence, on average.

    Where ``M[a, b]`` is the mean number of names *b* in what replaces *a*, this is the solution of
    ``uses = first + uses @ M``, with *first* one sentence and nothing else.

    Source: Booth & Thompson 1973, "Applying probability measures to abstract languages",
    doi:10.1109/T-C.1973.223746.
    """
    means = [
        [sum(p * text.split().count(name) for p, text in rules) for name in grammar]
        for rules in grammar.values()
    ]
    identity = np.eye(len(grammar))
    uses = np.linalg.solve(identity - np.array(means).T, identity[0])
    return dict(zip(grammar, uses.tolist(), strict=True))


def expected_length(grammar: Grammar = GRAMMAR) -> float:
    """Give the mean number of characters in a sentence; each word counts with the one after it."""
    uses = expected_uses(grammar)
    return 1 + sum(
        uses[name] * p * (len(word) + 1)
        for name, rules in grammar.items()
        for p, text in rules
        for word in text.split()
        if word not in grammar
    )


def entropy_rate(grammar: Grammar = GRAMMAR) -> float:
    """Give the entropy of the text in nats per character, the least mean loss there can be.

    Sentences are independent and end where `END` stands, and each can be made in one way only. So
    the entropy of a sentence is that of its choices, expected uses times the entropy of each, and
    the rate is that over the expected length.

    Source: Soule 1974, "Entropies of probabilistic grammars", Information and Control 25, 57-74.

    Example:
        >>> round(entropy_rate(), 4)
        0.2617
    """
    uses = expected_uses(grammar)
    choices = sum(-uses[name] * p * math.log(p) for name in grammar for p, _ in grammar[name])
    return choices / expected_length(grammar)


def forgetful_rate() -> float:
    """Give the mean loss, in nats per character, of the best reader that forgets numbers.

    It knows the grammar and all it has read, except whether a noun was singular or plural once a
    clause with a noun of its own comes between it and its verb. Both are then equally likely, so
    that this verb costs ln 2 more.

    Example:
        >>> round(forgetful_rate(), 4)
        0.2747
    """
    uses = expected_uses()
    clause = sum(p for p, text in GRAMMAR["ONE"] if text.endswith(("SEES", "SEE")))
    waiting = clause * (1 + clause * (uses["ONE"] + uses["MANY"]))  # of sentences and of clauses
    return entropy_rate() + waiting * math.log(2) / expected_length()
