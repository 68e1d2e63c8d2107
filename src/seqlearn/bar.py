"""The progress bar."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar

MOST = 3


class Bar(RichProgressBar):
    """Lightning's bar, with a few metrics, and no number of an epoch where there is but one."""

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        super().on_train_epoch_start(trainer, pl_module)
        endless = trainer.max_epochs in (None, -1)
        if endless and self.progress and self.train_progress_bar_id is not None:
            self.progress.update(self.train_progress_bar_id, description="Training")

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Give the metrics shown, without the number of the run."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return dict(list(metrics.items())[:MOST])
