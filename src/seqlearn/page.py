"""The page of a run: one file that needs no network, no server and no script."""

import os
import shlex
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import yaml

from seqlearn import reproduce
from seqlearn.examples import Example, alike, pieces
from seqlearn.markup import document, element, preformatted, scrolled
from seqlearn.plots.words import several
from seqlearn.record import CONFIG, Record
from seqlearn.score import number
from seqlearn.summary import Row

WIDTH = 120
"""Characters of each part of an example to show."""
VERDICT = {None: "", True: "✓ right", False: "✗ wrong"}

SAME = """\
The sequences are the same everywhere; so are the weights, to the last bit, on the same machine with
the same versions and number of threads."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a browser may load and run, whatever stands in the page: its own pictures and style."""


class Picture(NamedTuple):
    """A picture of the run.

    Attributes:
        name: Its word, such as ``learning_curve``.
        title: What it shows.
        path: The PNG file.
    """

    name: str
    title: str
    path: Path


def render(
    record: Record,
    rows: Sequence[Row],
    examples: Sequence[Example],
    pictures: Sequence[Picture],
    sample: str | None,
) -> str:
    """Write the page.

    Args:
        record: The run.
        rows: What was reached.
        examples: Examples, and what the network says to them.
        pictures: Pictures, in their order on the page.
        sample: Text that the network wrote, if it writes.

    Raises:
        OSError: If a picture cannot be read.
    """
    title, verdict = headline(record, rows), [*verdicts(record)]
    units = several(record.results["hidden_size"], "units")
    network = f"Cell {record.results['cell']} of {units}. "
    sections = {
        "Results": [results(record, rows)] if rows else [],
        "Pictures": [figure(picture) for picture in pictures],
        "Examples": [listing(examples)] if examples else [],
        "Generated text": [preformatted(sample)] if sample else [],
        "How to reproduce": [*how(record)],
        "Configuration": [configuration(record)],
    }
    style = (files("seqlearn") / "page.css").read_text("utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", **{"http-equiv": "Content-Security-Policy"}, content=POLICY),
        element("title", ", ".join([title, *(str(each.text) for each in verdict)])),
        element("style", style),
    )
    main = element("main", element("h1", title), element("p", network, *verdict))
    main.extend(
        element("section", element("h2", heading), *parts)
        for heading, parts in sections.items()
        if parts
    )
    return document(head, element("body", main))


def headline(record: Record, rows: Sequence[Row]) -> str:
    """Say which task it was, and what was reached as far as trained."""
    said = record.results
    reached = [row for row in rows if row.metric == said["metric"]]
    row = next((row for row in reached if row.trained), reached[0] if reached else None)
    if row is None:
        return str(said["task"])
    length = "" if row.length is None else f" at {several(row.length, said['measure'])}"
    return f"{said['task']}: {row.metric} {number(row.reached)}{length}"


def verdicts(record: Record) -> Iterator[Element]:
    """Say whether the goal was met, if there is one where it was tested."""
    met = (record.results["goal"] or {}).get("met")
    if met is not None:
        words, kind = ("✓ goal met", "good") if met else ("✗ goal not met", "bad")
        yield element("span", words, kind=kind)


def results(record: Record, rows: Sequence[Row]) -> Element:
    """Set out what was reached beside what it is to be compared with."""
    columns = (record.results["measure"], "reached", "goal", "optimum")
    head = element("tr", header("metric"), *(header(column, "number") for column in columns))
    head.append(header("simple predictors"))
    body = element("tbody")
    for row in rows:
        trained = row.trained and bool(row.predictors)
        length = "" if row.length is None else f"{row.length}{' (trained)' * trained}"
        line = element("tr", element("th", row.metric, scope="row"), kind="trained" * trained)
        line.extend((cell(length), cell(number(row.reached)), bound(row)))
        line.append(cell("" if row.optimum is None else number(row.optimum)))
        line.append(element("td", *listed(row.predictors)))
        body.append(line)
    return scrolled("Results", element("table", element("thead", head), body))


def cell(text: str) -> Element:
    """Show a number."""
    return element("td", text, kind="number")


def listed(predictors: Mapping[str, float]) -> Iterator[str | Element]:
    """Name values, with room for the end of a line only between them."""
    for k, (name, value) in enumerate(predictors.items()):
        yield ", " * bool(k)
        yield element("span", f"{name} {number(value)}", kind="number")


def header(text: str, kind: str = "") -> Element:
    """Head a column."""
    return element("th", text, kind=kind, scope="col")


def bound(row: Row) -> Element:
    """Show the goal, and whether it was met."""
    if row.bound is None:
        return element("td")
    sign, kind = ("✓", "good") if row.met else ("✗ missed", "bad")
    return element("td", f"{number(row.bound)} {sign}", kind=f"number {kind}")


def figure(picture: Picture) -> Element:
    """Show a picture, which is then part of the page."""
    source = f"data:image/png;base64,{b64encode(picture.path.read_bytes()).decode()}"
    name = picture.name.replace("_", " ").capitalize()
    image = element("img", src=source, alt=name)
    return element("figure", image, element("figcaption", "; ".join(picture.title.splitlines())))


def listing(examples: Sequence[Example]) -> Element:
    """Set out examples, with what is wrong in brackets."""
    judged = any(example.correct is not None for example in examples)
    noted = any(example.note for example in examples)
    columns = ["input", "target", "prediction", *["correct"] * judged, *["note"] * noted]
    body = element("tbody")
    for example in examples:
        shown, asked, said = alike(example[:3], WIDTH)
        cells = [
            element("th", shown, scope="row", kind="text"),
            element("td", asked, kind="text"),
            element("td", *marked(example, asked, said), kind="text"),
        ]
        if judged:
            kind = {None: "", True: "good", False: "bad"}[example.correct]
            cells.append(element("td", VERDICT[example.correct], kind=kind))
        if noted:
            cells.append(element("td", example.note, kind="text"))
        body.append(element("tr", *cells))
    head = element("thead", element("tr", *map(header, columns)))
    return scrolled("Examples", element("table", head, body))


def marked(example: Example, target: str, prediction: str) -> Iterator[str | Element]:
    """Mark what is wrong by brackets, a line and a colour."""
    judged = example.correct is not None
    for text, right in pieces(target if judged else prediction, prediction):
        yield text if right else element("mark", f"[{text}]")


def how(record: Record) -> Iterator[Element]:
    """Give the commands, and what they depend on."""
    run = os.path.relpath(record.folder)
    again = f"seqlearn fit --config {shlex.quote(os.path.join(run, CONFIG))}"
    short = reproduce.command(record.config)
    commands = {
        "Train it again": short or again,
        "The same, every setting from its file": short and again,
        "Score it again": f"seqlearn test --run {shlex.quote(run)}",
        "Draw this page again": f"seqlearn report {shlex.quote(run)}",
    }
    text = "\n".join(f"# {what}\n{command}" for what, command in commands.items() if command)
    yield preformatted(text)
    yield element("p", SAME)
    names = ("seed", "steps", "seconds", "finished", "version", "checkpoint")
    rows = [
        element("tr", element("th", name, scope="row"), element("td", str(record.results[name])))
        for name in names
    ]
    yield scrolled("Facts", element("table", element("tbody", *rows)))


def configuration(record: Record) -> Element:
    """Give every setting."""
    text = yaml.safe_dump(record.config, sort_keys=False, allow_unicode=True)
    summary = element("summary", "Every setting")
    return element("details", summary, preformatted(text))
