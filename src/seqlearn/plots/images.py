"""The view of images and what they are said to show."""

from matplotlib.figure import Figure
from torch import Tensor

from seqlearn.plots.crop import cropped, spread
from seqlearn.plots.style import WRONG, new

DOWN, ACROSS = 3, 8
"""How many are drawn at most."""


def images(shown: Tensor, asked: Tensor, chances: Tensor) -> Figure:
    """Draw images, each with the class that it is said to be; of a mistake also what it is.

    Args:
        shown: ``(B, height, width)``, from 0 to 1.
        asked: ``(B,)`` classes.
        chances: ``(B, C)`` probability of each class.
    """
    said = chances.argmax(1)
    chosen = spread(len(asked), DOWN * ACROSS).tolist()
    title = f"{int((said == asked).sum())} of {len(asked)} answers right"
    note = cropped(examples=(len(chosen), len(asked)))
    figure, axes = new(title, DOWN, ACROSS, (8, 4.4), note, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for k, axis in zip(chosen, axes.flat, strict=False):
        axis.imshow(shown[k].numpy(), cmap="Greys", vmin=0, vmax=1)
        guess, answer = int(said[k]), int(asked[k])
        text = f"{guess}, {chances[k, guess]:.2f}"
        if guess == answer:
            axis.set_title(text, fontsize=9)
        else:
            axis.set_title(f"{text}\nis {answer}", fontsize=9, color=WRONG, fontweight="bold")
    return figure
