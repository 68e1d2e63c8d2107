"""Fit every task with its preset for many seeds, and set what it reaches beside its goal.

python experiments/goals.py [--task TASK] [--seeds 20] [--jobs 2] [--details]

It prints the table of the README, a row as soon as it is known; all of it takes about an hour.
"""

import argparse
import contextlib
import csv
import io
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from seqlearn import BouncingBall, Sunspots, Waveform, fit
from seqlearn.grammar import entropy_rate

Metrics = dict[str, float]

GOALS: dict[str, tuple[str, int, Callable[[Metrics], bool]]] = {
    "alphabet": (
        "every letter right up to 100, shown or recited alone",
        10,
        lambda m: all(
            m[f"test/{name}@{n}"] == 1
            for name in ("exact_match", "rollout_exact_match")
            for n in (25, 50, 100)
        ),
    ),
    "binary_add": (
        "exact match 1 at 8, 16, 64, 256 and 1024 bits",
        20,
        lambda m: all(m[f"test/exact_match@{n}"] == 1 for n in (8, 16, 64, 256, 1024)),
    ),
    "binary_add --model.cell window": (
        "failure: who sees 3 steps knows 7/8 of the bits, no more, and no sum of 256",
        10,
        lambda m: m["test/accuracy@1024"] < 0.88 and m["test/exact_match@256"] == 0,
    ),
    "bouncing_ball": (
        "one-step error at most a tenth of constant velocity's",
        10,
        lambda m: m["test/mse@50"] < BouncingBall().baselines()["constant_velocity"] / 10,
    ),
    "char_lm": (
        "validation loss below 1.65 nats a character; counting five in a row gives 1.669",
        10,
        lambda m: m["test/loss@64"] < 1.65,
    ),
    "char_lm --data.corpus grammar --model.hidden_size 128": (
        "at most 4 % above the entropy of the grammar, where forgetting a noun's number costs 5 %",
        10,
        lambda m: m["test/loss@64"] < 1.04 * entropy_rate(),
    ),
    "countdown": ("every countdown right", 10, lambda m: m["test/exact_match@10"] == 1),
    "decimal_add": (
        "exact match of at least 0.99 at three digits, none at six",
        10,
        lambda m: m["test/exact_match@3"] >= 0.99 and m["test/exact_match@6"] == 0,
    ),
    "first_symbol": (
        "accuracy above 0.99 at 30, 60, 120 and 300 steps",
        10,
        lambda m: all(m[f"test/accuracy@{n}"] > 0.99 for n in (30, 60, 120, 300)),
    ),
    "first_symbol --model.cell rnn --data.steps 200": (
        "failure: a tanh network stays at chance, 0.25, below 0.35",
        10,
        lambda m: m["test/accuracy@200"] < 0.35,
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
    "reverse": (
        "exact match of at least 0.99 at eight letters, none at sixteen",
        10,
        lambda m: m["test/exact_match@8"] >= 0.99 and m["test/exact_match@16"] == 0,
    ),
    "topic": (
        "accuracy above 0.99 at 40, 80, 160 and 400 words",
        10,
        lambda m: all(m[f"test/accuracy@{n}"] > 0.99 for n in (40, 80, 160, 400)),
    ),
    "random_walk": (
        "at most 2 % worse than the optimum, at 50, 200 and 800 steps",
        10,
        lambda m: all(m[f"test/mse_ratio@{n}"] <= 1.02 for n in (50, 200, 800)),
    ),
    "random_walk --model.cell_args.nonlinearity tanh": (
        "failure: within 5 % of the optimum as far as trained, above 10 times it at 800 steps",
        10,
        lambda m: m["test/mse_ratio@50"] <= 1.05 and m["test/mse_ratio@800"] > 10,
    ),
    "arma": (
        "at most 2 % worse than the optimum, at 64 and 256 steps",
        10,
        lambda m: all(m[f"test/mse_ratio@{n}"] <= 1.02 for n in (64, 256)),
    ),
    "sunspots": (
        "mean squared error at most a tenth above that of an autoregression on 9 years, 379.9",
        10,
        lambda m: m["test/mse@24"] < 1.1 * Sunspots().baselines()["autoregression"],
    ),
    "waveform": (
        "mean squared error below a hundredth of the variance over the second trained on",
        10,
        lambda m: m["test/mse@24"] < Waveform().baselines()["zero"] / 100,
    ),
    "noise": (
        "training loss below 0.001 at the end, while new sequences cost more than the variance, 1",
        10,
        lambda m: m["train/loss"] < 0.001 and min(m["val/loss"], m["test/mse@5"]) > 1,
    ),
}
"""For each task its goal in words, for how many seeds it is shown, and the test of it.

A task's word may be followed by flags, for what must fail or is a study of its own.
"""


def run(command: str, seed: int) -> dict[str, object]:
    """Fit once, weights and data from this seed, and return what ``results.json`` says.

    Args:
        command: The task's word, and flags after it.
        seed: Of the weights and of the data.
    """
    task, *flags = command.split()
    quiet = ["--trainer.logger", "false", "--trainer.enable_progress_bar", "false"]
    seeds = ["--seed_everything", str(seed), "--data.seed", str(seed)]
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        fit.main(["--task", task, *flags, *seeds, *quiet, "--trainer.default_root_dir", root])
        (path,) = Path(root, task).glob("*/results.json")
        results: dict[str, object] = json.loads(path.read_text())
        with path.with_name("metrics.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                last = {name: row[name] for name in ("train/loss", "val/loss") if row.get(name)}
                results["metrics"] |= {name: float(value) for name, value in last.items()}
    return results


def settle(job: tuple[str, int]) -> dict[str, object]:
    """Run in a process of its own, with one thread: two for a small network only wait."""
    torch.set_num_threads(1)
    return run(*job)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tasks = dict.fromkeys(command.split()[0] for command in GOALS)
    parser.add_argument("--task", choices=list(tasks), help="only this one")
    parser.add_argument("--seeds", type=int, help="how many, instead of those of the goal")
    parser.add_argument("--jobs", type=int, default=1, help="how many to fit at a time")
    parser.add_argument("--details", action="store_true", help="also the spread of every metric")
    wanted = parser.parse_args()
    print("| `--task` | goal | seeds that reach it | seconds of training |")
    print("|---|---|---|---|", flush=True)
    with ProcessPoolExecutor(wanted.jobs, multiprocessing.get_context("spawn")) as pool:
        for command, (goal, seeds, met) in GOALS.items():
            if wanted.task not in (None, command.split()[0]):
                continue
            runs = list(pool.map(settle, [(command, s) for s in range(wanted.seeds or seeds)]))
            reached = sum(met(results["metrics"]) for results in runs)
            seconds = statistics.median(results["seconds"] for results in runs)
            row = f"| `{command}` | {goal} | {reached} of {len(runs)} | {seconds:.1f} |"
            print(row, flush=True)
            for name in runs[0]["metrics"] if wanted.details else ():
                values = sorted(results["metrics"][name] for results in runs)
                middle = statistics.median(values)
                spread = f"median {middle:.5g}, from {values[0]:.5g} to {values[-1]:.5g}"
                print(f"    {name:<24} {spread}")


if __name__ == "__main__":
    main()
