"""What happens inside a network: its states over time, and how much of a gradient comes back."""

import math
import random
from collections.abc import Callable, Mapping

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.gradients import gradient_norms
from seqlearn.modules import SequenceModule
from seqlearn.plots import rows, style
from seqlearn.plots.crop import cropped, first, reach
from seqlearn.plots.heat import heat, strip, within
from seqlearn.plots.levels import logarithmic
from seqlearn.plots.watch import after, correlations, order, watch
from seqlearn.plots.words import several

EXAMPLES, STEPS, UNITS = 128, 128, 64
"""How many to look at for correlations, and how much is drawn at most."""
WIDTH = 430
"""Points that the steps have to share."""
Panel = tuple[float, Callable[[Axes], None]]
"""Its height in inches, and what draws it."""
FOLLOWS = 0.7
"""A unit with such a correlation shares half of its variance."""
CHANGES = 0.1
"""A change that can be seen, as a share of all colours."""
MEASURED, HEAVY, LONG, SHORT = 16, 100_000, 400, 128
"""Sequences to measure gradients on, and how much of them with cells of so many weights or less."""
FEWEST = 3
"""Lags of a gradient worth drawing."""


def before_training(module: SequenceModule, seed: int | None) -> SequenceModule | None:
    """Make the same network with the weights it began with.

    Args:
        module: The network.
        seed: That of the run, `seed_everything`.

    Returns:
        None if there is no seed, or a network of one's own cannot be made of its hyperparameters.
    """
    if seed is None:
        return None
    # The command's parser adds a name of its own, which a checkpoint's loading drops again.
    arguments = {name: v for name, v in module.hparams.items() if name != "_instantiator"}
    with isolate_rng():
        random.seed(seed)  # as Lightning does it
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            untrained = type(module)(**arguments)
        except Exception:  # of any kind, as the class may be anyone's
            return None
    return untrained.to(module.head.weight)


def hidden_states(module: SequenceModule, data: SequenceDataModule, batch: SequenceBatch) -> Figure:
    """Draw the units over the steps of one example, below what they have to keep in mind.

    Args:
        module: The network.
        data: Its task.
        batch: Examples: one is drawn, all say which units follow a memory.
    """
    batch = first(batch, EXAMPLES)
    watched, lengths = watch(module, batch), batch.lengths
    states = watched.parts[0]
    kept = {name: after(memory, lengths) for name, memory in data.memory(batch).items()}
    followed = {name: correlations(states, memory) for name, memory in kept.items()}
    units = order(states, lengths, followed)
    example = liveliest(kept, lengths)
    one = SequenceBatch(*(part[example : example + 1] for part in batch))
    ends = [int(lengths[example])]
    if len(watched.parts) > 1:
        ends.append(reach(module.objective.scored(one.targets)))
    steps = [min(end, STEPS // len(ends)) for end in ends]
    parts = zip(watched.parts, steps, strict=True)
    whole = torch.cat([part[example, :count] for part, count in parts])  # (T, H)
    drawn = whole[:, units[:UNITS]]

    outputs, panels = watched.outputs[example : example + 1], list[Panel]()
    if signs := rows.spelled(module, data, one, outputs, steps):
        panels.append((0.22 * len(signs), lambda axis: rows.draw(axis, signs, WIDTH / len(drawn))))
    start, *answers = rows.answered(module, data, one, outputs, steps)
    asked, said = (part * data.scale for part in answers)
    if one.targets.is_floating_point() and len(asked) > 1:
        panels.append((1.2, lambda axis: rows.trace(axis, start, asked, said)))
    if kept:
        strips = torch.stack([within(memory)[example, : len(drawn)] for memory in kept.values()])
        panels.append((0.25 * len(kept), lambda axis: strip(axis, strips, list(kept))))
    panels.append(
        (min(max(0.17 * drawn.shape[1], 1.5), 5.5), lambda axis: heat(axis, drawn, units))
    )
    heights = [height for height, _ in panels]
    figure, axes = style.new(
        following(followed) if followed else changing(whole),
        len(panels),
        size=(8, 1.4 + sum(heights)),
        note=cropped(units=(drawn.shape[1], len(units)), steps=(len(drawn), sum(ends))),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
    )
    for axis, (_, draw) in zip(axes[:, 0], panels, strict=True):
        draw(axis)
        if len(steps) > 1:
            axis.axvline(steps[0] + 0.5, color="black", linewidth=1)
    if len(steps) > 1:
        place = steps[0] / sum(steps)
        axes[0, 0].set_title("reads | writes", x=place, fontsize=9)
    figure.colorbar(axes[-1, 0].images[0], ax=style.ends(figure.axes), label="state", pad=0.01)
    return figure


def liveliest(kept: Mapping[str, Tensor], lengths: Tensor) -> int:
    """Find the example whose memory changes most often where it is drawn, and then most strongly.

    Without a memory, the longest.
    """
    if not kept:
        return int(lengths.argmax())
    memory = within(next(iter(kept.values())))[:, :STEPS]  # from -1 to 1
    changes = memory.diff(dim=1).abs().nan_to_num()
    strongly = changes.sum(1) / (2 * STEPS)  # below 1
    return int(((changes > 0).sum(1) + strongly).argmax())


def following(followed: Mapping[str, Tensor]) -> str:
    """Say which unit follows a memory most closely."""
    name = max(followed, key=lambda name: float(followed[name].abs().max()))
    unit = int(followed[name].abs().argmax())
    closest = float(followed[name][unit])
    if abs(closest) < FOLLOWS:
        return f"no unit follows the {name}; the closest is unit {unit} (correlation {closest:.2f})"
    return f"unit {unit} follows the {name} (correlation {closest:.2f})"


def changing(states: Tensor) -> str:
    """Say how many units still move at the end of the steps drawn, ``(T, H)``."""
    steps, units = states.shape
    last = max(2, steps // 4)
    if steps < last:
        return f"{several(units, 'units')} after one step"
    moves = states[-last:].amax(0) - states[-last:].amin(0)
    count = int((moves > CHANGES * 2 * states.abs().max()).sum())
    who = f"{count} of {units} units still change" if count else "no unit changes"
    return f"{who} after step {steps - last + 1}"


def gradient_flow(
    module: SequenceModule, untrained: SequenceModule | None, batch: SequenceBatch
) -> Figure | None:
    """Draw how much of an error's gradient comes back over each lag, before and after training.

    None if there are fewer than three lags.

    Args:
        module: The network.
        untrained: The same before training, if it is known.
        batch: Sequences to measure it on.
    """
    batch = first(batch, MEASURED)
    weights = sum(weight.numel() for weight in module.cell.parameters())
    measured = ending(batch, module.mapping, LONG if weights <= HEAVY else SHORT)
    networks = {"after training": module} | ({"before": untrained} if untrained else {})
    curves = {
        name: gradient_norms(network, measured).double().cpu() for name, network in networks.items()
    }
    if curves["after training"].isfinite().sum() < FEWEST:
        return None
    whole, steps = int(batch.lengths.max()), int(measured.lengths.max())
    note = f"measured on {steps} of {whole} steps" if steps < whole else ""
    figure, axis = style.new(returning(curves), size=(8, 4.2), note=note)
    bottom = axis.get_xaxis_transform()
    for (name, norms), color, mark in zip(
        curves.items(), (style.SAID, style.TRUE), style.MARKS, strict=False
    ):
        lags, some = torch.arange(len(norms)), max(1, len(norms) // 20)
        look = {"color": color, "markersize": 4, "markevery": some}
        there, gone = norms > 0, norms == 0  # NaN is neither
        if there.any():
            axis.plot(lags[there], norms[there], marker=mark, label=name, **look)
        if gone.any():  # it has no place on a logarithmic axis
            heights = torch.full((int(gone.sum()),), 0.02)
            look |= {"marker": "v", "linestyle": "", "transform": bottom}
            axis.plot(lags[gone], heights, label=f"{name}: 0, or too small to hold", **look)
    axis.set(xlabel="lag (steps before the answer)", ylabel="gradient norm")
    if (norms := torch.cat([*curves.values()])).gt(0).any():
        logarithmic(axis, norms[norms > 0].tolist())
    style.legend(axis)
    return figure


def ending(batch: SequenceBatch, mapping: str, steps: int) -> SequenceBatch:
    """Take the last steps of each sequence, or the first of those that a network unfolds."""
    inputs, targets, lengths = batch
    if int(lengths.max()) <= steps:
        return batch
    short = lengths.clamp(max=steps)
    if mapping == "one-to-many":
        return SequenceBatch(inputs, targets[:, :steps], short)
    places = (lengths - steps).clamp(min=0)[:, None] + torch.arange(steps)  # (B, steps)
    examples = torch.arange(len(lengths))[:, None]
    if mapping == "many-to-many":
        targets = targets[examples, places]
    return SequenceBatch(inputs[examples, places], targets, short)


def returning(curves: Mapping[str, Tensor]) -> str:
    """Say how much of a gradient comes back over the longest lag."""
    said = list[str]()
    lag = int(next(iter(curves.values())).isfinite().nonzero().max())
    for name, norms in curves.items():
        where = "" if said else f" of the gradient comes back over {lag} steps"
        comma = "," if said else ""
        said.append(f"{name}{comma} {share(float(norms[lag]), float(norms[0]))}{where}")
    return "; ".join(said)


def share(part: float, whole: float) -> str:
    """Write a share of something in percent.

    Example:
        >>> [share(part, 1.0) for part in (0.0, 1e-12, 0.0312, 1.25, 1e9)]
        ['none', '1e-10 %', '3.1 %', '125 %', '1e+11 %']
    """
    if not part:
        return "none"
    percent = 100 * part / whole if whole else math.inf
    return f"{percent:.0f} %" if 10 <= percent < 1e6 else f"{percent:.2g} %"
