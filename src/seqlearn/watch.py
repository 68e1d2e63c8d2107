"""Histograms of gradients and weights on Weights & Biases, for those who ask for them."""

from typing import Literal, get_args

import numpy as np
import wandb
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from torch import Tensor
from torch.optim import Optimizer

Watched = Literal["gradients", "parameters", "all"]

BINS = 64
"""Bars of a histogram."""


class Watch(Callback):
    """Log histograms of what each layer is made of, ``gradients/NAME`` and ``parameters/NAME``.

    Unlike ``wandb.watch`` it looks between the passes, not within them: a fault of Weights & Biases
    ends no training, and the gradients are those of all devices, before they are clipped.

    Args:
        log: What to log of each layer.
        every: Steps from one histogram to the next.
    """

    def __init__(self, log: Watched = "gradients", every: int = 100) -> None:
        if log not in get_args(Watched):
            raise ValueError(f"`log` must be one of {', '.join(get_args(Watched))}, got {log!r}.")
        if every < 1:
            raise ValueError(f"`every` must be at least 1, got {every}.")
        self.log, self.every = log, every

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse to log to nobody.

        Raises:
            MisconfigurationException: If there is no ``WandbLogger``.
        """
        logged = any(isinstance(logger, WandbLogger) for logger in trainer.loggers)
        if stage == "fit" and not (logged or trainer.fast_dev_run):  # type: ignore[attr-defined]
            names = ", ".join(type(logger).__name__ for logger in trainer.loggers)
            raise MisconfigurationException(
                f"argument --trainer.logger: Watch needs a WandbLogger, got {names or 'none'}"
            )

    def on_before_optimizer_step(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        step = trainer.global_step  # what this step is logged as
        if (step + 1) % self.every or not trainer.is_global_zero:
            return
        found = {}
        for name, weight in pl_module.named_parameters():
            if self.log != "parameters" and weight.grad is not None:
                found[f"gradients/{name}"] = histogram(weight.grad)
            if self.log != "gradients":
                found[f"parameters/{name}"] = histogram(weight)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_metrics(found, step)  # type: ignore[arg-type]  # no numbers


def histogram(values: Tensor) -> wandb.Histogram:
    """Count the values that are finite, by size."""
    # NumPy knows no bfloat16, and needs room for bars between any two values.
    flat = values.detach().cpu().float().double()
    return wandb.Histogram(np_histogram=np.histogram(flat[flat.isfinite()], BINS))
