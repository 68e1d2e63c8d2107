"""What holds for every task: settings of the Trainer, and what the terminal is spared."""

import logging
import warnings
from typing import Any

DEFAULTS: dict[str, Any] = {
    "default_root_dir": "runs",
    "devices": 1,  # a toy network gains nothing from more, and the global batch stays the same
    "logger": {"class_path": "lightning.pytorch.loggers.WandbLogger"},
    "check_val_every_n_epoch": None,  # val_check_interval counts steps, whatever an epoch is
    "num_sanity_val_steps": 0,  # the first validation comes soon enough
    "log_every_n_steps": 50,  # as Lightning has it: a line takes as long as a small step
    "enable_model_summary": False,
    "enable_autolog_hparams": False,  # the whole configuration is logged instead
}
"""What every task asks of the Trainer; a preset, a configuration file and flags come after."""

IRRELEVANT = (
    "LightningCLI's args parameter",  # it is given on purpose: `main` may have arguments of its own
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated",  # Lightning 2.6 on torch 2.13
    "Be aware that when using `ckpt_path`",  # to test needs no callbacks of the fit
    "Checkpoint directory .* exists and is not empty",  # it is that of the run to go on with
)
"""Warnings that the user can do nothing about."""


def quiet() -> None:
    """Spare the terminal what the user can do nothing about; what matters still shows."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)  # tips, and lists of devices not there
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # where it keeps its list of fonts
    for message in IRRELEVANT:
        warnings.filterwarnings("ignore", message=message)
