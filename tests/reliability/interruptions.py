"""Every batch, signal and place of a blow, single and double, against the undisturbed run."""

import itertools
import random
from collections.abc import Iterator
from functools import partial

from tests.reliability.case import Case
from tests.reliability.trial import BATCHES, KINDS, PLACES, SIGNALS, Blow, Setting, struck

CADENCES = [(5, None), (4, 1), (5, 4), (7, 10)]
"""Batches from validation to validation, steps from save to save: together and not."""


def cases() -> Iterator[Case]:
    """Give all of them."""
    for group, several in (("struck once", singles()), ("struck twice", doubles())):
        for setting, each in several:
            yield Case(f"{group}: {setting}", partial(struck, setting, *each), f"{each}")


def singles() -> Iterator[tuple[Setting, tuple[Blow, ...]]]:
    """One blow: every batch with one kind in three cadences, every fourth with the other kinds."""
    for validated, every in CADENCES[:3]:
        setting = Setting("one epoch", validated, every)
        yield from ((setting, (blow,)) for blow in blows(setting, range(BATCHES + 1)))
    for number, kind in enumerate(KINDS):
        setting = Setting(kind, *CADENCES[number % len(CADENCES)])
        if setting.kind != "one epoch":
            batches = range(number % 4, BATCHES + 1, 4)
            yield from ((setting, (blow,)) for blow in blows(setting, batches))


def blows(setting: Setting, batches: range) -> Iterator[Blow]:
    """Every blow that can meet the run at work."""
    for batch, place, signal in itertools.product(batches, PLACES, SIGNALS):
        validated = batch % setting.validated == 0
        saved = batch == 0 or validated or bool(setting.every and batch % setting.every == 0)
        if {"validation": validated and batch, "save": saved}.get(place, True):
            yield Blow(signal, place, batch)


def doubles(count: int = 68) -> Iterator[tuple[Setting, tuple[Blow, ...]]]:
    """Two blows, the second after the first: so many pairs of every kind, drawn with a seed."""
    chance = random.Random(0)
    for number, kind in enumerate(KINDS):
        setting = Setting(kind, *CADENCES[(number + 1) % len(CADENCES)])
        all_blows = list(blows(setting, range(BATCHES)))
        for _ in range(count):
            pair = sorted(chance.sample(all_blows, 2), key=lambda blow: blow.batch)
            yield setting, tuple(pair)
