"""Steps and seconds until a preset reaches the goal of its task.

The command trains as it is asked to; after each validation a callback looks whether the network, as
it is then, meets the goal at every test length, and stops the training if so.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import torch
from experiments.goals import settle, workers
from experiments.speed.data import as_in_preset
from experiments.speed.timing import Row, positive, spread
from lightning.pytorch import Callback, Trainer

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.goals import met
from seqlearn.metrics import Tally
from seqlearn.modules import SequenceModule
from seqlearn.tasks import TASKS


class Solved(NamedTuple):
    """When the goal was reached: steps, and seconds of training without validation."""

    steps: int
    seconds: float


class Stop(Callback):
    """Stop the training when the goal is met, and keep in mind when that was."""

    solved: ClassVar[Solved | None] = None
    """Of the last fit in this process."""

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: D102
        Stop.solved, self.seconds, self.since = None, 0.0, time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: D102
        self.seconds += time.perf_counter() - self.since

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: D102
        data = trainer.datamodule
        # Scoring every test length takes longer than validation, which mostly fails before.
        if met(data, trainer.callback_metrics, "val") and met(data, score(pl_module, data)):
            Stop.solved = Solved(trainer.global_step, self.seconds)
            trainer.should_stop = True
        self.since = time.perf_counter()


@torch.no_grad()
def score(module: SequenceModule, data: SequenceDataModule) -> dict[str, float]:
    """Score a network that is in evaluation mode at every test length: as the Trainer's test.

    That could not be called while the Trainer is at its fit.
    """
    found = {}
    for loader in data.test_dataloader():
        tally, length = Tally(), loader.dataset.length
        for count, batch in enumerate(loader):
            there = SequenceBatch(*(field.to(module.device) for field in batch))
            outputs = module.answer(there, count)
            tally.add(module.objective.scores(outputs, there.targets, module.scale))
        means = module.objective.derive(tally.means(), data.optimum(length))
        found |= {f"test/{name}@{length}": float(value) for name, value in means.items()}
    return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", choices=list(TASKS), help="only this one")
    parser.add_argument("--seeds", type=positive, default=20)
    parser.add_argument(
        "--every", type=positive, help="steps to a validation, if not as the preset has"
    )
    parser.add_argument("--jobs", type=positive, default=1, help="how many to fit at a time")
    parser.add_argument("flags", nargs="*", help="further arguments of seqlearn fit, after --")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    flags = ["--trainer.callbacks+", f"{__name__}.Stop", *wanted.flags]
    if wanted.every:
        flags += ["--trainer.val_check_interval", str(wanted.every)]
    with workers(wanted.jobs) as pool:
        for task in [wanted.task] if wanted.task else TASKS:
            if as_in_preset(task).goal is None:
                continue
            command = " ".join([task, *flags])
            found = list(pool.map(solve, [(command, seed) for seed in range(wanted.seeds)]))
            solved = [each for each in found if each]
            yield {
                "task": task,
                "solved": f"{len(solved)} of {len(found)}",
                "steps": spread(each.steps for each in solved) if solved else "",
                "seconds": spread(each.seconds for each in solved) if solved else "",
            }


def solve(job: tuple[str, int]) -> Solved | None:
    """Fit with a seed until the goal is met."""
    settle(job)
    return Stop.solved
