"""A run struck by signals, each attempt a process of its own, and what is left at its end."""

import hashlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau, StepLR

from seqlearn import files
from seqlearn.checkpoints import read
from seqlearn.defaults import quiet
from seqlearn.loggers import MetricsFile
from seqlearn.modules import ManyToMany
from seqlearn.record import BEST, LAST, METRICS
from seqlearn.run import Run
from seqlearn.tasks import BinaryAdd, CharLM

BATCHES = 30
SIGNALS = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM, "INT": signal.SIGINT}
ENDS = {"KILL": -9, "TERM": 143, "INT": 130}
"""Exit codes of an attempt that a signal has ended."""
PLACES = ("start", "end", "validation", "save")

EPOCHS = {"max_steps": -1, "max_epochs": 3, "check_val_every_n_epoch": 1}


def plateau(optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
    """Halve the rate at every validation, as no loss improves by 9."""
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=9)
    scheduler.monitor = "val/loss"  # type: ignore[attr-defined]  # as LightningCLI does
    return scheduler


KINDS: dict[str, dict[str, Any]] = {
    "one epoch": {},
    "three epochs": {"trainer": EPOCHS},
    "three batches a step": {
        "trainer": {"accumulate_grad_batches": 3, "max_steps": BATCHES // 3, "limit_val_batches": 1}
    },
    "stepped rate": {"scheduler": partial(StepLR, step_size=3, gamma=0.7)},
    "one cycle": {"scheduler": partial(OneCycleLR, max_lr=0.03, total_steps=BATCHES)},
    "plateau": {"scheduler": plateau},
    "stateful": {"task": partial(CharLM, corpus="grammar", grammar_size=4000, steps=8)},
    "early stopping": {"callback": partial(EarlyStopping, "val/loss", mode="max", patience=2)},
    "64 bits": {"trainer": {"precision": "64-true"}},
    "no validation": {"trainer": {"limit_val_batches": 0}},
}
"""What may go wrong, each in a way of its own."""


@dataclass(frozen=True)
class Setting:
    """What is trained, and how often it is validated and saved, in batches and steps."""

    kind: str = "one epoch"
    validated: int = 5
    every: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}, validated every {self.validated}, saved every {self.every or 'time'}"

    def fit(self, folder: Path, trace: Callback) -> None:
        """Train, or go on if there is a checkpoint."""
        seed_everything(0)
        kind = KINDS[self.kind]
        task: Callable[..., Any] = kind.get("task", partial(BinaryAdd, bits=4))
        data = task(batch_size=8, train_size=80, val_size=20)
        scheduler: Callable[..., LRScheduler] | None = kind.get("scheduler")
        network = ManyToMany.for_data(
            data,
            cell="gru",
            hidden_size=8,
            num_layers=2,
            dropout=0.3,
            stateful=self.kind == "stateful",
            optimizer=partial(torch.optim.Adam, lr=0.01),
            lr_scheduler=scheduler,
        )
        options = {"max_steps": BATCHES, "check_val_every_n_epoch": None, **kind.get("trainer", {})}
        plan = {
            "seed_everything": 0,
            "save_every": self.every,
            "data": {"batch_size": 8},
            "trainer": options,
        }
        options["accumulate_grad_batches"] = options.get("accumulate_grad_batches", 1)
        run = Run(folder, "binary_add", plan)
        others = [kind["callback"]()] if "callback" in kind else []
        trainer = Trainer(
            **options,
            val_check_interval=self.validated,
            num_sanity_val_steps=0,
            gradient_clip_val=1.0,
            log_every_n_steps=1,
            accelerator="cpu",
            devices=1,
            logger=[MetricsFile(folder / METRICS, run.resumable.failed)],
            callbacks=run.around([trace, *others]),
            plugins=[run.resumable.checkpoint_io],
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        last = folder / LAST
        trainer.fit(network, data, ckpt_path=last if last.exists() else None)


@dataclass(frozen=True)
class Blow:
    """A signal at a moment of a batch, counted over all epochs."""

    signal: str
    place: str
    batch: int


class Trace(Callback):
    """Write a line for each batch and validation, and strike where the blow says."""

    def __init__(self, path: Path, blow: Blow | None) -> None:
        self.path, self.blow = path, blow

    def write(self, *values: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def strike(self, place: str, trainer: Trainer) -> None:
        batch = trainer.fit_loop.epoch_loop.batch_progress.total.completed
        if self.blow and (self.blow.place, self.blow.batch) == (place, batch):
            number, self.blow = SIGNALS[self.blow.signal], None
            os.kill(os.getpid(), number)

    def on_train_start(self, trainer: Trainer, *_: Any) -> None:
        replace = os.replace

        def struck(old: Path, new: Path) -> None:  # all is written, and nothing in its place yet
            if new.name == Path(LAST).name:
                self.strike("save", trainer)
            replace(old, new)

        files.os.replace = struck  # type: ignore[attr-defined]

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, index: int) -> None:
        number = trainer.fit_loop.epoch_loop.batch_progress.total.completed
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.write("batch", number, fingerprint(batch.inputs), rate)
        self.strike("start", trainer)

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.strike("end", trainer)

    def on_validation_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.strike("validation", trainer)

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        loss = trainer.callback_metrics["val/loss"].item()
        self.write("validation", trainer.global_step, loss)


def attempt(work: Callable[[], None], log: Path) -> int:
    """Do something in a process of its own, and give its exit code."""
    child = os.fork()
    if not child:
        code = 1
        try:
            quiet()
            work()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            log.write_text(traceback.format_exc())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fingerprint(value: Any, folder: Path | None = None) -> str:
    """Hash nested plain values and tensors, to the bit, wherever the folder lies."""
    digest = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, torch.Tensor):
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            digest.update(part.contiguous().numpy().tobytes())
        elif isinstance(part, dict):
            for each in part.items():
                add(each)
        elif isinstance(part, list | tuple):
            for each in part:
                add(each)
        else:
            digest.update(repr(part).replace(str(folder), "").encode())

    add(value)
    return digest.hexdigest()


LEFT = (
    "state_dict",
    "optimizer_states",
    "lr_schedulers",
    "callbacks",
    "skipped",
    "carried",
    "global_step",
    "epoch",
)


def outcome(folder: Path) -> dict[str, Any]:
    """What a run has left: checkpoints, metrics, and the batches and validations of its trace."""
    last = read(folder / LAST)
    for state in last["callbacks"].values():
        # ModelCheckpoint saves it and does not load it; nothing comes of it.
        state.pop("current_score", None)
    found = {name: fingerprint(last.get(name), folder) for name in LEFT}
    best = folder / BEST
    found["best"] = fingerprint(read(best)["state_dict"]) if best.exists() else ""
    found["metrics"] = (folder / METRICS).read_text()
    lines = [json.loads(line) for line in (folder / "trace").read_text().splitlines()]
    for kind in ("batch", "validation"):
        seen: dict[int, Any] = {}
        for _, number, *values in (line for line in lines if line[0] == kind):
            if seen.setdefault(number, values) != values:
                found[f"{kind} {number}"] = f"is {values} and was {seen[number]}"
        found[kind] = seen
    return found


def run(setting: Setting, blows: Sequence[Blow], folder: Path) -> list[int]:
    """Strike an attempt for each blow, then let one go on to the end; give the exit codes."""
    codes = []
    for blow in (*blows, None):
        work = partial(setting.fit, folder, Trace(folder / "trace", blow))
        codes.append(attempt(work, folder / "traceback"))
    return codes


@cache
def undisturbed(setting: Setting) -> dict[str, Any]:
    """What a setting comes to if nothing happens; how often it is saved must not matter."""
    with TemporaryDirectory() as name:
        codes = run(setting, (), Path(name))
        assert codes == [0], traceback_in(Path(name))
        return outcome(Path(name))


def struck(setting: Setting, *blows: Blow) -> list[str] | None:
    """Strike a run, and tell what then is not as it should be; None if a blow came too late."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        *ends, last = run(setting, blows, folder)
        if 0 in ends:
            return None
        wrong = [
            f"ended with {code} after {blow}"
            for blow, code in zip(blows, ends, strict=True)
            if code != ENDS[blow.signal]
        ]
        if last:
            return [*wrong, f"the last attempt ended with {last}: {traceback_in(folder)}"]
        return wrong + differences(setting, folder)


def differences(setting: Setting, folder: Path) -> list[str]:
    """Tell what a run has left that the undisturbed one has not, or otherwise."""
    expected, found = undisturbed(setting), outcome(folder)
    return [
        f"{key}: {found.get(key)} instead of {expected.get(key)}"[:1000]
        for key in {**expected, **found}
        if expected.get(key) != found.get(key)
    ]


def traceback_in(folder: Path) -> str:
    """Give what an attempt has left on its death."""
    path = folder / "traceback"
    return path.read_text() if path.exists() else "no traceback"
