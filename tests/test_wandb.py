"""What Weights & Biases gets, read back from the files of real offline runs."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32768


def records(path: Path):
    """The records of a ``.wandb`` file: a LevelDB log of protocol buffers behind 7 bytes."""
    raw, place, parts = path.read_bytes(), 7, b""
    while place + 7 <= len(raw):
        if BLOCK - place % BLOCK < 7:
            place += BLOCK - place % BLOCK
            continue
        _, size, kind = struct.unpack("<IHB", raw[place : place + 7])
        parts += raw[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(parts)
            parts = b""


def values(items) -> dict[str, Any]:
    return {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


class Recorded:
    """One offline run, by kind of record."""

    def __init__(self, run: Path) -> None:
        (path,) = run.glob("wandb/offline-run-*/*.wandb")
        kinds: dict[str, list[Any]] = {}
        for record in records(path):
            kind = record.WhichOneof("record_type")
            kinds.setdefault(kind, []).append(getattr(record, kind))
        self.run = kinds["run"][0]
        self.config: dict[str, Any] = {}
        for change in [self.run.config, *kinds.get("config", [])]:
            self.config |= values(change.update)
        self.metrics = {metric.name: metric for metric in kinds["metric"]}
        self.history = [values(row.item) for row in kinds["history"]]
        self.summary: dict[str, Any] = {}
        for change in kinds["summary"]:
            self.summary |= values(change.update)


def fit(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Fit as a user without an account, who is not there to answer questions."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    home = {"HOME": str(folder), "NETRC": str(folder / "netrc")}
    return subprocess.run(
        [sys.executable, "-m", "seqlearn.fit", "--task", "binary_add", *flags],
        cwd=folder,
        env={**clean, **home, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs" / "binary_add").iterdir()
    return run


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """The main job, as the README has it."""
    folder = tmp_path_factory.mktemp("default")
    return folder, fit(folder)


def test_the_main_job_solves_its_task_and_stays_short(default):
    folder, done = default
    assert done.returncode == 0, done.stderr
    results = json.loads((only_run(folder) / "results.json").read_text())
    for length in (8, 16, 64, 256, 1024):
        assert results["metrics"][f"test/exact_match@{length}"] == 1
    lines = (done.stdout + done.stderr).splitlines()
    assert len(lines) < 80
    assert not any("warn" in line.lower() or "tip" in line.lower() for line in lines)
    assert f"wandb sync runs/binary_add/{only_run(folder).name}/wandb/offline-run-" in done.stdout


def test_the_run_has_a_project_a_group_a_name_and_an_id_of_its_folder(default):
    run = only_run(default[0])
    recorded = Recorded(run).run
    assert recorded.project == "seqlearn"
    assert recorded.run_group == "binary_add"
    assert recorded.display_name == "binary_add-rnn-16"
    assert list(recorded.tags) == ["binary_add", "rnn"]
    assert recorded.job_type == "fit"
    assert recorded.run_id == f"binary_add-{run.name}"


def test_the_whole_resolved_configuration_is_recorded(default):
    run = only_run(default[0])
    config = Recorded(run).config
    config.pop("_wandb", None)
    assert config == yaml.safe_load((run / "config.yaml").read_text())
    assert config["optimizer"]["init_args"]["lr"] == 0.03
    assert config["data"]["bits"] == 8 and config["trainer"]["gradient_clip_val"] == 1.0


def test_metrics_have_their_step_and_the_summary_their_best(default):
    recorded = Recorded(only_run(default[0]))
    validations = [row for row in recorded.history if "val/loss" in row]
    assert [row["trainer/global_step"] for row in validations] == [49, 99, 149, 199, 249, 299]
    for name, goal in (("loss", "min"), ("accuracy", "max"), ("exact_match", "max")):
        metric = recorded.metrics[f"val/{name}"]
        assert metric.step_metric == "trainer/global_step"
        best = min if goal == "min" else max
        expected = best(row[f"val/{name}"] for row in validations)
        summary = recorded.summary
        found = summary.get(f"val/{name}.{goal}", summary.get(f"val/{name}", {}))
        found = found[goal] if isinstance(found, dict) else found
        assert found == pytest.approx(expected)
    assert len([row for row in recorded.history if "train/loss" in row]) == 30


def test_test_metrics_are_those_of_the_results(default):
    run = only_run(default[0])
    results = json.loads((run / "results.json").read_text())["metrics"]
    summary = Recorded(run).summary
    assert {name: summary[name] for name in results} == pytest.approx(results)


def test_a_resumed_run_goes_on_under_its_id(tmp_path):
    short = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10")
    assert fit(tmp_path, *short, "--data.test_lengths", "[8]").returncode == 0
    run = only_run(tmp_path)
    done = fit(tmp_path, "--resume", str(run), "--trainer.max_steps", "40")
    assert done.returncode == 0, done.stderr
    first, second = sorted(run.glob("wandb/offline-run-*/*.wandb"))
    ids = set()
    for path in (first, second):
        ids |= {r.run.run_id for r in records(path) if r.WhichOneof("record_type") == "run"}
    assert ids == {f"binary_add-{run.name}"}


@pytest.mark.parametrize(
    ("flags", "environment", "left"),
    [
        (("--trainer.logger", "false"), {}, 0),
        ((), {"WANDB_MODE": "disabled"}, 0),
        ((), {"WANDB_MODE": "offline", "WANDB_API_KEY": "a" * 40}, 1),
        (("--trainer.logger.offline", "true"), {"WANDB_API_KEY": "a" * 40}, 1),
        (("--trainer.logger.name", "mine", "--trainer.logger.project", "other"), {}, 1),
    ],
    ids=["no logger", "disabled", "offline with a key", "offline by flag", "names of one's own"],
)
def test_the_users_word_counts(tmp_path, flags, environment, left):
    short = ("--trainer.max_steps", "5", "--data.test_lengths", "[8]")
    done = fit(tmp_path, *short, *flags, **environment)
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    found = list(run.glob("wandb/offline-run-*/*.wandb"))
    assert len(found) == left
    assert (run / "metrics.csv").exists() and (run / "results.json").exists()
    if "mine" in flags:
        recorded = Recorded(run).run
        assert (recorded.display_name, recorded.project) == ("mine", "other")


def test_a_mode_that_is_none_is_refused(tmp_path):
    done = fit(tmp_path, WANDB_MODE="sometimes")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "mode" in line and "sometimes" in line
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        (("--trainer.logger.project", "a/b"), {}, "Invalid project name 'a/b'"),
        ((), {"WANDB_API_KEY": "x"}, "API key must have 40"),
    ],
    ids=["project", "key"],
)
def test_what_weights_and_biases_refuses_is_refused(tmp_path, flags, environment, message):
    done = fit(tmp_path, *flags, **environment)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("runs/*/*"))


def test_with_a_key_the_mode_stays_online(monkeypatch, tmp_path):
    code = (
        "import wandb; from pathlib import Path; from jsonargparse import Namespace\n"
        "from seqlearn.loggers import prepare\n"
        "given = Namespace(version=None, offline=False)\n"
        "prepare(given, 'fit', 'task', {'cell': 'rnn', 'hidden_size': 3}, Path('run'))\n"
        "print(wandb.setup().settings.mode, given.id, given.name)"
    )
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.delenv("WANDB_MODE")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["online", "task-run", "task-rnn-3"], done.stderr
