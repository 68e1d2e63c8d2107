"""What a task says of itself: how its sequences are read, drawn, scored and shown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG
from seqlearn.splits import SequenceBatch

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MAPPINGS = ("many-to-one", "many-to-many", "one-to-many", "encoder-decoder")


class Task(ABC):
    """What is to be declared of a task, and what may be."""

    mapping: ClassVar[str]
    """How targets align with inputs, a word of `MAPPINGS`."""
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
    measure: ClassVar[str] = "steps"
    """The field that is the training length, and the name of what it counts."""
    generalizes: ClassVar[bool] = True
    """Whether `goal` is for every test length, or for the training length only."""
    held_out: ClassVar[bool] = True
    """Whether splits are kept apart; False for a handful of sequences that are used whole."""

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Features of an input step, or number of symbols (F)."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Values or classes of an output step (C)."""

    @property
    def length(self) -> int:
        """The training length: the longest sequence trained on, in the task's own `measure`.

        Raises:
            TypeError: If there is no such field.
        """
        try:
            return int(getattr(self, self.measure))
        except AttributeError:
            name = type(self).__name__
            rule = "`measure` must name the field that is the training length"
            raise TypeError(f"{name}: {rule}, got {self.measure!r}.") from None

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
    def answers(self) -> Sequence[str] | None:
        """Names of the classes to choose from, in their order; None where numbers will do.

        Where the objective is binary, names of the outputs: an answer is then the set of those that
        are 1.
        """
        return self.vocabulary

    @property
    def scale(self) -> float:
        """Unit of a regression target: metrics are given times it, in the task's own unit."""
        return 1.0

    @property
    def goal(self) -> float | None:
        """What the headline metric should reach with the preset; None if nothing can be asked."""
        return None

    def require_declared(self, metrics: Sequence[str]) -> None:
        """Refuse a mapping that there is not, or a headline that is none of these metrics.

        Raises:
            ValueError: If it is so.
        """
        for name, words in {"mapping": MAPPINGS, "metric": metrics}.items():
            if (word := getattr(self, name)) not in words:
                kind = type(self).__name__
                raise ValueError(
                    f"`{name}` of {kind} must be one of {', '.join(words)}, got {word!r}."
                )

    def memory(self, batch: SequenceBatch) -> dict[str, Tensor]:
        """Name what a network has to keep in mind, with its value before each step: ``(B, T)``.

        Pictures of hidden states show it beside them.
        """
        return {}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Put each example and its prediction into words.

        Args:
            batch: The examples.
            predictions: Shaped as the outputs: probabilities, or values for a regression.
        """
        return plainly(self, batch, predictions)

    def plot(
        self, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
    ) -> "Figure":
        """Draw the task's own view of examples and what a network says to them.

        Args:
            batch: The examples.
            predictions: Shaped as the outputs: probabilities, or values for a regression.
            alone: What the network says going on alone after `given` steps, likewise, if it does.
        """
        from seqlearn.plots.views import VIEWS  # imports matplotlib

        return VIEWS[self.objective](self, batch, predictions, alone)
