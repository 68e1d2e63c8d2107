"""The arguments of a verb, on LightningCLI: tasks, presets, and the checkpoint beside them."""

import os
import re
import warnings
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import SUPPRESS
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, LRSchedulerTypeTuple
from torch.optim import Optimizer

from seqlearn.checkpoints import OWN, read
from seqlearn.checks import check
from seqlearn.data import SequenceDataModule
from seqlearn.defaults import DEFAULTS
from seqlearn.errors import CheckpointError, inner, refuse
from seqlearn.identity import DECISIVE, mismatch, stranger
from seqlearn.modules import FROM_TASK, MODULES, SequenceModule
from seqlearn.parser import Parser
from seqlearn.record import BEST, LAST
from seqlearn.request import Request
from seqlearn.settings import flat
from seqlearn.tasks import TASKS


class TaskCLI(LightningCLI):
    """Read the arguments of a verb: the task decides the classes, its preset the defaults."""

    model: SequenceModule
    datamodule: SequenceDataModule

    def __init__(self, request: Request) -> None:
        self.request, self.verb = request, request.verb
        self.checkpoint: dict[str, Any] = {}
        Parser.request = request
        data = TASKS[request.task] if request.task else SequenceDataModule
        unlogged = {} if request.logs else {"logger": False}  # else wandb would be imported
        super().__init__(
            model_class=MODULES[data.mapping] if request.task else SequenceModule,
            datamodule_class=data,
            subclass_mode_model=not request.task,
            subclass_mode_data=not request.task,
            save_config_callback=None,
            seed_everything_default=0,
            trainer_defaults=DEFAULTS | unlogged,
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
        else:
            text = "Take the configuration and the best checkpoint from this run folder."
            parser.add_argument("--run", metavar="RUN", help=text)
        if self.verb == "predict":
            text = "Write here, a line of JSON for each example (RUN/predictions.jsonl)."
            parser.add_argument("--output", metavar="FILE", help=text)
        text = "Draw pictures and write a page of what the run came to."
        text = text if self.verb == "fit" else SUPPRESS  # it stands in every run's config.yaml
        parser.add_argument("--report", type=bool, default=True, help=text)
        text = "Steps between saves, beside those after each validation and at the end."
        text = text if self.verb == "fit" else SUPPRESS  # it stands in every run's config.yaml
        parser.add_argument("--save_every", type=int | None, help=text)
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
        if self.request.task and (path := self.config[self.verb].data.get("path")):
            self.config[self.verb].data.path = os.path.abspath(path)  # wherever it is read again
        check(self.verb, self.config[self.verb])
        if path := self.config[self.verb].get("ckpt_path"):
            self.checkpoint = self.read_checkpoint(Path(path))

    def read_checkpoint(self, path: Path) -> dict[str, Any]:
        """Read a checkpoint; refuse one that is damaged, or does not go with the arguments."""
        flag, resume = self.request.flag, self.request.resume
        content = self.readable(path)
        if resume and OWN not in content:
            refuse(self.verb, f"argument --resume: {path} does not say what run it is of")
        # Of another program's all that is known is the network.
        said = content.get(OWN, {"config": {"model": content.get("hyper_parameters", {})}})
        if reason := stranger(said, self.request.task):
            refuse(self.verb, f"argument --{flag}: {path} {reason}")
        groups = DECISIVE[1:] if self.verb == "fit" and OWN in content else ("model",)
        names = DECISIVE if resume else self.request.given(groups)
        if reason := mismatch(said, self.dumped(), names):
            refuse(self.verb, reason)
        for file, config in self.request.configs.items():
            names = [name for name in flat(config) if name.startswith("model.")]
            if not resume and OWN in content and (reason := mismatch(said, config, names)):
                refuse(self.verb, f"argument --{flag}: {path} does not go with {file}: {reason}")
        if resume and (best := resume / BEST).is_file():
            other = self.readable(best, f"; delete it to go on from {LAST}").get(OWN)
            if not other or mismatch(other, said["config"], DECISIVE):
                refuse(self.verb, f"argument --resume: {best} is of another run than {path}")
        return content

    def readable(self, path: Path, hint: str = "") -> dict[str, Any]:
        """Read a checkpoint, or refuse it, and say what can be done."""
        try:
            return read(path)
        except CheckpointError as error:
            refuse(self.verb, f"argument --{self.request.flag}: {error}{hint}")

    def fill(self, path: str | None) -> None:
        """Give the network the weights of the checkpoint that was read, if there is one.

        Raises:
            ValueError: If they are of a network of another size, or for other characters.
        """
        if path is None:
            return
        flag = self.request.flag
        known, own = self.known(), self.model.vocabulary
        if known != own:
            raise ValueError(
                f"argument --{flag}: {path} was made for the characters {known!r}, not {own!r}"
            )
        try:
            self.model.load_state_dict(self.checkpoint["state_dict"])
        except RuntimeError as error:
            raise ValueError(f"argument --{flag}: {path}: {error}") from error

    def trained(self) -> int | None:
        """Give the length that the checkpoint was trained on, if it says so."""
        said = flat(self.checkpoint.get(OWN, {}).get("config", {}))
        length: int | None = said.get(f"data.{self.datamodule.measure}")
        return length

    def known(self) -> str | None:
        """Name the characters that the checkpoint is made for, if there is one and it is."""
        characters: str | None = self.checkpoint.get("hyper_parameters", {}).get("vocabulary")
        return characters

    def dumped(self) -> dict[str, Any]:
        """Give the arguments as plain values."""
        try:
            with warnings.catch_warnings(action="ignore"):  # of what is refused here
                text = self.parser.dump(self.config, skip_none=False)
        except ValueError as error:  # such as a default that is an object, of a callback
            refuse(self.verb, f"arguments must be plain values, to be saved: {inner(error)}")
        if lost := re.search(r"(\w+): '?Unable to serialize instance ([^'\n]*)", text):
            refuse(
                self.verb,
                f"argument --{lost[1]}: must be a plain value, to be saved, got {lost[2]}",
            )
        return dict(yaml.safe_load(text)[self.verb])
