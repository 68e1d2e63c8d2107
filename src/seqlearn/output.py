"""Output: in the characters that it knows, and as far as somebody reads."""

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper

from seqlearn.errors import RunError

PLAIN = {"✓": "+", "✗": "x", "•": "-", "–": "-", "↵": "/"}
"""What is written for signs where there is only ASCII; for all else, a question mark."""


def plainly(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding does not know: an error handler for codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(character, "?") for character in text), error.end


codecs.register_error("seqlearn.plainly", plainly)


def settle_output() -> None:
    """Make the output of this process one that takes everything, closed ones included."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if sys.stderr is None:  # to print to None is to print to the other
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    if isinstance(sys.stdout, TextIOWrapper):  # a notebook has another
        sys.stdout.reconfigure(errors="seqlearn.plainly")


@contextmanager
def until_closed() -> Iterator[None]:
    """Print as far as somebody reads.

    Raises:
        RunError: If what is printed cannot be written, such as to a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # Python would write the rest at its exit, and complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever reads has enough
            raise RunError(f"standard output: {error.strerror}") from error


def put(text: str) -> None:
    """Print."""
    with until_closed():
        print(text)
