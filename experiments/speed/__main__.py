"""Measure how fast the package is: ``python -m experiments.speed step``.

Each command compares in one run, in turns, and gives medians with the least and the most. Quote the
ratios: seconds are those of one machine at one hour.
"""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module

from experiments.speed.timing import Row, Spread

COMMANDS = {
    "step": "one step of `seqlearn fit` with everything on, over that of a bare loop",
    "data": "sequences and symbols a second of every task, beside a generator in plain Python",
    "cell": "forward and backward of every cell beside PyTorch's own; growth with T, H and B",
    "start": "seconds to help, to a refusal, to the first step, to the end",
    "solve": "steps and seconds to the goal of every preset",
    "scale": "sequences a second on two processes over those on one",
    "memory": "peak memory of a run over that of a bare loop, and how it grows",
}
"""Each is the module of its name, with ``add_arguments(parser)`` and ``measure(wanted)``."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m experiments.speed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="print JSON instead of a table")
        import_module(f"{__package__}.{name}").add_arguments(command)
    wanted = parser.parse_args(arguments)
    rows: list[Row] = []
    try:
        for row in import_module(f"{__package__}.{wanted.command}").measure(wanted):
            rows.append(row)
            if not wanted.json:
                show(row, first=len(rows) == 1)
    except subprocess.CalledProcessError as error:  # what it has said itself stands above
        sys.exit(error.returncode)
    except KeyboardInterrupt:
        sys.exit(130)
    if wanted.json:
        print(json.dumps([{name: plain(value) for name, value in row.items()} for row in rows]))


def show(row: Row, first: bool) -> None:
    """Print a line of a Markdown table, and its head before the first."""
    if first:
        print(f"| {' | '.join(row)} |")
        print("|" + "---|" * len(row))
    cells = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in row.values()]
    print(f"| {' | '.join(cells)} |", flush=True)


def plain(value: object) -> object:
    """Make of a spread what JSON can say."""
    return value._asdict() if isinstance(value, Spread) else value


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not before its processes have ended
    main()
