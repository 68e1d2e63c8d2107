"""How learning went, and how far it carries: curves over steps and over test lengths."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from seqlearn.data import SequenceDataModule
from seqlearn.goals import more_is_better
from seqlearn.plots import style
from seqlearn.plots.levels import DASHES, OPTIMUM, Labels, beside, level, number, scale, words
from seqlearn.plots.words import several
from seqlearn.record import BEST, Record

Points = list[tuple[int, float]]
Names = tuple[str, ...]

CLOSE = 0.02
"""What is off from the optimum by no more than this share of it is as good."""
TICKS = 10
"""Lengths to name on an axis."""


class Panel(NamedTuple):
    """One of several axes over the same steps.

    Attributes:
        label: What is measured.
        curves: Points by name.
        headline: Whether it is what the baselines are about.
    """

    label: str
    curves: dict[str, Points]
    headline: bool = False


def learning_curve(record: Record, data: SequenceDataModule) -> Figure | None:
    """Draw the losses and the headline metric over the steps; None if nothing was logged.

    Args:
        record: The run.
        data: Its task.
    """
    if not (panels := logged(record, data)):
        return None
    title, size = learnt(record, data), (8, 1 + 2.6 * len(panels))
    figure, axes = style.new(title, len(panels), size=size, sharex=True, squeeze=False)
    kept = kept_step(record)
    for axis, panel in zip(axes[:, 0], panels, strict=True):
        for name, points in panel.curves.items():
            held_out = name == "validation"
            # Logged is the index of the last step; what counts is how many there were.
            axis.plot(
                [step + 1 for step, _ in points],
                [value for _, value in points],
                color=style.SAID if held_out else style.ALONE,
                marker="o" if held_out else "",
                markersize=4,
                label=name,
            )
        if kept:
            axis.axvline(kept, color="black", linestyle=":", label=f"kept: step {kept}")
        values = [value for points in panel.curves.values() for _, value in points]
        scale(axis, values, panel.headline and more_is_better(data))
        if panel.headline:
            level(axis, record.results["baselines"])
            note = f"simple predictors and optimum: at {count(data, data.length)}"
            axis.set_title(note, fontsize=9, loc="right", color=style.TRUE)
        axis.set_ylabel(panel.label)
        style.legend(axis)
    axes[-1, 0].set_xlabel("training steps")
    return figure


def logged(record: Record, data: SequenceDataModule) -> list[Panel]:
    """Arrange what was logged."""
    found = {name: finite(points) for name, points in record.metrics().items()}
    given = record.config["model"]
    network = given.get("init_args", given)
    name = "training, shown the truth" if network.get("teacher_forcing") else "training"
    training = {name: found.get("train/loss", [])}
    validation = {"validation": found.get("val/loss", [])}
    unit = "squared error" if data.objective == "regression" else "nats"
    own = data.metric == "loss"
    panels = [Panel(f"loss ({unit})", training | validation, own)]
    if network.get("reduction") == "sum":  # another unit than the mean that validation takes
        summed = Panel(f"loss ({unit} a sequence)", training)
        panels = [summed, Panel(f"loss ({unit})", validation, own)]
    if not own:
        reached = {"validation": found.get(f"val/{data.metric}", [])}
        panels.append(Panel(words(data.metric), reached, True))
    drawn = [
        panel._replace(curves={name: points for name, points in panel.curves.items() if points})
        for panel in panels
    ]
    return [panel for panel in drawn if panel.curves]


def kept_step(record: Record) -> int | None:
    """Find the step of the lowest validation loss, if that is what the run is judged by."""
    losses = finite(record.metrics().get("val/loss", []))
    if not losses or record.results["checkpoint"] != BEST:
        return None
    return 1 + min(losses, key=lambda point: point[1])[0]


def learnt(record: Record, data: SequenceDataModule) -> str:
    """Say what was reached, and what that is worth."""
    whole = record.results["steps"]
    kept = kept_step(record) or whole
    of = f" of {whole:,}" if kept != whole else ""
    steps = f"after {kept:,}{of} training step{'s' * (whole != 1)}"
    points = dict(at_lengths(record, data.metric))
    if data.length not in points:
        return f"Learning {words(record.results['task'])}, {steps}"
    value = points[data.length]
    reached = f"{words(data.metric)} {number(value)} at {count(data, data.length)} {steps}"
    return f"{reached}\n{judged(value, record.results['baselines'], more_is_better(data))}".strip()


def judged(value: float, baselines: Mapping[str, float], more: bool) -> str:
    """Compare a value with the optimum, or with the best of simple predictors.

    Example:
        >>> judged(0.99, {"coin": 0.5, "optimum": 1.0}, more=True)
        'the optimum is 1'
        >>> judged(0.5, {"coin": 0.5, "last": 0.4, "optimum": 1.0}, more=True)
        'no better than coin (0.5)'
    """
    simple = {name: baseline for name, baseline in baselines.items() if name != OPTIMUM}
    best = baselines.get(OPTIMUM)
    if best is not None and abs(value - best) <= CLOSE * abs(best):
        return f"the optimum is {number(best)}"
    if not simple:
        return ""
    name = (max if more else min)(simple, key=lambda name: simple[name])
    better = value > simple[name] if more else value < simple[name]
    return f"{'better' if better else 'no better'} than {words(name)} ({number(simple[name])})"


def length_generalization(record: Record, data: SequenceDataModule) -> Figure | None:
    """Draw the headline metric over the test lengths; None if fewer than two were tested.

    Args:
        record: The run.
        data: Its task.
    """
    reached, alone = at_lengths(record, data.metric), at_lengths(record, f"rollout_{data.metric}")
    if len(reached) < 2:
        return None
    known = by_length(record, data, [length for length, _ in reached])
    figure, axis = style.new(carried(reached, known, data), size=(8, 4.4))
    name_lengths(axis, [length for length, _ in reached])
    axis.axvline(data.length, color="black", linestyle=":", linewidth=1)
    top = axis.get_xaxis_transform()
    axis.text(data.length, 1.01, "training length", transform=top, fontsize=9)
    drawn = [*(points for points in known.values()), reached, alone]
    scale(axis, [value for points in drawn for _, value in points], more_is_better(data))
    labels: Labels = []
    for (names, points), dashes in zip(known.items(), DASHES * len(known), strict=False):
        where, color = "", style.TRUE
        look: dict[str, Any] = {"linestyle": dashes, "zorder": 1}
        if OPTIMUM in names:
            color, look = style.COLORS[2], {"linewidth": 6, "alpha": 0.4, "zorder": 0}
        if len(points) > 1:
            axis.plot(*zip(*points, strict=True), color=color, **look)
        else:  # known at the training length only
            where = f" at {data.length}"
            axis.axhline(points[0][1], color=color, **look)
        labels.append((points[-1][1], f"{', '.join(names)}{where} {number(points[-1][1])}", color))
    curves = {"network": reached, "going on alone": alone}
    for (name, points), color, mark in zip(
        curves.items(), (style.SAID, style.ALONE), style.MARKS, strict=False
    ):
        if points:
            axis.plot(*zip(*points, strict=True), color=color, marker=mark, zorder=3, label=name)
            labels.append((points[-1][1], f"{name} {number(points[-1][1])}", color))
    beside(axis, labels)
    axis.set(xlabel=f"test length ({data.measure})", ylabel=words(data.metric))
    return figure


def carried(reached: Points, known: Mapping[Names, Points], data: SequenceDataModule) -> str:
    """Say how far what was learnt at one length carries, and what that is worth.

    Args:
        reached: The headline metric by length.
        known: The baselines by length.
        data: The task.
    """
    (longest, last), metric = reached[-1], words(data.metric)
    start, first = next((p for p in reached[:-1] if p[0] == data.length), reached[0])
    span = f"from {count(data, start)} to {count(data, longest)}"
    if len({number(value) for _, value in reached}) == 1:
        said = f"{metric} {number(last)} at every length {span}"
    elif abs(last - first) <= CLOSE * abs(first):
        said = f"{metric} {number(first)} hardly changes {span}"
    else:
        verb = "falls" if last < first else "rises"
        said = f"{metric} {verb} from {number(first)} at {count(data, start)} "
        said += f"to {number(last)} at {count(data, longest)}"
    ends = {n: dict(points)[longest] for n, points in known.items() if longest in dict(points)}
    there = {name: value for names, value in ends.items() for name in names}
    return f"{said}\n{judged(last, there, more_is_better(data))}".strip()


def by_length(
    record: Record, data: SequenceDataModule, lengths: Sequence[int]
) -> dict[Names, Points]:
    """Give the baselines over the lengths; those that are equal throughout stand together."""
    at = {length: data.baselines_at(length) for length in lengths if length != data.length}
    at[data.length] = record.results["baselines"]
    curves: dict[tuple[tuple[int, float], ...], Names] = {}
    for name in at[data.length]:
        points = tuple((length, at[length][name]) for length in sorted(at) if name in at[length])
        curves[points] = (*curves.get(points, ()), words(name))
    return {names: list(points) for points, names in curves.items()}


def at_lengths(record: Record, metric: str) -> Points:
    """Find a test metric at its lengths."""
    start = f"test/{metric}@"
    found = record.results["metrics"].items()
    ours = [(name.removeprefix(start), value) for name, value in found if name.startswith(start)]
    return sorted(finite([(int(length), value) for length, value in ours if length.isdigit()]))


def finite(points: Points) -> Points:
    """Leave out what cannot be drawn."""
    return [(step, value) for step, value in points if math.isfinite(value)]


def name_lengths(axis: Axes, lengths: Sequence[int]) -> None:
    """Make an axis of lengths, logarithmic if they are of several sizes."""
    if lengths[-1] > 4 * lengths[0]:
        axis.set_xscale("log", base=2)
    shown = lengths[:: -(-len(lengths) // TICKS)]
    axis.set_xticks(shown, [str(length) for length in shown])
    axis.xaxis.set_minor_locator(NullLocator())


def count(data: SequenceDataModule, length: int) -> str:
    """Say how long a sequence is: ``8 bits``, or ``window 24`` where that is no plural."""
    named = data.measure.endswith("s")
    return several(length, data.measure) if named else f"{data.measure} {length}"
