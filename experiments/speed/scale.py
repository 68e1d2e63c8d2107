"""Training on two processes over training on one.

The command trains as it is asked to, in processes of one thread each; a callback in them times the
steps after the first few. With the global batch held, two processes share the sequences of a step;
with the local batch held, each takes as many as the one did.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.speed.timing import Row, positive, ratio, spread
from lightning.pytorch import Callback, LightningModule, Trainer

OUT = "SEQLEARN_SCALE_TIMES"
"""Names the file for what was measured, in the processes that train."""
WARM_UP = 20
"""Steps that are not timed."""


class Case(NamedTuple):
    """What is trained: a task, units, sequences of a batch on one process, steps that are timed."""

    task: str
    hidden: int
    batch: int
    steps: int
    flags: Sequence[str] = ()


GRAMMAR = ("--data.corpus=grammar", "--data.grammar_size=100_000")
CASES = (Case("binary_add", 16, 64, 1000), Case("char_lm", 256, 32, 60, GRAMMAR))


class Clock(Callback):
    """Time the steps of a fit after the first few, and write down sequences a second."""

    started = 0.0

    def on_train_batch_start(  # noqa: D102
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx == WARM_UP:
            self.started = time.perf_counter()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: D102
        seconds = time.perf_counter() - self.started
        if trainer.is_global_zero:
            size = trainer.datamodule.batch_size * trainer.world_size
            Path(os.environ[OUT]).write_text(str((trainer.global_step - WARM_UP) * size / seconds))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", help="only this, with the next three arguments")
    parser.add_argument("--hidden", type=positive, default=64)
    parser.add_argument("--batch", type=even, default=64, help="sequences of one process")
    parser.add_argument("--steps", type=positive, default=500, help="that are timed")
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument("flags", nargs="*", help="further arguments of seqlearn fit, after --")


def even(word: str) -> int:
    """Read a count that two can share."""
    count = positive(word)
    if count % 2:
        raise argparse.ArgumentTypeError(f"must be even, got {word}")
    return count


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    one = Case(wanted.task, wanted.hidden, wanted.batch, wanted.steps, wanted.flags)
    for case in [one] if wanted.task else CASES:
        rates: dict[str, list[float]] = {}
        turns = [("one", 1, case.batch), ("global", 2, case.batch // 2), ("local", 2, case.batch)]
        for _ in range(wanted.rounds):
            for name, devices, batch in turns:
                rates.setdefault(name, []).append(train(case, devices, batch))
            turns.reverse()
        yield {
            "task": case.task,
            "H": case.hidden,
            "B": case.batch,
            "sequences/s on one": spread(rates["one"]),
            "two / one, global batch held": ratio(rates["global"], rates["one"]),
            "two / one, local batch held": ratio(rates["local"], rates["one"]),
        }


def train(case: Case, devices: int, batch: int) -> float:
    """Train on so many processes, and give sequences a second."""
    flags = {
        "task": case.task,
        "model.hidden_size": case.hidden,
        "data.batch_size": batch,
        "trainer.accelerator": "cpu",
        "trainer.devices": devices,
        "trainer.strategy": "auto" if devices == 1 else "ddp",
        "trainer.max_steps": WARM_UP + case.steps,
        "trainer.limit_val_batches": 0,
        "trainer.limit_test_batches": 0,
        "trainer.logger": "false",
        "trainer.callbacks+": f"{__name__}.Clock",
        "report": "false",
    }
    command = [sys.executable, "-m", "seqlearn.fit", *case.flags]
    command += [f"--{name}={value}" for name, value in flags.items()]
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder, "times")
        environment = {**os.environ, OUT: str(times), "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])  # for the callback
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        return float(times.read_text())
