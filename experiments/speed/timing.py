"""Times taken in turns, so that what else a machine does falls on all of them alike."""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

Row = dict[str, object]
"""A line of a table: what stands in each column."""


class Spread(NamedTuple):
    """The median of some figures, with the least and the most of them."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        """The median first."""
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"


def spread(figures: Iterable[float]) -> Spread:
    """Sum up what varies."""
    values = sorted(figures)
    return Spread(statistics.median(values), values[0], values[-1])


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Divide what was measured in the same round: a slow minute slows both."""
    return spread(a / b for a, b in zip(ours, theirs, strict=True))


def in_turns(things: Mapping[str, Callable[[], object]], rounds: int = 9) -> dict[str, list[float]]:
    """Time each thing once a round, in seconds; every other round in reverse order.

    Before the first round each is run once, not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in things}
    for thing in things.values():
        thing()
    for count in range(rounds):
        order = list(things) if count % 2 == 0 else list(reversed(things))
        for name in order:
            gc.collect()
            started = time.perf_counter()
            things[name]()
            times[name].append(time.perf_counter() - started)
    return times


def many(thing: Callable[[], object], count: int) -> Callable[[], object]:
    """Repeat what is too short to be timed; see `repeats`."""

    def repeated() -> None:
        for _ in range(count):
            thing()

    return repeated


def repeats(thing: Callable[[], object], seconds: float) -> int:
    """Find how often something has to be done to take about so many seconds."""
    thing()  # cold, it would seem to take long
    count = 1
    while True:
        started = time.perf_counter()
        many(thing, count)()
        taken = time.perf_counter() - started
        if taken > seconds / 2:
            return max(1, round(count * seconds / taken))
        count *= 2


def positive(word: str) -> int:
    """Read a count of the command line."""
    try:
        count = int(word)
    except ValueError:
        count = 0
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be an integer of at least 1, got {word}")
    return count
