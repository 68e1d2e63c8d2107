"""The command line: ``seqlearn VERB ...``, the same as ``python -m seqlearn.VERB ...``."""

import ast
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files

from seqlearn.errors import RunError, fail, refuse
from seqlearn.imports import quick_imports
from seqlearn.output import put, settle_output
from seqlearn.request import nearest, task_names, understand
from seqlearn.signals import Signals

VERBS = {
    "fit": "train on a task, test at growing lengths, report",
    "validate": "score a run on the validation split: seqlearn validate --run RUN",
    "test": "score a run at every test length: seqlearn test --run RUN",
    "predict": "write down what a run says to test examples: seqlearn predict --run RUN",
}
OTHERS = {
    "sample": "let a network of characters write: seqlearn sample RUN --prompt TEXT",
    "report": "draw what a run came to, and write its page: seqlearn report RUN",
    "runs": "list runs, or compare two: seqlearn runs",
    "benchmark": "compare cells: seqlearn benchmark --cells rnn,gru --tasks parity,adding",
}
"""Verbs with arguments of their own; each is the module of its name."""
USAGE = """\
usage: seqlearn {verb} --task TASK [options]        (or: python -m seqlearn.{verb} ...)
       seqlearn {verb} --task TASK --help           every option with the task's tuned default
       seqlearn {verb} --config FILE [options]      such as a run's config.yaml
       seqlearn {verb} --data CLASS --model CLASS   classes of your own, instead of a task
"""
OF_A_RUN = """\
usage: seqlearn {verb} --run RUN [options]          a run folder, with its best weights
       seqlearn {verb} --config FILE --ckpt_path FILE [options]
       seqlearn {verb} --task TASK --help           every option
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``seqlearn VERB ...``.

    Args:
        arguments: As on the command line, which is the default.

    Raises:
        SystemExit: With code 2 and one line of text, if the arguments are not right; with 143 or
            130 after SIGTERM or SIGINT, also while what is needed is still being imported.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    settle_output()
    with Signals():  # to end within an import would leave half of it, or be lost there
        try:
            dispatch(*arguments)
        except RunError as error:
            fail(arguments[0], str(error))


def dispatch(verb: str, *rest: str) -> None:
    """Do what the verb says, or show what there is."""
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)  # classes of one's own, as with `python -m`
    if verb in ("-h", "--help"):
        verbs = "\n".join(f"  {name:<12}{text}" for name, text in (VERBS | OTHERS).items())
        put(f"{USAGE.format(verb='VERB')}\nverbs:\n{verbs}\n\n{task_list()}")
    elif verb == "--version":
        put(f"seqlearn {version('seqlearn-lightning')}")
    elif verb in OTHERS:
        import_module(f"seqlearn.{verb}").main(rest)
    elif verb not in VERBS:
        verbs = ", ".join(VERBS | OTHERS)
        hint = nearest(verb, VERBS | OTHERS)
        refuse("VERB", f"argument VERB: must be one of {verbs}, got {verb!r}{hint}")
    else:
        request = understand(verb, rest)
        if request is None:
            usage = USAGE if verb == "fit" else OF_A_RUN
            put(f"{usage.format(verb=verb)}\n{task_list()}")
        else:
            with quick_imports():
                from seqlearn.command import run
            run(request)


def task_list() -> str:
    """List the tasks with the first line of their docstrings, without importing them."""
    lines = ["tasks:"]
    for name in task_names():
        source = (files("seqlearn") / "tasks" / f"{name}.py").read_text("utf-8")
        classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
        lines.append(f"  {name:<20}{(ast.get_docstring(classes[0]) or '').partition(chr(10))[0]}")
    return "\n".join(lines)
