"""The base of every network: what they share from the task to the logged metric."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Self

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn import functional as F

from seqlearn.cells import Cell, cell_name, make_cell
from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.limits import RULES, SIZE, endless, require_memory
from seqlearn.loaders import EvalLoader
from seqlearn.metrics import Tally
from seqlearn.modules.finite import Finite
from seqlearn.modules.quick import fuse
from seqlearn.objectives import OBJECTIVES, Scores

FROM_TASK = ("input_size", "output_size", "objective", "scale", "given", "vocabulary")
"""What a network takes over from its task: properties there, arguments here."""


class SequenceModule(Finite, ABC):
    """A cell, a linear readout and an objective; what is read is left to the final classes.

    Args:
        input_size: Features of an input step, or number of symbols (F).
        output_size: Values or classes of an output step (C).
        objective: What is predicted: binary, categorical, regression or language.
        scale: Unit of a regression target: metrics are given times it.
        given: Steps of a test sequence shown before the network goes on by itself.
        vocabulary: The characters that symbols stand for.
        cell: A word (rnn, lstm, gru, min_gru, min_lstm, lru, window) or the path of a class.
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
    feeds_back: ClassVar[bool] = False
    """Whether the cell reads, beside the inputs, the network's own last answer."""

    def __init__(
        self,
        input_size: int,
        output_size: int,
        objective: str,
        scale: float = 1.0,
        given: int | None = None,
        vocabulary: str | None = None,
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
            if error := RULES.get(f"model.{name}", SIZE).broken(size):
                raise ValueError(f"`{name}` {error}, got {size!r}.")
        if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must be at least 0 and below 1, got {dropout!r}.")
        if error := endless(cell_args):
            raise ValueError(f"`cell_args` {error}, got {cell_args}.")
        if twice := {"num_layers", "dropout"} & {*(cell_args or {})}:
            name = min(twice)
            raise ValueError(f"`cell_args` must leave `{name}` to the argument, got {cell_args}.")
        # The weights of a layer of one gate, their gradient, and the two moments of Adam.
        require_memory(f"`hidden_size` {hidden_size}", 16.0 * hidden_size**2 * num_layers)
        if objective not in OBJECTIVES:
            raise ValueError(
                f"`objective` must be one of {', '.join(OBJECTIVES)}, got {objective!r}."
            )
        # Only plain values: a checkpoint must load with weights_only=True.
        self.save_hyperparameters(ignore=["optimizer", "lr_scheduler", "cell"])
        self.hparams["cell"] = cell_name(cell)
        self.objective = OBJECTIVES[objective]
        self.input_size, self.output_size = input_size, output_size
        self.scale, self.given, self.vocabulary = scale, given, vocabulary
        self.reduction = reduction
        self.optimizer, self.lr_scheduler = optimizer, lr_scheduler
        self.hidden_size, self.num_layers, self.kind = hidden_size, num_layers, cell
        self.cell_args = {"num_layers": num_layers, "dropout": dropout, **(cell_args or {})}
        self.cell = self.new_cell(input_size + output_size * self.feeds_back)
        self.head = nn.Linear(hidden_size, output_size)
        self.tallies = nn.ModuleList()  # one for each loader

    @classmethod
    def for_data(cls, data: SequenceDataModule, **arguments: Any) -> Self:
        """Build the module that fits a task: sizes and objective are read from it.

        Raises:
            ValueError: If the task has another mapping.

        Example:
            >>> from seqlearn.modules import ManyToMany
            >>> from seqlearn.tasks import BinaryAdd
            >>> ManyToMany.for_data(BinaryAdd(), cell="gru", hidden_size=32).head
            Linear(in_features=32, out_features=1, bias=True)
        """
        module = cls(**{name: getattr(data, name) for name in FROM_TASK}, **arguments)
        module.check_task(data)
        return module

    def check_task(self, data: SequenceDataModule) -> None:
        """Refuse a task whose targets align with its inputs in another way."""
        means = {name: torch.ones(()) for name in self.objective.goals}
        data.require_declared([*self.objective.derive(means, data.optimum(data.length))])
        if data.mapping != self.mapping:
            fitting = "".join(word.capitalize() for word in data.mapping.split("-"))
            name = type(self).__name__
            raise ValueError(f"{type(data).__name__} is {data.mapping}: use {fitting}, not {name}.")

    @abstractmethod
    def answer(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Give the outputs for a batch, aligned with its targets: logits, or values."""

    def alone(self, batch: SequenceBatch) -> Tensor | None:
        """Give the outputs of going on alone, for the end of a batch's targets; None if it can't.

        How much it is shown before, the task says (`given`).
        """
        return None

    def new_cell(self, features: int) -> nn.Module:
        """Make a cell of the kind asked for that reads so many features."""
        return make_cell(self.kind, (features, self.hidden_size), **self.cell_args)

    def features(self, x: Tensor) -> Tensor:
        """Turn ``(..., F)`` features or ``(...)`` symbols into what the cell reads."""
        if not x.is_floating_point():
            x = F.one_hot(x, self.input_size)
        return x.to(self.head.weight.dtype)

    def states(self, x: Tensor) -> Tensor:
        """Run the cell over ``(B, T, F)`` features or ``(B, T)`` symbols: ``(B, T, H)``."""
        states: Tensor = self.cell(self.features(x))[0]
        return states

    def setup(self, stage: str) -> None:
        """Refuse a DataModule that does not fit, whoever made this module."""
        if isinstance(data := getattr(self.trainer, "datamodule", None), SequenceDataModule):
            self.check_task(data)

    def training_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:  # noqa: D102
        trainer, targets = self.trainer, batch.targets
        total = self.objective.losses(self.answer(batch, batch_idx), targets, "sum")
        count = self.objective.scored(targets).sum()
        if self.reduction == "sum":
            count = count.new_tensor(len(targets))
        if trainer.world_size > 1:
            # DDP averages gradients over the ranks: with the mean count as the divisor of each,
            # that is the gradient of the loss over the global batch, however uneven the counts.
            reduced = trainer.strategy.reduce(count.to(total.dtype), reduce_op="mean")
            assert isinstance(reduced, Tensor)
            count = reduced
        loss = self.seen_by_all(total / count.clamp(min=1))
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]  # set late
        due = every and (trainer.global_step + 1) % every == 0
        if due and (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            self.log_step("train/loss", loss)
        return loss

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the precision of the checkpoint; the Trainer's comes after the weights are loaded.

        Else those of 64 bits would be rounded on their way.
        """
        super().on_load_checkpoint(checkpoint)
        for name, weight in self.state_dict(keep_vars=True).items():
            if name in checkpoint["state_dict"]:
                weight.data = weight.data.to(checkpoint["state_dict"][name].dtype)

    def on_validation_epoch_start(self) -> None:  # noqa: D102
        self.tallies = nn.ModuleList([Tally()])

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:  # noqa: D102
        self.score(batch, batch_idx, 0)

    def on_validation_epoch_end(self) -> None:  # noqa: D102
        self._log("val", 0, self.trainer.val_dataloaders)

    def on_test_epoch_start(self) -> None:  # noqa: D102
        self.tallies = nn.ModuleList(Tally() for _ in self.trainer.num_test_batches)

    def test_step(self, batch: SequenceBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Score a batch, and at the end of each loader log its metrics."""
        self.score(batch, batch_idx, dataloader_idx)
        if batch_idx + 1 == self.trainer.num_test_batches[dataloader_idx]:
            self._log("test", dataloader_idx, self.trainer.test_dataloaders)

    def score(self, batch: SequenceBatch, batch_idx: int, loader: int) -> None:
        """Add what the network says to a batch to the tally of its loader."""
        self.tally(loader, self.answer(batch, batch_idx), batch.targets)

    def tally(self, loader: int, outputs: Tensor, targets: Tensor, prefix: str = "") -> None:
        """Add the scores of outputs to the tally of a loader."""
        scores: Scores = self.objective.scores(outputs, targets, self.scale)
        tally = self.tallies[loader]
        assert isinstance(tally, Tally)
        tally.add(scores, prefix)

    def predict_step(self, batch: SequenceBatch, batch_idx: int) -> Tensor:
        """Give probabilities, or values for a regression, shaped as the outputs."""
        return self.objective.predict(self.answer(batch, batch_idx))

    def _log(self, stage: str, index: int, loaders: Any) -> None:
        """Log the metrics of a loader; those of several are told apart by ``@`` and the length."""
        loaders = loaders if isinstance(loaders, list) else [loaders]
        loader = loaders[index]
        ours, suffix = isinstance(loader, EvalLoader), ""
        if stage == "test" and (ours or len(loaders) > 1):
            suffix = f"@{loader.dataset.length if ours else index}"
        optimum = loader.dataset.data.optimum(loader.dataset.length) if ours else None
        tally = self.tallies[index]
        assert isinstance(tally, Tally)
        *_, headline = self.objective.goals
        for name, value in self.objective.derive(tally.means(), optimum).items():
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
        optimizer = fuse((self.optimizer or torch.optim.Adam)(self.parameters()))
        if self.lr_scheduler is None:
            return optimizer
        scheduler = self.lr_scheduler(optimizer)
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": "step"}
        if hasattr(scheduler, "monitor"):  # ReduceLROnPlateau: it looks at each validation
            plan |= {"monitor": scheduler.monitor, "frequency": self.trainer.val_check_interval}
        return {"optimizer": optimizer, "lr_scheduler": plan}
