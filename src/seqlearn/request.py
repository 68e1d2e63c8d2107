"""What is asked for: all that can be understood, or refused, before torch is imported."""

import argparse
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

import yaml

from seqlearn.errors import refuse
from seqlearn.launch import launch_error, overrun, processes
from seqlearn.limits import refusal
from seqlearn.record import (
    CONFIG,
    LAST,
    PREDICTIONS,
    Record,
    RecordError,
    UnfinishedError,
    find_checkpoint,
)
from seqlearn.settings import ConfigError, read_config, settings


@dataclass
class Request:
    """What is asked for, as far as it shows without building the whole parser.

    Attributes:
        verb: What to do.
        task: The task's word, or None for classes of the user's own.
        preset: The task's tuned configuration.
        arguments: The arguments for the whole parser.
        configs: The configuration files that they name, as they were read.
        resume: The folder of the run to go on with.
        run: The folder of the run to ask again.
        output: Where to write predictions; None is for where you are.
    """

    verb: str
    task: str | None
    preset: dict[str, Any]
    arguments: list[str]
    configs: dict[str, dict[str, Any]]
    resume: Path | None = None
    run: Path | None = None
    output: Path | None = None

    @property
    def flag(self) -> str:
        """The argument that names what the weights are of."""
        return "resume" if self.resume else "run" if self.run else "ckpt_path"

    @property
    def logs(self) -> bool:
        """Whether metrics go anywhere but into the run folder."""
        return settings(self.arguments, self.configs.values()).get("trainer.logger") is not False

    def given(self, groups: Sequence[str]) -> list[str]:
        """Name the arguments of these groups that stand on the command line."""
        names = [word[2:].partition("=")[0] for word in self.arguments if word.startswith("--")]
        return [name for name in names if name.partition(".")[0] in groups]


def understand(verb: str, arguments: Sequence[str]) -> Request | None:
    """Read what decides how to go on, and refuse what can be refused; None asks for help."""

    class Peek(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            refuse(verb, message)

    peek = Peek(add_help=False, allow_abbrev=False)
    peek.add_argument("--task")
    peek.add_argument("-c", "--config", action="append", default=[])
    for name in ("--resume", "--run", "--output"):
        peek.add_argument(name, type=Path)
    peek.add_argument("-h", "--help", action="store_true")
    for name in ("--ckpt_path", "--data"):
        peek.add_argument(name)
    seen, _ = peek.parse_known_args(arguments)
    rest = list(arguments)
    if seen.resume and verb != "fit":
        refuse(verb, f"argument --resume: only fit goes on with a run; {verb} takes --run")
    if seen.run and verb == "fit":
        refuse(verb, "argument --run: fit makes a run, or goes on with one: --resume")
    if folder := seen.resume or seen.run:
        flag = "resume" if seen.resume else "run"
        if seen.ckpt_path is not None:
            refuse(verb, f"argument --ckpt_path: --{flag} has its own, got {seen.ckpt_path}")
        rest = without(rest, f"--{flag}")
        config, checkpoint = (resumable if seen.resume else finished)(verb, folder)
        seen.config.insert(0, str(config))
        rest = ["--config", str(config), *rest, "--ckpt_path", str(checkpoint)]
    elif seen.ckpt_path is not None and not Path(seen.ckpt_path).is_file():
        refuse(verb, f"argument --ckpt_path: no such file: {seen.ckpt_path}")
    elif verb != "fit" and not seen.ckpt_path and not seen.help:
        refuse(verb, "argument --run: required, a run folder; or --ckpt_path, a checkpoint")
    try:
        configs = {path: read_config(path) for path in seen.config}
    except ConfigError as error:
        own = folder and str(config) in str(error)
        refuse(verb, f"argument --{flag if own else 'config'}: {error}")
    task = choose_task(verb, seen.task, configs)
    own = seen.data or any("data" in config for config in configs.values())
    if seen.help and not task and not own:
        return None
    if not task and not own:
        refuse(verb, f"argument --task: required, one of {', '.join(task_names())}")
    wanted = settings(arguments, configs.values())
    check_early(verb, task, wanted)
    preset = read_preset(task, wanted.get("trainer.max_steps")) if task else {}
    if seen.output and (seen.output.is_dir() or not seen.output.parent.is_dir()):
        refuse(verb, f"argument --output: must be a file in a folder, got {seen.output}")
    output = seen.output or (seen.run / PREDICTIONS if seen.run else None)
    return Request(verb, task, preset, rest, configs, seen.resume, seen.run, output)


def check_early(verb: str, task: str | None, wanted: Mapping[str, Any]) -> None:
    """Refuse settings that show to be wrong without the classes they are of."""
    for group in ("model", "data"):
        if task and isinstance(word := wanted.get(group), str) and not Path(word).is_file():
            refuse(verb, f"argument --{group}: the task brings its own, {task}, got {word!r}")
    if error := refusal(wanted):
        refuse(verb, error)
    devices = processes(wanted.get("trainer.devices", 1))
    if devices and (error := launch_error(devices, wanted.get("trainer.num_nodes", 1))):
        refuse(verb, error)
    if devices and wanted.get("trainer.accelerator") == "cpu" and (error := overrun(devices)):
        refuse(verb, error)


def read_preset(task: str, steps: Any = None) -> dict[str, Any]:
    """Read a preset; a schedule that goes on to its last step goes on to that of ``steps``."""
    preset: dict[str, Any] = yaml.safe_load(preset_file(task).read_text("utf-8"))
    schedule = preset.get("lr_scheduler", {}).get("init_args", {})
    whole = schedule.get("total_iters") == preset["trainer"]["max_steps"]
    if whole and isinstance(steps, int) and steps > 0:
        schedule["total_iters"] = steps
    return preset


def without(arguments: Sequence[str], flag: str) -> list[str]:
    """Drop a flag and its value, in either form: ``--flag value`` or ``--flag=value``."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == flag:
            next(words, None)
        elif not word.startswith(f"{flag}="):
            kept.append(word)
    return kept


def resumable(verb: str, folder: Path) -> tuple[Path, Path]:
    """Find the configuration and the last checkpoint of a run folder."""
    if not folder.is_dir():
        refuse(verb, f"argument --resume: no such run folder: {folder}")
    config, checkpoint = folder / CONFIG, folder / LAST
    for path in (config, checkpoint):
        if not path.is_file():
            refuse(
                verb, f"argument --resume: {folder} has no {path.relative_to(folder)} to go on from"
            )
    return config, checkpoint


def finished(verb: str, folder: Path) -> tuple[Path, Path]:
    """Find the configuration of a run and its checkpoint: the best one, or the best so far."""
    try:
        try:
            checkpoint = Record(folder).checkpoint
        except UnfinishedError:
            checkpoint = find_checkpoint(folder)
        return folder / CONFIG, checkpoint
    except RecordError as error:
        refuse(verb, f"argument --run: {error}")


def choose_task(verb: str, task: str | None, configs: dict[str, dict[str, Any]]) -> str | None:
    """Take the task that is named, and see that all who name one agree."""
    for path, config in configs.items():
        named = config.get("task")
        task = task or named
        if named and named != task:
            refuse(verb, f"argument --config: {path} is for the task {named!r}, not {task!r}")
    if task is not None and task not in task_names():
        names = task_names()
        hint = nearest(str(task), names)
        refuse(verb, f"argument --task: must be one of {', '.join(names)}, got {task!r}{hint}")
    return task


def nearest(word: str, words: Iterable[str]) -> str:
    """Suggest what may have been meant."""
    close = difflib.get_close_matches(word, words, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def task_names() -> list[str]:
    """Name the tasks: each has a preset."""
    presets = files("seqlearn") / "presets"
    return sorted(
        p.name.removesuffix(".yaml") for p in presets.iterdir() if p.name.endswith(".yaml")
    )


def preset_file(task: str) -> Any:
    """Find the tuned configuration of a task."""
    return files("seqlearn") / "presets" / f"{task}.yaml"
