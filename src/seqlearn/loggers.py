"""Where metrics go: Weights & Biases, and a CSV file in the run folder."""

import csv
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from seqlearn import files
from seqlearn.errors import RunError, is_main_process
from seqlearn.safe_wandb import SafeWandbLogger, give_up, settle, sync_command, tell

VARIABLES = {
    "project": "WANDB_PROJECT",
    "name": "WANDB_NAME",
    "group": "WANDB_RUN_GROUP",
    "tags": "WANDB_TAGS",
    "job_type": "WANDB_JOB_TYPE",
}
"""What the environment says of these counts, if no argument does."""


def prepare(
    given: Namespace, verb: str, task: str, model: Mapping[str, Any], folder: Path | None
) -> None:
    """Fill in what the user left open of a ``WandbLogger``, and settle whether it goes online.

    ``WANDB_MODE`` is respected; only ``online``, its default, becomes offline without an API key
    that the server accepts, so that nobody is asked for one and nothing waits.

    Args:
        given: The logger's class and its arguments, changed in place.
        verb: What is done.
        task: The task's word.
        model: The configuration of the network.
        folder: The run folder, if there is one; its name makes the run's id, so that a resumed run
            goes on with it.

    Raises:
        ValueError: If a ``WANDB_`` variable makes no sense.
    """
    if given.class_path.startswith("lightning.pytorch.loggers."):
        given.class_path = f"{SafeWandbLogger.__module__}.{SafeWandbLogger.__name__}"
    arguments, network = given.init_args, model.get("init_args", model)
    open_fields = {
        "project": "seqlearn",
        "name": f"{task}-{network.get('cell')}-{network.get('hidden_size')}",
        "group": task,
        "tags": [task, str(network.get("cell"))],
        "job_type": verb,
        "resume": "allow",
    }
    if folder:
        own_id = arguments.version or f"{task}-{folder.name}"
        open_fields |= {"id": own_id, "save_dir": str(folder.absolute())}
    for name, value in open_fields.items():
        if arguments.get(name) in (None, ".") and not os.environ.get(VARIABLES.get(name, "")):
            arguments[name] = value
    # Told to Weights & Biases itself; Lightning would refuse to record a model offline.
    offline, arguments.offline = arguments.offline, False
    if is_main_process():  # the others record nothing
        settle(offline)


def start(logger: WandbLogger, config: Mapping[str, Any], goals: Mapping[str, str]) -> None:
    """Start the run: tell the configuration, and for each metric which value is its best.

    Raises:
        ValueError: If Weights & Biases refuses the run, such as for the name of its project.
    """
    import wandb

    try:
        experiment = logger.experiment
    except wandb.Error as error:
        raise ValueError(f"Weights & Biases: {error}") from error
    wanted, found = str(logger.save_dir), experiment.settings.root_dir
    if experiment.offline and os.path.abspath(wanted) != os.path.abspath(found):
        tell(f"cannot write into {wanted}, and records in {found}")
    with suppress(ConnectionError):  # the first metrics will say so
        logger.log_hyperparams(dict(config))
        for name, goal in goals.items():
            experiment.define_metric(
                f"val/{name}", step_metric="trainer/global_step", summary=f"{goal},last"
            )


def close(loggers: Iterable[Logger]) -> list[str]:
    """End the runs that are still under way, as failed ones, and say where they are."""
    wandb = sys.modules.get("wandb")
    if not wandb or not wandb.run:
        return []
    going = [logger for logger in loggers if isinstance(logger, WandbLogger)]
    ended = [finish(logger, 1) for logger in going if not getattr(logger, "stopped", False)]
    return [note for note in ended if note]


def finish(logger: WandbLogger, exit_code: int = 0) -> str:
    """End the run and say where it is, and what is not there."""
    experiment = logger.experiment
    try:
        experiment.finish(exit_code)
    except TimeoutError:
        seconds = experiment.settings.finish_timeout
        return (
            f"Weights & Biases: not all was uploaded in {seconds:.0f} s; "
            f"for the rest: {sync_command(experiment)}"
        )
    except Exception as error:  # of many kinds, and the results are there without it
        if isinstance(logger, SafeWandbLogger):
            logger.stopped = True
        give_up(experiment, "did not record the end", error)
        return ""
    if not experiment.offline:
        return f"Weights & Biases: {experiment.url}" if experiment.url else ""
    fault = write_error(experiment.settings.sync_dir)
    lost = f" (not all was recorded: {fault})" if fault else ""
    return f"Weights & Biases: {sync_command(experiment)}{lost}"


def write_error(folder: str) -> str | None:
    """Say why nothing more can be written into a folder, on which Weights & Biases is silent."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))
    except OSError as error:
        return error.strerror
    return None


class MetricsFile(Logger):
    """Append what is logged to ``metrics.csv``: a row for each call, columns as they come.

    Unlike Lightning's ``CSVLogger`` it goes on with the file that a resumed run finds.

    Args:
        path: The file.
        failed: What to tell of a failure to write, instead of raising it.
    """

    def __init__(self, path: Path, failed: Callable[[RunError], None] | None = None) -> None:
        super().__init__()
        self.path, self.failed = path, failed
        self.columns: list[str] = []

    @property
    def name(self) -> str:  # noqa: D102
        return "metrics"

    @property
    def version(self) -> str:  # noqa: D102
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: ``config.yaml`` has them."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a row.

        Raises:
            RunError: If it cannot be written.
        """
        row = {"step": step, **metrics}
        with self.writing():
            if not self.columns:
                self.columns = next(csv.reader(self.lines()), [])
            if new := [name for name in row if name not in self.columns]:
                self.columns += new
                self.rewrite(self.rows())
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.DictWriter(file, self.columns).writerow(row)

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Forget what was logged from ``step`` on: a resumed run logs it again.

        Raises:
            RunError: If the file cannot be read or written.
        """
        with self.writing():
            self.columns = next(csv.reader(self.lines()), [])
            if self.columns:
                rows = (row for row in self.rows() if row["step"].isdigit())
                self.rewrite([row for row in rows if int(row["step"]) < step])

    def lines(self) -> list[str]:
        """Read the lines that have an end: a crash may have torn the last."""
        if not self.path.exists():
            return []
        whole, _, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
        return whole.splitlines()

    def rows(self) -> list[dict[str, str]]:
        """Read what is there."""
        return list(csv.DictReader(self.lines()))

    def rewrite(self, rows: list[dict[str, str]]) -> None:
        """Replace the file as a whole."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(rows)
        files.replace(self.path, text.getvalue().encode())

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Name the file where the disk is at fault."""
        try:
            yield
        except OSError as error:
            fault = RunError(f"{os.path.relpath(self.path)}: {error.strerror}")
            if self.failed is None:
                raise fault from error
            self.failed(fault)
