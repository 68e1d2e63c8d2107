"""The tasks of lessons."""

import math
from collections.abc import Iterator
from random import Random

import torch
from experiments.speed.generators.sample import Sample

from seqlearn.splits import UNSCORED
from seqlearn.tasks import (
    ARMA,
    Alphabet,
    BinaryAdd,
    BouncingBall,
    CharLM,
    Countdown,
    DecimalAdd,
    FirstSymbol,
    Football,
    NextNumber,
    Noise,
    RandomWalk,
    Reverse,
    Sunspots,
    Topic,
    Waveform,
)
from seqlearn.tasks.decimal_add import CHARACTERS
from seqlearn.tasks.football import ACTIONS, ATTACKS, OUTCOMES
from seqlearn.tasks.sunspots import ENDS, FIRST, NUMBERS
from seqlearn.tasks.topic import FILLER, NAMES, TOPICS, WORDS
from seqlearn.tasks.waveform import HIGHEST, LOWEST

BURN_IN = 50
"""Values of a series that are left out, until nothing of its start is left."""


def alphabet(data: Alphabet, chance: Random) -> Iterator[Sample]:
    while True:
        start = chance.randrange(26)
        letters = [(start + k) % 26 for k in range(data.letters + 1)]
        yield letters[:-1], letters[1:], data.letters


def arma(data: ARMA, chance: Random) -> Iterator[Sample]:
    while True:
        values, shocks = [0.0] * len(data.ar), [0.0] * len(data.ma)
        for _ in range(BURN_IN + data.steps + 1):
            shock = chance.gauss(0, data.sigma)
            value = shock
            for weight, earlier in zip(data.ar, reversed(values), strict=False):
                value += weight * earlier
            for weight, earlier in zip(data.ma, reversed(shocks), strict=False):
                value += weight * earlier
            values.append(value)
            shocks.append(shock)
        series = [[value / data.scale] for value in values[-data.steps - 1 :]]
        yield series[:-1], series[1:], data.steps


def binary_add(data: BinaryAdd, chance: Random) -> Iterator[Sample]:
    while True:
        bits = max(chance.randint(1, data.bits), chance.randint(1, data.bits))
        a, b = chance.getrandbits(bits), chance.getrandbits(bits)
        inputs, targets = [], []
        for k in range(data.bits + 1):
            inputs.append([float(a >> k & 1), float(b >> k & 1)])
            targets.append([(a + b) >> k & 1 if k <= bits else UNSCORED])
        yield inputs, targets, bits + 1


def bouncing_ball(data: BouncingBall, chance: Random) -> Iterator[Sample]:
    """Without gravity."""
    while True:
        places, speeds = [], []
        for _ in range(data.balls):
            places += [chance.random(), chance.random()]
            speed = chance.uniform(data.slowest, data.fastest)
            angle = chance.uniform(0, 2 * math.pi)
            speeds += [speed * math.cos(angle), speed * math.sin(angle)]
        path = []
        for _ in range(data.steps + 1):
            path.append([place / data.scale - 1 for place in places])
            for k in range(len(places)):
                places[k] += speeds[k]
                if not 0 <= places[k] <= 1:
                    places[k] = -places[k] if places[k] < 0 else 2 - places[k]
                    speeds[k] = -speeds[k]
        unscored = [[math.nan] * len(places)] * (data.min_length - 1)
        yield path[:-1], unscored + path[data.min_length :], data.steps


def char_lm(data: CharLM, chance: Random) -> Iterator[Sample]:
    """Slices of the text from anywhere."""
    text = torch.from_numpy(data.symbols[: data.border])
    while True:
        start = chance.randrange(len(text) - data.steps)
        end = start + data.steps
        yield text[start:end], text[start + 1 : end + 1], data.steps


def countdown(data: Countdown, chance: Random) -> Iterator[Sample]:
    while True:
        number = chance.randint(0, data.start)
        said = [*range(number, -1, -1)] + [UNSCORED] * (data.start - number)
        yield number, said, number + 1


def decimal_add(data: DecimalAdd, chance: Random) -> Iterator[Sample]:
    codes = {character: code for code, character in enumerate(CHARACTERS)}
    width = 2 * data.digits + 1
    while True:
        a, b = (chance.randrange(10 ** chance.randint(1, data.digits)) for _ in range(2))
        query, answer = f"{a}+{b}".ljust(width), f"{a + b}".ljust(data.digits + 1)
        if data.reverse:
            query = query[::-1]
        yield [codes[c] for c in query], [codes[c] for c in answer], width


def first_symbol(data: FirstSymbol, chance: Random) -> Iterator[Sample]:
    while True:
        symbols = [chance.randrange(data.classes) for _ in range(data.steps)]
        yield symbols, symbols[0], data.steps


def football(data: Football, chance: Random) -> Iterator[Sample]:
    while True:
        actions, outcome = chance.choice(ATTACKS)
        yield [ACTIONS.index(action) for action in actions], OUTCOMES.index(outcome), len(actions)


def next_number(data: NextNumber, chance: Random) -> Iterator[Sample]:
    """Of the windows that are trained on."""
    starts = data.dataset("train").members.tolist()
    while True:
        start = chance.choice(starts)
        numbers = [start + k for k in range(data.window + 1)]
        if data.normalize:
            numbers = [number / data.scale - 1 for number in numbers]
        yield [[number] for number in numbers[:-1]], numbers[-1:], data.window


def noise(data: Noise, chance: Random) -> Iterator[Sample]:
    """As many as are trained on, drawn beforehand."""

    def normal(count: int) -> list[float]:
        return [chance.gauss(0, 1) for _ in range(count)]

    known = [
        ([normal(data.features) for _ in range(data.steps)], normal(1))
        for _ in range(data.train_limit or 100)
    ]
    while True:
        yield *chance.choice(known), data.steps


def random_walk(data: RandomWalk, chance: Random) -> Iterator[Sample]:
    while True:
        walk = [[0.0]]
        for _ in range(data.steps):
            walk.append([walk[-1][0] + chance.gauss(0, data.sigma) / data.scale])
        yield walk[:-1], walk[1:], data.steps


def reverse(data: Reverse, chance: Random) -> Iterator[Sample]:
    while True:
        length = max(chance.randint(1, data.letters), chance.randint(1, data.letters))
        letters = [chance.randrange(data.alphabet) for _ in range(length)]
        missing = data.letters - length
        yield letters + [0] * missing, letters[::-1] + [UNSCORED] * missing, length


def sunspots(data: Sunspots, chance: Random) -> Iterator[Sample]:
    numbers = NUMBERS.tolist()
    while True:
        last = chance.randint(data.window, ENDS["train"] - FIRST)
        years = [[number / data.scale] for number in numbers[last - data.window : last + 1]]
        yield years[:-1], years[1:], data.window


def topic(data: Topic, chance: Random) -> Iterator[Sample]:
    codes = {word: code for code, word in enumerate(WORDS)}
    while True:
        name, length = chance.choice(NAMES), chance.randint(data.opening, data.steps)
        words = [chance.choice(FILLER) for _ in range(length)]
        for place in chance.sample(range(data.opening), data.clues):
            words[place] = chance.choice(TOPICS[name])
        shown = [codes[word] for word in words] + [0] * (data.steps - length)
        yield shown, NAMES.index(name), length


def waveform(data: Waveform, chance: Random) -> Iterator[Sample]:
    bounds = list(zip(LOWEST.tolist(), HIGHEST.tolist(), strict=True))
    while True:
        described = [chance.uniform(-1, 1) for _ in bounds]
        frequency, phase, amplitude = (
            least + (most - least) * (share + 1) / 2
            for (least, most), share in zip(bounds, described, strict=True)
        )
        wave = []
        for k in range(data.steps):
            wave.append([amplitude * math.sin(2 * math.pi * frequency * k / data.rate + phase)])
        yield described, wave, data.steps
