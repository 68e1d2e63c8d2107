"""A run and its folder: the configuration, the checkpoints, the metrics, the results."""

import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelCheckpoint

from seqlearn.loggers import MetricsFile

CONFIG, RESULTS, METRICS = "config.yaml", "results.json", "metrics.csv"
BEST, LAST = "checkpoints/best.ckpt", "checkpoints/last.ckpt"


def new_folder(root: Path, task: str) -> Path:
    """Name a folder for a new run; the random end keeps runs of the same second apart."""
    return root / task / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def checkpoint_error(path: Path, task: str | None) -> str | None:
    """Say what is wrong with a checkpoint, or None if it can be loaded and is of this task."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        dict(content["state_dict"])
        made_for = dict(content.get("seqlearn", {})).get("task")
    except Exception as error:  # torch.load has a different error for each kind of damage
        kind = type(error).__name__
        return f"{path} is not a readable checkpoint ({kind}): damaged, or another program's"
    if task and made_for and made_for != task:
        return f"{path} was made for the task {made_for!r}, not {task!r}"
    return None


class Run(Checkpoint):
    """Keep the run folder: the configuration at the start, ``last.ckpt`` after each validation.

    ``best.ckpt``, the weights of the lowest validation loss, is kept by the callback `best`.

    Args:
        folder: The run folder.
        task: The task's word.
        config: The whole configuration, resolved.
    """

    def __init__(self, folder: Path, task: str, config: dict[str, Any]) -> None:
        self.folder, self.task, self.config = folder.absolute(), task, config
        self.saved_step = -1
        path = self.folder / BEST
        self.best = ModelCheckpoint(
            path.parent, path.stem, monitor="val/loss", enable_version_counter=False
        )

    def create(self) -> None:
        """Make the folder and write the configuration into it."""
        (self.folder / BEST).parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True)
        (self.folder / CONFIG).write_text(text, encoding="utf-8")

    def kept(self) -> str | None:
        """Name the checkpoint to judge the run by: the best, or the last if there is no best."""
        return next((name for name in (BEST, LAST) if (self.folder / name).exists()), None)

    def write_results(self, results: dict[str, Any]) -> None:
        """Write ``results.json``."""
        text = json.dumps(results, indent=2, ensure_ascii=False)
        (self.folder / RESULTS).write_text(text + "\n", encoding="utf-8")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.saved_step = trainer.global_step
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                logger.rewind(trainer.global_step)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Save ``last.ckpt``, once for each step."""
        if trainer.global_step != self.saved_step:
            self.saved_step = trainer.global_step
            trainer.save_checkpoint(self.folder / LAST)

    def on_load_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        path, key = self.folder / BEST, self.best.state_key
        states = checkpoint.get("callbacks", {})
        if not path.exists():  # a new run, from a checkpoint of another: the best is yet to come
            states.pop(key, None)
        elif state := states.get(key):
            # Lightning would forget the best score of a run whose folder has moved.
            best = str(path)
            paths = {"best_model_path": best, "kth_best_model_path": best, "last_model_path": ""}
            kept = {best: state["best_model_score"]}
            state.update(paths, dirpath=str(path.parent), best_k_models=kept)

    def on_save_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["seqlearn"] = {"task": self.task}
