"""Steps that are not finite: skipped, counted, and after too many in a row the end."""

import math
from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from seqlearn.errors import RunError

MAX_SKIPPED = 10
"""Steps in a row that may be skipped; then training stops."""


class Finite(LightningModule):
    """A module whose weights stay finite: a step that would change that is not taken.

    Where the gradient is looked at it is that of all devices, so they all skip the same steps.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning sets this name 40 times a step, and PyTorch looks each time if it is a weight.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def __init__(self) -> None:
        super().__init__()
        self.skipped = self.skipped_in_a_row = 0

    def share(self, total: Tensor, count: Tensor) -> Tensor:
        """Divide a loss; one that is not finite makes gradients that are not either."""
        return total / (count + 0 * total.detach())

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
        norm = float(nn.utils.get_total_norm([w.grad for w in trained if w.grad is not None]))
        if math.isfinite(norm):
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
