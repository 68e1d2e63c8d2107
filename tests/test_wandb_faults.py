"""What befalls Weights & Biases does not befall the training: real processes, real faults."""

import csv
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seqlearn.errors import RunError
from seqlearn.loggers import MetricsFile
from test_wandb import Recorded, begin, end, fit, only_run, records

KEY = "a" * 40
SHORT = ("--trainer.max_steps", "60", "--data.test_lengths", "[8]", "--report", "false")
DDP = ("--trainer.devices", "2", "--trainer.strategy", "ddp")
MODELS = ("--trainer.logger.log_model", "all")
WATCHED = ("--trainer.callbacks+", "seqlearn.watch.Watch", "--trainer.callbacks.every", "1")
KILLER = """
import os, pathlib, signal, subprocess
import wandb
from lightning.pytorch import Callback

def kill():
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "wandb-core"], capture_output=True)
    os.kill(int(found.stdout), signal.SIGKILL)

class InTraining(Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if batch_idx == 25 and trainer.is_global_zero:
            kill()

class AtTheEnd(Callback):
    def teardown(self, trainer, module, stage):
        if stage == "test":
            kill()

class NoPictures(Callback):
    def teardown(self, trainer, module, stage):
        if stage == "test":
            pathlib.Path(wandb.run.dir, "media").touch()

class NoCheckpoints(Callback):
    def on_fit_start(self, trainer, module):
        pathlib.Path(wandb.run.settings.root_dir, "wandb", "artifacts").touch()
"""


class Server(BaseHTTPRequestHandler):
    """As much of a server as a run needs; it falls silent where it is told to."""

    silent_from = ""
    denies = False
    closing: threading.Event

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = json.loads(raw) if self.path == "/graphql" else {}
        name = query.get("operationName", self.path.rpartition("/")[2])
        if self.silent_from in (name, "everything"):
            self.closing.wait()
        viewer = {
            "id": "1",
            "username": "me",
            "entity": "me",
            "flags": "{}",
            "teams": {"edges": []},
        }
        project = {"id": "2", "name": "seqlearn", "entity": {"id": "1", "name": "me"}}
        bucket = {"id": "3", "name": query.get("variables", {}).get("name"), "project": project}
        answers = {
            "Viewer": {"viewer": viewer},
            "UpsertBucket": {"upsertBucket": {"bucket": bucket, "inserted": True}},
            "CreateRunFiles": {"createRunFiles": {"runID": "3", "uploadHeaders": [], "files": []}},
        }
        content = {"data": answers.get(name, {"model": None})} if query else {}
        if self.denies:
            content = {"errors": [{"message": "no such key"}]}
        body = json.dumps(content).encode()
        self.send_response(401 if self.denies else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def server(**behaviour):
    closing = threading.Event()
    handler = type("Handler", (Server,), {"closing": closing, **behaviour})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        served.daemon_threads = True
        threading.Thread(target=served.serve_forever).start()
        yield {
            "WANDB_BASE_URL": f"http://127.0.0.1:{served.server_port}",
            "WANDB_API_KEY": KEY,
        }
        closing.set()
        served.shutdown()


@pytest.fixture(scope="module")
def faults(tmp_path_factory):
    """Some runs at once, as they wait more than they work."""
    base = tmp_path_factory.mktemp("faults")
    (base / "file").touch()
    cases = {
        "killed": ("--trainer.callbacks+", "killer.InTraining", *MODELS, *WATCHED),
        "killed at the end": ("--trainer.callbacks+", "killer.AtTheEnd"),
        "no pictures": ("--trainer.callbacks+", "killer.NoPictures"),
        "unwritable": ("--trainer.logger.save_dir", str(base / "file" / "folder")),
        "silent": (),
        "silent at the end": (),
    }
    with server(silent_from="everything") as silent, server(silent_from="file_stream") as late:
        environments = {
            "unwritable": {"TMPDIR": str(base)},
            "silent": silent,
            "silent at the end": {**late, "WANDB_FINISH_TIMEOUT": "2"},
        }
        processes = {}
        for name, flags in cases.items():
            folder = base / name
            folder.mkdir()
            (folder / "killer.py").write_text(KILLER)
            processes[name] = begin(folder, *SHORT, *flags, **environments.get(name, {}))
        yield {name: (base / name, end(process)) for name, process in processes.items()}


def is_whole(folder: Path, done: subprocess.CompletedProcess[str]) -> Path:
    """Check that a run has ended well and left nothing behind but its folder."""
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "exception" not in done.stderr
    run = only_run(folder)
    assert json.loads((run / "results.json").read_text())["steps"] == 60
    assert (run / "checkpoints" / "best.ckpt").exists()
    with (run / "metrics.csv").open(newline="") as file:
        assert {"9", "29", "59"} <= {row["step"] for row in csv.DictReader(file)}
    left = subprocess.run(["pgrep", "-f", f"wandb-core.*{folder}"], capture_output=True, text=True)
    assert not left.stdout
    return run


def test_the_training_outlives_a_process_that_is_killed(faults):
    run = is_whole(*faults["killed"])
    (line,) = faults["killed"][1].stderr.splitlines()
    assert re.match(r"Weights & Biases stopped recording at step 2[5-9]: ", line)
    assert f"wandb sync runs/binary_add/{run.name}/wandb/offline-run-" in line


def test_the_report_outlives_a_process_that_is_killed_at_the_end(faults):
    is_whole(*faults["killed at the end"])
    (line,) = faults["killed at the end"][1].stderr.splitlines()
    assert line.startswith("Weights & Biases did not record the end: ")


def test_pictures_that_cannot_be_copied_are_not_recorded_but_the_rest_is(faults):
    run = is_whole(*faults["no pictures"])
    (line,) = faults["no pictures"][1].stderr.splitlines()
    assert line.startswith("Weights & Biases records no pictures: ") and "/media/" in line
    assert "test/exact_match@8" in Recorded(run).summary
    assert "wandb sync" in faults["no pictures"][1].stdout


@pytest.mark.slow
def test_checkpoints_that_cannot_be_copied_end_the_recording_in_one_line(tmp_path):
    (tmp_path / "killer.py").write_text(KILLER)
    done = fit(tmp_path, *SHORT, *MODELS, "--trainer.callbacks+", "killer.NoCheckpoints")
    run = is_whole(tmp_path, done)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Weights & Biases stopped recording at a checkpoint: ")
    assert "wandb:" not in done.stdout
    assert "val/loss" in {name for row in Recorded(run).history for name in row}


def test_where_nothing_can_be_written_another_folder_is_named(faults):
    folder, done = faults["unwritable"]
    is_whole(folder, done)
    (line,) = done.stderr.splitlines()
    base = folder.parent
    assert line == (
        f"Weights & Biases cannot write into {base / 'file' / 'folder'}, and records in {base}"
    )
    assert "train/loss" in Recorded(base).summary
    assert "wandb sync ../wandb/offline-run-" in done.stdout


def test_a_server_that_never_answers_is_not_waited_for(faults):
    run = is_whole(*faults["silent"])
    (line,) = faults["silent"][1].stderr.splitlines()
    assert line.startswith("Weights & Biases records offline: Failed to authenticate with http://")
    assert [path.name[:8] for path in (run / "wandb").glob("*run-2*")] == ["offline-"]
    recorded = Recorded(run)
    assert recorded.run.run_id == f"binary_add-{run.name}"
    assert "test/exact_match@8" in recorded.summary


def test_a_server_that_falls_silent_is_not_waited_for_at_the_end(faults):
    run = is_whole(*faults["silent at the end"])
    said = faults["silent at the end"][1].stdout
    assert "not all was uploaded in 2 s; for the rest: wandb sync runs/binary_add/" in said
    (path,) = run.glob("wandb/run-*/*.wandb")
    assert any("test/loss@8" in str(record) for record in records(path))


def prepared(**environment: str) -> subprocess.Popen[str]:
    """Begin to prepare a logger, and print what came of it."""
    code = (
        "import wandb; from pathlib import Path; from jsonargparse import Namespace\n"
        "from seqlearn.loggers import prepare\n"
        "arguments = Namespace(version=None, offline=False)\n"
        "given = Namespace(class_path='my.WandbLogger', init_args=arguments)\n"
        "prepare(given, 'fit', 'task', {'cell': 'rnn', 'hidden_size': 3}, Path('run'))\n"
        "print(wandb.setup().settings.mode, arguments.id, arguments.name)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "WANDB_MODE": "online", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_only_a_key_that_the_server_accepts_leads_online():
    with server() as accepts, server(denies=True) as denies:
        cases = (accepts, "online"), (denies, "offline"), ({"WANDB_API_KEY": "x"}, "offline")
        processes = [prepared(**environment) for environment, _ in cases]
        right, wrong, short = done = [end(process) for process in processes]
    for process, (_, mode) in zip(done, cases, strict=True):
        assert process.stdout.split() == [mode, "task-run", "task-rnn-3"], process.stderr
    assert "offline" not in right.stderr
    (line,) = wrong.stderr.splitlines()
    assert line.startswith("Weights & Biases records offline: ") and "no such key" in line
    (line,) = short.stderr.splitlines()
    assert line.startswith("Weights & Biases records offline: ") and "must have 40" in line


@pytest.mark.slow
def test_a_server_that_falls_silent_before_the_start_leads_offline(tmp_path):
    with server(silent_from="RunResumeStatus") as environment:
        done = fit(tmp_path, *SHORT, WANDB_INIT_TIMEOUT="2", **environment)
    run = is_whole(tmp_path, done)
    assert "Weights & Biases records offline: Failed to get resume status" in done.stderr
    assert Recorded(run).run.run_id == f"binary_add-{run.name}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [("--trainer.logger", "WandbLogger"), (*DDP, "--data.batch_size", "32")],
    ids=["a logger of one's own", "two processes"],
)
def test_the_same_fault_the_same_line(tmp_path, flags):
    (tmp_path / "killer.py").write_text(KILLER)
    done = fit(tmp_path, *SHORT, *flags, "--trainer.callbacks+", "killer.InTraining")
    run = is_whole(tmp_path, done)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Weights & Biases stopped recording at step 29: ")
    assert len(list(run.glob("wandb/offline-run-*"))) == 1


@pytest.mark.slow
def test_two_processes_ask_for_one_key_once(tmp_path):
    with server(denies=True) as environment:
        done = fit(tmp_path, *SHORT, *DDP, "--data.batch_size", "32", **environment)
    run = is_whole(tmp_path, done)
    (line,) = done.stderr.splitlines()
    assert line.startswith("Weights & Biases records offline: ")
    assert Recorded(run).run.run_id == f"binary_add-{run.name}"


@pytest.mark.slow
def test_a_resumed_run_outlives_a_folder_of_which_there_can_be_none(tmp_path):
    done = fit(tmp_path, *SHORT, "--trainer.max_steps", "30", "--trainer.logger", "false")
    assert done.returncode == 0, done.stderr
    run = only_run(tmp_path)
    (run / "wandb").touch()
    flags = ("--trainer.logger", "WandbLogger", "--trainer.max_steps", "60")
    done = fit(tmp_path, "--resume", str(run), *flags)
    is_whole(tmp_path, done)
    assert "Weights & Biases records nothing: " in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
@pytest.mark.parametrize("kilobytes", [4, 60])
def test_a_full_disk_is_told_of(tmp_path, kilobytes):
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
    if subprocess.run(["mount", *options]).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        flags = ("--trainer.logger.save_dir", str(disk), "--trainer.log_every_n_steps", "1")
        done = fit(tmp_path, *SHORT, *flags)
        is_whole(tmp_path, done)
        assert "No space left on device" in done.stdout + done.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=True)


ROWS = ({"loss": 0.5}, {"loss": 0.25, "accuracy": 1.0}, {"loss": 0.125, "accuracy": 0.75})


@pytest.fixture
def metrics(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv")
    for step, row in zip((9, 19, 129), ROWS, strict=True):
        file.log_metrics(row, step)
    return file.path


def test_a_torn_line_is_forgotten_wherever_it_is_torn(metrics):
    whole = metrics.read_bytes()
    ends = [place + 1 for place, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        metrics.write_bytes(whole[:size])
        file = MetricsFile(metrics)
        file.rewind(1000)
        file.log_metrics({"loss": 0.0, "accuracy": 0.0}, 1000)
        lines = sum(end <= size + 1 for end in ends)  # a line that lacks but its last byte is whole
        expected = ["9", "19", "129"][: max(lines - 1, 0)]
        rows = MetricsFile(metrics).rows()
        assert [row["step"] for row in rows] == [*expected, "1000"], whole[:size]
        assert [float(row["loss"]) for row in rows[:-1]] == [r["loss"] for r in ROWS][
            : len(expected)
        ]


def test_what_was_logged_later_is_forgotten(metrics):
    file = MetricsFile(metrics)
    file.rewind(19)
    assert [row["step"] for row in file.rows()] == ["9"]


def test_a_disk_that_is_full_ends_the_run_in_one_line(tmp_path):
    file = MetricsFile(tmp_path / "metrics.csv")
    file.log_metrics({"loss": 1.0}, 9)
    file.path.unlink()
    file.path.symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"^metrics\.csv: No space left on device$"):
        file.log_metrics({"loss": 0.5}, 19)
