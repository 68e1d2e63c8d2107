"""Fits in processes of their own, several at a time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, NamedTuple

from seqlearn.files import held
from seqlearn.grid import Job
from seqlearn.signals import Signals

PATIENCE = 0.5
"""Seconds between looks whether a signal has come."""


class Fit(NamedTuple):
    """A fit to do.

    Attributes:
        job: What it is of.
        folder: That of the benchmark.
        flags: Arguments of ``seqlearn fit``.
    """

    job: Job
    folder: Path
    flags: Sequence[str]


class Workers:
    """Do fits, so many at a time, each in a process that starts with all imported.

    Args:
        at_once: How many.
        group: What the runs have in common, for Weights & Biases.
    """

    def __init__(self, at_once: int, group: str) -> None:
        self.at_once = at_once
        self.going: dict[Any, tuple[int, Any]] = {}
        self.threads = max(1, (os.cpu_count() or 1) // at_once)  # more would only wait
        self.environment = {"WANDB_RUN_GROUP": group, **os.environ}
        self.context = context()

    def run(self, fits: Iterable[Fit], signals: Signals) -> Iterator[tuple[int, int]]:
        """Do them all, and give the number of each and its exit code as soon as it has ended.

        Args:
            fits: What to do.
            signals: When one has come no other is begun, and those under way save and end.
        """
        waiting, stopping = enumerate(fits), False
        try:
            while True:
                while len(self.going) < self.at_once and not stopping:
                    if (following := next(waiting, None)) is None:
                        break
                    self.start(*following)
                if not self.going:
                    return
                yield from self.ended()
                if signals.received and not stopping:
                    stopping = True
                    for _, process in self.going.values():
                        process.terminate()
        finally:
            for _, process in self.going.values():
                process.kill()

    def start(self, number: int, fit: Fit) -> None:
        """Start one."""
        settings = fit, self.environment, self.threads
        process = self.context.Process(target=work, args=settings)  # type: ignore[attr-defined]
        process.start()
        self.going[process.sentinel] = number, process

    def ended(self) -> Iterator[tuple[int, int]]:
        """Give those that have ended, after a moment at most."""
        for sentinel in wait([*self.going], PATIENCE):
            number, process = self.going.pop(sentinel)
            process.join()
            yield number, process.exitcode


def context() -> BaseContext:
    """Give a way to start processes: from one that has all imported, where there is such a way."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    chosen = multiprocessing.get_context("forkserver")
    # The optimizers of torch import torch._dynamo, which takes a second.
    chosen.set_forkserver_preload(["seqlearn.command", "torch._dynamo", "wandb"])
    return chosen


def work(fit: Fit, environment: dict[str, str], threads: int) -> None:
    """Do a fit in this process: its output goes into the log, and a Ctrl+C to who started it."""
    import torch

    from seqlearn import cli

    job, folder = fit.job, fit.folder
    if hasattr(os, "setsid"):
        os.setsid()
    os.environ.update(environment)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(threads)
    for path in (job.log(folder).parent, job.place(folder)):
        path.mkdir(parents=True, exist_ok=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    with held(job.place(folder)):  # another benchmark may be at it
        if job.finished(folder):
            return
        with job.log(folder).open("w", encoding="utf-8") as file:
            for output in (1, 2):
                os.dup2(file.fileno(), output)
        cli.main(["fit", *job.arguments(folder, fit.flags)])


def end_with_parent() -> None:
    """Save and end when the process that started this one is no more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
