"""What to type to have a run once more."""

import json
import shlex
from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

from lightning.pytorch import Trainer

from seqlearn.defaults import DEFAULTS
from seqlearn.identity import DECISIVE
from seqlearn.loading import named
from seqlearn.modules import MODULES
from seqlearn.record import RecordError
from seqlearn.request import read_preset
from seqlearn.tasks import TASKS

ELSEWHERE = ("trainer.logger", "trainer.default_root_dir")
"""Where things are written; nothing that is learned depends on it."""


def command(config: Mapping[str, Any]) -> str | None:
    """Write the ``seqlearn fit --task ...`` that makes a configuration.

    It is None for one of a class that is not here, or without a task.

    Args:
        config: That of a run.
    """
    if not (task := config.get("task")):
        return None
    try:
        return shlex.join(["seqlearn", "fit", "--task", task, *flags(config)])
    except RecordError:
        return None


def flags(config: Mapping[str, Any]) -> Iterator[str]:
    """Give the flags for all that differs from the task's preset, with their values."""
    usual = defaults(config)
    decisive = {group: config.get(group) for group in (*DECISIVE, "trainer")}
    for name, value in settings(decisive).items():
        replaced = value is None and any(each.startswith(f"{name}.") for each in usual)
        same = listed(value) == listed(usual.get(name)) and not replaced
        if not same and not name.startswith(ELSEWHERE):
            yield f"--{name.removesuffix('.class_path')}"
            yield value if isinstance(value, str) else json.dumps(value)


def defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Name every setting, with the value it has if nothing is said: the preset comes last."""
    task = TASKS[config["task"]]
    kinds: dict[str, Any] = {"trainer": Trainer, "data": task, "model": MODULES[task.mapping]}
    for group in ("optimizer", "lr_scheduler"):
        if given := config.get(group):
            kinds[group] = named(given)
    usual = {
        f"{group}.{name}": parameter.default
        for group, kind in kinds.items()
        for each in reversed(kind.__mro__)  # what a class passes on is said by those above it
        for name, parameter in signature(each).parameters.items()
    }
    preset = read_preset(config["task"], config.get("trainer", {}).get("max_steps"))
    return usual | settings({"seed_everything": 0, "trainer": DEFAULTS}) | settings(preset)


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Name each setting of each group; unlike `flat`, leave whole what is a mapping itself."""
    found: dict[str, Any] = {}
    for group, given in config.items():
        if isinstance(given, Mapping):
            own = {name: value for name, value in given.items() if name != "init_args"}
            values = own | given.get("init_args", {})
            found |= {f"{group}.{name}": value for name, value in values.items()}
        else:
            found[group] = given
    return found


def listed(value: Any) -> Any:
    """Make a list of a tuple: YAML knows no other."""
    return [*value] if isinstance(value, tuple) else value
