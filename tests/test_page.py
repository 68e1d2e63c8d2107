"""The page of a run: what it says, that it stands alone, and what a browser makes of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from matplotlib.figure import Figure

from seqlearn import cli, page
from seqlearn.examples import Example
from seqlearn.page import Picture
from seqlearn.record import Record
from seqlearn.summary import Row
from seqlearn.tasks import BouncingBall

HOSTILE = "</pre></style><script>alert(1)</script><img src=x onerror=\"alert('2')\">&lt;"
VOID = {"img", "meta"}
ROWS = (
    Row("exact_match", 8, 0.99999, {"coin": 0.002}, 1.0, 1.0, met=False, trained=True),
    Row("exact_match", 16, 1.0, {"coin": 7.6e-6}, 1.0, 1.0, met=True),
    Row("loss", 8, 0.5, trained=True),
)
CONFIG: dict[str, Any] = {
    "seed_everything": 0,
    "trainer": {"max_steps": 300},
    "model": {"cell": "rnn"},
    "data": {"bits": 16},
    "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.03}},
    "task": "binary_add",
}
RESULTS: dict[str, Any] = {
    "format": 1,
    "version": "0.1.0",
    "task": "binary_add",
    "cell": "rnn",
    "hidden_size": 16,
    "seed": 0,
    "finished": "2026-01-02T03:04:05+0000",
    "steps": 300,
    "seconds": 0.87,
    "metric": "exact_match",
    "length": 8,
    "measure": "bits",
    "checkpoint": "checkpoints/best.ckpt",
    "metrics": {},
    "baselines": {},
    "goal": {"bound": 1.0, "met": False},
}


class Reader(HTMLParser):
    """Read a page: each element with its attributes and the text in it; see that all are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.found: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.found) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.found[self.open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for k in self.open:
            self.found[k][2].append(data)

    def texts(self, *tags: str) -> list[str]:
        return ["".join(text) for tag, _, text in self.found if tag in tags]

    def attributes(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes, _ in self.found if tag in tags]


def record(folder: Path, config: dict[str, Any] | None = None, **results: Any) -> Record:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(config or CONFIG), "utf-8")
    (folder / "results.json").write_text(json.dumps(RESULTS | results), "utf-8")
    return Record(folder)


def picture(path: Path, name: str = "learning_curve", title: str = "It learns.") -> Picture:
    figure = Figure()
    figure.subplots().plot([1, 2])
    figure.savefig(path)
    return Picture(name, title, path)


@pytest.fixture
def run(tmp_path: Path) -> Record:
    return record(tmp_path / "run")


def test_it_says_what_was_reached_and_beside_what(run):
    read = Reader(page.render(run, ROWS, [], [], None))
    title = "binary_add: exact_match 0.9999 at 8 bits"
    assert read.texts("h1") == [title]
    assert read.texts("title") == [f"{title}, ✗ goal not met"]
    assert "Cell rnn of 16 units. ✗ goal not met" in read.texts("p")
    lines = [row.split("|") for row in cells(read)]
    assert lines[:4] == [
        ["metric", "bits", "reached", "goal", "optimum", "simple predictors"],
        ["exact_match", "8 (trained)", "0.9999", "1.0000 ✗ missed", "1.0000", "coin 0.0020"],
        ["exact_match", "16", "1.0000", "1.0000 ✓", "1.0000", "coin 7.6e-06"],
        ["loss", "8", "0.5000", "", "", ""],
    ]


def test_simple_predictors_stand_together_and_a_line_ends_between_them(run):
    row = Row("loss", 8, 0.5, {"forgetful": 0.25, "3-gram": 0.5, "uniform": 3.0}, trained=True)
    read = Reader(page.render(run, [row], [], [], None))
    assert cells(read)[1].endswith("||forgetful 0.2500, 3-gram 0.5000, uniform 3.0000")
    whole = [text for text in read.texts("span") if text[-1].isdigit()]
    assert whole == ["forgetful 0.2500", "3-gram 0.5000", "uniform 3.0000"]


def test_one_is_no_plural(tmp_path):
    run = record(tmp_path / "run", hidden_size=1, length=1)
    read = Reader(page.render(run, [Row("exact_match", 1, 0.5)], [], [], None))
    assert read.texts("h1") == ["binary_add: exact_match 0.5000 at 1 bit"]
    assert "Cell rnn of 1 unit. ✗ goal not met" in read.texts("p")


def test_two_lines_of_a_title_are_joined(run, tmp_path):
    data = BouncingBall()
    batch = data.dataset("test", 50).batch(range(2))
    figure = data.plot(batch, batch.targets, batch.targets[:, 9:])
    shown = picture(tmp_path / "a.png", title=figure.get_suptitle())
    (said,) = Reader(page.render(run, [], [], [shown], None)).texts("figcaption")
    assert said == "One step ahead: mean error 0 box widths; alone it drifts to 0 after 40 steps"


def cells(read: Reader) -> list[str]:
    lines: list[str] = []
    for tag, _, text in read.found:
        if tag == "tr":
            lines.append("")
        elif tag in ("th", "td"):
            lines[-1] += f"{'|' * bool(lines[-1])}{''.join(text)}"
    return lines


@pytest.mark.parametrize(
    ("goal", "words"),
    [({"bound": 1, "met": True}, ["✓ goal met"]), ({"bound": 1, "met": None}, []), (None, [])],
)
def test_a_goal_is_spoken_of_only_where_there_is_one(tmp_path, goal, words):
    read = Reader(page.render(record(tmp_path / "run", goal=goal), ROWS[2:], [], [], None))
    assert read.texts("span") == words
    assert read.texts("title") == [", ".join([*read.texts("h1"), *words])]


def test_mistakes_are_in_brackets(run):
    examples = [
        Example("1 + 2", "3", "4", correct=False, note="unsure"),
        Example("reverse abc", "cba", "cbb", correct=False),
        Example("2 + 2", "4", "4", correct=True),
    ]
    read = Reader(page.render(run, [], examples, [], None))
    assert cells(read)[:4] == [
        "input|target|prediction|correct|note",
        "1 + 2|3|[4]|✗ wrong|unsure",
        "reverse abc|cba|cb[b]|✗ wrong|",
        "2 + 2|4|4|✓ right|",
    ]
    assert read.texts("mark") == ["[4]", "[b]"]


def test_where_there_is_no_right_and_wrong_nothing_is_marked(run):
    read = Reader(page.render(run, [], [Example("0.1", "0.2", "0.3")], [], None))
    assert cells(read)[:2] == ["input|target|prediction", "0.1|0.2|0.3"]
    assert read.texts("mark") == []


def test_it_says_how_to_have_the_run_once_more(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = Reader(page.render(record(Path("my run")), [], [], [], None)).texts("pre")[0]
    assert "seqlearn fit --task binary_add --data.bits 16\n" in commands
    assert "seqlearn fit --config 'my run/config.yaml'\n" in commands
    assert "seqlearn test --run 'my run'\n" in commands
    own = {"data": {"class_path": "mine.Echo"}, "model": {}, "seed_everything": 1, "trainer": {}}
    read = Reader(page.render(record(Path("own"), own, task="echo"), [], [], [], None))
    assert "seqlearn fit --config own/config.yaml\n" in read.texts("pre")[0]
    assert "--task" not in read.texts("pre")[0]
    assert yaml.safe_load(read.texts("pre")[-1]) == own


def test_sections_without_content_are_left_out(run, tmp_path):
    bare = Reader(page.render(run, [], [], [], None)).texts("h2")
    assert bare == ["How to reproduce", "Configuration"]
    pictures = [picture(tmp_path / "a.png")]
    examples = [Example("a", "b", "c")]
    full = Reader(page.render(run, ROWS, examples, pictures, "To be")).texts("h2")
    assert full == ["Results", "Pictures", "Examples", "Generated text", *bare]


def test_it_can_be_read_by_everyone(run, tmp_path):
    examples = [Example("a", "b", "c", correct=False, note="d")]
    pictures = [picture(tmp_path / "a.png"), picture(tmp_path / "b.png", "gradient_flow")]
    text = page.render(run, ROWS, examples, pictures, "To be")
    read = Reader(text)
    assert text.startswith("<!doctype html>")
    assert read.attributes("html") == [{"lang": "en"}]
    assert read.attributes("meta")[0] == {"charset": "utf-8"}
    assert {"h1", "h2"} == {tag for tag, *_ in read.found if tag[0] == "h" and tag[1:].isdigit()}
    assert [each["alt"] for each in read.attributes("img")] == ["Learning curve", "Gradient flow"]
    assert read.texts("figcaption") == ["It learns.", "It learns."]
    assert all(each["scope"] in ("row", "col") for each in read.attributes("th"))
    regions = [each for each in read.attributes("div") if each["class"] == "scroll"]
    assert len(regions) == len(read.attributes("table")) == 3
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in regions)


def test_it_loads_nothing_and_runs_nothing_whatever_stands_in_it(tmp_path):
    folder = tmp_path / 'it\'s "<b>"\udcff'
    config = {**CONFIG, "model": {"cell": HOSTILE}}
    run = record(folder, config, cell=HOSTILE, task=HOSTILE, measure=HOSTILE, metric=HOSTILE)
    row = Row(HOSTILE, 8, 1.0, {HOSTILE: 1.0}, trained=True)
    examples = [Example(HOSTILE, "", HOSTILE, correct=False, note=HOSTILE)]
    pictures = [picture(tmp_path / "a.png", '" onerror="alert(1)', HOSTILE)]
    text = page.render(run, [row], examples, pictures, f"\n{HOSTILE}\0\x1b[1m\udcff\n")
    read = Reader(text)
    text.encode()
    assert {tag for tag, *_ in read.found}.isdisjoint(("script", "link", "iframe", "a", "b"))
    names = {name for _, attributes, _ in read.found for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("href", "style")]
    assert all(each["src"].startswith("data:image/png;base64,") for each in read.attributes("img"))
    assert len(read.attributes("img")) == 1
    assert "url(" not in read.texts("style")[0] and "@import" not in read.texts("style")[0]
    assert read.texts("h1") == [f"{HOSTILE}: {HOSTILE} 1.0000 at 8 {HOSTILE}"]
    assert read.texts("mark") == [f"[{HOSTILE}]"]
    assert read.texts("figcaption") == [HOSTILE]
    assert yaml.safe_load(read.texts("pre")[-1]) == config
    # HTML drops the first line break in <pre>: the one that is there for it.
    assert read.texts("pre")[0] == f"\n\n{HOSTILE}��[1m�\n"


def test_six_large_pictures_are_below_2_mb(run, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(bytes(200_000))
    pictures = [Picture(str(k), "", path) for k in range(6)]
    assert len(page.render(run, ROWS, [], pictures, "a" * 400).encode()) < 2_000_000


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
HARNESS = """<!doctype html><meta charset="utf-8">
<iframe src="page.html" width="360" height="600"></iframe>
<script>
function whole(image) {  // its last dot has been drawn
  const [width, height] = [image.naturalWidth, image.naturalHeight]
  const context = Object.assign(document.createElement("canvas"), {width, height}).getContext("2d")
  try {
    context.drawImage(image, 0, 0)
    return context.getImageData(width - 1, height - 1, 1, 1).data[3] > 0
  } catch {
    return false
  }
}
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument
  const {scrollWidth, clientWidth} = page.documentElement
  const found = {images: [...page.images].map(whole), beyond: scrollWidth - clientWidth}
  document.body.textContent = JSON.stringify(found)
}
</script>"""
"""A look at the page, as it is, on a phone."""

browser = pytest.mark.skipif(CHROMIUM is None, reason="needs the command `chromium`")


def look(text: str) -> tuple[dict[str, Any], list[str]]:
    """Open a page in Chromium: which pictures are whole, how much is too wide, and the console."""
    Path("page.html").write_text(text, "utf-8")
    Path("harness.html").write_text(HARNESS, "utf-8")
    command = [
        str(CHROMIUM),
        "--headless",
        "--disable-gpu",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
        f"--user-data-dir={Path('profile').absolute()}",
        "--allow-file-access-from-files",  # for the harness to look into the page
        "--enable-logging=stderr",
        "--dump-dom",
        Path("harness.html").absolute().as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads("".join(Reader(done.stdout).texts("body"))), console


@pytest.fixture
def real(capsys) -> Iterator[Path]:
    flags = ("--trainer.logger", "false", "--trainer.max_steps", "60")
    cli.main(["fit", "--task", "binary_add", *flags])
    return next(Path("runs", "binary_add").iterdir()) / "report.html"


@browser
def test_a_browser_shows_the_page_of_a_run_without_a_complaint(real):
    found, console = look(real.read_text("utf-8"))
    assert console == []
    assert len(found["images"]) >= 3 and all(found["images"])
    assert found["beyond"] == 0  # what is wider scrolls in itself


@browser
def test_a_browser_shows_what_is_hostile_as_text(run, tmp_path):
    examples = [Example(*[HOSTILE] * 3, correct=False, note="long" * 100)]
    pictures = [picture(tmp_path / "a.png", HOSTILE, HOSTILE)]
    found, console = look(page.render(run, ROWS, examples, pictures, HOSTILE))
    assert (found, console) == ({"images": [True], "beyond": 0}, [])


@browser
@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ("<script>throw Error('canary')</script>", "inline script"),
        ("<img src='https://example.org/canary.png'>", "example.org"),
        ("<link rel='stylesheet' href='elsewhere.css'>", "elsewhere.css"),
    ],
)
def test_the_browser_would_tell_of_what_is_run_or_loaded(run, wrong, complaint):
    text = page.render(run, ROWS, [], [], None)
    _, console = look(text.replace("</body>", f"{wrong}</body>"))
    assert complaint in "".join(console)


@browser
def test_the_browser_would_tell_of_a_picture_that_is_broken_and_of_what_is_too_wide(run, tmp_path):
    broken = picture(tmp_path / "a.png")
    broken.path.write_bytes(broken.path.read_bytes()[:-500])
    none = picture(tmp_path / "b.png")
    none.path.write_bytes(b"no picture")
    text = page.render(run, ROWS, [], [broken, none, picture(tmp_path / "c.png")], None)
    found, _ = look(text.replace("overflow-x: auto", ""))
    assert found["images"] == [False, False, True]
    assert found["beyond"] > 0
