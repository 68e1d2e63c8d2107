"""What verbs with arguments of their own share: the parser, and output that may be cut off."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from seqlearn.errors import refuse


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line.

    Args:
        verb: What is done.
        description: The same in words.
    """

    def __init__(self, verb: str, description: str) -> None:
        super().__init__(f"seqlearn {verb}", description=description, allow_abbrev=False)
        self.verb = verb

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        refuse(self.verb, message)


@contextmanager
def until_closed() -> Iterator[None]:
    """Print as far as somebody reads."""
    try:
        yield
    except BrokenPipeError:  # whoever reads has enough; Python would complain again at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
