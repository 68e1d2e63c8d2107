"""The progress bar."""

import sys
import time
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar, RichProgressBar

MOST = 3
"""Metrics that it shows."""

PAUSE = 0.5
"""Seconds from frame to frame: to draw one takes as long as a few steps of a small network."""


class Bar(RichProgressBar):
    """Lightning's bar, with a few metrics, and no number of an epoch where there is but one."""

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)  # looks by its thread each second, of which 100 is usual
        self.shown, self.step = 0.0, 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show the step, unless another has just been shown."""
        self.step, now = batch_idx, time.monotonic()
        if now - self.shown > PAUSE or batch_idx + 1 == trainer.num_training_batches:
            self.shown = now
            super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last step, as none will come for a while."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            super().on_train_batch_end(trainer, pl_module, None, None, self.step)
        super().on_validation_start(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the last step, wherever the training has been stopped."""
        super().on_train_batch_end(trainer, pl_module, None, None, self.step)
        super().on_train_epoch_end(trainer, pl_module)

    def _get_train_description(self, current_epoch: int) -> str:
        """Name what is going on.

        Private in Lightning; the public hook is called when the first frame has been shown.
        """
        if self.trainer.max_epochs in (None, -1):
            return f"{'Training':{len(self.validation_description)}}"
        return super()._get_train_description(current_epoch)

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Give the metrics shown, without the number of the run."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return dict(list(metrics.items())[:MOST])


def settle_bar(trainer: Namespace, callbacks: list[Callback]) -> list[Callback]:
    """Add a bar to callbacks, unless there is one, or none is wanted.

    Args:
        trainer: The arguments of the Trainer, changed in place.
        callbacks: Those it is to have.
    """
    if any(isinstance(callback, ProgressBar) for callback in callbacks):
        return callbacks
    if trainer.enable_progress_bar is None:  # a file would get a stray line of it
        trainer.enable_progress_bar = sys.stdout.isatty()
    return [*callbacks, Bar()] if trainer.enable_progress_bar else callbacks
