"""The base of every task: a DataModule that draws, holds apart and serves sequences."""

from dataclasses import dataclass, fields, replace
from typing import Any

from lightning.pytorch import LightningDataModule

from seqlearn.kinds import require_kinds
from seqlearn.limits import MOST, RULES, Rule, require_memory
from seqlearn.loaders import EVALUATED_AT_ONCE, EvalLoader, TrainLoader
from seqlearn.splits import UNSCORED, SequenceBatch, SequenceDataset
from seqlearn.task import Task

__all__ = ["UNSCORED", "SequenceBatch", "SequenceDataModule"]

WHILE_DRAWN = 4
"""Memory that drawing takes, as a multiple of what is drawn; about that, the tasks differ."""


@dataclass(kw_only=True, eq=False)
class SequenceDataModule(Task, LightningDataModule):
    """Draw, hold apart and serve the sequences of one task.

    To write a task, declare the class attributes, give the abstract members and, as keyword-only
    dataclass fields with a docstring each, whatever the user may set. A ``ValueError`` that names a
    field in backticks is told to who uses the command, in one line; another error shows where it is
    from.

    Raises:
        ValueError: If a field is not of its kind, a size is out of its range, or a test length is
            out of the task's.
    """

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
        self._require_memory(train, self.batch_size)
        next(iter(self.train_dataloader()))
        for loader in (self.val_dataloader(), *self.test_dataloader()):
            at_once = min(self.batch_size * EVALUATED_AT_ONCE, len(loader.dataset))
            self._require_memory(loader.dataset, at_once)

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

    def baselines_at(self, length: int) -> dict[str, float]:
        """Give `baselines` at another length; none if it is not one that could be trained on."""
        if length == self.length:
            return self.baselines()
        if self.measure not in {field.name for field in fields(self)}:
            return {}
        changes: dict[str, Any] = {self.measure: length, "test_lengths": None}
        try:
            other = replace(self, **changes)
            other._require_length("length", length)
        except ValueError:
            return {}
        return other.baselines() if other.length == length else {}

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
