"""The parser of the command's arguments."""

import re
from typing import ClassVar, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from seqlearn.errors import refuse
from seqlearn.request import nearest


class Parser(LightningArgumentParser):
    """A parser whose errors are one line."""

    verb: ClassVar[str]

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Refuse the arguments; suggest the flag that may have been meant."""
        hint = ""
        if message.startswith("unrecognized"):
            flag = message.split()[2].partition("=")[0]
            hint = nearest(flag, re.findall(r"--[\w.]+", self.format_help()))
        refuse(self.verb, message + hint)
