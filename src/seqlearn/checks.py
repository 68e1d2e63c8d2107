"""What Lightning would accept, and then do badly or fail at late; and what does not go together."""

import os
from typing import Any

import torch

from seqlearn.errors import refuse
from seqlearn.request import Request


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


def settle(config: Any, request: Request) -> None:
    """Drop what the preset holds for what the user has replaced; read text as a checkpoint does.

    Args:
        config: The parsed arguments of the verb, changed in place.
        request: What is asked for, with the preset.
    """
    trainer, model = (request.preset.get(group, {}) for group in ("trainer", "model"))
    given = any(word.startswith("--trainer.max_steps") for word in request.arguments)
    preset_steps = config.trainer.max_steps == trainer.get("max_steps") and not given
    if config.trainer.max_epochs is not None and preset_steps:
        config.trainer.max_steps = -1  # who asks for epochs does not want the preset's steps
    other_cell = model and config.model.cell != model["cell"]
    if other_cell and config.model.cell_args == model.get("cell_args"):
        config.model.cell_args = None  # they are those of the preset's cell
    if config.ckpt_path and config.data.get("vocabulary", "") is None:
        content = torch.load(config.ckpt_path, map_location="cpu", weights_only=True)
        config.data.vocabulary = content.get("hyper_parameters", {}).get("vocabulary")


def on_cpu(accelerator: Any) -> bool:
    """Tell whether this accelerator comes down to the processor."""
    available = torch.accelerator.is_available()
    return accelerator == "cpu" or (accelerator == "auto" and not available)
