"""``python -m seqlearn.sample RUN``: let a network of characters write."""

import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from seqlearn.errors import refuse
from seqlearn.imports import quick_imports
from seqlearn.limits import Rule
from seqlearn.output import until_closed
from seqlearn.plain import Parser
from seqlearn.record import find_checkpoint
from seqlearn.signals import Signals, interrupt

if TYPE_CHECKING:
    from seqlearn.modules import ManyToMany


LENGTH, TOP_K, SEED = Rule(0, 10**9), Rule(1), Rule(0, 2**63 - 1)
TEMPERATURE = Rule(0, kind="number")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a prompt and what a trained network writes after it, as it is written.

    Args:
        arguments: As on the command line, which is the default.

    Raises:
        SystemExit: With code 2 and one line of text, if the arguments are not right.
    """
    parser = Parser("sample", "Let a network of characters write.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a checkpoint")
    parser.add_argument(
        "--prompt", help="the text to go on with (the first character known, often a new line)"
    )
    parser.add_argument("--length", type=LENGTH, default=400, help="characters to add (400)")
    parser.add_argument(
        "--temperature",
        type=TEMPERATURE,
        default=0.8,
        help="0 takes the most likely character, 1 draws them as likely as they are held (0.8)",
    )
    parser.add_argument("--top_k", type=TOP_K, help="draw from so many of the most likely only")
    parser.add_argument("--seed", type=SEED, help="makes the same text again")
    wanted = parser.parse_args(arguments)
    if not wanted.run.exists():
        refuse("sample", f"argument RUN: no such run folder: {wanted.run}")
    signals = Signals()
    try:
        with signals:
            network = load(wanted.run)
        signals.heed()
        prompt = (network.vocabulary or "")[0] if wanted.prompt is None else wanted.prompt
        text = network.stream(prompt, wanted.length, wanted.temperature, wanted.top_k, wanted.seed)
    except ValueError as error:
        refuse("sample", str(error))
    with Signals(interrupt), until_closed():
        for piece in chain([prompt], text, ["\n"]):
            print(piece, end="", flush=True)


def load(run: Path) -> "ManyToMany":
    """Load the network of characters that a run left, or that a checkpoint holds.

    Raises:
        ValueError: If there is none.
    """
    with quick_imports():
        from seqlearn.checkpoints import read
        from seqlearn.modules import ManyToMany
    try:
        path = find_checkpoint(run)
        known = read(path).get("hyper_parameters", {})
    except ValueError as error:
        raise ValueError(f"argument RUN: {error}") from error
    if not known.get("vocabulary") or "stateful" not in known:
        raise ValueError(f"argument RUN: {path} is no network that predicts the next character")
    return ManyToMany.load_from_checkpoint(path, map_location="cpu", weights_only=True)


if __name__ == "__main__":
    from seqlearn import cli

    cli.main(["sample", *sys.argv[1:]])
