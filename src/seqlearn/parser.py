"""The parser of the command's arguments, and its errors in plain words."""

import re
from collections.abc import Sequence
from inspect import signature
from typing import ClassVar, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from seqlearn.errors import refuse
from seqlearn.limits import shown
from seqlearn.modules import MODULES
from seqlearn.request import Request, nearest
from seqlearn.settings import flat, plain, settings
from seqlearn.tasks import TASKS

KINDS = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "tuple": "a list",
    "list": "a list",
    "Iterable": "a list",
    "dict": "a mapping",
    "NoneType": "null",
}
"""How a kind of value is said in a message."""

OWNERS: dict[str, list[type]] = {"model": [*MODULES.values()], "data": [*TASKS.values()]}
"""Groups of arguments, and the classes that they may belong to."""


class Parser(LightningArgumentParser):
    """A parser whose errors are one line, with the argument, what it must be and what it is."""

    request: ClassVar[Request]

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Refuse the arguments; suggest the flag that may have been meant."""
        arguments = self.request.arguments
        if message.startswith("unrecognized"):
            flag = message.split()[2].partition("=")[0]
            known = re.findall(r"--[\w.]+", self.format_help())
            known = [each for each in known if not flag.startswith(f"{each}.")]
            message = f"argument {flag}: there is no such argument"
            message += owners(flag) or nearest(flag, known)
        elif stranger := re.search(r"[Oo]ption '([\w.]+)'", message):
            message = f"{source(stranger[1], self.request)}: there is no such argument"
        elif missing := re.search(r"arguments are required: (\w+\.)?(.*)", message):
            group = "" if missing[1] else owner(arguments)
            message = f"argument --{group}{missing[2]}: required"
        else:
            message = reword(message, self.request)
        refuse(self.request.verb, message)


def owners(flag: str) -> str:
    """Name the classes that an argument belongs to, if another network or task has it."""
    group, _, name = flag.removeprefix("--").partition(".")
    classes = OWNERS.get(group, [])
    found = [kind.__name__ for kind in classes if name in signature(kind).parameters]
    return f"; it is one of {', '.join(found)}" if found else ""


def owner(arguments: Sequence[str]) -> str:
    """Name the group of the class named last, which is the one that lacks an argument."""
    classes = [
        name.rstrip("+")
        for name, value in settings(arguments, ()).items()
        if isinstance(value, str) and value.rpartition(".")[2][:1].isupper()
    ]
    return f"{classes[-1]}." if classes else ""


def reword(message: str, request: Request) -> str:
    """Say in plain words what jsonargparse finds wrong with a value."""
    keys = re.findall(r'Parser key "([\w.]+)"', message)
    values = re.findall(r"(?:Given value|Got value): (.*)", message)
    kinds = re.findall(r"Expected an? (.+?)(?:\. Got value.*)?$", message, re.MULTILINE)
    choices = [word for kind in kinds for word in re.findall(r"[\w-]+", literal(kind))]
    wanted = [f"one of {', '.join(dict.fromkeys(choices))}"] if choices else []
    wanted += [f"a {base}" for base in re.findall(r"Not a valid subclass of (\w+)", message)]
    wanted += [word for kind in kinds if (word := in_words(kind))]
    if not keys:
        return message
    reason = re.search(r"Errors:\s+- (.*(?:\n {6,}.*)*)", message)
    if reason and values and wanted in ([], ["null"]):
        return f"{source(keys[-1], request)}: {reason[1]}, got {values[-1]}"
    if not values or not wanted:
        return f"{source(keys[-1], request)}: {message.rpartition(': ')[2]}"
    rule = " or ".join(dict.fromkeys(wanted))
    value = "null" if values[-1] == "None" else shown(plain(values[-1]))
    return f"{source(keys[-1], request)}: must be {rule}, got {value}"


def literal(kind: str) -> str:
    """Give what stands between the brackets of a ``Literal``, or nothing."""
    return kind[len("typing.Literal[") : -1] if kind.startswith("typing.Literal[") else ""


def in_words(kind: str) -> str:
    """Say what kind of value jsonargparse expects; nothing for what need not be said."""
    if kind.startswith("dot import path"):
        return "the name or path of a class"
    return KINDS.get(re.sub(r"<class '(?:.*\.)?(\w+)'>", r"\1", kind), "")


def source(key: str, request: Request) -> str:
    """Tell where a setting stands, of which jsonargparse may know the last part of its name only.

    That is on the command line, or in a configuration file.
    """
    key = key.replace("init_args.", "")

    def is_it(name: str) -> bool:
        return f".{name}".endswith(f".{key}")

    arguments = request.arguments
    names = [word[2:].partition("=")[0].rstrip("+") for word in arguments if word[:2] == "--"]
    if found := next(filter(is_it, names), None):
        return f"argument --{found}"
    for path, config in request.configs.items():
        if found := next(filter(is_it, flat(config)), None):
            return f"argument --config: {found} in {path}"
    values = settings(arguments, ())
    if found := next((name for name, value in values.items() if f"'{key}':" in str(value)), None):
        return f"argument --{found}: {key}"
    return f"argument --{key}"
