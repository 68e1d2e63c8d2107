"""Recurrent networks for sequences: what they read out gives them their names."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self, cast

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn.cells import Cell, cell_name, make_cell
from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.loaders import EvalLoader
from seqlearn.metrics import WeightedMean
from seqlearn.objectives import OBJECTIVES


class SequenceModule(LightningModule, ABC):
    """A cell, a linear readout and an objective; what is read is left to the final classes.

    Args:
        input_size: Features of an input step, or number of symbols (F).
        output_size: Values or classes of an output step (C).
        objective: What is predicted: binary, categorical or regression.
        scale: Unit of a regression target: metrics are given times it.
        cell: A word (rnn, lstm, gru) or the path of a class, such as `my_package.MyCell`.
        cell_args: Further arguments of the cell, such as `nonlinearity: relu` for the rnn.
        hidden_size: Units of each layer (H).
        num_layers: Layers of the cell.
        dropout: Probability to drop a unit between layers.
        reduction: The loss is the mean over scored steps, or their sum over each sequence.
        optimizer: Makes the optimizer from the parameters; by default Adam with a rate of 0.001.
        lr_scheduler: Makes the learning-rate scheduler from the optimizer; it counts in steps.

    Raises:
        ValueError: If a size is not positive, or the objective or the cell is not known.
    """

    mapping: ClassVar[str]

    def __init__(
        self,
        input_size: int,
        output_size: int,
        objective: str,
        scale: float = 1.0,
        cell: Cell = "rnn",
        cell_args: dict[str, Any] | None = None,
        hidden_size: int = 64,
        num_layers: int = 1,
        dropout: float = 0.0,
        reduction: Literal["mean", "sum"] = "mean",
        optimizer: OptimizerCallable | None = None,
        lr_scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__()
        sizes = {"input_size": input_size, "output_size": output_size}
        for name, size in {**sizes, "hidden_size": hidden_size, "num_layers": num_layers}.items():
            if size < 1:
                raise ValueError(f"`{name}` must be at least 1, got {size}.")
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must be at least 0 and below 1, got {dropout}.")
        if objective not in OBJECTIVES:
            raise ValueError(
                f"`objective` must be one of {', '.join(OBJECTIVES)}, got {objective!r}."
            )
        # Only plain values: a checkpoint must load with weights_only=True.
        self.save_hyperparameters(ignore=["optimizer", "lr_scheduler", "cell"])
        self.hparams["cell"] = cell_name(cell)
        self.objective = OBJECTIVES[objective]
        self.input_size, self.scale, self.reduction = input_size, scale, reduction
        self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
        self.cell = make_cell(
            cell,
            (input_size, hidden_size),
            num_layers=num_layers,
            dropout=dropout,
            **(cell_args or {}),
        )
        self.head = nn.Linear(hidden_size, output_size)
        self.metrics = nn.ModuleDict()

    @classmethod
    def for_data(cls, data: SequenceDataModule, **arguments: Any) -> Self:
        """Build the module that fits a task: sizes and objective are read from it.

        Raises:
            ValueError: If the task has another mapping.

        Example:
            >>> from seqlearn.tasks import BinaryAdd
            >>> ManyToMany.for_data(BinaryAdd(), cell="gru", hidden_size=32).head
            Linear(in_features=32, out_features=1, bias=True)
        """
        module = cls(data.input_size, data.output_size, data.objective, data.scale, **arguments)
        module.check_mapping(data)
        return module

    def check_mapping(self, data: SequenceDataModule) -> None:
        """Refuse a task whose targets align with its inputs in another way."""
        if data.mapping != self.mapping:
            fitting = "".join(word.capitalize() for word in data.mapping.split("-"))
            name = type(self).__name__
            raise ValueError(f"{type(data).__name__} is {data.mapping}: use {fitting}, not {name}.")

    @abstractmethod
    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Give the outputs: logits, or values for a regression."""

    def states(self, x: Tensor) -> Tensor:
        """Run the cell over ``(B, T, F)`` features or ``(B, T)`` symbols: ``(B, T, H)``."""
        if not x.is_floating_point():
            x = F.one_hot(x, self.input_size)
        states: Tensor = self.cell(x.to(self.head.weight.dtype))[0]
        return states

    def setup(self, stage: str) -> None:
        """Refuse a DataModule of another mapping, whoever made this module."""
        if isinstance(data := getattr(self.trainer, "datamodule", None), SequenceDataModule):
            self.check_mapping(data)

    def training_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:  # noqa: D102
        losses = self.objective.losses(self(batch.inputs, batch.lengths), batch.targets)
        count = self.objective.scored(batch.targets).sum().to(losses.dtype)
        if self.reduction == "sum":
            count = count.new_tensor(len(losses))
        if self.trainer.world_size > 1:
            # DDP averages gradients over the ranks: with the mean count as the divisor of each,
            # that is the gradient of the loss over the global batch, however uneven the counts.
            reduced = self.trainer.strategy.reduce(count, reduce_op="mean")
            assert isinstance(reduced, Tensor)
            count = reduced
        loss = losses.sum() / count.clamp(min=1)
        # Logging costs as much as a step of a small network: only when the Trainer passes it on.
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # set late
        if every and (self.trainer.global_step + 1) % every == 0:
            self.log("train/loss", loss.detach(), prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:  # noqa: D102
        self._start(1)

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:  # noqa: D102
        self._update(batch, 0)

    def on_validation_epoch_end(self) -> None:  # noqa: D102
        self._log("val", 0, "")

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self._start(len(self.trainer.num_test_batches))

    def test_step(self, batch: SequenceBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Score a batch, and at the end of each loader log its metrics."""
        self._update(batch, dataloader_idx)
        if batch_idx + 1 == self.trainer.num_test_batches[dataloader_idx]:
            self._log("test", dataloader_idx, self._suffix(dataloader_idx))

    def predict_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Give probabilities, or values for a regression, shaped as the outputs."""
        return self.objective.predict(self(batch.inputs, batch.lengths))

    def _suffix(self, loader: int) -> str:
        """What tells the metrics of several test loaders apart: ``@`` and the length."""
        loaders = self.trainer.test_dataloaders
        loaders = loaders if isinstance(loaders, list) else [loaders]
        if isinstance(loaders[loader], EvalLoader):
            return f"@{loaders[loader].dataset.length}"
        return f"@{loader}" if len(loaders) > 1 else ""

    def _start(self, loaders: int) -> None:
        """Set up sums and counts for each loader; torchmetrics adds them up over devices."""
        names = [f"{name}/{k}" for k in range(loaders) for name in self.objective.goals]
        self.metrics = nn.ModuleDict({name: WeightedMean() for name in names}).to(self.device)

    def _metric(self, name: str, loader: int) -> WeightedMean:
        return cast(WeightedMean, self.metrics[f"{name}/{loader}"])

    def _update(self, batch: SequenceBatch, loader: int) -> None:
        outputs = self(batch.inputs, batch.lengths)
        scores = self.objective.scores(outputs, batch.targets, self.scale)
        for name, (values, weights) in scores.items():
            self._metric(name, loader).update(values, weights)

    def _log(self, stage: str, loader: int, suffix: str) -> None:
        *_, headline = self.objective.goals
        for name in self.objective.goals:
            value = self._metric(name, loader).compute()
            self.log(
                f"{stage}/{name}{suffix}",
                value,
                on_step=False,
                on_epoch=True,
                prog_bar=stage == "val" and name == headline,
                sync_dist=True,  # that of all devices already; a mean over equal values keeps it
                batch_size=1,
                add_dataloader_idx=False,
            )

    def configure_optimizers(self) -> Any:  # noqa: D102
        optimizer = (self.optimizer or torch.optim.Adam)(self.parameters())
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": "step"}
        if hasattr(scheduler, "monitor"):  # ReduceLROnPlateau: it looks at each validation
            plan |= {"monitor": scheduler.monitor, "frequency": self.trainer.val_check_interval}
        return {"optimizer": optimizer, "lr_scheduler": plan}


class ManyToMany(SequenceModule):
    """Answer at every step.

    Shapes:
        forward ``(B, T, F) -> (B, T, C)``, or ``(B, T) -> (B, T, C)`` for symbols.
    """

    mapping: ClassVar[str] = "many-to-many"

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Read every state; steps beyond a length are padding, and what they give is not scored."""
        outputs: Tensor = self.head(self.states(x))
        return outputs


class ManyToOne(SequenceModule):
    """Answer once, at the last valid step.

    Shapes:
        forward ``(B, T, F), lengths (B,) -> (B, C)``, or ``(B, T), lengths -> (B, C)`` for symbols.
    """

    mapping: ClassVar[str] = "many-to-one"

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Read the state at the last valid step; without lengths, at the last step."""
        states = self.states(x)
        last = (
            states[:, -1]
            if lengths is None
            else states[torch.arange(len(x), device=x.device), lengths - 1]
        )
        outputs: Tensor = self.head(last)
        return outputs


MODULES: dict[str, type[SequenceModule]] = {
    module.mapping: module for module in (ManyToMany, ManyToOne)
}
