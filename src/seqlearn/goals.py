"""Whether a network does what its task asks for."""

from collections.abc import Mapping

from seqlearn.data import SequenceDataModule
from seqlearn.score import MORE_IS_BETTER


def more_is_better(data: SequenceDataModule) -> bool:
    """Tell whether more of the headline metric is better, or less."""
    return data.metric in MORE_IS_BETTER


def met_at(data: SequenceDataModule, length: int, value: float) -> bool | None:
    """Tell whether a headline metric meets the goal; None if there is none at this length.

    Args:
        data: The task.
        length: The test length at which it was reached.
        value: The headline metric.
    """
    goal = data.goal
    if goal is None or not (data.generalizes or length == data.length):
        return None
    return value >= goal if more_is_better(data) else value <= goal


def met(data: SequenceDataModule, metrics: Mapping[str, float], stage: str = "test") -> bool | None:
    """Tell whether metrics meet the goal, wherever there is one; None if there is none.

    Args:
        data: The task.
        metrics: Values by their logged names, such as ``test/exact_match@8``; one without a length
            is of the sequences as trained.
        stage: The part of the names before the slash.
    """
    found = []
    for name, value in metrics.items():
        metric, _, length = name.partition("@")
        if metric == f"{stage}/{data.metric}":
            found.append(met_at(data, int(length or data.length), value))
    asked = [each for each in found if each is not None]
    return all(asked) if asked else None
