"""What Lightning would accept, and then do badly or fail at late; and what does not go together."""

import re
from importlib.util import find_spec
from typing import Any

import torch
from lightning.pytorch.accelerators import (
    AcceleratorRegistry,
    CUDAAccelerator,
    MPSAccelerator,
)
from lightning.pytorch.strategies import StrategyRegistry

from seqlearn.defaults import DEFAULTS
from seqlearn.errors import refuse
from seqlearn.launch import overrun, processes
from seqlearn.limits import RULES, refusal, shown
from seqlearn.request import Request, nearest
from seqlearn.settings import plain

LINES = 30
"""Lines that are logged of a short run, so that there is a curve to see."""

USELESS = {
    "LearningRateFinder": "try values of --optimizer.lr, each in a run of its own",
    "BatchSizeFinder": "try values of --data.batch_size, each in a run of its own",
    "BackboneFinetuning": "a network that is trained from the start has no backbone",
}
"""Callbacks of Lightning that find nothing here to work on, and why or what does their work."""


def check(verb: str, config: Any) -> None:
    """Refuse settings that cannot be meant.

    Args:
        verb: What is asked for.
        config: The parsed arguments of the verb.
    """
    leaves = {name.replace(".init_args", ""): value for name, value in config.items()}
    if error := refusal({n: plain(v) if n in RULES else v for n, v in leaves.items()}):
        refuse(verb, error)
    trainer = config.trainer
    for error in (accelerator_error(trainer), strategy_error(trainer), callback_error(trainer)):
        if error:
            refuse(verb, error)
    asked = processes(trainer.devices)
    if asked and on_cpu(trainer.accelerator) and (error := overrun(asked)):
        refuse(verb, error)


def accelerator_error(trainer: Any) -> str | None:
    """Say that the machine has no such accelerator, or None."""
    there = {
        "cpu": True,
        "cuda": CUDAAccelerator.is_available(),
        "mps": MPSAccelerator.is_available(),
        "tpu": find_spec("torch_xla") is not None,
    }
    there |= {"auto": True, "gpu": there["cuda"] or there["mps"]}
    words = [word for word, available in there.items() if available]
    words += AcceleratorRegistry.available_accelerators() - there.keys()  # of other packages
    word = trainer.accelerator
    if not isinstance(word, str) or word in words:
        return None
    return f"argument --trainer.accelerator: must be one of {', '.join(words)}, got {word!r}"


def strategy_error(trainer: Any) -> str | None:
    """Say that there is no such strategy, or None."""
    word, words = trainer.strategy, ["auto", *StrategyRegistry.available_strategies()]
    if not isinstance(word, str) or word in words:
        return None
    hint = nearest(word, words)
    return f"argument --trainer.strategy: must be auto, ddp or the like, got {word!r}{hint}"


def callback_error(trainer: Any) -> str | None:
    """Say that a callback cannot do its work here, or None."""
    callbacks = trainer.callbacks if isinstance(trainer.callbacks, list) else [trainer.callbacks]
    for callback in callbacks:
        name = str(getattr(callback, "class_path", "")).rpartition(".")[2]
        if name in USELESS:
            return f"argument --trainer.callbacks: {name} has no use here: {USELESS[name]}"
    return None


def explain(error: Exception, trainer: Any) -> str:
    """Say what an error at the making of the classes is about: the argument comes first.

    Args:
        error: What was raised.
        trainer: The arguments of the Trainer.
    """
    message, trace = str(error), error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    if place.startswith("lightning."):
        words = [{"duration": "max_time"}.get(word, word) for word in re.findall(r"\w+", message)]
        name = next((word for word in words if word in trainer), None)
        if name is None:
            return f"arguments --trainer: {message}"
        got = "" if str(trainer[name]) in message else f", got {shown(trainer[name])}"
        return f"argument --trainer.{name}: {message.rstrip('.')}{got}"
    if isinstance(error, MemoryError) or "can't allocate memory" in message:
        return f"arguments --data and --model: there is not enough memory: {message}"
    return message


def settle(config: Any, request: Request, known: str | None) -> None:
    """Drop what the preset holds for what the user has replaced; read text as a checkpoint does.

    Args:
        config: The parsed arguments of the verb, changed in place.
        request: What is asked for, with the preset.
        known: The characters that the checkpoint is made for, if there is one and it is.
    """
    trainer, model = (request.preset.get(group, {}) for group in ("trainer", "model"))
    given = request.given(["trainer"])
    preset_steps = config.trainer.max_steps == trainer.get("max_steps")
    preset_steps = preset_steps and "trainer.max_steps" not in given
    if config.trainer.max_epochs is not None and preset_steps:
        config.trainer.max_steps = -1  # who asks for epochs does not want the preset's steps
    usual = config.trainer.log_every_n_steps == DEFAULTS["log_every_n_steps"]
    if usual and "trainer.log_every_n_steps" not in given:
        data = config.data.get("init_args", config.data)
        epoch = data.train_size // data.batch_size // (processes(config.trainer.devices) or 1)
        steps, epochs = config.trainer.max_steps, max(1, config.trainer.max_epochs or 1)
        lines = steps // LINES if steps > 0 else min(epoch, epochs * epoch // LINES)
        config.trainer.log_every_n_steps = max(1, min(config.trainer.log_every_n_steps, lines))
    if model and config.model.cell != model["cell"]:
        theirs = (model.get("cell_args") or {}).items()  # for the preset's cell
        asked = (config.model.cell_args or {}).items()
        config.model.cell_args = {k: v for k, v in asked if (k, v) not in theirs} or None
    # A run that goes on keeps its configuration: other processes compare it with the checkpoint.
    if config.data.get("vocabulary", "") is None and not request.resume:
        config.data.vocabulary = known


def on_cpu(accelerator: Any) -> bool:
    """Tell whether this accelerator comes down to the processor."""
    available = torch.accelerator.is_available()
    return accelerator == "cpu" or (accelerator == "auto" and not available)
