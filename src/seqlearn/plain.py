"""What verbs with arguments of their own share: the parser."""

import argparse
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
