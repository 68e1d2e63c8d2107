"""Fit every task with its preset for many seeds, and set what it reaches beside its goal.

python experiments/goals.py [--task TASK] [--seeds 20] [--jobs 2] [--details]

It prints the table of the README, a row as soon as it is known; all takes two hours of a core.
"""

import argparse
import contextlib
import csv
import io
import json
import multiprocessing
import statistics
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqlearn import fit

Metrics = dict[str, float]


class Goal(NamedTuple):
    """What a task's preset, or a study of it, is to reach.

    Attributes:
        words: The goal, for the table.
        seeds: For how many seeds it is shown.
        also: What is asked beyond the `goal` of the task.
        fails: Whether that goal is to be missed: there are failures that are there to be seen.
    """

    words: str
    seeds: int = 10
    also: Callable[[Metrics], bool] = lambda metrics: True
    fails: bool = False

    def reached(self, results: Mapping[str, Any]) -> bool:
        """Tell whether the results of a run are as they should be."""
        of_the_task = results["goal"]
        as_asked = of_the_task is None or of_the_task["met"] is not self.fails
        return as_asked and self.also(results["metrics"])


GOALS: dict[str, Goal] = {
    "adding": Goal(
        "mean squared error of at most 0.001 at 100 steps, where saying 1 costs 0.167", seeds=5
    ),
    "adding --model.cell gru --model.hidden_size 37": Goal(
        "the same, with as many weights", seeds=5
    ),
    "adding --model.cell rnn --model.hidden_size 66": Goal(
        "failure: with as many weights a tanh network is no better than saying 1, above 0.15",
        seeds=5,
        also=lambda m: m["test/mse@100"] > 0.15,
        fails=True,
    ),
    "alphabet": Goal(
        "every letter right up to 100, shown or recited alone",
        also=lambda m: all(m[f"test/rollout_exact_match@{n}"] == 1 for n in (25, 50, 100)),
    ),
    "anbn": Goal(
        "every set right at n = 10, and at n = 20, where none was trained on",
        seeds=5,
        also=lambda m: m["test/exact_match@20"] == 1,
    ),
    "anbn --model.cell gru --model.hidden_size 37": Goal(
        "failure to count on: with as many weights right at 10, wrong at 20",
        seeds=5,
        also=lambda m: m["test/exact_match@20"] == 0,
    ),
    "anbn --model.cell rnn --model.hidden_size 66": Goal(
        "the same",
        seeds=5,
        also=lambda m: m["test/exact_match@20"] == 0,
    ),
    "anbncn": Goal("every set right at n = 10", seeds=5),
    "associative_recall": Goal("accuracy of at least 0.99 at 16 steps, of four pairs", seeds=5),
    "associative_recall --model.cell gru --model.hidden_size 65": Goal(
        "the same, with as many weights", seeds=5
    ),
    "binary_add": Goal("exact match 1 at 8, 16, 64, 256 and 1024 bits", seeds=20),
    "binary_add --model.cell window": Goal(
        "failure: who sees 3 steps knows 7/8 of the bits, no more, and no sum of 256",
        also=lambda m: m["test/accuracy@1024"] < 0.88 and m["test/exact_match@256"] == 0,
        fails=True,
    ),
    "binary_add_serial": Goal(
        "failure: answers right one by one in less than 0.6, where a coin for each bit has 0.52",
        seeds=5,
        also=lambda m: all(m[f"test/accuracy@{n}"] < 0.6 for n in (40, 80, 200, 480)),
        fails=True,
    ),
    "bouncing_ball": Goal("one-step error at most a tenth of constant velocity's"),
    "char_lm": Goal(
        "validation loss at most 1.65 nats a character; counting five in a row gives 1.669"
    ),
    "char_lm --data.corpus grammar --model.hidden_size 128": Goal(
        "at most 4 % above the entropy of the grammar, where forgetting a noun's number costs 5 %"
    ),
    "copy_memory": Goal("accuracy of at least 0.99 after a delay of 100", seeds=5),
    "copy_memory --model.cell rnn --model.hidden_size 95": Goal(
        "failure: with as many weights a tanh network hardly recalls: a loss above 1.9, where no "
        "memory has ln 8 = 2.079",
        seeds=5,
        also=lambda m: m["test/loss@100"] > 1.9,
        fails=True,
    ),
    "countdown": Goal("every countdown right"),
    "decimal_add": Goal(
        "exact match of at least 0.99 at three digits, none at six",
        also=lambda m: m["test/exact_match@6"] == 0,
    ),
    "first_symbol": Goal("accuracy of at least 0.99 at 30, 60, 120 and 300 steps"),
    "first_symbol --model.cell rnn --data.steps 200": Goal(
        "failure: a tanh network stays at chance, 0.25, below 0.35",
        also=lambda m: m["test/accuracy@200"] < 0.35,
        fails=True,
    ),
    "cycle_nav": Goal("accuracy of at least 0.99 after 40, 80, 200 and 520 moves", seeds=5),
    "cycle_nav --model.cell lstm --model.hidden_size 15": Goal(
        "the same, with as many weights", seeds=5
    ),
    "digits": Goal("accuracy of at least 0.95; the nearest image in training has 0.99"),
    "football": Goal(
        "every outcome right, losses sum to less than 0.05",
        also=lambda m: 5 * m["test/loss@3"] < 0.05,
    ),
    "mod_arith": Goal("accuracy of at least 0.99 for 20 digits", seeds=5),
    "next_number": Goal("mean absolute error of at most 0.5 inside the range"),
    "reber": Goal("every set right in 0.99 of the strings of 20 symbols", seeds=5),
    "reverse": Goal(
        "exact match of at least 0.99 at eight letters, none at sixteen",
        also=lambda m: m["test/exact_match@16"] == 0,
    ),
    "temporal_order": Goal("accuracy of at least 0.99 at 50 symbols, of four classes", seeds=5),
    "temporal_order --data.marks 3": Goal("the same, of eight classes", seeds=5),
    "temporal_order --model.cell rnn --model.hidden_size 68": Goal(
        "failure: with as many weights a tanh network stays at chance, 0.25, below 0.35",
        seeds=5,
        also=lambda m: m["test/accuracy@50"] < 0.35,
        fails=True,
    ),
    "selective_copy": Goal("accuracy of at least 0.99 at 64 steps, of eight symbols", seeds=5),
    "topic": Goal("accuracy of at least 0.99 at 40, 80, 160 and 400 words"),
    "parity": Goal("accuracy of at least 0.99 after 40, 80, 200 and 520 bits"),
    "parity --model.cell lstm --model.hidden_size 7": Goal("the same, with as many weights"),
    "running_parity": Goal("accuracy of at least 0.99 over 40, 80, 200 and 520 bits"),
    "random_walk": Goal("at most 2 % worse than the optimum, at 50, 200 and 800 steps"),
    "random_walk --model.cell_args.nonlinearity tanh": Goal(
        "failure: within 5 % of the optimum as far as trained, above 10 times it at 800 steps",
        also=lambda m: m["test/mse_ratio@50"] <= 1.05 and m["test/mse_ratio@800"] > 10,
        fails=True,
    ),
    "arma": Goal("at most 2 % worse than the optimum, at 64 and 256 steps"),
    "sunspots": Goal(
        "mean squared error at most a tenth above that of an autoregression on 9 years, 379.9"
    ),
    "waveform": Goal(
        "mean squared error at most a hundredth of the variance over the second trained on"
    ),
    "noise": Goal(
        "training loss below 0.001 at the end, while new sequences cost more than the variance, 1",
        also=lambda m: m["train/loss"] < 0.001 and min(m["val/loss"], m["test/mse@5"]) > 1,
    ),
}
"""For each task its goal.

A task's word may be followed by flags, for what must fail or is a study of its own.
"""


def run(command: str, seed: int) -> dict[str, Any]:
    """Fit once, weights and data from this seed, and return what ``results.json`` says.

    Args:
        command: The task's word, and flags after it.
        seed: Of the weights and of the data.
    """
    task, *flags = command.split()
    quiet = ["--trainer.logger", "false", "--report", "false"]
    seeds = ["--seed_everything", str(seed), "--data.seed", str(seed)]
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        fit.main(["--task", task, *flags, *seeds, *quiet, "--trainer.default_root_dir", root])
        (path,) = Path(root, task).glob("*/results.json")
        results: dict[str, Any] = json.loads(path.read_text())
        with path.with_name("metrics.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                last = {name: row[name] for name in ("train/loss", "val/loss") if row.get(name)}
                results["metrics"] |= {name: float(value) for name, value in last.items()}
    return results


def settle(job: tuple[str, int]) -> dict[str, Any]:
    """Run in a process of its own, with one thread: two for a small network only wait."""
    torch.set_num_threads(1)
    return run(*job)


def workers(jobs: int) -> ProcessPoolExecutor:
    """Make processes that do so many jobs at a time."""
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))


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
    with workers(wanted.jobs) as pool:
        for command, goal in GOALS.items():
            if wanted.task not in (None, command.split()[0]):
                continue
            runs = list(pool.map(settle, [(command, s) for s in range(wanted.seeds or goal.seeds)]))
            reached = sum(goal.reached(results) for results in runs)
            seconds = statistics.median(results["seconds"] for results in runs)
            row = f"| `{command}` | {goal.words} | {reached} of {len(runs)} | {seconds:.1f} |"
            print(row, flush=True)
            for name in runs[0]["metrics"] if wanted.details else ():
                values = sorted(results["metrics"][name] for results in runs)
                middle = statistics.median(values)
                spread = f"median {middle:.5g}, from {values[0]:.5g} to {values[-1]:.5g}"
                print(f"    {name:<24} {spread}")


if __name__ == "__main__":
    main()
