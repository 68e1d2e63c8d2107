"""The base of every task: a DataModule that draws, holds apart and serves sequences."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

from lightning.pytorch import LightningDataModule
from torch import Tensor

from seqlearn.kinds import require_kinds
from seqlearn.limits import MOST, RULES, Rule, require_memory
from seqlearn.loaders import DRAWN_AT_ONCE, EVALUATED_AT_ONCE, EvalLoader, TrainLoader
from seqlearn.rng import IndexedRNG
from seqlearn.splits import UNSCORED, SequenceBatch, SequenceDataset

__all__ = ["UNSCORED", "SequenceBatch", "SequenceDataModule"]

WHILE_DRAWN = 4
"""Memory that drawing takes, as a multiple of what is drawn; about that, the tasks differ."""


@dataclass(kw_only=True, eq=False)
class SequenceDataModule(LightningDataModule, ABC):
    """Draw, hold apart and serve the sequences of one task.

    To write a task, declare the class attributes, give the abstract members and, as keyword-only
    dataclass fields with a docstring each, whatever the user may set. A ``ValueError`` that names a
    field in backticks is told to who uses the command, in one line; another error shows where it is
    from.

    Raises:
        ValueError: If a field is not of its kind, a size is out of its range, or a test length is
            out of the task's.
    """

    mapping: ClassVar[str]
    """How targets align with inputs: ``"many-to-one"``, ``"many-to-many"``, ``"one-to-many"`` or
    ``"encoder-decoder"``."""
    objective: ClassVar[str]
    """What is predicted, a word of ``OBJECTIVES``: binary, categorical or regression."""
    metric: ClassVar[str]
    """The headline metric, the one that `baselines` is about."""
    min_length: ClassVar[int] = 1
    """Shortest length that can be drawn."""
    max_length: ClassVar[int | None] = None
    """Longest length that can be drawn."""
    test_multiples: ClassVar[Sequence[int]] = (1,)
    """The default test lengths, as multiples of the training length."""
    held_out: ClassVar[bool] = True
    """Whether splits are kept apart; False for a handful of sequences that are used whole."""

    batch_size: int = 64
    """Sequences in a training batch, on each device; evaluation takes four times as many."""
    train_size: int = 10_000
    """Sequences that count as an epoch, for those who set `max_epochs`."""
    train_limit: int | None = None
    """Train on the first so many sequences, again and again; by default every one is new."""
    val_size: int | None = 1000
    """Sequences in the validation split; None for all, where their number is known."""
    test_size: int | None = 1000
    """Sequences of each test length; None for all, where their number is known."""
    test_lengths: tuple[int, ...] | None = None
    """Lengths to test at; by default the training length and multiples of it."""
    seed: int = 0
    """Seed of the data; that of the weights is `seed_everything`."""

    def __post_init__(self) -> None:
        """Check the fields and record them as hyperparameters."""
        super().__init__()
        require_kinds(fields(self), self)
        for name in ("batch_size", "train_size", "train_limit", "val_size", "test_size"):
            if error := RULES[f"data.{name}"].broken(value := getattr(self, name)):
                raise ValueError(f"`{name}` {error}, got {value!r}.")
        if self.test_lengths is not None and not self.test_lengths:
            raise ValueError("`test_lengths` must name at least one length, got none.")
        for length in self.test_lengths or ():
            self._require_length("test_lengths", length)
        self.save_hyperparameters()

    def __str__(self) -> str:
        """The fields; Lightning's own summary only knows the loaders of PyTorch."""
        return repr(self)

    def setup(self, stage: str) -> None:
        """Draw the first batch and an example of each split: what cannot be drawn is said now.

        Raises:
            ValueError: If a split has no example.
        """
        self._require_length("length", self.length)
        for length in self.curve:
            self._require_length("test_lengths", length)
        train = self.dataset("train")
        self._require_memory(train, max(self.batch_size, DRAWN_AT_ONCE))
        next(iter(self.train_dataloader()))
        for loader in (self.val_dataloader(), *self.test_dataloader()):
            at_once = max(self.batch_size * EVALUATED_AT_ONCE, DRAWN_AT_ONCE)
            self._require_memory(loader.dataset, min(at_once, len(loader.dataset)))

    def require(self, name: str, least: int, most: int = MOST) -> None:
        """Refuse a field that is no integer from ``least`` to ``most``; None means it is not set.

        Raises:
            ValueError: If it is not.
        """
        value = getattr(self, name)
        if error := Rule(least, most).broken(value):
            raise ValueError(f"`{name}` {error}, got {value!r}.")

    def _require_length(self, name: str, length: int) -> None:
        """Refuse a length that cannot be drawn."""
        most = MOST if self.max_length is None else self.max_length
        if error := Rule(self.min_length, most).broken(length):
            raise ValueError(f"`{name}` {error}, got {length!r}.")

    def _require_memory(self, dataset: SequenceDataset, count: int) -> None:
        """Draw an example, and refuse to draw so many at once if they need more than there is."""
        size = sum(field.nbytes for field in dataset[0])
        what = f"`batch_size` {self.batch_size}: to draw {count} {dataset.split} sequences"
        what += f" of length {dataset.length or self.length}"
        require_memory(what, WHILE_DRAWN * count * size)

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Features of an input step, or number of symbols (F)."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Values or classes of an output step (C)."""

    @property
    @abstractmethod
    def length(self) -> int:
        """The training length: the longest sequence trained on, in the task's own measure."""

    @abstractmethod
    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Draw one example for each index of ``rng``, with nothing but ``rng`` and the fields.

        Args:
            rng: The numbers to use; its ``split`` and ``indices`` may be read.
            length: The exact length asked for, or None for the mixture trained on.
        """

    @abstractmethod
    def baselines(self) -> dict[str, float]:
        """Give the headline metric of simple predictors and of the optimum, at `length`."""

    def population(self, split: str, length: int | None) -> int | None:
        """How many examples there are, if so few that `draw` numbers them by index; else None.

        Where `held_out` is True they are all numbered alike for every split, which then keeps its
        share; where it is False each split has numbers of its own.
        """
        return None

    def lanes(self, split: str) -> int | None:
        """How many sequences go on side by side, for a network that carries its state along.

        Example ``k * lanes + j`` continues example ``(k - 1) * lanes + j``. None, the default, is
        for examples that have nothing to do with each other.
        """
        return None

    def optimum(self, length: int | None) -> float | None:
        """Give the least mean squared error any predictor can reach, in the unit of the metrics.

        Where it is known, errors are also given as a multiple of it, ``mse_ratio``.
        """
        return None

    @property
    def given(self) -> int | None:
        """Steps of a test sequence shown before the network goes on with what it says itself.

        Where it is set, what it then says is scored as well, in metrics named ``rollout_...``.
        """
        return None

    @property
    def vocabulary(self) -> str | None:
        """The characters that symbols stand for, in their order; None if they are not text."""
        return None

    @property
    def scale(self) -> float:
        """Unit of a regression target: metrics are given times it, in the task's own unit."""
        return 1.0

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[str]:
        """Put each example and its prediction into a line for people.

        Args:
            batch: The examples.
            predictions: Shaped as the outputs: probabilities, or values for a regression.
        """
        return [
            f"{inputs.tolist()} -> {prediction.tolist()}"
            for inputs, prediction in zip(batch.inputs, predictions, strict=True)
        ]

    @property
    def curve(self) -> tuple[int, ...]:
        """The lengths tested, shortest first."""
        default = tuple(self.length * multiple for multiple in self.test_multiples)
        return tuple(sorted({*(self.test_lengths or default)}))

    def dataset(self, split: str, length: int | None = None) -> SequenceDataset:
        """One split as a map-style dataset: ``dataset[i]`` is its example *i*."""
        return SequenceDataset(self, split, length)

    def train_dataloader(self) -> TrainLoader:  # noqa: D102
        return TrainLoader(self.dataset("train"), self.trainer)

    def val_dataloader(self) -> EvalLoader:  # noqa: D102
        return EvalLoader(self.dataset("val"), self.trainer)

    def test_dataloader(self) -> list[EvalLoader]:  # noqa: D102
        return [EvalLoader(self.dataset("test", n), self.trainer) for n in self.curve]

    def predict_dataloader(self) -> EvalLoader:  # noqa: D102
        return EvalLoader(self.dataset("test", self.curve[0]), self.trainer)
