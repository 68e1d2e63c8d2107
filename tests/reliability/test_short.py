"""The short form: a few of each kind. ``python -m tests.reliability`` tries them all."""

import random
from collections.abc import Sequence
from functools import partial

import pytest
from tests.reliability import canaries, devices, external, interruptions, loads, saves
from tests.reliability.case import Case

CHANCE = random.Random(0)
INTERRUPTIONS = [*interruptions.cases()]


def of(cases: Sequence[Case], group: str, count: int) -> list[Case]:
    """Draw some of a group."""
    return CHANCE.sample([case for case in cases if case.group.startswith(group)], count)


CANARIES = ("StockSetting", "without reseed", "without a checksum")
SHORT = [
    *(
        case
        for kind in interruptions.KINDS
        for case in of(INTERRUPTIONS, f"struck once: {kind}", 1)
    ),
    *of(INTERRUPTIONS, "struck twice", 2),
    *of([*saves.cases()], "saves: killed", 4),
    *of([*saves.cases()], "saves: a disk that is full", 1),
    *of([*saves.cases()], "saves: a disk that is read-only", 1),
    *(case for case in canaries.cases() if case.label in CANARIES),
    [*devices.cases()][1],  # two processes like one, to the last digits of 64 bits
    Case("external: a signal at any moment", partial(external.struck, 1, 3, 1)),
]


@pytest.mark.parametrize("case", SHORT, ids=lambda case: f"{case.group}, {case.label}")
def test_nothing_is_lost(case):
    wrong = case.work()
    if wrong is None:
        pytest.skip("it did not come about: too late for the blow, or no right to mount a disk")
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("group", ["devices: stopped on two", "devices: NaN on one"])
def test_nothing_is_lost_on_two_devices(group):
    (case,) = of([*devices.cases()], group, 1)
    assert not case.work()


@pytest.mark.parametrize("group", sorted({case.group for case in loads.cases()}))
def test_no_damaged_checkpoint_is_loaded(group):
    for case in loads.cases():
        if case.group == group:
            assert not case.work(), case.label
