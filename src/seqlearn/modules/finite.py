"""Steps that are not finite: skipped, counted, and after too many in a row the end."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from seqlearn.errors import RunError
from seqlearn.modules.quick import Quick

MAX_SKIPPED = 10
"""Steps in a row that may be skipped; then training stops."""


class Finite(Quick):
    """A module whose weights stay finite: a step that would change that is not taken.

    Where the gradient is looked at it is that of all devices, so they all skip the same steps.
    """

    def __init__(self) -> None:
        super().__init__()
        self.skipped = self.skipped_in_a_row = 0

    def seen_by_all(self, loss: Tensor) -> Tensor:
        """Give the same loss; one that is not finite makes gradients that are not either."""
        if loss.is_cpu and math.isfinite(loss.item()):
            return loss
        return loss * (loss.detach() * 0 + 1)  # elsewhere to look at it would take a wait

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as the Trainer is told to; skip the step if its gradient is not finite.

        Raises:
            RunError: If `MAX_SKIPPED` steps in a row had to be skipped.
        """
        trained = [weight for group in optimizer.param_groups for weight in group["params"]]
        gradients = [w.grad.reshape(-1) for w in trained if w.grad is not None]
        # In one piece, as most are small: a third of the time that the norm of norms takes.
        norm = torch.linalg.vector_norm(torch.cat(gradients)).item() if gradients else 0.0
        if math.isfinite(norm):
            if self.skipped_in_a_row:
                self.skipped_in_a_row = 0
            # Where the norm is below, so is every value: neither algorithm has anything to clip.
            if gradient_clip_val and norm + 1e-6 >= gradient_clip_val:
                self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            return
        self.zero_grad()  # without gradients an optimizer changes nothing
        self.on_skipped_step()
        self.skipped += 1
        self.skipped_in_a_row += 1
        step = self.global_step
        for logger in self.loggers:
            logger.log_metrics({"train/skipped": self.skipped}, step)
        if self.skipped_in_a_row == MAX_SKIPPED:
            raise RunError(
                f"the loss or its gradient was not finite in {MAX_SKIPPED} steps in a row, to step "
                f"{step + 1}; try a new run with a lower learning rate (--optimizer.lr), or to "
                "clip gradients (--trainer.gradient_clip_val 1)"
            )

    def on_skipped_step(self) -> None:
        """Mend what a step that is skipped has left behind."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the count of skipped steps."""
        checkpoint["skipped"] = [self.skipped, self.skipped_in_a_row]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting."""
        self.skipped, self.skipped_in_a_row = checkpoint.get("skipped", [0, 0])
