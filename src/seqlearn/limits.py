"""What numbers may be: rules for the command, before torch is imported, and for the classes."""

import math
import os
from argparse import ArgumentTypeError
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqlearn.settings import plain

MOST = 10**6
"""The most that a length or a size may be: no toy is larger."""


@dataclass(frozen=True)
class Rule:
    """What a number may be.

    Attributes:
        least: The least it may be.
        most: The most it may be.
        kind: ``"integer"``, ``"number"``, ``"positive"``: a number above the least, or ``"share"``:
            an integer, or a part of 1.
        besides: Values that may be as well.
        alone: Whether it must be a number; else values of other kinds are not looked at.
        optional: Whether it may be None.
    """

    least: float
    most: float = math.inf
    kind: str = "integer"
    besides: tuple[Any, ...] = ()
    alone: bool = True
    optional: bool = True

    def __call__(self, word: str) -> Any:
        """Read a word of the command line: a rule is a type for ``argparse``."""
        value = plain(word)
        if error := self.broken(value):
            raise ArgumentTypeError(f"{error}, got {word}")
        return value

    def broken(self, value: Any) -> str | None:
        """Say what the rule asks for, if this value is not it."""
        if value is None and self.optional:
            return None
        if error := endless(value):
            return error
        also = "".join(f", or {other}" for other in self.besides)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (number and value in self.besides) or not (number or self.alone):
            return None
        if not number or (self.kind == "integer" and not isinstance(value, int)):
            return f"must be {'an integer' if self.kind == 'integer' else 'a number'}{also}"
        if self.kind == "share" and not isinstance(value, int) and value < 1:
            return None if 0 < value else "must be above 0"
        if self.kind == "positive" and value <= self.least:
            return f"must be above {self.least}{also}"
        if not value >= self.least:  # nor is NaN
            return f"must be at least {self.least}{also}"
        return f"must be at most {self.most}{also}" if value > self.most else None


SIZE = Rule(1, MOST)
COUNT = Rule(1, 10**7)
STEPS = Rule(1, 10**9)
ENDLESS = Rule(1, 10**9, besides=(-1,))
SHARE = Rule(1, 10**9, "share", alone=False)
SHARE_OR_NONE = Rule(0, 10**9, "share", alone=False)

RULES = {
    "seed_everything": Rule(0, 2**32 - 1, optional=False),
    "save_every": STEPS,
    "trainer.num_nodes": Rule(1, 10**4, optional=False),
    "trainer.devices": Rule(1, 10**4, besides=(-1,), alone=False),
    "trainer.max_steps": ENDLESS,
    "trainer.max_epochs": ENDLESS,
    "trainer.min_steps": STEPS,
    "trainer.min_epochs": STEPS,
    "trainer.limit_train_batches": SHARE,
    "trainer.limit_val_batches": SHARE_OR_NONE,
    "trainer.limit_test_batches": SHARE_OR_NONE,
    "trainer.limit_predict_batches": SHARE_OR_NONE,
    "trainer.fast_dev_run": Rule(0, 10**9, alone=False),
    "trainer.val_check_interval": Rule(1, 10**9, "share", alone=False),
    "trainer.check_val_every_n_epoch": STEPS,
    "trainer.num_sanity_val_steps": Rule(0, 10**9, besides=(-1,)),
    "trainer.log_every_n_steps": Rule(0, 10**9),
    "trainer.accumulate_grad_batches": STEPS,
    "trainer.gradient_clip_val": Rule(0, kind="positive"),
    "trainer.reload_dataloaders_every_n_epochs": Rule(0, 10**9),
    "data.batch_size": SIZE,
    "data.train_size": STEPS,
    "data.train_limit": COUNT,
    "data.val_size": COUNT,
    "data.test_size": COUNT,
    "model.hidden_size": SIZE,
    "model.num_layers": Rule(1, 1000),
    "optimizer.lr": Rule(0, kind="number"),
    "lr_scheduler.step_size": STEPS,
    "lr_scheduler.T_max": STEPS,
    "lr_scheduler.total_steps": STEPS,
}
"""The rules of the arguments that every task has, by their names in the command."""

FINITE = ("data", "model", "optimizer", "lr_scheduler")
"""Groups of arguments in which no number may be infinite, or none."""

INSTEAD = {
    "trainer.overfit_batches": "has no effect where every batch is drawn anew; "
    "use --data.train_limit, the number of sequences to train on",
    "trainer.barebones": "leaves out what a run is made of; "
    "use --trainer.logger false and --trainer.enable_progress_bar false",
}
"""Arguments of the Trainer that do not go with a run, and what does."""


def refusal(settings: Mapping[str, Any]) -> str | None:
    """Say which of these settings, given by their dotted names, cannot be meant, or None."""
    for name, value in settings.items():
        if name in INSTEAD and value:
            return f"argument --{name}: {INSTEAD[name]}, got {value}"
        if name in RULES:
            error = RULES[name].broken(value)
        else:
            error = endless(value) if name.partition(".")[0] in FINITE else None
        if error:
            return f"argument --{name}: {error}, got {shown(value)}"
        if name == "trainer.strategy" and isinstance(value, str):
            if any(word in value for word in ("spawn", "fork", "notebook")):
                return (
                    "argument --trainer.strategy: processes that are copies of this one cannot "
                    f"hand back the steps and results of a run; use ddp, got {value!r}"
                )
    return None


def endless(value: Any) -> str | None:
    """Refuse what is infinite or not a number, as deep as it may lie."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(filter(None, map(endless, value)), None)
    infinite = isinstance(value, float) and not math.isfinite(value)
    return "must be finite" if infinite else None


def shown(value: Any) -> str:
    """Show a value in a message; long ones in part."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def memory() -> float:
    """Tell how many bytes of memory this machine has; infinity where that cannot be told."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # not on every system
        return math.inf


def require_memory(what: str, size: float) -> None:
    """Refuse what takes more memory than this machine has.

    Args:
        what: What takes it, and which argument decides how much.
        size: The bytes it takes.

    Raises:
        ValueError: If there are not so many.
    """
    if size > (most := memory()):
        raise ValueError(
            f"{what} would take about {size / 1e9:.0f} GB of memory; "
            f"this machine has {most / 1e9:.0f} GB."
        )
