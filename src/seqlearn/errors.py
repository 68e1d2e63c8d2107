"""How the command refuses what it cannot do."""

import sys
from typing import NoReturn

from seqlearn.launch import rank

LONGEST = 300
"""Characters of a message that are shown."""

LIBRARIES = sys.stdlib_module_names | {
    *("seqlearn", "torch", "lightning", "lightning_utilities", "torchmetrics", "jsonargparse"),
    *("numpy", "wandb", "yaml"),
}
"""Packages that what is asked for goes through, other than the user's own."""


class RunError(Exception):
    """What ends a run: told in one line, exit code 1."""


class CheckpointError(RunError, ValueError):
    """What is wrong with a checkpoint file."""


def is_main_process() -> bool:
    """Tell whether this is the first of the processes that train together, as launchers say it."""
    return rank() == 0


def refuse(verb: str, message: str) -> NoReturn:
    """Say in one line what is wrong with what is asked for, on one process only; exit code 2."""
    say(verb, f"error: {message}")
    raise SystemExit(2)


def fail(verb: str, message: str) -> NoReturn:
    """Say in one line why a run ends, on one process only, and exit with code 1.

    The others, which end for the same reason, exit with 0: else the process that started them
    would be killed before it has said why.
    """
    say(verb, f"error: {message}")
    raise SystemExit(1 if is_main_process() else 0)


def say(verb: str, message: str) -> None:
    """Say something in one line, on one process only, beside what is asked for."""
    if is_main_process():
        print(f"seqlearn {verb}: {one_line(message)}", file=sys.stderr)


def one_line(message: str) -> str:
    """Make one line of a message; of a long one show the beginning, and the end, the value."""
    line = " ".join(message.split())
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST - 105]} ... {line[-100:]}"


def inner(error: Exception) -> Exception:
    """Give what a class raised, where jsonargparse lists why nothing that it tried would do."""
    cause = error.__cause__ or error.__context__
    wrapped = "Does not validate against any of the Union subtypes" in str(error)
    return cause if wrapped and isinstance(cause, Exception) else error


def is_own_bug(error: BaseException) -> bool:
    """Tell whether an error came up in code of the user's own, and is not about an argument.

    The message of one that is names the argument, in backticks.
    """
    if isinstance(error, ValueError) and "`" in str(error):
        return False
    trace = error.__traceback__
    while trace:
        package = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in LIBRARIES:
            return True
        trace = trace.tb_next
    return False
