"""Training steps without the ceremonies that nobody attends.

A step of a network of 16 units takes less than a millisecond, and Lightning half of one more
to profile, announce and wrap each part of it. What is left out here does nothing for anyone; as
soon as someone listens, or anything is unusual, all is as Lightning has it.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from jsonargparse import Namespace
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.plugins import Precision
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor
from torch.optim import Optimizer

from seqlearn.checks import on_cpu
from seqlearn.data import SequenceDataModule
from seqlearn.launch import processes
from seqlearn.modules import SequenceModule
from seqlearn.modules.finite import Finite
from seqlearn.splits import SequenceBatch

BETWEEN = ("on_before_backward", "on_after_backward", "on_before_optimizer_step")
"""Hooks between the loss and the step of the optimizer."""

TRANSFER = ("transfer_batch_to_device", "on_after_batch_transfer")
"""Hooks on the way of a batch to the device."""

TOY = 2**16
"""Products in a step of a layer up to which a second thread gains little or nothing.

Forward and backward with two threads took 1.09 to 1.14 of the time with one at 2**14, 0.83 to 1.03
at 2**16 and 0.58 to 0.85 at 2**18, and twice the processor.
"""


class NoProfiler(Profiler):
    """A profiler that measures nothing; Lightning's own is entered and left 30 times a step."""

    nothing = nullcontext()

    def start(self, action_name: str) -> None:
        """Do nothing."""

    def stop(self, action_name: str) -> None:
        """Do nothing."""

    def profile(self, action_name: str) -> AbstractContextManager[None]:  # type: ignore[override]
        """Give a context that does nothing."""
        return self.nothing


class LeanStrategy(SingleDeviceStrategy):
    """The processor alone, on which a batch is from the start, in full precision."""

    def __init__(self) -> None:
        super().__init__("cpu")
        self.there = self.unheard = False
        self.callbacks = 0

    def on_train_start(self) -> None:
        """Look who listens."""
        self.look()

    def look(self) -> None:
        """Find out what nobody attends."""
        module = self.lightning_module
        assert module is not None
        trainer = module.trainer
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set late
        self.callbacks = len(callbacks)
        data = getattr(trainer, "datamodule", None)
        hosts = [module] if data is None else [module, data]
        self.there = not any(is_overridden(hook, host) for hook in TRANSFER for host in hosts)
        listeners = [module, *callbacks]
        self.unheard = (
            type(self.precision_plugin) is Precision
            and not any(is_overridden(hook, each) for hook in BETWEEN for each in listeners)
            and not is_overridden("configure_gradient_clipping", module, Finite)
        )

    def batch_to_device(
        self, batch: Any, device: torch.device | None = None, dataloader_idx: int = 0
    ) -> Any:
        """Leave a batch where it is."""
        if self.there and isinstance(batch, SequenceBatch):
            return batch
        return super().batch_to_device(batch, device, dataloader_idx)

    def backward(
        self, closure_loss: Tensor, optimizer: Optimizer | None, *args: Any, **kwargs: Any
    ) -> Tensor:
        """Make the gradients."""
        if not self.unheard:
            return super().backward(closure_loss, optimizer, *args, **kwargs)
        assert self.lightning_module is not None
        self.lightning_module.backward(closure_loss, *args, **kwargs)
        return closure_loss.detach()

    def optimizer_step(
        self,
        optimizer: Optimizer,
        closure: Callable[[], Any],
        model: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Make the gradients, clip them, and take a step."""
        module = self.lightning_module
        assert isinstance(module, LightningModule)
        trainer = module.trainer
        if len(trainer.callbacks) != self.callbacks:  # type: ignore[attr-defined]  # set late
            self.look()
        if not self.unheard or model not in (None, module):
            return super().optimizer_step(optimizer, closure, model, **kwargs)

        def clipped() -> Any:
            loss = closure()
            module.configure_gradient_clipping(
                optimizer, trainer.gradient_clip_val, trainer.gradient_clip_algorithm
            )
            return loss

        return optimizer.step(clipped, **kwargs)


def settle_steps(trainer: Namespace) -> None:
    """Leave out what nobody has asked for.

    Args:
        trainer: The arguments of the Trainer, changed in place.
    """
    trainer.profiler = trainer.profiler or NoProfiler()
    alone = processes(trainer.devices) == trainer.num_nodes == 1
    if alone and trainer.strategy == "auto" and on_cpu(trainer.accelerator):
        trainer.strategy = LeanStrategy()


def settle_threads(module: SequenceModule, data: SequenceDataModule) -> None:
    """Take one thread for a toy, unless the environment says how many (``OMP_NUM_THREADS``)."""
    if data.batch_size * module.hidden_size**2 <= TOY and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)
