"""Handwritten digits, read from the top."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.examples import Example, plainly
from seqlearn.rng import IndexedRNG

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTHS = {"rows": 8, "pixels": 1}
"""Pixels of a step."""
SHADES = ".:*#"
"""Signs for pixels, from paper to ink."""
COUNT, PIXELS, BRIGHTEST = 1797, 64, 16
"""Of the images: how many, of how many pixels, and the largest value of one."""


@dataclass(kw_only=True, eq=False)
class Digits(SequenceDataModule):
    """Name a handwritten digit that is read row by row, or pixel by pixel.

    ::

        rows     8 steps of 8 pixels, from the top     . # # . ,  # . . # ,  # # # . , ...
        pixels   64 steps of 1 pixel, row after row    . , # , # , . , # , . , ...
        digit    .  .  .  .  .  .  .  9

    The only images among the tasks: real data, few and unclear, where 1797 sequences are all there
    are. `order` is the dial: the same image as single pixels is eight times as long, and what
    stands below each other is far apart. What is held out follows from what a step shows, so that
    the two orders hold out other images.

    Shapes:
        inputs ``(B, 8, 8)`` or ``(B, 64, 1)`` float32: pixels from 0 to 1.
        targets ``(B,)`` int64: the digit.

    Baseline:
        Accuracy over the images of the test: the digit most frequent in training, the digit whose
        mean image in training is nearest, and that of the nearest image in training. No one knows
        the optimum.

    Source:
        The images that come with scikit-learn, a copy of the test set of Alpaydin & Kaynak 1998,
        "Optical recognition of handwritten digits", UCI Machine Learning Repository, data set 80.

    Example:
        >>> inputs, target, length = Digits().dataset("test")[0]
        >>> (inputs[1] * 16).int().tolist(), target.item(), length.item()  # its second row
        ([0, 2, 16, 16, 16, 13, 0, 0], 9, 8)
    """

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    goal: ClassVar[float] = 0.95
    output_size: ClassVar[int] = 10
    min_length: ClassVar[int] = PIXELS // WIDTHS["rows"]
    max_length: ClassVar[int | None] = PIXELS

    order: Literal["rows", "pixels"] = "rows"
    """What is read in a step: a row of eight pixels, or a single one."""

    def __post_init__(self) -> None:
        """Check the fields, and that the images are there."""
        super().__post_init__()
        for length in self.test_lengths or ():
            if length != self.length:
                raise ValueError(
                    f"`test_lengths` must be {self.length}, the {self.order} of an image, "
                    f"got {length}."
                )
        if not find_spec("sklearn"):
            raise ValueError(
                "the images are those of scikit-learn, which is not installed: "
                "`pip install 'seqlearn-lightning[digits]'`."
            )

    @property
    def input_size(self) -> int:
        """The pixels of a step."""
        return WIDTHS[self.order]

    @property
    def length(self) -> int:
        """The steps of an image."""
        return PIXELS // self.input_size

    def population(self, split: str, length: int | None) -> int:
        """All images."""
        return COUNT

    def draw(self, rng: IndexedRNG, length: int | None) -> SequenceBatch:
        """Give the images of these numbers."""
        images, digits = load()
        numbers = rng.indices.astype(np.int64)
        return SequenceBatch(
            inputs=torch.from_numpy(images[numbers].reshape(-1, self.length, self.input_size)),
            targets=torch.from_numpy(digits[numbers]),
            lengths=torch.full((len(rng),), self.length),
        )

    def baselines(self) -> dict[str, float]:
        """Accuracy on the test split of what is known from the training split."""
        images, digits = load()
        train, test = (self.dataset(split) for split in ("train", "test"))
        known, asked = train.members, test.members
        means = np.stack([images[known][digits[known] == digit].mean(0) for digit in range(10)])
        said = {
            "most_frequent": np.bincount(digits[known]).argmax(),
            "nearest_mean": nearest(images[asked], means),
            "nearest_image": digits[known][nearest(images[asked], images[known])],
        }
        return {name: float(np.mean(each == digits[asked])) for name, each in said.items()}

    def describe(self, batch: SequenceBatch, predictions: Tensor) -> list[Example]:
        """Show the rows of each image in signs, the more ink the darker."""
        drawn = (batch.inputs.reshape(-1, 8, 8) * (len(SHADES) - 1)).round().int().tolist()
        return [
            example._replace(input=" ".join("".join(SHADES[k] for k in row) for row in rows))
            for example, rows in zip(plainly(self, batch, predictions), drawn, strict=True)
        ]

    def plot(
        self, batch: SequenceBatch, predictions: Tensor, alone: Tensor | None = None
    ) -> "Figure":
        """Draw the images, with the digit that each is said to be."""
        from seqlearn.plots.images import images  # imports matplotlib

        return images(batch.inputs.reshape(-1, 8, 8), batch.targets, predictions)


def nearest(images: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give for each image the number of the nearest among others, ``(B, 64)`` both."""
    distances = (others**2).sum(1) - 2 * images @ others.T  # up to what is the same for all
    found: NDArray[np.intp] = distances.argmin(axis=1)
    return found


@lru_cache
def load() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give all images, ``(1797, 64)`` from 0 to 1, and their digits."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # an extra, and slow

    images, digits = load_digits(return_X_y=True)
    return (images / BRIGHTEST).astype(np.float32), digits.astype(np.int64)
