"""States and memories over the steps, as colours."""

from matplotlib.axes import Axes
from torch import Tensor

from seqlearn.plots.style import SIGNED

NAMED = 32
"""Units that there is room to name."""


def within(memory: Tensor) -> Tensor:
    """Bring what is kept to -1 to 1, by the least and the most over a batch."""
    there = memory[~memory.isnan()]
    low, high = (there.min(), there.max()) if len(there) else (0.0, 1.0)
    return 2 * (memory - low) / max(float(high - low), 1e-9) - 1


def strip(axis: Axes, strips: Tensor, names: list[str]) -> None:
    """Draw what is to be kept after each step, ``(rows, T)``."""
    paint(axis, strips, 1.0)
    axis.set_yticks(range(len(names)), [f"{name}, kept" for name in names], fontsize=9)
    axis.tick_params(length=0)
    axis.xaxis.set_visible(False)


def heat(axis: Axes, drawn: Tensor, units: Tensor) -> None:
    """Draw states ``(T, H)`` in the order of the units."""
    paint(axis, drawn.T, float(drawn.nan_to_num().abs().max()) or 1.0)
    every = -(-drawn.shape[1] // NAMED)
    places = range(0, drawn.shape[1], every)
    axis.set_yticks(places, [str(int(units[place])) for place in places], fontsize=8)
    axis.set(xlabel="step", ylabel="unit")


def paint(axis: Axes, table: Tensor, most: float) -> None:
    """Draw a table ``(rows, T)`` of signed values; its columns count from 1."""
    count, steps = table.shape
    axis.imshow(
        table.numpy(),
        cmap=SIGNED,
        vmin=-most,
        vmax=most,
        aspect="auto",
        interpolation="nearest",
        extent=(0.5, steps + 0.5, count - 0.5, -0.5),
    )
