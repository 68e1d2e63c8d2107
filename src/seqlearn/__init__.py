"""Toy sequence tasks and the recurrent networks that learn them, for PyTorch Lightning."""

from importlib import import_module
from typing import Any

_HOMES = {
    "BinaryAdd": "tasks",
    "Football": "tasks",
    "NextNumber": "tasks",
    "TASKS": "tasks",
    "ManyToMany": "modules",
    "ManyToOne": "modules",
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
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
