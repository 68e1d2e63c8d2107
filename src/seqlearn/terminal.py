"""What a run came to, in the terminal: one table and a few examples."""

from collections.abc import Sequence
from functools import partial
from textwrap import indent

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlearn.data import SequenceDataModule
from seqlearn.examples import SIGN, Example, visible
from seqlearn.output import put, until_closed
from seqlearn.score import number
from seqlearn.summary import Row
from seqlearn.tables import fitted

MISTAKE = r"\[[^\[\]]+\]|✗"
COLUMNS = ("metric", "reached", "simple predictor", "optimum", "goal")
SPARE = ("simple predictor", "optimum", "goal")
"""What a narrow terminal goes without, the first first."""
WIDEST = 102
"""Characters of the lines of an example, margin included."""
MARGIN = "  "


def table(rows: Sequence[Row], title: str, columns: Sequence[str] = COLUMNS) -> Table:
    """Set out the rows."""
    grid = Table(title=title, box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        words = column in ("metric", "simple predictor")
        grid.add_column(column, justify="left" if words else "right", no_wrap=True)
    for row in rows:
        compared = row.trained and row.predictors
        best = [f"{name} {number(value)}" for name, value in row.predictors.items()][:1]
        optimum = "" if row.optimum is None else number(row.optimum)
        goal = "" if row.bound is None else f"{number(row.bound)}{SIGN[row.met]}"
        name = f"{row.name}{' (trained)' if compared else ''}"
        cells = (name, number(row.reached), "".join(best), optimum, goal)
        texts = dict(zip(COLUMNS, cells, strict=True))
        grid.add_row(*(texts[name] for name in columns), style="bold" if compared else "")
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
    width = min(WIDEST, console.width) if console.is_terminal else WIDEST
    with until_closed(), console.capture() as captured:  # it writes nothing, which may fail
        if rows:
            draw = partial(table, rows, type(data).__name__)
            grid, left = fitted(draw, COLUMNS, SPARE, console)
            console.print(grid)
            if left:
                console.print(f"(too narrow here for {', '.join(left)})", soft_wrap=True)
            if others := comparison(rows):
                console.print(others, soft_wrap=True)
        for example in examples:
            console.print(marked(example, width), soft_wrap=True)
        if sample:
            lines = "\n".join(map(visible, sample.split("\n")))
            console.print(Text(f"It writes: {lines}\n"), soft_wrap=True)
        for note in notes:
            console.print(Text(note), soft_wrap=True)
    put(captured.get().removesuffix("\n"))


def marked(example: Example, width: int = WIDEST) -> Text:
    """Colour what is wrong, and what is right."""
    text = Text(indent(example.line(width - len(MARGIN)), MARGIN))
    if example.correct is not None:
        text.highlight_regex(MISTAKE, "bold red")
        text.highlight_regex("✓", "green")
    return text
