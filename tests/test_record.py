"""A run folder read back: what it holds, and what is said of one that is damaged or too old."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml

from seqlearn import checkpoints, cli, record
from seqlearn.record import (
    BEST,
    CONFIG,
    IN_CONFIG,
    IN_RESULTS,
    LAST,
    METRICS,
    RESULTS,
    Record,
    RecordError,
    UnfinishedError,
    find_checkpoint,
    read_metrics,
)
from seqlearn.tasks import BinaryAdd

QUICK = ("--trainer.logger", "false", "--report", "false")
STEPS = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10")
RUN = Path("run")

ECHO = """
from dataclasses import dataclass
from typing import ClassVar
import os
import torch
from seqlearn import SequenceBatch, SequenceDataModule

@dataclass(kw_only=True, eq=False)
class Echo(SequenceDataModule):
    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    input_size: ClassVar[int] = 4
    output_size: ClassVar[int] = 4
    steps: int = 5
    \"\"\"Steps.\"\"\"

    def __post_init__(self):
        if "BROKEN" in os.environ:
            raise KeyError("a bug of one's own")
        super().__post_init__()

    def draw(self, rng, length):
        symbols = torch.from_numpy(rng.integers(0, 4, size=length or self.steps))
        return SequenceBatch(symbols, symbols[:, 0], torch.full((len(rng),), symbols.shape[1]))

    def baselines(self):
        return {"guess": 0.25, "optimum": 1.0}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A short run of a task of the package."""
    root = tmp_path_factory.mktemp("record")
    flags = ("--task", "binary_add", "--model.hidden_size", "4", *STEPS, *QUICK)
    cli.main(["fit", *flags, "--trainer.default_root_dir", str(root)])
    return next((root / "binary_add").iterdir())


@pytest.fixture
def run(original):
    """A copy of it, to be damaged."""
    shutil.copytree(original, RUN)
    return RUN


def edit(name: str, **changes: object) -> None:
    """Change a file of the run; what is set to ``...`` is taken out."""
    path = RUN / name
    load, dump = (json.loads, json.dumps) if name == RESULTS else (yaml.safe_load, yaml.safe_dump)
    content = load(path.read_text()) | changes
    path.write_text(dump({key: value for key, value in content.items() if value is not ...}))


def reseal(**changes: object) -> None:
    """Change what the best checkpoint holds, and seal it as ours."""
    content = checkpoints.read(RUN / BEST)
    for key, value in changes.items():
        content[key] |= value
    checkpoints.write(content, RUN / BEST)


def flip() -> None:
    """Flip a bit of the best checkpoint."""
    content = bytearray((RUN / BEST).read_bytes())
    content[len(content) // 2] ^= 1
    (RUN / BEST).write_bytes(content)


def halve(name: str) -> None:
    """Tear a file."""
    content = (RUN / name).read_bytes()
    (RUN / name).write_bytes(content[: len(content) // 2])


def strange_class(group: str, path: str) -> None:
    """Let the run be of a class of the user's own."""
    edit(CONFIG, task=..., **{group: {"class_path": path, "init_args": {}}})


def into_file() -> None:
    """Put a file in the place of the folder."""
    shutil.rmtree(RUN)
    RUN.write_text("")


RESUME = "; go on with: seqlearn fit --resume run"
ANEW = "; train anew with: seqlearn fit --config run/config.yaml"
OWN = "seqlearn.tasks.BinaryAdd"

FAULTS: dict[str, tuple[Callable[[], object], str]] = {
    "missing": (lambda: shutil.rmtree(RUN), "run does not exist"),
    "a file": (into_file, "run is a file, not a folder"),
    "empty": (
        lambda: [shutil.rmtree(RUN), RUN.mkdir()],
        "run is no run folder: it has no config.yaml; those in a folder: seqlearn runs FOLDER",
    ),
    "no config": (lambda: (RUN / CONFIG).unlink(), "run is no run folder: it has no config.yaml"),
    "empty config": (
        lambda: (RUN / CONFIG).write_text(""),
        "run has a damaged config.yaml: it is empty, torn, or no text",
    ),
    "torn config": (
        lambda: (RUN / CONFIG).write_text("seed_everything: 0\ntrainer: {max_steps: 1"),
        "run has a damaged config.yaml: it is empty, torn, or no text",
    ),
    "config torn at a line": (
        lambda: (RUN / CONFIG).write_text("seed_everything: 0\ntrainer:\n"),
        "run has a damaged config.yaml: `trainer` is None",
    ),
    "binary config": (
        lambda: (RUN / CONFIG).write_bytes(bytes(range(256))),
        "run has a damaged config.yaml: it is empty, torn, or no text",
    ),
    "config is a folder": (
        lambda: [(RUN / CONFIG).unlink(), (RUN / CONFIG).mkdir()],
        "run has a config.yaml that cannot be read: Is a directory",
    ),
    "no results": (
        lambda: (RUN / RESULTS).unlink(),
        f"run has no results.json: the run is not finished, or still under way{RESUME}",
    ),
    "no results, nothing to go on from": (
        lambda: [(RUN / RESULTS).unlink(), (RUN / LAST).unlink()],
        f"run has no results.json: the run is not finished, or still under way{ANEW}",
    ),
    "empty results": (
        lambda: (RUN / RESULTS).write_text(""),
        f"run has a damaged results.json: it is empty, torn, or no text{RESUME}",
    ),
    "torn results": (
        lambda: halve(RESULTS),
        f"run has a damaged results.json: it is empty, torn, or no text{RESUME}",
    ),
    "results of another kind": (
        lambda: (RUN / RESULTS).write_text("[1, 2]"),
        "run has a damaged results.json: it is empty, torn, or no text",
    ),
    "results too deep": (
        lambda: (RUN / RESULTS).write_text("[" * 100_000),
        "run has a damaged results.json: it is empty, torn, or no text",
    ),
    "a metric that is none": (
        lambda: edit(RESULTS, metrics={"test/loss@8": "low"}),
        f"run has a damaged results.json: `test/loss@8` is 'low'{RESUME}",
    ),
    "older results": (
        lambda: edit(RESULTS, format=...),
        f"run was written by an older version of seqlearn{RESUME}",
    ),
    "results of no known format": (
        lambda: edit(RESULTS, format="one"),
        "run was written by an older version of seqlearn",
    ),
    "newer results": (
        lambda: edit(RESULTS, format=record.FORMAT + 1, version="9.1"),
        "run was written by a newer version of seqlearn: 9.1, results of format 2, not 1",
    ),
    "checkpoint gone": (
        lambda: (RUN / BEST).unlink(),
        f"run has no checkpoints/best.ckpt: it is gone, or was not kept{RESUME}",
    ),
    "checkpoints gone": (
        lambda: shutil.rmtree(RUN / "checkpoints"),
        f"run has no checkpoints/best.ckpt: it is gone, or was not kept{ANEW}",
    ),
    "no checkpoint kept": (
        lambda: [shutil.rmtree(RUN / "checkpoints"), edit(RESULTS, checkpoint=None)],
        f"run has no checkpoints/best.ckpt: it is gone, or was not kept{ANEW}",
    ),
    "damaged checkpoint": (
        flip,
        "run has a damaged checkpoint: run/checkpoints/best.ckpt is not a readable checkpoint",
    ),
    "torn checkpoint": (lambda: halve(BEST), "run has a damaged checkpoint: run/checkpoints/best"),
    "empty checkpoint": (
        lambda: (RUN / BEST).write_bytes(b""),
        "run has a damaged checkpoint: run/checkpoints/best.ckpt is not a readable checkpoint",
    ),
    "another program's checkpoint": (
        lambda: torch.save({"state_dict": {}}, RUN / BEST),
        "run/checkpoints/best.ckpt does not say what run it is of",
    ),
    "checkpoint of another format": (
        lambda: reseal(seqlearn={"format": 7, "version": "9.1"}),
        "run/checkpoints/best.ckpt is of format 7, by seqlearn 9.1; this one reads 1",
    ),
    "checkpoint of another task": (
        lambda: reseal(seqlearn={"task": "reverse"}),
        "run/checkpoints/best.ckpt was made for the task 'reverse', not 'binary_add'",
    ),
    "checkpoint of another size": (
        lambda: reseal(hyper_parameters={"hidden_size": 5}),
        "run/checkpoints/best.ckpt cannot be asked again: Error(s) in loading state_dict",
    ),
    "checkpoint of data that cannot be": (
        lambda: reseal(datamodule_hyper_parameters={"bits": -1}),
        "run/checkpoints/best.ckpt cannot be asked again: `bits` must be at least 1, got -1.",
    ),
    "a task that is none": (
        lambda: [edit(CONFIG, task="knitting"), reseal(seqlearn={"task": "knitting"})],
        "run is of a task that this version has not: knitting",
    ),
    "no class": (lambda: edit(CONFIG, task=...), "None cannot be imported, a class that the run"),
    "a class of no module": (
        lambda: strange_class("data", "my_tasks.Echo"),
        "my_tasks.Echo cannot be imported, a class that the run needs: No module named 'my_tasks'; "
        "go to its folder, or set PYTHONPATH",
    ),
    "a class that is gone": (
        lambda: strange_class("data", "seqlearn.tasks.Knitting"),
        "seqlearn.tasks.Knitting cannot be imported, a class that the run needs: module",
    ),
    "a class of another kind": (
        lambda: strange_class("data", "collections.OrderedDict"),
        "collections.OrderedDict is no SequenceDataModule, as it was for the run",
    ),
    "a network of no module": (
        lambda: [strange_class("data", OWN), strange_class("model", "my_networks.Mine")],
        "my_networks.Mine cannot be imported, a class that the run needs: No module named",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_a_run_is_said_in_one_line(run, fault):
    damage, message = FAULTS[fault]
    damage()
    with pytest.raises(RecordError, match=f"^{re.escape(message)}") as caught:
        Record(run).load()
    assert isinstance(caught.value, UnfinishedError) == fault.startswith("no results")
    assert "\n" not in str(caught.value) or fault == "checkpoint of another size"  # as torch says


@pytest.mark.parametrize(
    ("name", "key"),
    [*((CONFIG, key) for key in IN_CONFIG), *((RESULTS, key) for key in IN_RESULTS)],
)
def test_what_is_missing_in_a_file_is_named(run, name, key):
    edit(name, **{key: ...})
    with pytest.raises(RecordError, match=f"run has a damaged {name}: `{key}` is missing"):
        Record(run)
    edit(name, **{key: []})
    with pytest.raises(RecordError, match=f"run has a damaged {name}: `{key}` is \\[\\]"):
        Record(run)


@pytest.mark.parametrize("name", [CONFIG, RESULTS])
def test_a_file_torn_anywhere_is_refused_or_still_whole_enough(run, name):
    content = (run / name).read_bytes()
    for end in range(0, len(content) - 2, 11):
        (run / name).write_bytes(content[:end])
        try:
            Record(run)
        except RecordError:
            continue
        assert name == CONFIG and b"\ndata:" in content[:end]


@contextmanager
def without_rights():
    """Go on as a user who may do nothing, if this is one who may do everything."""
    mighty = os.geteuid() == 0
    if mighty:
        os.seteuid(65534)
    try:
        yield
    finally:
        if mighty:
            os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter there")
@pytest.mark.parametrize(
    ("closed", "message"),
    [
        (".", "run cannot be read: Permission denied"),
        (CONFIG, "run has a config.yaml that cannot be read: Permission denied"),
        (RESULTS, "run has a results.json that cannot be read: Permission denied"),
        ("checkpoints", "run cannot be read: Permission denied"),
        (BEST, "run has a damaged checkpoint: run/checkpoints/best.ckpt is not a readable "),
    ],
)
def test_what_one_may_not_read_is_said(run, closed, message):
    Record(run).load()  # with all that has to be imported for it
    os.chmod(".", 0o755)
    mode = (run / closed).stat().st_mode
    os.chmod(run / closed, 0)
    try:
        with without_rights(), pytest.raises(RecordError, match=re.escape(message)):
            Record(run).load()
    finally:
        os.chmod(run / closed, mode)


def test_a_run_comes_back_as_it_was(run):
    found = Record(run)
    network, data = found.load()
    saved = checkpoints.read(found.checkpoint)
    assert found.checkpoint == run / BEST and isinstance(data, BinaryAdd)
    assert found.config["model"]["hidden_size"] == network.hidden_size == 4
    assert network.state_dict().keys() == saved["state_dict"].keys()
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, saved["state_dict"][name])
    logged = found.metrics()
    assert [step for step, _ in logged["val/loss"]] == [9, 19]
    assert logged["test/loss@8"][0][1] == pytest.approx(found.results["metrics"]["test/loss@8"])


def test_a_run_of_a_class_of_ones_own_comes_back_where_the_class_is(monkeypatch):
    Path("my_echo.py").write_text(ECHO)
    monkeypatch.syspath_prepend(".")
    flags = ("--data", "my_echo.Echo", "--model", "ManyToOne", "--model.hidden_size", "4")
    cli.main(["fit", *flags, "--optimizer", "Adam", *STEPS, *QUICK])
    (folder,) = Path("runs/echo").iterdir()
    network, data = Record(folder).load()
    assert type(data).__name__ == "Echo" and network.hidden_size == 4
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(KeyError, match="a bug of one's own"):  # theirs to see, and where it is
        Record(folder).load()
    monkeypatch.delitem(sys.modules, "my_echo")
    Path("my_echo.py").write_text("syntax error")
    with pytest.raises(RecordError, match=r"my_echo.Echo cannot be imported.*: invalid syntax"):
        Record(folder).load()


def test_the_remedies_help(run, capfd):
    edit(RESULTS, format=...)
    with pytest.raises(RecordError) as older:
        Record(run)
    cli.main(str(older.value).partition("go on with: seqlearn ")[2].split())
    assert Record(run).results["steps"] == 20
    (run / BEST).unlink()
    with pytest.raises(RecordError) as gone:
        Record(run).load()
    cli.main(str(gone.value).partition("go on with: seqlearn ")[2].split())
    assert Record(run).checkpoint == run / LAST


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, {}),
        (b"", {}),
        (b"step,val/loss\n", {}),
        (b"step,val/loss\n9,0.5\n19,0.25\n", {"val/loss": [(9, 0.5), (19, 0.25)]}),
        (b"step,val/loss\n9,0.5\n19,0.2", {"val/loss": [(9, 0.5)]}),  # it may have been 0.25
        (
            b"step,val/loss,train/loss\n9,,0.5\n19,0.2\n",
            {"train/loss": [(9, 0.5)], "val/loss": [(19, 0.2)]},
        ),
        (b"step,val/loss\n9,0.5,7\n,0.3\nx,0.4\n29,low\n", {"val/loss": [(9, 0.5)]}),
        (b"val/loss\n0.5\n", {}),
        (bytes(range(256)) * 9, {}),
        (b"step,val/loss\n9,0.5\n\0\xff,\0\n19,nan\n", {"val/loss": [(9, 0.5), (19, None)]}),
        (b'step,val/loss\n9,0.5\n"' + b"x" * 200_000 + b"\n", {"val/loss": [(9, 0.5)]}),
    ],
)
def test_of_damaged_metrics_what_can_be_read_is(content, found):
    RUN.mkdir()
    if content is not None:
        (RUN / METRICS).write_bytes(content)
    read = read_metrics(RUN)
    known = {
        name: [(step, value if value == value else None) for step, value in points]
        for name, points in read.items()
    }
    assert known == found


def test_the_checkpoint_to_judge_by_is_the_best_else_the_last(run):
    assert find_checkpoint(run) == run / BEST
    assert find_checkpoint(run, LAST) == find_checkpoint(run / LAST) == run / LAST
    (run / BEST).unlink()
    assert find_checkpoint(run) == run / LAST


def test_to_read_what_a_run_came_to_takes_no_torch(run):
    code = f"import sys; from seqlearn.record import *; Record(Path({str(run)!r})).metrics()"
    heavy = "print(*{'torch', 'lightning', 'numpy', 'wandb', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("\n", "")
