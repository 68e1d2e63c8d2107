"""Peak memory of whole processes: of a run over a script without the package, and as it grows."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from experiments.speed.start import ADD, BARE, COMMANDS, FILES, SHORT
from experiments.speed.timing import Row, positive, ratio, spread

RUNS = {
    "200 steps, no W&B, no report": [*ADD, *SHORT],
    "the default run": ADD,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=positive, default=3)
    parser.add_argument(
        "--steps", type=positive, nargs="+", default=[1000, 100_000], help="to grow by"
    )
    sizes = [1000, 10_000_000]
    parser.add_argument("--train_sizes", type=positive, nargs="+", default=sizes, help="to grow by")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    least = min(wanted.steps, default=0)
    runs = {f"{n} steps": [*ADD, *SHORT, "--trainer.max_steps", str(n)] for n in wanted.steps}
    runs |= {
        f"{least} steps of an epoch of {n}": [*runs[f"{least} steps"], "--data.train_size", str(n)]
        for n in wanted.train_sizes
    }
    peaks = {
        name: [peak(arguments) for _ in range(wanted.rounds)]
        for name, arguments in {BARE: COMMANDS[BARE], **RUNS}.items()
    }
    peaks |= {name: [peak(arguments)] for name, arguments in runs.items()}
    for name, found in peaks.items():
        other = BARE if name in {BARE, *RUNS} else f"{least} steps"
        beside = "" if name == BARE else ratio(found, peaks[other][: len(found)])
        yield {"what": name, "peak, MB": spread(found), "ratio": beside, "over": other}


def peak(arguments: list[str]) -> float:
    """Run Python in an empty folder, and give the most memory that it held, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            Path(folder, name).write_text(text)
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"},
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return usage.ru_maxrss * unit / 1e6
