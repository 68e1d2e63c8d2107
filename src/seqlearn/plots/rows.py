"""What a network was shown, asked for and said, as rows of signs over the steps."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import set_names, sets
from seqlearn.modules import SequenceModule
from seqlearn.plots.style import SAID, TRUE, WRONG, legend
from seqlearn.plots.words import shown

FEATURES = 4
"""Rows of one kind."""
LEAST, MOST = 4, 9
"""Size of a sign, in points."""
LETTER = 0.65
"""Width of a letter, as a share of that."""


class Sign(NamedTuple):
    """What stands at a step.

    Attributes:
        text: A character or a number.
        wrong: Whether it is a mistake.
    """

    text: str
    wrong: bool = False


Rows = dict[str, dict[int, Sign]]
"""By name what stands at which step, from 1 on."""


def spelled(
    module: SequenceModule,
    data: SequenceDataModule,
    one: SequenceBatch,
    outputs: Tensor,
    steps: Sequence[int],
) -> Rows:
    """Spell an example, as far as it is symbols, bits or a single answer.

    Args:
        module: The network.
        data: Its task.
        one: A batch of one example.
        outputs: What the network says to it.
        steps: How many are drawn, of an encoder and decoder for each.
    """
    rows: Rows = {}
    read = one.inputs if data.mapping == "one-to-many" else one.inputs[0, : one.lengths[0]]
    if not read.is_floating_point() or bool(((read == 0) | (read == 1)).all()):
        rows |= written("input", read[: steps[0]], 1, data.vocabulary)
    start, asked, said = answered(module, data, one, outputs, steps)
    if asked.is_floating_point():
        if len(asked) == 1:  # of more there is a curve
            (example,) = data.describe(one, module.objective.predict(outputs))
            for name, text in (("target", example.target), ("answer", example.prediction)):
                rows[name] = {start: Sign(shown(text))}
        return rows
    scored = module.objective.scored(asked)
    if (names := set_names(data)) and asked.ndim == 2:
        right, ours = (sets(part, names).split() for part in (asked, said))
        there = scored.all(1).nonzero().flatten().tolist()
        rows["target"] = {start + k: Sign(right[k]) for k in there}
        rows["answer"] = {start + k: Sign(ours[k], ours[k] != right[k]) for k in there}
        return rows
    names = data.answers if len(data.answers or ()) == data.output_size else None
    rows |= written("target", asked, start, names, scored)
    return rows | written("answer", said, start, names, scored, asked)


def answered(
    module: SequenceModule,
    data: SequenceDataModule,
    one: SequenceBatch,
    outputs: Tensor,
    steps: Sequence[int],
) -> tuple[int, Tensor, Tensor]:
    """Give the step of the first answer, and what was asked for and said from there on.

    Args:
        module: The network.
        data: Its task.
        one: A batch of one example.
        outputs: What the network says to it.
        steps: How many are drawn, of an encoder and decoder for each.
    """
    once = data.mapping == "many-to-one"
    start = int(one.lengths[0]) if once else 1 + sum(steps[:-1])
    parts = one.targets, module.objective.choose(outputs)
    asked, said = (part if once else part[0] for part in parts)
    room = max(0, 1 + sum(steps) - start)
    return start, asked[:room], said[:room]


def trace(axis: Axes, start: int, asked: Tensor, said: Tensor) -> None:
    """Draw real answers beside what was asked for, of several values a step the first.

    Args:
        axis: Where.
        start: The step of the first.
        asked: ``(T, C)``, with ``NaN`` where nothing was.
        said: ``(T, C)``.
    """
    count = asked[:, None].flatten(1).shape[1]
    for name, part, color, mark in (("target", asked, TRUE, "o"), ("answer", said, SAID, "s")):
        values = part[:, None].flatten(1)[:, 0].tolist()
        steps = range(start, start + len(values))
        axis.plot(steps, values, color=color, marker=mark, markersize=3, linewidth=1, label=name)
    legend(axis, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    axis.margins(y=0.1)  # for the marks
    axis.set_ylabel(f"output 1 of {count}" if count > 1 else "value")
    axis.tick_params(labelbottom=False)


def written(
    name: str,
    values: Tensor,
    start: int,
    names: Sequence[str] | None,
    scored: Tensor | None = None,
    right: Tensor | None = None,
) -> Rows:
    """Write ``(T,)`` or ``(T, F)`` values that begin at a step, a row for each feature."""
    rows: Rows = {}
    table, counted, truth = (
        [] if part is None else part[:, None].flatten(1).long().T.tolist()
        for part in (values, scored, right)
    )
    for k, row in enumerate(table[:FEATURES]):
        signs = rows[f"{name} {k + 1}" if len(table) > 1 else name] = {}
        for step, value in enumerate(row):
            if not counted or counted[k][step]:
                text = shown(names[value]) if names else str(value)
                signs[start + step] = Sign(text, bool(truth) and value != truth[k][step])
    return rows


def draw(axis: Axes, rows: Mapping[str, Mapping[int, Sign]], width: float) -> None:
    """Draw rows of signs, mistakes bold in a frame; what does not fit is cut.

    Args:
        axis: Where.
        rows: What to draw.
        width: Room for a step, in points.
    """
    # A sign alone in its row may take all the steps up to its own.
    signs = [
        (place, step, *sign, step if len(row) == 1 else 1)
        for place, row in enumerate(rows.values())
        for step, sign in row.items()
    ]
    longest = max((len(sign) / room for *_, sign, _, room in signs), default=1) or 1
    size = min(max(width / longest / LETTER, LEAST), MOST)
    letters = width / LETTER / size + 1e-6  # of a step; what just fits is not cut
    for place, step, sign, wrong, room in signs:
        most = int(room * letters)
        sign = sign if len(sign) <= most else f"{sign[: most - 1]}…"
        beyond = len(sign) > letters
        text = axis.text(
            step + 0.5 * beyond,
            place,
            sign,
            fontsize=size,
            ha="right" if beyond else "center",
            va="center",
            parse_math=False,
            in_layout=False,  # not to be measured, as it is made to fit
        )
        if wrong:
            text.set(fontweight="bold", color=WRONG)
            text.set_bbox({"fill": False, "edgecolor": WRONG, "pad": 1})
    axis.set_yticks(range(len(rows)), list(rows), fontsize=9, color=TRUE)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.tick_params(length=0)
    axis.xaxis.set_visible(False)
    axis.spines[:].set_visible(False)
