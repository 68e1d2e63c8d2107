"""What Weights & Biases gets, read back from the files of real offline runs."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger
from wandb.proto.wandb_internal_pb2 import Record

from seqlearn import BinaryAdd, ManyToMany, cli, media
from seqlearn.watch import Watch, histogram
from test_sweep import SWEEP

BLOCK = 32768
SHORT = ("--trainer.max_steps", "20", "--data.test_lengths", "[8]", "--report", "false")


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
        self.files = path.parent / "files"
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
        self.artifacts = kinds.get("artifact", [])


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


def test_pictures_and_examples_are_there_at_the_last_step(default):
    folder, done = default
    run = only_run(folder)
    recorded = Recorded(run)
    (row,) = (row for row in recorded.history if "examples._type" in row)
    assert row["trainer/global_step"] == 300 == recorded.summary["trainer/global_step"]
    pictures = sorted((run / "plots").glob("*.png"))
    assert len(pictures) > 2
    for path in pictures:
        shown = recorded.files / row[f"plots/{path.stem}.path"]
        assert shown.read_bytes() == path.read_bytes()
    shown = [name for name in row if name.startswith("plots/") and name.endswith(".path")]
    assert len(shown) == len(pictures)
    table = json.loads((recorded.files / row["examples.path"]).read_text())
    assert table["columns"] == ["input", "target", "prediction", "correct", "note"]
    assert 20 <= len(table["data"]) <= 100
    for shown, asked, said, _, _ in table["data"][:5]:
        assert f"{shown} -> {asked}   predicted {said} ✓" in done.stdout
    assert all(row[3] is True and row[1] == row[2] for row in table["data"])


def test_a_text_is_shown_as_it_is_without_a_network():
    text = "\n<b>KING:</b> & \u2603\n  now"
    page = media.gather({}, [], text)["sample"].html
    assert unescape(re.sub("<.*?>\n?", "", page)) == text  # a page drops the first line end
    assert "http" not in page and "utf-8" in page
    assert "sample" not in media.gather({}, [], None)


def test_all_that_is_recorded_lies_in_the_run_folder(default):
    folder, _ = default
    assert not (folder / ".local").exists()
    (table,) = Recorded(only_run(folder)).artifacts
    (entry,) = table.manifest.contents
    assert Path(entry.local_path).is_relative_to(only_run(folder) / "wandb")


def test_a_resumed_run_goes_on_under_its_id(tmp_path):
    assert fit(tmp_path, *SHORT, "--trainer.val_check_interval", "10").returncode == 0
    run = only_run(tmp_path)
    done = fit(tmp_path, "--resume", str(run), "--trainer.max_steps", "40")
    assert done.returncode == 0, done.stderr
    first, second = sorted(run.glob("wandb/offline-run-*/*.wandb"))
    ids = set()
    for path in (first, second):
        ids |= {r.run.run_id for r in records(path) if r.WhichOneof("record_type") == "run"}
    assert ids == {f"binary_add-{run.name}"}


EVERYTHING = (
    *("--trainer.callbacks+", "seqlearn.watch.Watch", "--trainer.callbacks.log", "all"),
    *("--trainer.callbacks.every", "10", "--trainer.val_check_interval", "10"),
    *("--model.cell", "lstm", "--model.num_layers", "2"),
    *("--trainer.logger.offline", "true", "--trainer.logger.log_model", "true"),
)
AGENT = {"WANDB_SWEEP_ID": "abc12345", "WANDB_RUN_ID": "def67890", "WANDB_PROJECT": "theirs"}
NAMES = ("--trainer.logger.name", "mine", "--trainer.logger.project", "other")
WORDS = {
    "no logger": (("--trainer.logger", "false"), {}, 0),
    "disabled": ((), {"WANDB_MODE": "disabled"}, 0),
    "offline with a key": (
        (),
        {"WANDB_MODE": "offline", "WANDB_API_KEY": "a" * 40, "WANDB_PROJECT": "theirs"},
        1,
    ),
    "offline by flag": (("--trainer.logger.offline", "true"), {"WANDB_API_KEY": "a" * 40}, 1),
    "names of one's own": (
        (*NAMES, "--trainer.logger.save_dir", "elsewhere"),
        {"WANDB_NAME": "theirs", "WANDB_RUN_GROUP": "theirs", "WANDB_TAGS": "a,b"},
        0,
    ),
    "everything, in a sweep": (EVERYTHING, AGENT, 1),
}


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Runs with words of the user, all at once."""
    base = tmp_path_factory.mktemp("words")
    processes = {}
    for word, (flags, environment, _) in WORDS.items():
        (base / word).mkdir()
        processes[word] = begin(base / word, *SHORT, *flags, **environment)
    return {word: (base / word, end(process)) for word, process in processes.items()}


@pytest.mark.slow
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
        assert (recorded.run_group, list(recorded.tags)) == ("theirs", ["a", "b"])
    if word == "offline with a key":
        assert Recorded(run).run.project == "theirs"


@pytest.fixture(scope="module")
def everything(heard):
    return only_run(heard["everything, in a sweep"][0])


@pytest.mark.slow
def test_a_run_of_a_sweep_is_the_one_that_its_agent_waits_for(everything):
    recorded = Recorded(everything)
    run = recorded.run
    assert (run.run_id, run.sweep_id, run.project) == ("def67890", "abc12345", "theirs")
    assert len([row for row in recorded.history if SWEEP["metric"]["name"] in row]) == 2


def watched(recorded: Recorded) -> list[dict[str, Any]]:
    return [row for row in recorded.history if any("gradients/" in name for name in row)]


@pytest.mark.slow
def test_histograms_of_every_layer_are_there_on_request(everything):
    rows = watched(Recorded(everything))
    assert [row["trainer/global_step"] for row in rows] == [9, 19]
    best = torch.load(everything / "checkpoints" / "last.ckpt", weights_only=True)
    weights = best["state_dict"]
    assert len(weights) == 10
    for row in rows:
        for name, weight in weights.items():
            assert sum(row[f"gradients/{name}.values"]) == weight.numel()
            assert sum(row[f"parameters/{name}.values"]) == weight.numel()
    first, second = (row["parameters/head.bias.bins"] for row in rows)
    assert first != second


@pytest.mark.slow
def test_the_model_is_there_on_request(everything):
    (model,) = (each for each in Recorded(everything).artifacts if each.type == "model")
    assert set(model.aliases) == {"best", "latest"} and model.name == "model-def67890"
    (entry,) = model.manifest.contents
    kept = Path(entry.local_path)
    assert kept.is_relative_to(everything / "wandb")
    assert kept.read_bytes() == (everything / "checkpoints" / "best.ckpt").read_bytes()
    assert json.loads(model.metadata)["original_filename"] == "best.ckpt"


class Listener(WandbLogger):
    """A logger that only remembers what it has heard."""

    experiment = None

    def __init__(self):
        super().__init__()
        self.heard = []

    def log_metrics(self, metrics, step=None):
        self.heard += [(step, name) for name in metrics if name.startswith("grad")]


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_who_is_watched_learns_the_same(cell):
    def learnt(*callbacks):
        torch.manual_seed(0)
        data = BinaryAdd(bits=4, batch_size=8, val_size=20, test_size=20)
        network = ManyToMany.for_data(data, cell=cell, hidden_size=5, num_layers=2, dropout=0.2)
        trainer = Trainer(
            max_steps=12,
            accelerator="cpu",
            logger=(listener := Listener()),
            callbacks=list(callbacks),
            gradient_clip_val=0.1,
            log_every_n_steps=1,
            accumulate_grad_batches=2,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_autolog_hparams=False,
        )
        trainer.fit(network, data)
        return network.state_dict(), listener.heard

    (alone, nothing), (seen, heard) = learnt(), learnt(Watch(every=5))
    assert not nothing and sorted({step for step, _ in heard}) == [4, 9]
    assert {name for _, name in heard} == {f"gradients/{name}" for name in alone}
    assert all(torch.equal(alone[name], seen[name]) for name in alone)


def test_a_histogram_counts_what_is_finite():
    numbers = torch.tensor([1, 2, torch.nan, torch.inf, -torch.inf], dtype=torch.bfloat16)
    found = histogram(numbers)
    assert sum(found.histogram) == 2 and (found.bins[0], found.bins[-1]) == (1, 2)
    assert sum(histogram(torch.full((3,), torch.nan)).histogram) == 0


@pytest.mark.parametrize("numbers", [[1, 1 + 2**-52], [0, 5e-324], [0, 1e308], [2, 2], []])
def test_no_numbers_are_too_near_or_too_far_for_a_histogram(numbers):
    found = histogram(torch.tensor(numbers, dtype=torch.float64))
    assert sum(found.histogram) == sum(number < 1e300 for number in numbers)


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--trainer.callbacks.every", "0"), "`every` must be at least 1, got 0."),
        (("--trainer.callbacks.log", "all of it"), "gradients, parameters, all, got 'all of it'"),
        (
            ("--trainer.logger", "false"),
            "argument --trainer.logger: Watch needs a WandbLogger, got MetricsFile",
        ),
    ],
)
def test_who_cannot_watch_says_so(capsys, flags, line):
    with pytest.raises(SystemExit) as done:
        cli.main(
            ["fit", "--task", "binary_add", "--trainer.callbacks+", "seqlearn.watch.Watch", *flags]
        )
    assert done.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert not list(Path().glob("runs/*/*"))


def test_watch_refuses_what_makes_no_sense_in_a_script_too():
    with pytest.raises(ValueError, match="`log` must be one of gradients, parameters, all"):
        Watch(log="weights")
    with pytest.raises(ValueError, match="`every` must be at least 1, got 0"):
        Watch(every=0)


@pytest.mark.slow
def test_two_processes_record_one_run(tmp_path):
    devices = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "32")
    flags = ("--trainer.logger.log_model", "all", "--trainer.max_steps", "40")
    done = fit(tmp_path, *SHORT, *EVERYTHING, *devices, *flags, WANDB_MODE="offline")
    assert done.returncode == 0 and not done.stderr, done.stderr
    run = only_run(tmp_path)
    recorded = Recorded(run)  # there is one
    results = json.loads((run / "results.json").read_text())["metrics"]
    assert {name: recorded.summary[name] for name in results} == pytest.approx(results)
    for name in ("train/loss", "val/loss", "gradients/head.bias.values"):
        steps = [row["trainer/global_step"] for row in recorded.history if name in row]
        assert steps == [9, 19, 29, 39]
    assert len([row for row in recorded.history if "examples._type" in row]) == 1
    assert [each.type for each in recorded.artifacts].count("run_table") == 1
    assert 1 <= [each.type for each in recorded.artifacts].count("model") <= 4


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


def test_a_run_that_is_stopped_says_where_it_is_recorded_and_no_more(tmp_path):
    process = begin(tmp_path, "--trainer.max_steps", "1000000", "--report", "false")
    while not list(tmp_path.glob("runs/binary_add/*/metrics.csv")):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    done = end(process)
    assert done.returncode == 143 and not done.stdout
    ended, where = done.stderr.splitlines()
    assert ended.startswith("seqlearn fit: ended by SIGTERM; go on with: seqlearn fit --resume ")
    assert where.startswith("seqlearn fit: Weights & Biases: wandb sync runs/binary_add/")
