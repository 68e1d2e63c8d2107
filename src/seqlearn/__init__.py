"""Toy sequence tasks and the recurrent networks that learn them, for PyTorch Lightning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; everyone else gets a name when it is asked for
    from seqlearn.cells import CELLS as CELLS
    from seqlearn.data import SequenceBatch as SequenceBatch
    from seqlearn.data import SequenceDataModule as SequenceDataModule
    from seqlearn.modules import EncoderDecoder as EncoderDecoder
    from seqlearn.modules import ManyToMany as ManyToMany
    from seqlearn.modules import ManyToOne as ManyToOne
    from seqlearn.modules import OneToMany as OneToMany
    from seqlearn.modules import SequenceModule as SequenceModule
    from seqlearn.objectives import OBJECTIVES as OBJECTIVES
    from seqlearn.rng import IndexedRNG as IndexedRNG
    from seqlearn.tasks import ARMA as ARMA
    from seqlearn.tasks import TASKS as TASKS
    from seqlearn.tasks import Alphabet as Alphabet
    from seqlearn.tasks import AnBn as AnBn
    from seqlearn.tasks import AnBnCn as AnBnCn
    from seqlearn.tasks import AssociativeRecall as AssociativeRecall
    from seqlearn.tasks import BinaryAdd as BinaryAdd
    from seqlearn.tasks import BinaryAddSerial as BinaryAddSerial
    from seqlearn.tasks import BouncingBall as BouncingBall
    from seqlearn.tasks import CharLM as CharLM
    from seqlearn.tasks import CopyMemory as CopyMemory
    from seqlearn.tasks import Countdown as Countdown
    from seqlearn.tasks import CycleNav as CycleNav
    from seqlearn.tasks import DecimalAdd as DecimalAdd
    from seqlearn.tasks import Digits as Digits
    from seqlearn.tasks import FirstSymbol as FirstSymbol
    from seqlearn.tasks import Football as Football
    from seqlearn.tasks import ModArith as ModArith
    from seqlearn.tasks import NextNumber as NextNumber
    from seqlearn.tasks import Noise as Noise
    from seqlearn.tasks import Parity as Parity
    from seqlearn.tasks import RandomWalk as RandomWalk
    from seqlearn.tasks import Reber as Reber
    from seqlearn.tasks import Reverse as Reverse
    from seqlearn.tasks import RunningParity as RunningParity
    from seqlearn.tasks import SelectiveCopy as SelectiveCopy
    from seqlearn.tasks import Sunspots as Sunspots
    from seqlearn.tasks import Topic as Topic
    from seqlearn.tasks import Waveform as Waveform

_HOMES = {
    "ARMA": "tasks",
    "Alphabet": "tasks",
    "AnBn": "tasks",
    "AnBnCn": "tasks",
    "AssociativeRecall": "tasks",
    "BinaryAdd": "tasks",
    "BinaryAddSerial": "tasks",
    "BouncingBall": "tasks",
    "CharLM": "tasks",
    "CopyMemory": "tasks",
    "Countdown": "tasks",
    "CycleNav": "tasks",
    "DecimalAdd": "tasks",
    "Digits": "tasks",
    "FirstSymbol": "tasks",
    "Football": "tasks",
    "ModArith": "tasks",
    "NextNumber": "tasks",
    "Noise": "tasks",
    "Parity": "tasks",
    "RandomWalk": "tasks",
    "Reber": "tasks",
    "Reverse": "tasks",
    "RunningParity": "tasks",
    "SelectiveCopy": "tasks",
    "Sunspots": "tasks",
    "Topic": "tasks",
    "Waveform": "tasks",
    "TASKS": "tasks",
    "ManyToMany": "modules",
    "ManyToOne": "modules",
    "OneToMany": "modules",
    "EncoderDecoder": "modules",
    "SequenceModule": "modules",
    "CELLS": "cells",
    "OBJECTIVES": "objectives",
    "IndexedRNG": "rng",
    "SequenceBatch": "data",
    "SequenceDataModule": "data",
}
"""Public names and their modules: looked up when asked for, so that the import costs nothing."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in ("fit", "validate", "test", "predict", "sample", "report", "runs"):
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
