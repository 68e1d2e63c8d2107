"""One optimizer step of ``seqlearn fit`` over one of a loop by hand.

The command runs as it is, with everything on: clipping, logging, progress bar, checkpoints, Weights
& Biases offline. After every `BLOCK` of its steps the loop by hand takes as many, in the same
process: the same task, sizes, updates and clipping, with PyTorch's own cell, a bar, and a line of a
file where the command logs. At last so does a Trainer used as most tutorials do.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from experiments.speed.timing import Row, positive, ratio, spread

BLOCK = 100
"""Steps from turn to turn."""
SIZES = ("16/32/8", "16/64/9", "64/256/16", "256/256/32")
OUT = "SEQLEARN_STEP_TIMES"
"""Names the file for what was measured, in the process that measures."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    cells = ["rnn", "gru", "lstm"]
    parser.add_argument("--cells", nargs="+", choices=cells, default=cells)
    sizes = [size(word) for word in SIZES]
    parser.add_argument("--sizes", nargs="+", type=size, default=sizes, metavar="H/B/T")
    parser.add_argument("--threads", nargs="+", type=positive, default=[1, 2])
    parser.add_argument("--rounds", type=positive, default=20)
    parser.add_argument("--naive", action="store_true", help="also a Trainer as in tutorials")
    parser.add_argument("flags", nargs="*", help="further arguments of seqlearn fit, after --")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    for threads in wanted.threads:
        for sizes in wanted.sizes:
            for cell in wanted.cells:
                times = run(cell, sizes, threads, wanted)
                row: Row = {"cell": cell, "H/B/T": "/".join(map(str, sizes)), "threads": threads}
                row["bare loop, ms"] = spread(1000 * t for t in times["bare"])
                row["fit / bare loop"] = ratio(times["fit"], times["bare"])
                if wanted.naive:
                    row["naive / fit"] = ratio(times["naive"], times["fit"])
                yield row


def size(word: str) -> tuple[int, int, int]:
    """Read units, sequences and steps, ``16/32/8``; an addition has three steps at least."""
    try:
        hidden, batch, steps = map(int, word.split("/"))
    except ValueError:
        hidden = batch = steps = 0
    if hidden < 1 or batch < 1 or steps < 3:
        raise argparse.ArgumentTypeError(f"must be H/B/T from 1/1/3 on, got {word}")
    return hidden, batch, steps


def run(
    cell: str, sizes: tuple[int, int, int], threads: int, wanted: argparse.Namespace
) -> dict[str, list[float]]:
    """Measure in a process of its own, at a terminal of its own, so that the bar is drawn."""
    hidden, batch, steps = sizes
    command = ["fit", "--task", "binary_add", "--model.cell", cell, "--data.bits", str(steps - 1)]
    command += ["--model.hidden_size", str(hidden), "--data.batch_size", str(batch)]
    command += ["--data.test_lengths", f"[{steps - 1}]"]
    command += ["--trainer.max_steps", str((wanted.rounds + 2) * BLOCK)]
    command += ["--trainer.limit_val_batches", "0", "--report", "false"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "times.json")
        said = Path(folder, "said.txt")
        child = [sys.executable, "-m", __name__, json.dumps(bool(wanted.naive))]
        code = at_terminal(
            [*child, *command, *wanted.flags],
            said,
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "OMP_NUM_THREADS": str(threads),
                "WANDB_MODE": "offline",
                OUT: str(out),
            },
        )
        if not out.exists():
            sys.stderr.write(said.read_text("utf-8", "replace"))
            raise subprocess.CalledProcessError(code or 1, child)
        times: dict[str, list[float]] = json.loads(out.read_text())
    if not times["fit"]:
        raise SystemExit(f"step: nothing was timed: it takes {3 * BLOCK} steps at least")
    return times


def at_terminal(command: list[str], said: Path, **options: Any) -> int:
    """Run a command at a terminal, keep what it shows there, and give its exit code."""
    import pty

    master, terminal = pty.openpty()
    process = subprocess.Popen(command, stdout=terminal, stderr=terminal, **options)
    os.close(terminal)
    try:
        with said.open("wb") as file, suppress(OSError):  # its last writer is gone
            while shown := os.read(master, 65536):
                file.write(shown)
        return process.wait()
    finally:
        os.close(master)
        process.kill()


def turns(others: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Let others take their turn whenever the training has taken a block of batches."""
    from seqlearn import data

    times: dict[str, list[float]] = {name: [] for name in ("fit", *others)}

    class Loader(data.TrainLoader):
        def __iter__(self) -> Iterator[Any]:
            since = None
            for count, batch in enumerate(super().__iter__()):
                if count % BLOCK == 0 and self.trainer and self.trainer.training:
                    if count > BLOCK:  # the first block is for warming up
                        times["fit"].append((time.perf_counter() - since) / BLOCK)
                        for name, other in others.items():
                            times[name].append(other())
                    since = time.perf_counter()
                yield batch

    data.TrainLoader = Loader  # type: ignore[misc]
    return times


def masked_loss(outputs: Any, targets: Any) -> Any:
    """Average the loss of the bits that are asked for; the others are -100."""
    from torch.nn.functional import binary_cross_entropy_with_logits

    scored = targets != -100
    bits, weight = targets.clamp(min=0).to(outputs.dtype), scored.to(outputs.dtype)
    loss = binary_cross_entropy_with_logits(outputs, bits, weight, reduction="sum")
    return loss / scored.sum()


def pytorchs(task: Any, cell: str, hidden: int) -> Any:
    """Make PyTorch's own cell and a linear map of its states."""
    from torch import nn

    kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[cell]
    kernel = kind(task.input_size, hidden, batch_first=True)
    return nn.ModuleList([kernel, nn.Linear(hidden, task.output_size)])


def bare_loop(task: Any, cell: str, hidden: int, log_every: int) -> Callable[[], float]:
    """Make a loop by hand that goes on for a block of steps and tells the seconds of one."""
    import torch
    from torch import nn
    from tqdm import tqdm

    kernel, head = network = pytorchs(task, cell, hidden)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=0.003, fused=True)
    batches, bar = iter(task.train_dataloader()), tqdm()
    file = open("bare.csv", "w", newline="")
    lines = csv.writer(file)

    def block() -> float:
        started = time.perf_counter()
        for step in range(1, BLOCK + 1):
            inputs, targets, _ = next(batches)
            loss = masked_loss(head(kernel(inputs)[0]), targets)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            if step % log_every == 0:
                lines.writerow([step, loss.item()])
                file.flush()
            bar.update()
        return (time.perf_counter() - started) / BLOCK

    block()
    return block


def naive_trainer(task: Any, cell: str, hidden: int) -> Callable[[], float]:
    """Make what most tutorials show: a Dataset and its DataLoader, metrics logged in every step."""
    import torch
    import torchmetrics
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar
    from lightning.pytorch.loggers import CSVLogger
    from torch import Tensor
    from torch.utils.data import DataLoader, TensorDataset

    class Naive(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.kernel, self.head = pytorchs(task, cell, hidden)
            self.accuracy = torchmetrics.Accuracy("binary", ignore_index=-100)

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
            inputs, targets = batch
            outputs = self.head(self.kernel(inputs)[0])
            loss = masked_loss(outputs, targets)
            self.accuracy(outputs, targets)
            self.log("train/loss", loss, prog_bar=True)
            self.log("train/accuracy", self.accuracy)
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), lr=0.003)

    class Timed(DataLoader):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            for count, batch in enumerate(super().__iter__()):
                if count == BLOCK:
                    started.append(time.perf_counter())
                yield batch

    started: list[float] = []
    drawn = task.dataset("train").batch(range(2 * BLOCK * task.batch_size))
    dataset = TensorDataset(drawn.inputs, drawn.targets)

    def block() -> float:
        with warnings.catch_warnings(action="ignore"):
            trainer = Trainer(
                max_epochs=1,
                logger=CSVLogger("naive"),
                callbacks=[TQDMProgressBar(), ModelCheckpoint("naive")],
                gradient_clip_val=1.0,
                enable_model_summary=False,
            )
            loader = Timed(dataset, batch_size=task.batch_size, shuffle=True)
            trainer.fit(Naive(), loader)
        return (time.perf_counter() - started[-1]) / BLOCK

    return block


def main() -> None:
    """Measure in this process, as `run` asks it to."""
    naive, *command = sys.argv[1:]
    from seqlearn import cli
    from seqlearn.imports import quick_imports

    with quick_imports():  # as the command does
        from seqlearn.tasks import BinaryAdd

    said = dict(zip(command[1::2], command[2::2], strict=False))
    bits, hidden = int(said["--data.bits"]), int(said["--model.hidden_size"])
    task = BinaryAdd(bits=bits, batch_size=int(said["--data.batch_size"]), train_size=10**9)
    log_every = int(said.get("--trainer.log_every_n_steps", 50))
    others = {"bare": bare_loop(task, said["--model.cell"], hidden, log_every)}
    if json.loads(naive):
        others["naive"] = naive_trainer(task, said["--model.cell"], hidden)
    times = turns(others)
    cli.main(command)
    Path(os.environ[OUT]).write_text(json.dumps(times))


if __name__ == "__main__":
    main()
