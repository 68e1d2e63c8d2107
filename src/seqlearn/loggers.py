"""Where metrics go: Weights & Biases, and a CSV file in the run folder."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only


def prepare(
    given: Namespace, verb: str, task: str, model: Mapping[str, Any], folder: Path | None
) -> None:
    """Fill in what the user left open of a ``WandbLogger``, and settle whether it goes online.

    ``WANDB_MODE`` is respected; only ``online``, its default, becomes offline without an API key,
    so that nobody is asked for one.

    Args:
        given: The arguments of the logger, changed in place.
        verb: What is done.
        task: The task's word.
        model: The configuration of the network.
        folder: The run folder, if there is one; its name makes the run's id, so that a resumed run
            goes on with it.

    Raises:
        ValueError: If a ``WANDB_`` variable makes no sense, or a key cannot be one.
    """
    import wandb

    network = model.get("init_args", model)
    open_fields = {
        "name": f"{task}-{network.get('cell')}-{network.get('hidden_size')}",
        "group": task,
        "tags": [task, str(network.get("cell"))],
        "job_type": verb,
        "resume": "allow",
    }
    if folder:
        own_id = given.version or f"{task}-{folder.name}"
        open_fields |= {"id": own_id, "save_dir": str(folder.absolute())}
    for name, value in open_fields.items():
        if given.get(name) in (None, "."):
            given[name] = value
    try:
        settings = wandb.setup().settings
        # The settings exist now, so the environment is no longer read: set the mode itself.
        online = settings.mode == "online"
        if online and (given.offline or not wandb.login(prompt=False, verify=False)):
            settings.mode = "offline"
    except (ValueError, wandb.Error) as error:
        raise ValueError(f"Weights & Biases: {error}") from error
    settings.quiet = True  # no history and summary in the terminal: the report has them


def start(logger: WandbLogger, config: Mapping[str, Any], goals: Mapping[str, str]) -> None:
    """Start the run: tell the configuration, and for each metric which value is its best.

    Raises:
        ValueError: If Weights & Biases refuses the run, such as for the name of its project.
    """
    import wandb

    settings = wandb.setup().settings
    # Lightning 2.6 passes an argument on which every start would warn.
    wandb.termsetup(settings.model_copy(update={"show_warnings": False}), None)
    try:
        experiment = logger.experiment
    except wandb.Error as error:
        raise ValueError(f"Weights & Biases: {error}") from error
    finally:
        wandb.termsetup(settings, None)
    logger.log_hyperparams(dict(config))
    for name, goal in goals.items():
        experiment.define_metric(
            f"val/{name}", step_metric="trainer/global_step", summary=f"{goal},last"
        )


def finish(logger: WandbLogger) -> str:
    """End the run and say where it is."""
    experiment = logger.experiment
    url = (
        f"wandb sync {os.path.relpath(experiment.settings.sync_dir)}"
        if experiment.offline
        else experiment.url
    )
    experiment.finish()
    return f"Weights & Biases: {url}" if url else ""


class MetricsFile(Logger):
    """Append what is logged to ``metrics.csv``: a row for each call, columns as they come.

    Unlike Lightning's ``CSVLogger`` it goes on with the file that a resumed run finds.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
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
        """Append a row."""
        row = {"step": step, **metrics}
        if not self.columns and self.path.exists():
            with self.path.open(newline="") as file:
                self.columns = next(csv.reader(file), [])
        if new := [name for name in row if name not in self.columns]:
            self.columns += new
            self.rewrite(self.rows())
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow(row)

    def rows(self) -> list[dict[str, str]]:
        """Read what is there."""
        if not self.path.exists():
            return []
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    def rewrite(self, rows: list[dict[str, str]]) -> None:
        """Replace the file as a whole, so that a crash leaves the old one or the new."""
        fresh = self.path.with_suffix(".tmp")
        with fresh.open("w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(fresh, self.path)

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Forget what was logged from ``step`` on: a resumed run logs it again."""
        rows = self.rows()
        self.columns = list(rows[0]) if rows else []
        if rows:
            before = [row for row in rows if row["step"].isdigit() and int(row["step"]) < step]
            self.rewrite(before)
