"""What makes a run go on as if nothing had happened: where it is saved, stopped and seeded."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqlearn.checkpoints import SafeCheckpointIO
from seqlearn.errors import RunError
from seqlearn.signals import Interrupted, Signals, disarm

FAILED = 1
"""Among the numbers of signals, that of a save that failed."""


class Resumable(Callback):
    """Save a run between two steps, and stop it there, so that it can be resumed exactly.

    Nothing random or positional is saved: what is drawn and dropped follows from the Trainer's own
    count of batches. Between two steps, when a batch is about to begin, all that belongs to the
    batch before it is done, its validation included; so that is where a run is saved, after each
    validation and every ``every`` steps, and where it ends when SIGTERM or SIGINT has come.

    It goes first among the callbacks, so that none of them has seen the batch that begins.

    Args:
        path: The checkpoint to keep; None saves nothing.
        seed: Seed of what is random in training, such as dropout.
        every: Steps from save to save, beside those after validations, at the start and at the end.

    Raises:
        RunError: In the fit, if a save fails.
        Interrupted: In the fit, when a signal has come; everything is saved then.

    Example:
        ``Trainer(callbacks=[Resumable("last.ckpt")], plugins=[SafeCheckpointIO()])``, and after
        whatever has happened ``trainer.fit(..., ckpt_path="last.ckpt")``.
    """

    def __init__(self, path: str | Path | None, seed: int = 0, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise ValueError(f"`every` must be at least 1, got {every}.")
        self.path, self.seed, self.every = path and Path(path).absolute(), seed, every
        self.signals = Signals()
        self.checkpoint_io = SafeCheckpointIO(failed=self.failed)
        self.failure: RunError | None = None
        self.saved_step: int | None = None
        self.validated = self.stopped = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: D102
        if stage == "fit":
            disarm(trainer)
            self.signals.received = 0
            self.signals.take()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:  # noqa: D102
        if stage == "fit":
            self.signals.give_back()

    def on_exception(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self.signals.give_back()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take up the counters of a checkpoint."""
        if trainer.fit_loop.is_resuming:
            self.saved_step = trainer.global_step
            trainer.should_stop = self.stopped
            if not self.stopped:
                realign(trainer)

    def on_train_batch_start(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self.between_steps(trainer)
        reseed(trainer, self.seed)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.validated = trainer.state.fn == "fit" and not trainer.sanity_checking

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        self.between_steps(trainer, end=True)

    def on_save_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["stopped"] = trainer.should_stop

    def on_load_checkpoint(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        # Who was stopped early stays so; who ran out of time may have been given more.
        early = trainer.early_stopping_callback is not None
        self.stopped = early and checkpoint.get("stopped", False)

    def between_steps(self, trainer: Trainer, end: bool = False) -> None:
        """Save if it is time, and stop if a signal has come or the save has failed."""
        step = trainer.global_step
        due = (
            end
            or self.validated
            or self.saved_step is None
            or (self.every is not None and step % self.every == 0)
        )
        reason = self.agreed(trainer)
        if (due or reason > FAILED) and step != self.saved_step and self.path:
            trainer.save_checkpoint(self.path)
            self.saved_step, self.validated = step, False
            reason = self.agreed(trainer)
        self.heed(reason)

    def heed(self, reason: int) -> None:
        """Stop for a reason that `agreed` gave."""
        if reason == FAILED:
            raise self.failure or RunError("the main process could not save")
        if reason:
            raise Interrupted(reason)

    def agreed(self, trainer: Trainer) -> int:
        """Tell why to stop, the same on all processes; 0 to go on."""
        reason = self.signals.received or (FAILED if self.failure else 0)
        if trainer.world_size > 1:
            mine = torch.tensor(reason, device=trainer.strategy.root_device)
            reason = int(trainer.strategy.reduce(mine, reduce_op="max"))
        return reason

    def failed(self, error: RunError) -> None:
        """Note a failure of the main process, so that all of them stop between two steps."""
        self.failure = self.failure or error


def realign(trainer: Trainer) -> None:
    """Set the counters of a loaded checkpoint to where it was saved: between two steps.

    Lightning knows checkpoints from the end of a batch or of an epoch, and would take one from the
    start of a batch for such: validations would come a step early, steps be logged a step late.
    """
    loop = trainer.fit_loop.epoch_loop
    loop.reset_restart_stage()
    for counts in (loop.batch_progress.total, loop.batch_progress.current):
        counts.ready = counts.completed
    loop.batch_progress.is_last_batch = False
    # No public way: the step by which loggers count, which the loop is about to raise by one.
    loop._batches_that_stepped = trainer.global_step - int(loop.restarting)


def reseed(trainer: Trainer, seed: int) -> None:
    """Seed PyTorch's generators for the batch at hand, on this process."""
    batch = trainer.fit_loop.epoch_loop.batch_progress.total.completed
    key = f"{seed} {batch} {trainer.global_rank}".encode()
    number = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
    torch.default_generator.manual_seed(number)  # torch.manual_seed takes a hundred times as long
    device = trainer.strategy.root_device
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(number)
