"""What a run came to, row by row: what was reached, what simple predictors reach, and the goal."""

from collections.abc import Mapping
from typing import NamedTuple

from seqlearn.data import SequenceDataModule
from seqlearn.goals import met_at, more_is_better


class Row(NamedTuple):
    """One metric at one length.

    Attributes:
        metric: Its name.
        length: The length of the sequences; None for those of validation, of all lengths.
        reached: What the network reached.
        predictors: What simple predictors reach, where the metric is the headline, the best first.
        optimum: The best there can be, likewise.
        bound: The goal.
        met: Whether it was met.
        trained: Whether this is the training length.
    """

    metric: str
    length: int | None
    reached: float
    predictors: Mapping[str, float] = {}
    optimum: float | None = None
    bound: float | None = None
    met: bool | None = None
    trained: bool = False

    @property
    def name(self) -> str:
        """The metric and its length: ``exact_match@8``."""
        return self.metric if self.length is None else f"{self.metric}@{self.length}"


def rows(
    data: SequenceDataModule, metrics: Mapping[str, float], stage: str, trained: int | None = None
) -> list[Row]:
    """Set out metrics: the headline at every length, the others at the training length.

    Args:
        data: The task.
        metrics: By name, such as ``test/exact_match@8`` or ``val/loss``.
        stage: The beginning of their names.
        trained: The length that was trained on, if it is not that of the task.
    """
    trained = data.length if trained is None else trained
    found: dict[str, dict[int | None, float]] = {}
    for name, value in metrics.items():
        metric, _, length = name.removeprefix(f"{stage}/").partition("@")
        found.setdefault(metric, {})[int(length) if length.isdigit() else None] = value
    lengths = {length for values in found.values() for length in values}
    shown = trained if trained in lengths else min(lengths, default=None, key=lambda n: n or 0)
    result = []
    for metric in (data.metric, f"rollout_{data.metric}"):
        for n, value in sorted(found.pop(metric, {}).items(), key=lambda item: item[0] or 0):
            row = Row(metric, n, value, trained=n == trained)
            result.append(row if metric != data.metric else compared(data, row))
    for metric, values in found.items():
        if shown in values:
            result.append(Row(metric, shown, values[shown], trained=shown == trained))
    return result


def compared(data: SequenceDataModule, row: Row) -> Row:
    """Add what the headline metric is to be compared with."""
    length = data.length if row.length is None else row.length
    predictors = dict(data.baselines_at(length))
    optimum = predictors.pop("optimum", None)
    strongest = sorted(predictors, key=predictors.__getitem__, reverse=more_is_better(data))
    predictors = {name: predictors[name] for name in strongest}
    if row.length is None:
        return row._replace(predictors=predictors, optimum=optimum)
    met = met_at(data, length, row.reached)
    bound = None if met is None else data.goal
    return row._replace(predictors=predictors, optimum=optimum, bound=bound, met=met)
