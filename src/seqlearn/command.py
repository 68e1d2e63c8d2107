"""The command as Lightning sees it: tasks and presets on LightningCLI, a run around the Trainer."""

import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import set_parsing_settings
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, LRSchedulerTypeTuple
from lightning.pytorch.loggers import WandbLogger
from torch.optim import Optimizer

from seqlearn import report
from seqlearn.checks import check, settle
from seqlearn.data import SequenceDataModule
from seqlearn.defaults import DEFAULTS, quiet
from seqlearn.errors import is_main_process, refuse
from seqlearn.loggers import MetricsFile, finish, prepare, start
from seqlearn.modules import FROM_TASK, MODULES, SequenceModule
from seqlearn.parser import Parser
from seqlearn.request import Request
from seqlearn.run import METRICS, Run, checkpoint_error, new_folder
from seqlearn.tasks import TASKS

REFUSALS = (ValueError, TypeError, RuntimeError, MemoryError, MisconfigurationException)
"""What classes raise at their making if the user asks for what they cannot be."""

SHOWN = 20
"""Examples that `predict` shows."""


def run(request: Request) -> None:
    """Do what is asked for."""
    # The docstrings of fields are their help; to look for them takes a while.
    wanted = bool({"-h", "--help"} & set(request.arguments))
    set_parsing_settings(docstring_parse_attribute_docstrings=wanted)
    quiet()
    SequenceCLI(request)


class SequenceCLI(LightningCLI):
    """One verb for one task: the task decides the classes, its preset the defaults."""

    model: SequenceModule
    datamodule: SequenceDataModule

    def __init__(self, request: Request) -> None:
        self.request, self.verb = request, request.verb
        Parser.verb = request.verb
        self.run: Run | None = None
        data = TASKS[request.task] if request.task else SequenceDataModule
        super().__init__(
            model_class=MODULES[data.mapping] if request.task else SequenceModule,
            datamodule_class=data,
            subclass_mode_model=not request.task,
            subclass_mode_data=not request.task,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults=DEFAULTS,
            parser_class=Parser,
            parser_kwargs={"prog": "seqlearn", "allow_abbrev": False},
            auto_configure_optimizers=False,
            args=[request.verb, *request.arguments],
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # static in Lightning
        """Only the verb at hand: to build the parsers of all takes a second."""
        return {self.verb: super().subcommands()[self.verb]}

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:  # noqa: D102
        usage = f"seqlearn {self.verb} --task TASK [options]"
        return super().init_parser(**{**kwargs, "allow_abbrev": False, "usage": usage})

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Link what fits the network to the task, and set the preset's defaults."""
        model = "model" if self.request.task else "model.init_args"
        for name in FROM_TASK:
            parser.link_arguments(f"data.{name}", f"{model}.{name}", apply_on="instantiate")
        parser.add_optimizer_args((Optimizer,), link_to=f"{model}.optimizer")
        parser.add_lr_scheduler_args(LRSchedulerTypeTuple, link_to=f"{model}.lr_scheduler")
        parser.add_argument("--task", choices=list(TASKS), help="The task to learn.")
        if self.verb == "fit":
            text = "Go on with the run in this folder: its configuration and its last checkpoint."
            parser.add_argument("--resume", metavar="RUN", help=text)
        for group, values in self.request.preset.items():
            nested = group in ("trainer", "model", "data")
            parser.set_defaults(
                {f"{group}.{name}": value for name, value in values.items()}
                if nested
                else {group: values}
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse, then look at what would fail later and less clearly."""
        super().parse_arguments(parser, args)
        check(self.verb, self.config[self.verb])
        path = self.config[self.verb].get("ckpt_path")
        if path and (error := checkpoint_error(Path(path), self.request.task)):
            flag = "resume" if self.request.resume else "ckpt_path"
            refuse(self.verb, f"argument --{flag}: {error}")

    def before_instantiate_classes(self) -> None:
        """Settle what depends on several arguments, and plan the run."""
        config = self.config[self.verb]
        settle(config, self.request)
        asked = any(word.startswith("--trainer.logger") for word in self.request.arguments)
        fits = self.verb == "fit" and not config.trainer.fast_dev_run
        if not fits and not asked:
            config.trainer.logger = False
        saved = yaml.safe_load(self.parser.dump(self.config, skip_none=False))[self.verb]
        task = self.request.task or snake_case(config.data.class_path.rpartition(".")[2])
        folder = None
        if fits:
            del saved["ckpt_path"], saved["resume"]
            folder = self.request.resume or new_folder(Path(config.trainer.default_root_dir), task)
            self.run = Run(folder, task, saved)
        for logger in as_list(config.trainer.logger):
            if str(getattr(logger, "class_path", "")).endswith("WandbLogger"):
                try:
                    prepare(logger.init_args, self.verb, task, saved["model"], folder)
                except ValueError as error:
                    refuse(self.verb, str(error))

    def instantiate_classes(self) -> None:
        """Make the task, the network and the Trainer; what they refuse, the command refuses."""
        try:
            super().instantiate_classes()
            self.model.check_task(self.datamodule)
            self.datamodule.trainer = self.trainer
            if is_main_process():  # the others wait for it: there may be something to fetch
                self.datamodule.prepare_data()
                self.datamodule.setup(self.verb)
            if self.model.optimizer:  # what they refuse, they would refuse after the start
                optimizer = self.model.optimizer(self.model.parameters())
                if self.model.lr_scheduler:
                    self.model.lr_scheduler(optimizer)
            if path := self.config[self.verb].ckpt_path:
                content = torch.load(path, map_location="cpu", weights_only=True)
                known = content.get("hyper_parameters", {}).get("vocabulary")
                if known != self.model.vocabulary:
                    raise ValueError(
                        f"{path} was made for the characters {known!r}, "
                        f"not {self.model.vocabulary!r}"
                    )
                self.model.load_state_dict(content["state_dict"])
        except REFUSALS as error:
            refuse(self.verb, str(error))

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the run's own files to what the user wants to have logged and called."""
        config = self.config_init[self.verb].trainer
        if self.run:
            wanted = [logger for logger in as_list(config.logger) if not isinstance(logger, bool)]
            kwargs["logger"] = [*wanted, MetricsFile(self.run.folder / METRICS)]
            kwargs["default_root_dir"] = self.run.folder
            if config.enable_checkpointing is not False:
                config.callbacks = [*as_list(config.callbacks), self.run.best, self.run]
        return super().instantiate_trainer(**kwargs)

    def before_fit(self) -> None:
        """Make the run folder, the first trace that a run leaves, and start what logs into it."""
        if not self.run or not is_main_process():
            return
        try:
            self.run.create()
        except OSError as error:
            refuse(self.verb, f"argument --trainer.default_root_dir: cannot write a run: {error}")
        for logger in self.trainer.loggers:
            if isinstance(logger, WandbLogger):
                try:
                    start(logger, self.run.config, self.model.objective.goals)
                except ValueError as error:
                    if not self.request.resume:
                        shutil.rmtree(self.run.folder)
                    refuse(self.verb, str(error))

    def fit(self, **kwargs: Any) -> None:
        """Train, go back to the best weights, test and report."""
        started = time.perf_counter()
        self.trainer.fit(**kwargs)
        seconds, steps = time.perf_counter() - started, self.trainer.global_step
        kept = self.run.kept() if self.run else None
        path = str(self.run.folder / kept) if self.run and kept else None
        path = self.trainer.strategy.broadcast(path)  # only the main process knows the folder
        metrics = self.scores(
            self.trainer.test(
                self.model, self.datamodule, ckpt_path=path, weights_only=True, verbose=False
            )
        )
        if not self.trainer.is_global_zero:
            return
        notes = []
        if self.run:
            self.run.write_results(
                {
                    "task": self.run.task,
                    "seed": self.config.fit.seed_everything,
                    "steps": steps,
                    "seconds": round(seconds, 2),
                    "checkpoint": kept,
                    "metrics": metrics,
                    "baselines": self.datamodule.baselines(),
                }
            )
            folder = os.path.relpath(self.run.folder)
            notes.append(f"{steps} steps in {seconds:.1f} s; run folder: {folder}")
        examples = report.examples(self.model, self.datamodule)
        loggers = [logger for logger in self.trainer.loggers if isinstance(logger, WandbLogger)]
        notes += filter(None, [finish(logger) for logger in loggers])
        report.show(self.datamodule, metrics, "test", examples, notes)

    def validate(self, **kwargs: Any) -> None:
        """Score the validation split."""
        metrics = self.scores(self.trainer.validate(**{**kwargs, "verbose": False}))
        if self.trainer.is_global_zero:
            report.show(self.datamodule, metrics, "val")

    def test(self, **kwargs: Any) -> None:
        """Score every test length."""
        metrics = self.scores(self.trainer.test(**{**kwargs, "verbose": False}))
        if self.trainer.is_global_zero:
            examples = report.examples(self.model, self.datamodule)
            report.show(self.datamodule, metrics, "test", examples)

    def predict(self, **kwargs: Any) -> None:
        """Show what the network says to the first test examples."""
        self.trainer.predict(**kwargs)
        if self.trainer.is_global_zero:
            print("\n".join(report.examples(self.model, self.datamodule, SHOWN)))

    @staticmethod
    def scores(loaders: list[Any]) -> dict[str, float]:
        """Join the metrics of all loaders, whose names differ."""
        return {name: float(value) for metrics in loaders for name, value in metrics.items()}


def as_list(value: Any) -> list[Any]:
    """Make a list of what may be one, several or none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def snake_case(name: str) -> str:
    """Turn a class's name into a word: ``BinaryAdd`` into ``binary_add``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
