"""``python -m seqlearn.report RUN``: pictures and a page of what a run came to."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seqlearn import files
from seqlearn.errors import fail, refuse
from seqlearn.imports import quick_imports
from seqlearn.output import put
from seqlearn.plain import Parser
from seqlearn.record import PAGE, PLOTS, Record, RecordError
from seqlearn.signals import Signals, interrupt

if TYPE_CHECKING:
    from seqlearn.answers import Answers
    from seqlearn.data import SequenceDataModule
    from seqlearn.examples import Example
    from seqlearn.modules import SequenceModule

EXAMPLES, ON_PAGE = 100, 20
"""Examples in the report, and those of them on the page."""


class Report(NamedTuple):
    """What people look at.

    Attributes:
        pictures: Files by name.
        page: The page, if it could be written.
        faults: What could not be made, and why.
    """

    pictures: dict[str, Path]
    page: Path | None
    faults: list[str]


def described(data: "SequenceDataModule", answers: "Answers") -> tuple[list["Example"], list[str]]:
    """Put answers into words; what fails, in a task of the user's own, is told instead."""
    try:
        return data.describe(answers.batch, answers.predictions), []
    except Exception as error:  # of any kind, and the run is complete without it
        return [], [f"no examples: {type(error).__name__}: {error}"]


def publish(
    record: Record,
    module: "SequenceModule",
    data: "SequenceDataModule",
    answers: "Answers",
    examples: Sequence["Example"],
) -> Report:
    """Draw the pictures of a run and write its page; what fails is told, and the rest is made.

    Args:
        record: The run.
        module: Its network, with the weights to show.
        data: Its task.
        answers: What the network says to examples.
        examples: The same in words.
    """
    from seqlearn import page
    from seqlearn.plots.gallery import PICTURES, Run
    from seqlearn.plots.style import save
    from seqlearn.summary import rows

    run = Run(record, module, data, answers)
    pictures, shown, faults = dict[str, Path](), list[page.Picture](), list[str]()
    try:
        for name, draw in PICTURES.items():
            path = record.folder / PLOTS / f"{name}.png"
            try:
                figure = draw(run)
            except Exception as error:  # of a task or a cell of the user's own, and only a picture
                faults.append(f"no picture {name}: {type(error).__name__}: {error}")
                figure = None
            if figure is None:
                path.unlink(missing_ok=True)  # of an earlier report
                continue
            save(figure, path)
            pictures[name] = path
            shown.append(page.Picture(name, figure.get_suptitle(), path))
        found = rows(data, record.results["metrics"], "test")
        text = page.render(record, found, examples[:ON_PAGE], shown, answers.text)
        files.replace(record.folder / PAGE, text.encode())
    except OSError as error:
        where = os.path.relpath(error.filename2 or error.filename or record.folder)
        return Report(pictures, None, [*faults, f"the report is lost: {where}: {error.strerror}"])
    return Report(pictures, record.folder / PAGE, faults)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the report of a run anew.

    Args:
        arguments: As on the command line, which is the default.

    Raises:
        SystemExit: With code 2 and one line of text, if the run cannot be read; with 1, if the
            report cannot be made.
    """
    parser = Parser("report", "Draw what a run came to.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder")
    wanted = parser.parse_args(arguments)
    signals = Signals()
    try:
        with signals:
            record = Record(wanted.run)
            with quick_imports():
                module, data = record.load()
            from seqlearn.answers import ask
            from seqlearn.defaults import quiet
        quiet()
        signals.heed()
    except RecordError as error:
        refuse("report", f"argument RUN: {error}")
    with Signals(interrupt):
        answers = ask(module, data, EXAMPLES)
        examples, faults = described(data, answers)
        made = publish(record, module, data, answers, examples)
    for path in made.pictures.values():
        put(os.path.relpath(path))
    if made.page:
        put(os.path.relpath(made.page))
    if faults := [*faults, *made.faults]:
        fail("report", "; ".join(faults))


if __name__ == "__main__":
    from seqlearn import cli

    cli.main(["report", *sys.argv[1:]])
