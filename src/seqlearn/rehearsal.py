"""What would fail only when training is under way, tried before a run leaves a trace."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import nn

from seqlearn.data import SequenceDataModule
from seqlearn.errors import LIBRARIES, is_own_bug
from seqlearn.limits import require_memory
from seqlearn.loaders import EVALUATED_AT_ONCE
from seqlearn.modules import SequenceModule

WHILE_TRAINED = 3
"""Memory that a backward pass takes, as a multiple of the states and outputs: a rough guess."""


def rehearse(verb: str, model: SequenceModule, data: SequenceDataModule, trainer: Trainer) -> None:
    """Draw what a verb begins with, and try what a fit will do, without a trace in the network.

    Raises:
        ValueError: If it would fail; the message names the argument.
    """
    data.prepare_data()
    data.setup(verb)
    if verb != "fit":
        return
    require_baselines(data)
    require_batches(data, trainer)
    require_room(model, data)
    scheduler = try_optimizer(model, steps(data, trainer))
    require_monitors(model, data, trainer, scheduler)


def require_baselines(data: SequenceDataModule) -> None:
    """Refuse baselines that no result could be set beside."""
    found = data.baselines()
    numbers = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in numbers):
        kind = type(data).__name__
        raise ValueError(f"`baselines` of {kind} must give finite numbers by name, got {found!r}.")


def require_batches(data: SequenceDataModule, trainer: Trainer) -> None:
    """Refuse a share of the batches that is none, and an epoch that is never validated."""
    counts = {"train": len(data.train_dataloader()), "val": len(data.val_dataloader())}
    counts["test"] = min(map(len, data.test_dataloader()))
    for split, count in counts.items():
        limit = getattr(trainer, f"limit_{split}_batches")
        counts[split] = int(limit * count) if isinstance(limit, float) else min(limit, count)
        if limit and not counts[split]:
            raise ValueError(
                f"argument --trainer.limit_{split}_batches: must be at least {1 / count:.2g}, "
                f"one of {count} batches, got {limit}"
            )
    interval = getattr(trainer, "val_check_interval", None)  # not there if it is a time
    by_epoch = trainer.check_val_every_n_epoch is not None and counts["val"]
    if by_epoch and isinstance(interval, int) and interval > counts["train"]:
        raise ValueError(
            "argument --trainer.val_check_interval: with --trainer.check_val_every_n_epoch it must "
            f"be at most the batches of an epoch, {counts['train']}, got {interval}"
        )


def require_room(model: SequenceModule, data: SequenceDataModule) -> None:
    """Refuse batches whose states do not go into the memory."""
    width = model.input_size + model.output_size + model.hidden_size * model.num_layers
    size = data.batch_size
    lengths = {None: size * WHILE_TRAINED, max(data.curve): size * EVALUATED_AT_ONCE}
    for length, count in lengths.items():
        example = data.dataset("test" if length else "train", length)[0]
        longest = max(field.shape[0] for field in example if field.ndim)
        what = f"`batch_size` {size} of length {length or data.length} with `hidden_size` "
        require_memory(f"{what}{model.hidden_size}", 4.0 * count * longest * width)


def steps(data: SequenceDataModule, trainer: Trainer) -> float:
    """Count the steps that a fit will take, as far as it is told."""
    if trainer.max_steps > 0:
        return trainer.max_steps
    epochs = trainer.max_epochs or -1
    return max(0, epochs) * len(data.train_dataloader()) // trainer.accumulate_grad_batches


def try_optimizer(model: SequenceModule, count: float) -> Any:
    """Let the optimizer and its scheduler take a step, on a copy of the weights without gradient.

    Returns:
        The scheduler, or None.
    """
    if not model.optimizer:
        return None
    scratch = [nn.Parameter(weight.detach().clone()) for weight in model.parameters()]
    for weight in scratch:
        weight.grad = torch.zeros_like(weight)
    with about("optimizer"):
        optimizer = model.optimizer(scratch)
        optimizer.step(lambda: 0.0)
    if not model.lr_scheduler:
        return None
    with about("lr_scheduler"):
        scheduler = model.lr_scheduler(optimizer)
        optimizer.step(lambda: 0.0)  # a scheduler warns if it is the first
        scheduler.step(*[0.0] if hasattr(scheduler, "monitor") else [])  # type: ignore[arg-type]
    if (total := getattr(scheduler, "total_steps", count)) < count:
        raise ValueError(
            f"argument --lr_scheduler.total_steps: must be at least the steps of the run, {count}, "
            f"got {total}"
        )
    return scheduler


@contextmanager
def about(argument: str) -> Iterator[None]:
    """Say which argument an error is about, unless it is a bug in the user's own code."""
    try:
        yield
    except Exception as error:  # whatever it is, it would come again in training
        if is_own_bug(error):
            raise
        raise ValueError(f"argument --{argument}: {error}") from error


def require_monitors(
    model: SequenceModule, data: SequenceDataModule, trainer: Trainer, scheduler: Any
) -> None:
    """Refuse to wait for a metric that nobody logs; what the user's own classes log is unknown."""
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # set late
    if any(package(part) not in LIBRARIES for part in (model, *callbacks)):
        return
    goals = {name: torch.ones(()) for name in model.objective.goals}
    validated = [f"val/{name}" for name in model.objective.derive(goals, data.optimum(None))]
    watchers: list[tuple[str, Any]] = [("trainer.callbacks", each) for each in callbacks]
    for argument, watcher in [*watchers, ("lr_scheduler", scheduler)]:
        # Without a validation callbacks are not asked, a scheduler is.
        asked = trainer.limit_val_batches or watcher is not scheduler
        names = ["train/loss", *(validated if asked else [])]
        monitor = getattr(watcher, "monitor", None)
        if monitor is not None and monitor not in names:
            raise ValueError(
                f"argument --{argument}: {type(watcher).__name__} needs a `monitor` of "
                f"{', '.join(names)}, got {monitor!r}"
            )


def package(part: object) -> str:
    """Name the package that an object's class is of."""
    return type(part).__module__.partition(".")[0]
