"""A run and its folder: the configuration, the checkpoints, the metrics, the results."""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from seqlearn import files
from seqlearn.checkpoints import OWN
from seqlearn.errors import RunError
from seqlearn.identity import describe
from seqlearn.loggers import MetricsFile
from seqlearn.record import BEST, CONFIG, LAST, RESULTS
from seqlearn.resume import Resumable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def snake_case(name: str) -> str:
    """Turn a class's name into a word: ``BinaryAdd`` into ``binary_add``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def new_folder(root: Path, task: str) -> Path:
    """Name a folder for a new run; the random end keeps runs of the same second apart."""
    return root / task / f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


class Run(Callback):
    """Keep the run folder, and let every checkpoint say what run it is of.

    Args:
        folder: The run folder.
        task: The task's word.
        config: The whole configuration, resolved.
        checkpoints: Whether to keep ``last.ckpt``, by the callback `resumable`, and ``best.ckpt``,
            the weights of the lowest validation loss, by the callback `best`.

    Attributes:
        seconds: How long the fit took until it was ended, in all of its parts.
    """

    def __init__(
        self, folder: Path, task: str, config: dict[str, Any], checkpoints: bool = True
    ) -> None:
        self.folder, self.task, self.config = folder.absolute(), task, config
        self.checkpoints = checkpoints
        self.began = self.complete = False
        self.held = -1
        self.seconds = self.started = 0.0
        last = self.folder / LAST if checkpoints else None
        self.resumable = Resumable(last, config["seed_everything"], config["save_every"])
        path = self.folder / BEST
        self.best = ModelCheckpoint(
            path.parent, path.stem, monitor="val/loss", enable_version_counter=False
        )

    def around(self, callbacks: Sequence[Callback]) -> list[Callback]:
        """Put the run's own callbacks where they belong among others."""
        return [self.resumable, self, *callbacks, *([self.best] if self.checkpoints else [])]

    def create(self) -> None:
        """Make the folder, hold it until `release` or the process's end, and write the plan.

        Raises:
            RunError: If another process holds it.
            OSError: If it cannot be written.
        """
        (self.folder / BEST).parent.mkdir(parents=True, exist_ok=True)
        if fcntl:
            self.held = os.open(self.folder, os.O_RDONLY)
            try:
                fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(f"{self.folder} is held by another process") from error
        text = yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True)
        files.replace(self.folder / CONFIG, text.encode())

    def release(self) -> None:
        """Let other processes have the folder."""
        if self.held >= 0:
            os.close(self.held)
            self.held = -1

    def discard(self) -> None:
        """Remove what has come to nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def kept(self) -> str | None:
        """Name the checkpoint to judge the run by: the best, or the last if there is no best."""
        return next((name for name in (BEST, LAST) if (self.folder / name).exists()), None)

    def how_to_go_on(self) -> str:
        """Tell how to resume the run, if that can be done, or how to look at what it came to."""
        if not (self.folder / LAST).exists():
            return ""
        folder = os.path.relpath(self.folder)
        if self.complete:
            return f"; the run is complete, to look at it: seqlearn report {folder}"
        return f"; go on with: seqlearn fit --resume {folder}"

    def write_results(self, results: dict[str, Any]) -> None:
        """Write ``results.json``.

        Raises:
            RunError: If it cannot be written.
        """
        text, path = json.dumps(results, indent=2, ensure_ascii=False), self.folder / RESULTS
        try:
            files.replace(path, f"{text}\n".encode())
        except OSError as error:
            raise RunError(f"{os.path.relpath(path)}: {error.strerror}") from error
        self.complete = True

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: D102
        self.started = time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.began = True
        self.rewind(trainer)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.seconds = self.until_now()
        self.rewind(trainer)  # a finished run that is resumed takes no step, and is tested anew

    def until_now(self) -> float:
        """Give the seconds of the fit so far."""
        return self.seconds + time.perf_counter() - self.started

    def rewind(self, trainer: Trainer) -> None:
        """Forget what was logged after the checkpoint."""
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                logger.rewind(trainer.global_step)

    def on_load_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        if trainer.state.fn == "fit":
            self.seconds = checkpoint.get(OWN, {}).get("seconds", 0.0)
        path, key = self.folder / BEST, self.best.state_key
        states = checkpoint.get("callbacks", {})
        state = states.get(key)
        if not path.exists() or not state or state["best_model_score"] is None:
            states.pop(key, None)  # the best is yet to come, or that of another run
        else:
            # Lightning would forget the best score of a run whose folder has moved.
            best = str(path)
            paths = {"best_model_path": best, "kth_best_model_path": best, "last_model_path": ""}
            kept = {best: state["best_model_score"]}
            state.update(paths, dirpath=str(path.parent), best_k_models=kept)

    def on_save_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        said = describe(self.task, self.config, trainer)
        checkpoint[OWN] = said | {"seconds": self.until_now()}
