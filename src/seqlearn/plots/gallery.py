"""The pictures of a run."""

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from seqlearn.answers import Answers
from seqlearn.data import SequenceDataModule
from seqlearn.modules import SequenceModule
from seqlearn.plots.curves import learning_curve, length_generalization
from seqlearn.plots.insides import before_training, gradient_flow, hidden_states
from seqlearn.record import Record
from seqlearn.states import keeps_state

MEASURED = 16
"""Examples to measure gradients on."""


class Run(NamedTuple):
    """What there is to draw."""

    record: Record
    module: SequenceModule
    data: SequenceDataModule
    answers: Answers


def predictions(run: Run) -> Figure | None:
    """Draw the task's own view."""
    batch, said, alone, _ = run.answers
    return run.data.plot(batch, said, alone)


def gradients(run: Run) -> Figure | None:
    """Draw the gradient by lag, before and after training, if the cell can be led step by step."""
    module = run.module
    if not keeps_state(module.cell, module.input_size + module.output_size * module.feeds_back):
        return None
    untrained = before_training(module, run.record.results.get("seed"))
    return gradient_flow(module, untrained, run.answers.first(MEASURED).batch)


PICTURES: dict[str, Callable[[Run], Figure | None]] = {
    "predictions": predictions,
    "learning_curve": lambda run: learning_curve(run.record, run.data),
    "length_generalization": lambda run: length_generalization(run.record, run.data),
    "hidden_states": lambda run: hidden_states(run.module, run.data, run.answers.batch),
    "gradient_flow": gradients,
}
"""Each picture's name, and who draws it; None if there is nothing to draw."""
