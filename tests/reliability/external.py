"""Signals from outside, at any moment, up to four in a row; then the run is let to its end."""

import os
import random
import sys
import time
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.reliability.case import Case
from tests.reliability.devices import TWO, command, end, left, start
from tests.reliability.trial import ENDS, SIGNALS, fingerprint

from seqlearn.checkpoints import read
from seqlearn.record import LAST, METRICS, RESULTS

TRIALS = {1: 30, 2: 20}
"""Trials on so many processes, each of up to `MOST` signals."""
MOST = 4
SECONDS = 1.5
"""Within which a signal comes, counted from the first batch."""


def flags(processes: int) -> list[str]:
    """Give a run of some seconds, with all that has a state."""
    long = ["--trainer.max_steps=400", "--save_every=7", "--model.num_layers=2"]
    return [*long, "--model.dropout=0.3", *(TWO if processes > 1 else ())]


@cache
def undisturbed(processes: int) -> dict[str, Any]:
    """What is left if nothing happens."""
    with TemporaryDirectory() as name:
        process = start(command("binary_add", *flags(processes)), Path(name))
        wrong = end(process)
        assert not wrong and process.returncode == 0, (Path(name) / "err").read_text()
        (run,) = (Path(name) / "runs" / "binary_add").iterdir()
        return remains(run)


def remains(run: Path) -> dict[str, Any]:
    """Fingerprint what a finished run has left."""
    last = read(run / LAST)
    names = ("state_dict", "optimizer_states", "lr_schedulers", "skipped", "global_step")
    found = {name: fingerprint(last[name]) for name in names}
    return found | {"metrics": (run / METRICS).read_text(), "tests": left(run)[1]}


def struck(processes: int, seed: int, most: int = MOST) -> list[str] | None:
    """Strike a run again and again, and look at what is left at its end."""
    chance = random.Random(seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        words = command("binary_add", *flags(processes))
        wrong, hits = [], 0
        for _ in range(chance.randint(1, most)):
            sent, to_group = chance.choice([*SIGNALS]), chance.random() < 0.5
            process = start(words, folder)
            wait_for_training(folder)
            time.sleep(chance.uniform(0.2, SECONDS))  # before that Python itself has the signals
            with_group = os.killpg if to_group else os.kill
            if process.poll() is None:
                with_group(process.pid, SIGNALS[sent])
            if faults := end(process):
                wrong += [f"{sent} {'to the group' if to_group else 'to the first'}: {faults}"]
            code, text = process.returncode, (folder / "err").read_text()
            (run,) = (folder / "runs" / "binary_add").iterdir()
            if code == -SIGNALS[sent] and (run / RESULTS).exists():
                code = 0  # all was done, and Python on its way out
            hits += code != 0
            quiet = sent == "KILL" or "Traceback" not in text  # who is left by a kill may complain
            if code not in (0, ENDS[sent]) or not quiet:
                wrong.append(f"ended with {code} after {sent}: {text[-1000:]}")
            words = [sys.executable, "-m", "seqlearn.fit", f"--resume={run}"]
        process = start(words, folder)
        wrong += end(process)
        if process.returncode:
            return [*wrong, f"at the end {process.returncode}: {(folder / 'err').read_text()}"]
        expected, found = undisturbed(processes), remains(run)
        wrong += [f"{key} is not the same" for key in expected if expected[key] != found[key]]
        return wrong or ([] if hits else None)


def wait_for_training(folder: Path) -> None:
    """Wait for the first checkpoint of a run."""
    until = time.monotonic() + 60
    while time.monotonic() < until and not [*folder.glob(f"runs/*/*/{LAST}")]:
        time.sleep(0.01)


def cases() -> Iterator[Case]:
    """Give all of them."""
    for processes, count in TRIALS.items():
        for seed in range(count):
            group = f"external: up to {MOST} signals, {processes} process{'es' * (processes > 1)}"
            yield Case(group, partial(struck, processes, seed), f"seed {seed}")
