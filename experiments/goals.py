"""Fit every task with its preset for many seeds, and set what it reaches beside its goal.

python experiments/goals.py [--task TASK] [--seeds 20]
"""

import argparse
import contextlib
import io
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from seqlearn import fit

Metrics = dict[str, float]

GOALS: dict[str, tuple[str, int, Callable[[Metrics], bool]]] = {
    "binary_add": (
        "exact match 1 at 8, 16, 64, 256 and 1024 bits",
        20,
        lambda m: all(m[f"test/exact_match@{n}"] == 1 for n in (8, 16, 64, 256, 1024)),
    ),
    "football": (
        "every outcome right, losses sum to less than 0.05",
        10,
        lambda m: m["test/accuracy@3"] == 1 and 5 * m["test/loss@3"] < 0.05,
    ),
    "next_number": (
        "mean absolute error below 0.5 inside the range",
        10,
        lambda m: m["test/mae@100"] < 0.5,
    ),
}
"""For each task its goal in words, for how many seeds it is shown, and the test of it."""


def run(task: str, seed: int) -> dict[str, object]:
    """Fit once, weights and data from this seed, and return what ``results.json`` says."""
    quiet = ["--trainer.logger", "false", "--trainer.enable_progress_bar", "false"]
    seeds = ["--seed_everything", str(seed), "--data.seed", str(seed)]
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        fit.main(["--task", task, *seeds, *quiet, "--trainer.default_root_dir", root])
        (path,) = Path(root, task).glob("*/results.json")
        results: dict[str, object] = json.loads(path.read_text())
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=list(GOALS), help="only this one")
    parser.add_argument("--seeds", type=int, help="how many, instead of those of the goal")
    wanted = parser.parse_args()
    for task in [wanted.task] if wanted.task else GOALS:
        goal, seeds, met = GOALS[task]
        runs = [run(task, seed) for seed in range(wanted.seeds or seeds)]
        reached = [seed for seed, results in enumerate(runs) if met(results["metrics"])]
        seconds = statistics.median(results["seconds"] for results in runs)
        print(f"{task}: {goal}: {len(reached)} of {len(runs)} seeds, {seconds:.1f} s of training")
        for name in runs[0]["metrics"]:
            values = sorted(results["metrics"][name] for results in runs)
            middle = statistics.median(values)
            print(f"    {name:<24} median {middle:.5g}, from {values[0]:.5g} to {values[-1]:.5g}")


if __name__ == "__main__":
    main()
