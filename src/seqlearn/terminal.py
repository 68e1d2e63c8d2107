"""What a run came to, in the terminal: one table and a few examples."""

from collections.abc import Sequence
from textwrap import indent

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlearn.data import SequenceDataModule
from seqlearn.examples import Example, visible
from seqlearn.score import number
from seqlearn.summary import Row

MISTAKE = r"\[[^\[\]]+\]|✗"
SIGN = {None: "", True: " ✓", False: " ✗"}


def table(rows: Sequence[Row], title: str) -> Table:
    """Set out the rows."""
    grid = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False)
    grid.add_column("metric", no_wrap=True)
    grid.add_column("reached", justify="right")
    grid.add_column("simple predictor", overflow="fold")
    grid.add_column("optimum", justify="right")
    grid.add_column("goal", justify="right")
    for row in rows:
        compared = row.trained and row.predictors
        best = [f"{name} {number(value)}" for name, value in row.predictors.items()][:1]
        optimum = "" if row.optimum is None else number(row.optimum)
        goal = "" if row.bound is None else f"{number(row.bound)}{SIGN[row.met]}"
        name = f"{row.name}{' (trained)' if compared else ''}"
        cells = (name, number(row.reached), "".join(best), optimum, goal)
        grid.add_row(*cells, style="bold" if compared else "")
    return grid


def comparison(rows: Sequence[Row]) -> str:
    """Say what all simple predictors reach where the network was trained, if they are several."""
    row = next((row for row in rows if len(row.predictors) > 1), None)
    if row is None:
        return ""
    values = ", ".join(f"{name} {number(value)}" for name, value in row.predictors.items())
    return f"For comparison, {row.name}: {values}"


def show(
    data: SequenceDataModule,
    rows: Sequence[Row],
    examples: Sequence[Example] = (),
    sample: str | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Print the table, the examples with their mistakes marked, generated text, and the notes."""
    console = Console(highlight=False)
    if rows:
        console.print(table(rows, type(data).__name__))
        if others := comparison(rows):
            console.print(others, soft_wrap=True)
    for example in examples:
        console.print(marked(example), soft_wrap=True)
    if sample:
        lines = "\n".join(map(visible, sample.split("\n")))
        console.print(Text(f"It writes: {lines}\n"), soft_wrap=True)
    for note in notes:
        console.print(Text(note), soft_wrap=True)


def marked(example: Example) -> Text:
    """Colour what is wrong, and what is right."""
    text = Text(indent(example.line(), "  "))
    if example.correct is not None:
        text.highlight_regex(MISTAKE, "bold red")
        text.highlight_regex("✓", "green")
    return text
