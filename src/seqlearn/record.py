"""A run folder, read back."""

import csv
import json
import os
import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from seqlearn.data import SequenceDataModule
    from seqlearn.modules import SequenceModule

FORMAT = 1
"""Of ``results.json``; one of another is not read."""

CONFIG, RESULTS, METRICS = "config.yaml", "results.json", "metrics.csv"
BEST, LAST = "checkpoints/best.ckpt", "checkpoints/last.ckpt"
PLOTS, PAGE, PREDICTIONS = "plots", "report.html", "predictions.jsonl"

IN_CONFIG: dict[str, Any] = {"seed_everything": int, "trainer": dict, "model": dict, "data": dict}
IN_RESULTS: dict[str, Any] = {
    **dict.fromkeys(("version", "task", "cell", "finished", "metric", "measure"), str),
    **dict.fromkeys(("hidden_size", "seed", "steps", "length"), int),
    **{"seconds": int | float, "checkpoint": str | None, "goal": dict | None},
    **{"metrics": dict, "baselines": dict},
}
"""What the files must hold, and of what kind."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # seven times as fast, if it is there


class RecordError(ValueError):
    """What is wrong with a run folder.

    Args:
        where: The folder, or what else it is about.
        reason: What is wrong, as the rest of a sentence.
        again: Whether to say how to have it made again.
    """

    def __init__(self, where: Path | str, reason: str, again: bool = False) -> None:
        self.reason = reason
        super().__init__(f"{where} {reason}{how_to_go_on(Path(where)) if again else ''}")


class UnfinishedError(RecordError):
    """The run has come to nothing yet."""


class Record:
    """What a finished run left: its configuration, results and metrics, and its network.

    Args:
        folder: The run folder.

    Raises:
        RecordError: If the folder is not there, the run is not finished, or its files are damaged
            or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = read_config(folder)
        self.results = read_results(folder)

    @property
    def checkpoint(self) -> Path:
        """The checkpoint that the run is judged by."""
        return find_checkpoint(self.folder, self.results["checkpoint"])

    def metrics(self) -> dict[str, list[tuple[int, float]]]:
        """Read ``metrics.csv``."""
        return read_metrics(self.folder)

    def load(self) -> tuple["SequenceModule", "SequenceDataModule"]:
        """Load the network and its task.

        Raises:
            RecordError: If the checkpoint or a class is gone, damaged or of another version.
        """
        from seqlearn.loading import load  # imports torch

        return load(self)


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.yaml``.

    Raises:
        RecordError: If this is no run folder, or the file is damaged.
    """
    if CONFIG not in listed(folder):
        reason = f"is no run folder: it has no {CONFIG}; those in a folder: seqlearn runs FOLDER"
        raise RecordError(folder, reason)
    config = parsed(folder, CONFIG, lambda text: yaml.load(text, LOADER))
    check(folder, CONFIG, config, IN_CONFIG)
    return config


def read_results(folder: Path) -> dict[str, Any]:
    """Read ``results.json``.

    Raises:
        RecordError: If the run is not finished, or the file is damaged or of another version.
    """
    if RESULTS not in listed(folder):
        reason = f"has no {RESULTS}: the run is not finished, or still under way"
        raise UnfinishedError(folder, reason, again=True)
    results = parsed(folder, RESULTS, json.loads)
    found = results.get("format", 0)
    if not isinstance(found, int) or found < FORMAT:
        raise RecordError(folder, "was written by an older version of seqlearn", again=True)
    if found > FORMAT:
        reason = f"was written by a newer version of seqlearn: {results.get('version', 'unknown')}"
        raise RecordError(folder, f"{reason}, results of format {found}, not {FORMAT}")
    check(folder, RESULTS, results, IN_RESULTS)
    for part in (results["metrics"], results["baselines"]):
        check(folder, RESULTS, part, dict.fromkeys(part, int | float))
    return results


def read_metrics(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read ``metrics.csv``: for each metric the steps it was logged at and its values.

    Of a file that is not there, or damaged, this gives what can be read.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    with suppress(OSError, csv.Error):  # the latter such as of a field without end
        text = (folder / METRICS).read_text("utf-8", errors="replace")
        whole, _, _ = text.rpartition("\n")  # a crash may have torn the last line
        for row in csv.DictReader(whole.splitlines()):
            for name, value in row.items():
                if name and name != "step" and value:
                    with suppress(KeyError, TypeError, ValueError):
                        point = int(row["step"]), float(value)
                        found.setdefault(name, []).append(point)
    return found


def find_checkpoint(run: Path, name: str | None = None) -> Path:
    """Find the checkpoint to judge a run by: the one named, the best, or the last.

    Args:
        run: The run folder; a file is a checkpoint itself.
        name: Its path in the folder, if that is known.

    Raises:
        RecordError: If it is not there.
    """
    names = [name] if name else [BEST, LAST]
    try:
        found = [path for path in (run, *(run / each for each in names)) if path.is_file()]
    except OSError as error:
        raise RecordError(run, f"cannot be read: {error.strerror}") from error
    if not found:
        raise RecordError(run, f"has no {names[0]}: it is gone, or was not kept", again=True)
    return found[0]


def how_to_go_on(folder: Path) -> str:
    """Tell how to have what is missing of a run: go on from its last checkpoint, or begin anew."""
    if os.path.isfile(folder / LAST):
        return f"; go on with: seqlearn fit --resume {shlex.quote(str(folder))}"
    if os.path.isfile(folder / CONFIG):
        return f"; train anew with: seqlearn fit --config {shlex.quote(str(folder / CONFIG))}"
    return ""


def listed(folder: Path) -> list[str]:
    """Name what is in a run folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError as error:
        raise RecordError(folder, "does not exist") from error
    except NotADirectoryError as error:
        raise RecordError(folder, "is a file, not a folder") from error
    except OSError as error:
        raise RecordError(folder, f"cannot be read: {error.strerror}") from error


def parsed(folder: Path, name: str, parse: Callable[[str], Any]) -> dict[str, Any]:
    """Read a file of a run."""
    try:
        if isinstance(content := parse((folder / name).read_text("utf-8")), dict):
            return content
    except OSError as error:
        raise RecordError(folder, f"has a {name} that cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError, yaml.YAMLError):
        pass
    reason = f"has a damaged {name}: it is empty, torn, or no text"
    raise RecordError(folder, reason, again=name == RESULTS)


def check(folder: Path, name: str, content: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """See that what a file of a run holds, or a part of it, is there and of its kind."""
    for key, kind in kinds.items():
        if not isinstance(content.get(key, ...), kind):
            value = f"is {content[key]!r:.40}" if key in content else "is missing"
            reason = f"has a damaged {name}: `{key}` {value}"
            raise RecordError(folder, reason, again=name == RESULTS)
