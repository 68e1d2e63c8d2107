import math
import random
from collections import Counter
from itertools import product

import numpy as np
import pytest

from seqlearn import grammar
from seqlearn.grammar import (
    GRAMMAR,
    GRAMMAR_SYMBOLS,
    WORDS,
    entropy_rate,
    expected_length,
    expected_uses,
    forgetful_rate,
    grammar_text,
    sentences,
)

NOUNS, SLEEPING, SEEING = "dog cat bird goat", "run sing sleep", "see hear like"


class Reader:
    """Read a sentence from left to right, by rules written down apart from the package's table.

    `chance` is the probability of the sentence, `waited` how many verbs had to remember the number
    of their noun while another noun came with its own verb.
    """

    def __init__(self, sentence):
        assert sentence.endswith(".\n")
        self.words = sentence.removesuffix(".\n").split(" ")
        self.chance, self.waited = 1.0, 0
        plural = self.noun_phrase(subject=True)
        self.chance *= 1 / 2  # of either number
        self.verb_phrase(plural)
        assert not self.words

    def next(self, chance=1.0):
        self.chance *= chance
        return self.words.pop(0)

    def verb(self, plural, kinds):
        verb = self.next(1 / 3)
        assert (verb if plural else verb.removesuffix("s")) in kinds.split()
        assert plural or verb.endswith("s")

    def noun_phrase(self, subject):
        assert self.next() == "the"
        noun = self.next(1 / 4)
        plural = noun.endswith("s")
        assert noun.removesuffix("s") in NOUNS.split()
        if self.words[:1] != ["that"]:
            self.chance *= 0.5
        elif self.next() and self.words[0] == "the":
            self.chance *= 0.2
            inner = self.noun_phrase(subject=True)
            self.verb(inner, SEEING)
            self.waited += subject
        else:
            self.chance *= 0.1
            self.verb_phrase(plural)
        return plural

    def verb_phrase(self, plural):
        if self.words[0].removesuffix("s") in SLEEPING.split():
            self.chance *= 1 / 2
            self.verb(plural, SLEEPING)
        else:
            self.verb(plural, SEEING)
            self.chance *= 1 / 4
            self.noun_phrase(subject=False)


@pytest.fixture(scope="module")
def lines():
    return grammar_text(7, 1_000_000).splitlines(keepends=True)[:-1]


@pytest.fixture(scope="module")
def readers(lines):
    return [Reader(line) for line in lines]  # fails if one is not of the grammar


@pytest.mark.parametrize(
    "wrong",
    [
        "the dog run.\n",
        "the dogs that the cat that the birds see likes runs.\n",
        "the dog that the cat sees.\n",
        "the dog that runs that sings sleeps.\n",
        "the dog runs the cat.\n",
        "the dog sees.\n",
    ],
)
def test_the_reader_of_these_tests_knows_a_mistake(wrong):
    with pytest.raises((AssertionError, IndexError)):
        Reader(wrong)


def test_every_sentence_is_of_the_grammar_and_agrees_in_number(readers):
    assert len(readers) > 20_000
    depth = Counter(reader.waited for reader in readers)
    assert depth[0] > depth[1] > depth[2] > depth[3] > 0


def test_sentences_come_as_often_as_they_should(lines, readers):
    counts = Counter(lines)
    for line, chance in {line: r.chance for line, r in zip(lines, readers, strict=True)}.items():
        if chance * len(lines) > 25:
            deviation = math.sqrt(len(lines) * chance * (1 - chance))
            assert abs(counts[line] - len(lines) * chance) < 5 * deviation
    assert counts["the dogs sleep.\n"] > 150


def assert_mean(values, expected):
    values = np.array(values)
    assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(values))


def test_entropy_rate_is_the_mean_loss_of_the_true_chances(lines, readers):
    # A ratio of two means: the mean of what is left over is zero.
    costs = np.array([-math.log(reader.chance) for reader in readers])
    lengths = np.array([len(line) for line in lines])
    assert_mean(lengths, expected_length())
    assert_mean(costs - entropy_rate() * lengths, 0)
    assert costs.sum() / lengths.sum() == pytest.approx(entropy_rate(), rel=0.005)


def test_forgetful_rate_adds_a_coin_toss_for_each_number_forgotten(lines, readers):
    losses = [-math.log(reader.chance) + reader.waited * math.log(2) for reader in readers]
    lengths = [len(line) for line in lines]
    assert_mean(np.array(losses) - forgetful_rate() * np.array(lengths), 0)
    assert forgetful_rate() > 1.04 * entropy_rate()


def limited(depth, words=None):
    """The grammar with noun phrases inside each other ``depth`` deep at most: finitely many.

    Each name comes once for each depth. Words may be fewer, and have other chances.
    """
    rules = {}
    for level in range(depth + 1):
        inside = {name: f"{name}{level + (name in ('ONE', 'MANY'))}" for name in GRAMMAR}
        for name, choices in GRAMMAR.items():
            if name in ("ONE", "MANY") and level == depth:
                choices = [(1.0, choices[0][1])]
            elif words and choices[0][1] in WORDS:
                choices = [(p, text) for p, (_, text) in zip(words, choices, strict=False)]
            rules[f"{name}{level}"] = [
                (p, " ".join(inside.get(piece, piece) for piece in text.split()))
                for p, text in choices
            ]
    return rules


def derivations(rules, name):
    """Every way to replace a name, as pairs of probability and text."""
    if name not in rules:
        return [(1.0, name)]
    return [
        (p * math.prod(q for q, _ in parts), " ".join(words for _, words in parts))
        for p, text in rules[name]
        for parts in product(*(derivations(rules, piece) for piece in text.split()))
    ]


def test_sentences_have_one_derivation_each_and_the_entropy_that_is_claimed():
    rules = limited(2, words=(0.7, 0.3))
    chances = Counter()
    made = derivations(rules, "SENTENCE0")
    for chance, text in made:
        chances[text + ".\n"] += chance
    assert len(made) == len(chances) > 10_000
    assert sum(chances.values()) == pytest.approx(1, abs=1e-12)
    length = sum(chance * len(text) for text, chance in chances.items())
    entropy = -sum(chance * math.log(chance) for chance in chances.values())
    assert expected_length(rules) == pytest.approx(length, rel=1e-12)
    assert entropy_rate(rules) == pytest.approx(entropy / length, rel=1e-12)
    assert all(Reader(text) for text in list(chances)[::10])


def test_deeper_and_deeper_grammars_come_to_the_whole_one():
    errors = [abs(entropy_rate(limited(depth)) - entropy_rate()) for depth in (5, 10, 20)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert errors[2] < 1e-6


def test_a_geometric_number_of_words_has_its_closed_form():
    rules = {"S": [(0.75, "ab"), (0.25, "ab S")]}
    assert expected_uses(rules) == pytest.approx({"S": 4 / 3})
    coin = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert entropy_rate(rules) == pytest.approx(4 / 3 * coin / (3 * 4 / 3 + 1))


def test_choices_of_the_table_are_probabilities():
    for choices in GRAMMAR.values():
        assert sum(p for p, _ in choices) == pytest.approx(1, abs=1e-15)
        assert all(p > 0 for p, _ in choices)


def test_a_longer_text_starts_with_the_shorter_one():
    whole = grammar_text(3, 200_000)
    for size in (1, 2, 1000, 99_999, 200_000):
        assert grammar_text(3, size) == whole[:size]


def test_a_sentence_depends_on_seed_and_index_alone():
    lines = grammar_text(3, 100_000).splitlines(keepends=True)
    np.random.seed(1), random.seed(1)
    assert sentences(3, [2000, 5, 1023, 1024]) == [lines[i] for i in (2000, 5, 1023, 1024)]


def test_how_much_is_drawn_at_once_does_not_matter(monkeypatch):
    whole = grammar_text(3, 20_000)
    monkeypatch.setattr(grammar, "AT_ONCE", 7)
    monkeypatch.setattr(grammar, "AHEAD", 1)
    assert grammar_text(3, 20_000) == whole


@pytest.mark.parametrize("seed", [-1, 1, 2**70])
def test_other_seeds_give_other_texts(seed):
    assert grammar_text(seed, 1000) != grammar_text(0, 1000)


def test_the_symbols_are_those_of_the_text_in_order():
    assert GRAMMAR_SYMBOLS == "".join(sorted(set(grammar_text(0, 100_000))))
    assert GRAMMAR_SYMBOLS.isascii() and GRAMMAR_SYMBOLS == GRAMMAR_SYMBOLS.lower()


def test_a_text_without_characters_is_refused():
    with pytest.raises(ValueError, match="`size` must be at least 1, got 0"):
        grammar_text(0, 0)
