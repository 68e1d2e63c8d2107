"""What Lightning would accept, and then do badly or fail at late."""

import os
from typing import Any

import torch

from seqlearn.errors import refuse


def check(verb: str, config: Any) -> None:
    """Refuse settings that cannot be meant.

    Args:
        verb: What is asked for.
        config: The parsed arguments of the verb.
    """
    trainer = config.trainer
    if not 0 <= (seed := config.seed_everything) < 2**32:
        refuse(verb, f"argument --seed_everything: must be from 0 to 2**32 - 1, got {seed}")
    for name in ("gradient_clip_val", "val_check_interval", "accumulate_grad_batches"):
        value = trainer[name]
        if isinstance(value, int | float) and not value > 0:
            refuse(verb, f"argument --trainer.{name}: must be above 0, got {value}")
    # Lightning would start as many processes as asked for, whatever the machine has.
    asked = int(trainer.devices) if str(trainer.devices).isdigit() else 1
    cores = os.cpu_count() or 1
    if asked > cores and on_cpu(trainer.accelerator):
        refuse(verb, f"argument --trainer.devices: this machine has {cores} CPU cores, got {asked}")


def on_cpu(accelerator: Any) -> bool:
    """Tell whether this accelerator comes down to the processor."""
    available = torch.accelerator.is_available()
    return accelerator == "cpu" or (accelerator == "auto" and not available)
