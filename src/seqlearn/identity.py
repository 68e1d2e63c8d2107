"""What a checkpoint says of the run it is of, and what has to be so for the run to go on."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import lightning
import torch
from lightning.pytorch import Trainer

from seqlearn.settings import flat

FORMAT = 1
"""Of what `describe` gives; a checkpoint of another is not read."""

DECISIVE = ("data", "model", "optimizer", "lr_scheduler", "seed_everything")
"""Of the configuration, what makes a run what it is; the checkpoint's is what would count."""

FREE = ("data.batch_size", "data.test_lengths", "data.test_size")
"""Of these, what may change: the global batch is looked at as a whole, tests come after."""


def describe(task: str, config: Mapping[str, Any], trainer: Trainer) -> dict[str, Any]:
    """Say in plain values, which load with ``weights_only``, what run this is."""
    return {
        "format": FORMAT,
        "version": version("seqlearn-lightning"),
        "task": task,
        "config": dict(config),
        "devices": trainer.world_size,
        "batch": batches(config, trainer.world_size),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "lightning": lightning.__version__,
    }


BATCHES = ("data.batch_size", "trainer.accumulate_grad_batches")
"""What `batches` gives."""


def batches(config: Mapping[str, Any], devices: int) -> list[int]:
    """Give the sequences in a batch on all devices, and the batches in a step."""
    data = config["data"]
    size = data.get("init_args", data).get("batch_size")
    return [size * devices, config["trainer"]["accumulate_grad_batches"]]


def stranger(said: Mapping[str, Any], task: str | None) -> str | None:
    """Say why a checkpoint that says this is none for the task, or None if it is."""
    if (format := said.get("format", FORMAT)) != FORMAT:
        return f"is of format {format}, by seqlearn {said.get('version')}; this one reads {FORMAT}"
    if task and said.get("task", task) != task:
        return f"was made for the task {said['task']!r}, not {task!r}"
    return None


def mismatch(
    said: Mapping[str, Any], config: Mapping[str, Any], names: Iterable[str] = DECISIVE
) -> str | None:
    """Name the first argument that differs from what a checkpoint says of its run, and both values.

    Args:
        said: What `describe` gave.
        config: The configuration now.
        names: Arguments or groups of them to look at.
    """
    before, now = flat(said.get("config", config)), flat(config)
    for name in {**now, **before}:
        looked_at = any(name == each or name.startswith(f"{each}.") for each in names)
        if looked_at and name not in FREE and before.get(name) != now.get(name):
            return f"argument --{name}: {before.get(name)} in the checkpoint, got {now.get(name)}"
    return None


def batch_error(said: Mapping[str, Any], config: Mapping[str, Any], devices: int) -> str | None:
    """Name what makes other batches than those of the run, and how it was, or None."""
    for name, old, new in zip(BATCHES, said["batch"], batches(config, devices), strict=True):
        if old != new:
            return f"argument --{name}: {old} on all devices before, got {new}"
    return None


def changes(said: Mapping[str, Any], devices: int) -> str:
    """Name what makes the last digits of a resumed run others than they would have been."""
    now = {
        "devices": devices,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "lightning": lightning.__version__,
    }
    return ", ".join(
        f"{name} {said[name]} before and {value} now"
        for name, value in now.items()
        if said[name] != value
    )
