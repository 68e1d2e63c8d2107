"""Run the full matrix: ``python -m tests.reliability [PART ...]``, exit code 1 on a fault."""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from importlib import import_module

import torch
from tests.reliability.case import Case

PARTS = {
    "canaries": "stock parts, which have to fail",
    "loads": "damaged and hostile checkpoints",
    "saves": "kills and full disks while saving",
    "interruptions": "every batch, signal and place, once and twice",
    "devices": "two processes, NaN on one of them",
    "external": "random signals from outside, on one process and two",
}
SHARED = ("devices", "external")
"""Parts whose cases need the whole machine."""

CASES: list[Case] = []
"""Those of the part at hand, which the processes inherit: not all can be sent to them."""


def tried(number: int) -> tuple[int, list[str] | None]:
    """Try a case; its own error is a fault too."""
    try:
        return number, CASES[number].work()
    except Exception as error:
        return number, [f"{type(error).__name__}: {error}"]


def run(part: str, jobs: int) -> bool:
    """Try all cases of a part, print as it goes, and tell whether all is well."""
    CASES[:] = import_module(f"tests.reliability.{part}").cases()
    counts = {case.group: Counter[str]() for case in CASES}
    total, began = Counter(case.group for case in CASES), time.perf_counter()
    with multiprocessing.get_context("fork").Pool(1 if part in SHARED else jobs) as pool:
        for number, wrong in pool.imap_unordered(tried, range(len(CASES))):
            case = CASES[number]
            count = counts[case.group]
            count["missed" if wrong is None else "wrong" if wrong else "right"] += 1
            for line in wrong or ():
                print(f"  FAULT {case.group}: {case.label}: {line}", flush=True)
            if count.total() == total[case.group]:
                struck = count.total() - count["missed"]
                seconds = time.perf_counter() - began
                print(
                    f"{count['right']:5} of {struck:5}  {case.group}  [{seconds:.0f} s]", flush=True
                )
    return not any(count["wrong"] for count in counts.values())


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    text = "; ".join(f"{name}: {about}" for name, about in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"by default all; {text}")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"PART must be one of {', '.join(PARTS)}, got {', '.join(unknown)}")
    torch.set_num_threads(1)
    began = time.perf_counter()
    fine = [run(part, given.jobs) for part in given.parts or PARTS]
    print(f"{'nothing was lost' if all(fine) else 'FAULTS'}; {time.perf_counter() - began:.0f} s")
    sys.exit(not all(fine))


if __name__ == "__main__":
    main()
