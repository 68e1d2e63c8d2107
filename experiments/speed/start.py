"""What a user waits for, as whole processes: help, a refusal, the first step, the end."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from experiments.speed.timing import Row, in_turns, positive, ratio, spread

FIT = ["-m", "seqlearn.fit"]
ADD = [*FIT, "--task", "binary_add"]
STOP = ["--trainer.callbacks+", "stop.Stop"]
SILENT = ["--trainer.logger", "false"]
SHORT = [*SILENT, "--report", "false", "--trainer.max_steps", "200"]
TORCH, BARE, RUN = "import torch", "200 steps, bare PyTorch", "200 steps, no W&B, no report"

COMMANDS = {
    TORCH: ["-c", "import torch"],
    "import lightning.pytorch": ["-c", "import lightning.pytorch"],
    "the list of tasks": [*FIT, "--help"],
    "an unknown task": [*FIT, "--task", "binary"],
    "a refused value": [*ADD, "--model.hidden_size", "0"],
    "a value that its class refuses": [*ADD, "--model.cell", "rn"],
    "a task's help": [*ADD, "--help"],
    "the first step": [*ADD, *STOP],
    "the first step, no W&B": [*ADD, *STOP, *SILENT],
    "the default run": ADD,
    RUN: [*ADD, *SHORT],
    BARE: ["bare.py"],
}
"""What is timed, as arguments of Python; all in an empty folder, but for these files:"""

FILES = {
    "stop.py": """
import os
from lightning.pytorch import Callback
class Stop(Callback):
    def on_train_batch_end(self, *arguments):
        os._exit(0)
""",
    "bare.py": """
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as loss_of

def draw(count, bits):
    numbers = torch.zeros(count, bits + 1, 2)
    numbers[:, :bits] = torch.randint(2, (count, bits, 2)).float()
    sums, carry = numbers.sum(-1), torch.zeros(count)
    for step in range(bits + 1):
        sums[:, step] += carry
        carry = (sums[:, step] >= 2).float()
    return numbers, sums % 2

def score(bits):
    right = loss = 0.0
    with torch.no_grad():
        for count in (256, 256, 256, 232):
            inputs, targets = draw(count, bits)
            outputs = head(rnn(inputs)[0])[..., 0]
            loss += loss_of(outputs, targets).item() * count
            right += ((outputs > 0) == (targets > 0)).all(1).sum().item()
    return right / 1000, loss / 1000

torch.manual_seed(0)
rnn, head = nn.RNN(2, 16, batch_first=True), nn.Linear(16, 1)
net = nn.ModuleList([rnn, head])
optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
best = float("inf")
for step in range(1, 201):
    inputs, targets = draw(64, 8)
    loss = loss_of(head(rnn(inputs)[0])[..., 0], targets)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    if step % 50 == 0:
        right, loss = score(8)
        torch.save(net.state_dict(), "last.pt")
        if loss < best:
            best = loss
            torch.save(net.state_dict(), "best.pt")
net.load_state_dict(torch.load("best.pt"))
for bits in (8, 16, 64, 256, 1024):
    print(bits, *score(bits))
""",
}

PHASES = [
    *("import torch", "import lightning", "import wandb", "other imports"),
    *("arguments", "start", "train", "test", "report", "results"),
    *("W&B start", "W&B end"),
]

CHILD = """
import json, sys, time
from functools import wraps
spent, doing, since = {}, ["other imports"], time.perf_counter()
def switch():
    global since
    now = time.perf_counter()
    spent[doing[-1]] = spent.get(doing[-1], 0) + now - since
    since = now
def phase(name, function):
    @wraps(function)
    def call(*arguments, **named):
        switch()
        doing.append(name)
        try:
            return function(*arguments, **named)
        finally:
            switch()
            doing.pop()
    return call
def timed(name, kind, *functions):
    for each in functions:
        setattr(kind, each, phase(name, getattr(kind, each)))
def load(module):
    phase("import " + module.partition(".")[0], __import__)(module)
from seqlearn import cli
from seqlearn.imports import quick_imports
with quick_imports():
    load("torch")
    load("lightning.pytorch.cli")
    load("wandb")
    from lightning.pytorch import Trainer
    from seqlearn import command, loggers, media, report
timed("start", command.Command, "before_instantiate_classes", "instantiate_classes", "before_fit")
timed("train", Trainer, "fit")
timed("test", Trainer, "test")
timed("results", command, "conclude")
timed("report", report, "publish")
timed("W&B start", command, "prepare", "start")
timed("W&B end", loggers, "finish")
timed("W&B end", media, "log")
phase("arguments", cli.main)(["fit", "--task", "binary_add"])
switch()
print(json.dumps(spent))
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=positive, default=5)
    names = [*COMMANDS, "phases"]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="WHAT")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            Path(folder, name).write_text(text)
        names = [name for name in COMMANDS if name in wanted.only]
        things = {name: partial(run, COMMANDS[name], folder) for name in names}
        yield from rows(things, wanted.rounds)
        if "phases" in wanted.only:
            yield from phases(folder, wanted.rounds)


def rows(things: Mapping[str, Callable[[], object]], rounds: int) -> Iterator[Row]:
    """Time whole processes, each beside the import of torch."""
    times = in_turns(things, rounds)
    for name in things:
        for other in (TORCH, BARE) if name == RUN else (TORCH,):
            beside = ratio(times[name], times[other]) if other in times else ""
            yield {"what": name, "seconds": spread(times[name]), "ratio": beside, "over": other}


def phases(folder: str, rounds: int) -> Iterator[Row]:
    """Show where the seconds of the default run go; they add up, but for Python's own."""
    done = [json.loads(run(["-c", CHILD], folder).splitlines()[-1]) for _ in range(rounds)]
    for name in PHASES:
        times = [spent[name] for spent in done]
        beside = ratio(times, [spent[TORCH] for spent in done])
        yield {"what": f"phase: {name}", "seconds": spread(times), "ratio": beside, "over": TORCH}


def run(arguments: list[str], folder: str) -> str:
    """Run Python to its end, and give what it prints."""
    command, environment = [sys.executable, *arguments], {**os.environ, "WANDB_MODE": "offline"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 2):  # 2 is a refusal
        sys.stderr.write(done.stderr)
        done.check_returncode()
    return done.stdout
