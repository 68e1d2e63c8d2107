"""Networks of equal size: how many units give a cell so many parameters."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from seqlearn.modules import MODULES, SequenceModule
from seqlearn.request import read_preset
from seqlearn.tasks import TASKS

UNEVEN = 64
"""Sizes that are tried one after the other for the first that a cell can have."""


class Recipe:
    """How a task is trained on, whatever the cell: its preset, and what the user wants otherwise.

    Args:
        task: The task's word.
        wanted: Settings by their dotted names, such as ``data.steps``.

    Raises:
        TypeError: If the task has no such field.
        ValueError: If a setting is not what it must be.
    """

    def __init__(self, task: str, wanted: Mapping[str, Any]) -> None:
        self.task = task
        preset = read_preset(task)
        parts: dict[str, dict[str, Any]] = {
            group: dict(preset[group]) for group in ("data", "model", "trainer")
        }
        for name, value in wanted.items():
            group, _, key = name.partition(".")
            if group in parts:
                parts[group][key] = value
        self.data = TASKS[task](**parts["data"])
        self.data.setup("fit")
        self.model, self.trainer = parts["model"], parts["trainer"]
        if "max_epochs" in self.trainer and "trainer.max_steps" not in wanted:
            epoch = -(-self.data.train_size // self.data.batch_size)
            self.trainer["max_steps"] = self.trainer["max_epochs"] * epoch
        self.parameters = cache(self._parameters)

    def network(self, cell: str, hidden_size: int) -> SequenceModule:
        """Build the network with a cell; arguments in the preset are for the preset's own."""
        model = self.model | {"cell": cell, "hidden_size": hidden_size}
        if cell != self.model["cell"]:
            model.pop("cell_args", None)
        return MODULES[self.data.mapping].for_data(self.data, **model)

    def _parameters(self, cell: str, hidden_size: int) -> int:
        return sum(weights.numel() for weights in self.network(cell, hidden_size).parameters())

    @property
    def own_parameters(self) -> int:
        """The parameters of the preset's own network."""
        return self.parameters(self.model["cell"], self.model["hidden_size"])

    def fitting(self, cell: str, parameters: int) -> int:
        """Find the number of units that comes nearest to so many parameters.

        Raises:
            ValueError: If there is no such cell, or it cannot be built.
        """
        few, many = 0, self.buildable(cell, range(1, 1 + UNEVEN))
        if not many:
            try:
                self.parameters(cell, 1)  # says why
            except AssertionError as error:
                raise ValueError(str(error)) from error
        while self.parameters(cell, many) < parameters:
            above = self.buildable(cell, range(2 * many, 2 * many + UNEVEN))
            above = above or self.buildable(cell, range(2 * many - 1, many, -1))
            if not above:  # it is at its largest
                break
            few, many = many, above
        while many - few > 1:
            middle = (few + many) // 2
            size = self.buildable(cell, [*range(middle, many), *range(middle - 1, few, -1)])
            if not size:
                break
            enough = self.parameters(cell, size) >= parameters
            few, many = (few, size) if enough else (size, many)
        near = [size for size in (few, many) if size]
        return min(near, key=lambda size: abs(self.parameters(cell, size) - parameters))

    def buildable(self, cell: str, sizes: Iterable[int]) -> int:
        """Find the first of these sizes that the cell can have: of some it must be even; or 0."""
        for size in sizes:
            with suppress(AssertionError, ValueError):
                self.parameters(cell, size)
                return size
        return 0
