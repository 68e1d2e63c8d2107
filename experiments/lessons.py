"""Make the pictures of the lessons in experiments/README.md.

    python -m experiments.lessons [--only NAME] [--all] [--out FOLDER]

Each lesson is the commands that its text shows, run in an empty folder with seed 0 and one thread,
and the pictures they leave there. The whole takes about a minute on one core, and two more with
`--all`, which also draws vanishing_gradients.png.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",  # small networks are quicker so, and their last digits the same
    "PYTHONPATH": str(HERE.parent),  # for `python -m experiments...`
    "WANDB_MODE": "disabled",
}


class Study(NamedTuple):
    """A command of a lesson.

    Attributes:
        lesson: What the lesson is called.
        command: What one pastes.
        pictures: For each picture of the lesson, which of the files left behind it is.
        slow: Whether it takes minutes.
    """

    lesson: str
    command: str
    pictures: dict[str, str]
    slow: bool = False


PLOTS = "runs/*/*/plots"
EXPLODING = (
    "seqlearn fit --task first_symbol --model.cell rnn --model.cell_args '{gain: 2.5}' "
    "--optimizer SGD --optimizer.lr 0.1 --trainer.log_every_n_steps 1 --trainer.gradient_clip_val"
)
STUDIES = [
    Study(
        "addition",
        "seqlearn fit --task binary_add",
        {"addition.png": f"{PLOTS}/hidden_states.png"},
    ),
    Study(
        "addition",
        "seqlearn fit --task binary_add --model.cell window",
        {"addition_window.png": f"{PLOTS}/length_generalization.png"},
    ),
    Study(
        "memory",
        "seqlearn fit --task first_symbol",
        {"memory_lstm.png": f"{PLOTS}/gradient_flow.png"},
    ),
    Study(
        "memory",
        "seqlearn fit --task first_symbol --model.cell rnn",
        {"memory_rnn.png": f"{PLOTS}/gradient_flow.png"},
    ),
    Study(
        "memory",
        "python -m experiments.vanishing_gradients",
        {"vanishing_gradients.png": "vanishing_gradients.png"},
        slow=True,
    ),
    Study(
        "language",
        "seqlearn fit --task char_lm --data.corpus grammar --model.hidden_size 128 "
        "--trainer.max_steps 1500 --lr_scheduler.total_iters 1500",
        {
            "language.png": f"{PLOTS}/predictions.png",
            "language_learning.png": f"{PLOTS}/learning_curve.png",
        },
    ),
    Study(
        "forecast",
        "seqlearn fit --task arma",
        {"forecast.png": f"{PLOTS}/predictions.png"},
    ),
    Study("forecast", "python -m experiments.arma", {"arma.png": "arma.png"}),
    Study(
        "exploding",
        f"{EXPLODING} null",
        {
            "exploding.png": f"{PLOTS}/learning_curve.png",
            "exploding_gradients.png": f"{PLOTS}/gradient_flow.png",
        },
    ),
    Study(
        "exploding",
        f"{EXPLODING} 1",
        {"exploding_clipped.png": f"{PLOTS}/learning_curve.png"},
    ),
]


def make(study: Study, out: Path) -> None:
    """Run a command where nothing is, and copy its pictures.

    Args:
        study: What to run.
        out: The folder of the pictures.
    """
    program, *words = shlex.split(study.command)
    if program == "seqlearn":
        verb, *words = words
        words = ["-m", f"seqlearn.{verb}", *words]
    with tempfile.TemporaryDirectory() as folder:
        command, environment = [sys.executable, *words], os.environ | ENVIRONMENT
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        for name, made in study.pictures.items():
            (path,) = Path(folder).glob(made)
            shutil.copyfile(path, out / name)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = list(dict.fromkeys(study.lesson for study in STUDIES))
    parser.add_argument("--only", choices=names, help="one lesson")
    parser.add_argument("--all", action="store_true", help="also what takes minutes")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the pictures (this one)")
    wanted = parser.parse_args(arguments)
    wanted.out.mkdir(parents=True, exist_ok=True)
    for study in STUDIES:
        if wanted.only not in (None, study.lesson):
            continue
        print(study.command, flush=True)
        if study.slow and not wanted.all:
            print("    takes minutes: only with --all")
            continue
        start = time.monotonic()
        make(study, wanted.out)
        print(f"    {', '.join(study.pictures)} in {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
