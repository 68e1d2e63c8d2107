"""What a network says to examples, drawn as the kind of answer asks for."""

from collections.abc import Callable

from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.bits import bits
from seqlearn.plots.classes import classes
from seqlearn.plots.series import series
from seqlearn.plots.text import text
from seqlearn.splits import SequenceBatch
from seqlearn.task import Task

VIEWS: dict[str, Callable[[Task, SequenceBatch, Tensor, Tensor | None], Figure]] = {
    "binary": bits,
    "categorical": classes,
    "regression": series,
    "language": text,
}
"""The view of each objective; see `Task.plot` for the arguments."""
