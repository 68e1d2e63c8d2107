"""The command: what each verb does, and a run around the Trainer."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jsonargparse import set_parsing_settings
from lightning.fabric.plugins import CheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from seqlearn import terminal
from seqlearn.answers import ask
from seqlearn.arguments import TaskCLI
from seqlearn.bar import settle_bar
from seqlearn.checkpoints import OWN
from seqlearn.checks import explain, settle
from seqlearn.conclusion import SHOWN, conclude
from seqlearn.defaults import quiet
from seqlearn.errors import RunError, fail, inner, is_main_process, is_own_bug, refuse, say
from seqlearn.identity import batch_error, changes
from seqlearn.imports import keep_imports
from seqlearn.launch import require_processes
from seqlearn.lean import settle_steps, settle_threads
from seqlearn.loggers import MetricsFile, close, prepare, start
from seqlearn.predictions import collect, write
from seqlearn.record import METRICS, PREDICTIONS
from seqlearn.rehearsal import rehearse
from seqlearn.request import Request
from seqlearn.run import Run, new_folder, snake_case
from seqlearn.settings import as_list
from seqlearn.signals import Interrupted, Signals, disarm, interrupt
from seqlearn.summary import rows

REFUSALS = (ValueError, TypeError, RuntimeError, MemoryError, MisconfigurationException)
"""What classes raise at their making if the user asks for what they cannot be."""


def run(request: Request) -> None:
    """Do what is asked for."""
    # The docstrings of fields are their help; to look for them takes a while.
    wanted = bool({"-h", "--help"} & set(request.arguments))
    set_parsing_settings(docstring_parse_attribute_docstrings=wanted)
    quiet()
    Command(request)


class Command(TaskCLI):
    """Do what a verb asks for, with a run folder around a fit."""

    def __init__(self, request: Request) -> None:
        self.run: Run | None = None
        self.signals = Signals()
        with self.signals, self.orderly(request.verb):
            super().__init__(request)

    def before_instantiate_classes(self) -> None:
        """Settle what depends on several arguments, and plan the run."""
        self.signals.heed()
        config = self.config[self.verb]
        settle(config, self.request, self.known())
        asked = any(word.startswith("--trainer.logger") for word in self.request.arguments)
        fits = self.verb == "fit" and not config.trainer.fast_dev_run
        if not fits and not asked:
            config.trainer.logger = False
        saved = self.dumped()
        task = self.request.task or snake_case(config.data.class_path.rpartition(".")[2])
        folder = None
        if fits:
            del saved["ckpt_path"], saved["resume"]
            folder = self.request.resume or new_folder(Path(config.trainer.default_root_dir), task)
            kept = config.trainer.enable_checkpointing is not False
            self.run = Run(folder, task, saved, kept)
        for logger in as_list(config.trainer.logger):
            if str(getattr(logger, "class_path", "")).endswith("WandbLogger"):
                try:
                    prepare(logger, self.verb, task, saved["model"], folder)
                except ValueError as error:
                    refuse(self.verb, str(error))

    def instantiate_classes(self) -> None:
        """Make the task, the network and the Trainer; what they refuse, the command refuses."""
        try:
            super().instantiate_classes()
            self.model.check_task(self.datamodule)
            self.datamodule.trainer = self.trainer
            require_processes(self.trainer.num_devices, self.trainer.num_nodes)
            if is_main_process():  # the others wait for it: there may be something to fetch
                rehearse(self.verb, self.model, self.datamodule, self.trainer)
            self.fill(self.config[self.verb].ckpt_path)
            settle_threads(self.model, self.datamodule)
        except REFUSALS as error:
            if is_own_bug(cause := inner(error)):
                raise
            refuse(self.verb, explain(cause, self.config[self.verb].trainer))

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Add the run's own files to what the user wants to have logged and called."""
        config = self.config_init[self.verb].trainer
        if self.run:
            wanted = [logger for logger in as_list(config.logger) if not isinstance(logger, bool)]
            kwargs["logger"] = [
                *wanted,
                MetricsFile(self.run.folder / METRICS, self.run.resumable.failed),
            ]
            kwargs["default_root_dir"] = self.run.folder
            config.callbacks = self.run.around(as_list(config.callbacks))
            if not any(isinstance(plugin, CheckpointIO) for plugin in as_list(config.plugins)):
                config.plugins = [*as_list(config.plugins), self.run.resumable.checkpoint_io]
        config.callbacks = settle_bar(config, as_list(config.callbacks))
        settle_steps(config)
        disarm(trainer := super().instantiate_trainer(**kwargs))
        return trainer

    def before_fit(self) -> None:
        """Make the run folder, the first trace that a run leaves, and start what logs into it."""
        self.signals.heed()
        if not self.run:
            return
        if self.request.resume:
            said, devices = self.checkpoint[OWN], self.trainer.world_size
            if error := batch_error(said, self.run.config, devices):
                refuse(self.verb, error)
            if other := changes(said, devices):
                say(self.verb, f"the data are the same, the last digits may not be: {other}")
        if not is_main_process():
            return
        try:
            self.run.create()
        except RunError as error:
            refuse(self.verb, f"argument --resume: {error}")
        except OSError as error:
            flag = "resume" if self.request.resume else "trainer.default_root_dir"
            refuse(self.verb, f"argument --{flag}: cannot write a run: {error}")
        for logger in self.trainer.loggers:
            if isinstance(logger, WandbLogger):
                try:
                    start(logger, self.run.config, self.model.objective.goals)
                except ValueError as error:
                    refuse(self.verb, str(error))
        keep_imports()

    def interrupt(self, number: int) -> None:
        """End at once, while nothing is trained; tell the processes that this one has started."""
        trainer = getattr(self, "trainer", None)
        if trainer and trainer.strategy.launcher:
            trainer.strategy.launcher.kill(number)
        interrupt(number)

    @contextmanager
    def orderly(self, verb: str) -> Iterator[None]:
        """Say in one line what ends a verb; leave no folder of a run that has not begun."""

        def go_on() -> str:
            return self.run.how_to_go_on() if self.run else ""

        threads = torch.get_num_threads()
        try:
            try:
                yield
            except BaseException:
                if self.run and not (self.run.began or self.request.resume) and is_main_process():
                    self.run.discard()
                raise
        except MisconfigurationException as error:
            refuse(verb, str(error))
        except RunError as error:
            fail(verb, f"{error}{go_on()}")
        except Interrupted as error:
            say(verb, f"ended by {signal.Signals(error.number).name}{go_on()}")
            raise
        except Exception:
            if how := go_on():
                say(verb, f"ended by the error above{how}")
            raise
        finally:
            for note in close(self.trainer.loggers if hasattr(self, "trainer") else ()):
                say(verb, note)
            if self.run:
                self.run.release()
            torch.set_num_threads(threads)

    def fit(self, **kwargs: Any) -> None:
        """Train, go back to the best weights, test and report."""
        self.trainer.fit(**kwargs)
        self.stop_if_asked()
        kept = self.run.kept() if self.run else None
        path = str(self.run.folder / kept) if self.run and kept else None
        path = self.trainer.strategy.broadcast(path)  # only the main process knows the folder
        with Signals(self.interrupt):
            loaders = self.trainer.test(
                self.model, self.datamodule, ckpt_path=path, weights_only=True, verbose=False
            )
        metrics = self.scores(loaders)
        self.stop_if_asked()
        if self.trainer.is_global_zero:
            with Signals(self.interrupt):
                conclude(self.run, self.trainer, self.model, self.datamodule, metrics)

    def stop_if_asked(self) -> None:
        """Stop for a signal at the end of the fit, or a file that could not be written."""
        if self.run:
            resumable = self.run.resumable
            resumable.signals.received = resumable.signals.received or self.signals.received
            resumable.heed(resumable.agreed(self.trainer))

    def validate(self, **kwargs: Any) -> None:
        """Score the validation split."""
        with Signals(self.interrupt):
            metrics = self.scores(self.trainer.validate(**{**kwargs, "verbose": False}))
        if self.trainer.is_global_zero:
            terminal.show(self.datamodule, rows(self.datamodule, metrics, "val"))

    def test(self, **kwargs: Any) -> None:
        """Score every test length."""
        with Signals(self.interrupt):
            metrics = self.scores(self.trainer.test(**{**kwargs, "verbose": False}))
            if self.trainer.is_global_zero:
                answers = ask(self.model, self.datamodule, SHOWN)
                examples = self.datamodule.describe(answers.batch, answers.predictions)
                found = rows(self.datamodule, metrics, "test", self.trained())
                terminal.show(self.datamodule, found, examples)

    def predict(self, **kwargs: Any) -> None:
        """Write down what the network says to every test example, and show the first."""
        with Signals(self.interrupt):
            found = self.trainer.predict(**kwargs)
            examples = collect(self.trainer, self.datamodule, found)
        if not self.trainer.is_global_zero:
            return
        path = self.request.output or Path(PREDICTIONS)
        try:
            write(examples, path)
        except OSError as error:
            raise RunError(f"{os.path.relpath(path)}: {error.strerror}") from error
        notes = [f"{len(examples)} examples: {os.path.relpath(path)}"]
        terminal.show(self.datamodule, [], examples[:SHOWN], notes=notes)

    @staticmethod
    def scores(loaders: list[Any]) -> dict[str, float]:
        """Join the metrics of all loaders, whose names differ."""
        return {name: float(value) for metrics in loaders for name, value in metrics.items()}
