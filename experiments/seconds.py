"""Show where the seconds of one command go: imports, start, training, test, report.

    python experiments/seconds.py [--runs 5] [arguments of seqlearn.fit]

Each run is a process of its own in an empty folder; medians, with the least and the most.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile

PHASES = [
    *("import torch", "import lightning", "import wandb"),
    *("arguments", "start", "train", "test", "report"),
]

CHILD = """
import json, sys, time
marks = [time.perf_counter()]
def mark(): marks.append(time.perf_counter())
import torch; mark()
from seqlearn import cli; cli.spare_matplotlib()
import lightning.pytorch.cli; mark()
import wandb; mark()
from functools import wraps
from lightning.pytorch import Trainer
from seqlearn import command
def begins(kind, name):
    function = getattr(kind, name)
    @wraps(function)
    def call(*arguments, **named):
        mark()
        return function(*arguments, **named)
    setattr(kind, name, call)
begins(command.Command, "before_instantiate_classes")  # the arguments are understood
begins(Trainer, "fit")
begins(Trainer, "test")
begins(command, "conclude")
cli.main(["fit", *sys.argv[1:]])
mark()
print(json.dumps([b - a for a, b in zip(marks, marks[1:])]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    wanted, arguments = parser.parse_known_args()
    seconds = []
    for _ in range(wanted.runs):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", CHILD, *(arguments or ["--task", "binary_add"])]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        seconds.append(json.loads(done.stdout.splitlines()[-1]))
    for phase, times in zip(PHASES, zip(*seconds, strict=True), strict=True):
        print(
            f"{phase:<18}{statistics.median(times):6.2f} s  ({min(times):.2f} to {max(times):.2f})"
        )
    own = [sum(times[3:]) for times in seconds]
    print(f"{'beside the imports':<18}{statistics.median(own):6.2f} s")


if __name__ == "__main__":
    main()
