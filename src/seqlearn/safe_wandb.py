"""Weights & Biases as a guest of the training: what befalls it does not befall the run."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

PATIENCE = 30.0
"""Seconds that Weights & Biases may take to start a run online, and to end it."""

STAGING = "WANDB_DATA_DIR"
"""Where Weights & Biases keeps copies of tables and checkpoints until they are uploaded."""


def settle(offline: bool) -> None:
    """Make the settings of Weights & Biases: whether to go online, how long to wait, what to say.

    Raises:
        ValueError: If a ``WANDB_`` variable makes no sense.
    """
    import wandb

    try:
        settings = wandb.setup().settings
    except (ValueError, wandb.Error) as error:
        raise ValueError(f"Weights & Biases: {error}") from error
    settings.quiet = True  # no history and summary in the terminal: the report has them
    logging.raiseExceptions = False  # nor a traceback where its own log finds the disk full
    settings.finish_timeout_raises = True
    for name in {"init_timeout", "finish_timeout"} - settings.model_fields_set:
        setattr(settings, name, PATIENCE)
    if settings.mode == "online":
        # The settings exist now, so the environment is no longer read: set the mode itself.
        try:
            if offline or not wandb.login(prompt=False):
                settings.mode = "offline"
        except wandb.Error as error:  # it has asked the server, and waited for ten seconds
            tell(f"records offline: {error}")
            settings.mode = "offline"


class SafeWandbLogger(WandbLogger):
    """A ``WandbLogger`` whose faults end the recording, never the training."""

    stopped = False
    begun: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # shows jsonargparse the way to them
        super().__init__(*args, **kwargs)

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run; one that does nothing where there can be none."""
        import wandb

        if self.stopped:
            return wandb.init(mode="disabled", reinit="create_new")
        if self.begun is None:
            self.begun = self.begin()
        return self.begun

    def begin(self) -> Any:
        """Start the run."""
        import wandb

        settings = wandb.setup().settings
        # Lightning 2.6 passes an argument on which every start would warn; where an offline run
        # lies is said at its end.
        calm = {"show_warnings": False, "show_info": settings.mode == "online"}
        wandb.termsetup(settings.model_copy(update=calm), None)
        try:
            return super().experiment
        except wandb.errors.UsageError:
            raise
        except Exception as error:  # of many kinds, and the training needs none of this
            if settings.mode == "online":
                tell(f"records offline: {error}")
                wandb.teardown()  # else the run's id is in use
                settle(offline=True)
            else:
                self.stop("records nothing", error)
            return self.experiment
        finally:
            wandb.termsetup(settings, None)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record, as long as that goes well."""
        if not self.stopped:
            with self.alive(f"stopped recording at step {step}"):
                super().log_metrics(metrics, step)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Record the checkpoint if each is asked for, as long as that goes well."""
        if not self.stopped:
            with self.alive("stopped recording at a checkpoint"):
                super().after_save_checkpoint(checkpoint_callback)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Record the best checkpoint if it is asked for, as long as that goes well."""
        if not self.stopped:
            with self.alive("did not record the checkpoint"):
                super().finalize(status)

    @contextmanager
    def alive(self, what: str) -> Iterator[None]:
        """Stop at a fault."""
        try:
            with staging():
                yield
        except Exception as error:  # of many kinds, and the training needs none of this
            self.stop(what, error)

    def stop(self, what: str, error: Exception) -> None:
        """Say what is lost, and let go of the run."""
        import wandb

        self.stopped = True
        give_up(wandb.run, what, error)


@contextmanager
def staging() -> Iterator[None]:
    """Let files that wait to be uploaded lie in the run's folder, not in the user's home."""
    import wandb

    if not wandb.run or STAGING in os.environ:
        yield
        return
    # Above the run's own folder; to ask for its settings would make a copy of all of them.
    os.environ[STAGING] = os.path.dirname(os.path.dirname(wandb.run.dir))
    try:
        yield
    finally:
        del os.environ[STAGING]


def give_up(run: Any, what: str, error: Exception) -> None:
    """Say what is lost of a run, if one had begun, and let go of it."""
    import wandb

    # Its process writes blocks of 32 kB; what it had not written has died with it.
    left = f"; what came before, but for up to 32 kB: {sync_command(run)}" if run else ""
    tell(f"{what}: {str(error) or type(error).__name__}{left}")
    if run:  # else what is torn down would say in several lines where it is
        with suppress(Exception):
            run.finish(exit_code=1)
    with suppress(Exception, SystemExit):  # else it would be tried, and fail, at exit
        wandb.teardown()


def tell(message: str) -> None:
    """Say something in one line, beside the report."""
    print(f"Weights & Biases {' '.join(message.split())}", file=sys.stderr)


def sync_command(run: Any) -> str:
    """Tell how to upload what a run has recorded in its folder."""
    return f"wandb sync {os.path.relpath(run.settings.sync_dir)}"
