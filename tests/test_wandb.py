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


def begin(folder: Path, *flags: str, **environment: str) -> subprocess.Popen[str]:
    """Begin to fit as a user without an account, who is not there to answer questions."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    home = {"HOME": str(folder), "NETRC": str(folder / "netrc")}
    return subprocess.Popen(
        [sys.executable, "-m", "seqlearn.fit", "--task", "binary_add", *flags],
        cwd=folder,
        env={**clean, **home, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def fit(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return end(begin(folder, *flags, **environment))


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
    assert not done.stderr  # where the run lies is said once, at the end
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


NAMES = ("--trainer.logger.name", "mine", "--trainer.logger.project", "other")
WORDS = {
    "no logger": (("--trainer.logger", "false"), {}, 0),
    "disabled": ((), {"WANDB_MODE": "disabled"}, 0),
    "offline with a key": ((), {"WANDB_MODE": "offline", "WANDB_API_KEY": "a" * 40}, 1),
    "offline by flag": (("--trainer.logger.offline", "true"), {"WANDB_API_KEY": "a" * 40}, 1),
    "names of one's own": (
        (*NAMES, "--trainer.logger.save_dir", "elsewhere"),
        {},
        0,
    ),
}


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Runs with words of the user, all at once."""
    base = tmp_path_factory.mktemp("words")
    short = ("--trainer.max_steps", "20", "--data.test_lengths", "[8]")
    processes = {}
    for word, (flags, environment, _) in WORDS.items():
        (base / word).mkdir()
        processes[word] = begin(base / word, *short, *flags, **environment)
    return {word: (base / word, end(process)) for word, process in processes.items()}


@pytest.mark.parametrize("word", WORDS)
def test_the_users_word_counts(heard, word):
    folder, done = heard[word]
    assert done.returncode == 0 and not done.stderr, done.stderr
    run = only_run(folder)
    assert len(list(run.glob("wandb/offline-run-*/*.wandb"))) == WORDS[word][2]
    assert (run / "metrics.csv").exists() and (run / "results.json").exists()
    if word == "names of one's own":
        recorded = Recorded(folder / "elsewhere").run
        assert (recorded.display_name, recorded.project) == ("mine", "other")


def test_a_mode_that_is_none_is_refused(tmp_path):
    done = fit(tmp_path, WANDB_MODE="sometimes")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "mode" in line and "sometimes" in line
    assert not (tmp_path / "runs").exists()


def test_what_weights_and_biases_refuses_is_refused(tmp_path):
    done = fit(tmp_path, "--trainer.logger.project", "a/b")
    assert done.returncode == 2
    assert "Invalid project name 'a/b'" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("runs/*/*"))
