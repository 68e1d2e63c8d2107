"""Saves that are killed or find no room: the old checkpoint or the new one, never anything else."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Trainer
from tests.reliability.case import Case
from tests.reliability.trial import Setting, Trace, attempt, differences, traceback_in

from seqlearn.checkpoints import read, write
from seqlearn.record import LAST

KILLS = 120


def killed(seconds: float, folder: str | None) -> list[str]:
    """Kill a process that saves a megabyte again and again, and read what it has left."""
    with TemporaryDirectory(dir=folder) as name:
        path = Path(name) / "last.ckpt"
        child = os.fork()
        if not child:
            for number in range(100_000):
                write({"state_dict": {"w": torch.full((500, 500), float(number))}}, path)
        while not path.exists():
            time.sleep(0.001)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        weights = read(path)["state_dict"]["w"]
        left = {each.name for each in Path(name).iterdir()} - {"last.ckpt", ".last.ckpt.tmp"}
        return ([] if (weights == weights[0, 0]).all() else ["torn"]) + [*left]


@contextlib.contextmanager
def small_disk(kilobytes: int) -> Iterator[Path]:
    """Give a file system of its own; only root can.

    Raises:
        OSError: If it cannot be mounted.
    """
    with TemporaryDirectory() as name:
        options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", name]
        if os.geteuid() or subprocess.run(["mount", *options], capture_output=True).returncode:
            raise OSError("only root can mount a small disk")
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


class Fault(Trace):
    """Take the room, or the right to write, when a batch begins."""

    def __init__(self, path: Path, batch: int, disk: Path, fault: str) -> None:
        super().__init__(path, None)
        self.at, self.disk, self.fault = batch, disk, fault

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, index: int) -> None:
        super().on_train_batch_start(trainer, module, batch, index)
        if index == self.at:
            happen(self.fault, self.disk)


def happen(fault: str, disk: Path) -> None:
    """Fill the disk to its last byte, or let it be read only."""
    if fault == "full":
        with contextlib.suppress(OSError), (disk / "filler").open("wb", 0) as file:
            while file.write(b"x"):
                pass
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def mended(fault: str, disk: Path) -> None:
    """Make it as it was."""
    if fault == "full":
        (disk / "filler").unlink()
    else:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def faulty(fault: str, batch: int) -> list[str] | None:
    """Let a run meet the fault: it has to end with an error, and to go on when all is well."""
    setting = Setting("one epoch", 5, 4)
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(400))
        except OSError:
            return None
        traces = Path(stack.enter_context(TemporaryDirectory()))
        folder = disk / "run"
        folder.mkdir()
        broken = Fault(traces / "trace", batch, disk, fault)
        code = attempt(partial(setting.fit, folder, broken), traces / "traceback")
        wrong = [] if code == 1 else [f"ended with {code} on a disk that is {fault}"]
        if "RunError" not in (text := traceback_in(traces)):
            wrong.append(text)
        read(folder / LAST)
        mended(fault, disk)
        whole = Trace(traces / "trace", None)
        if attempt(partial(setting.fit, folder, whole), traces / "traceback"):
            return [*wrong, traceback_in(traces)]
        shutil.copy(traces / "trace", folder / "trace")
        return wrong + differences(setting, folder)


def cases() -> Iterator[Case]:
    """Give all of them."""
    chance = random.Random(0)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    for number in range(KILLS):
        work = partial(killed, chance.uniform(0, 0.1), memory if number % 2 else None)
        yield Case("saves: killed while saving", work, f"{number}")
    for fault in ("full", "read-only"):
        for batch in range(1, 30, 3):
            yield Case(f"saves: a disk that is {fault}", partial(faulty, fault, batch), f"{batch}")
