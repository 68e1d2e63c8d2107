"""``--run``: a finished run is asked again; ``predict`` writes down what it says."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqlearn import cli
from seqlearn.modules import ManyToMany
from seqlearn.record import PREDICTIONS, RESULTS
from seqlearn.tasks import BinaryAdd

QUICK = (
    "--trainer.max_steps",
    "80",
    "--trainer.val_check_interval",
    "10",
    "--trainer.logger",
    "false",
    "--report",
    "false",
)
DATA = ("--data.test_size", "300", "--data.bits", "4", "--data.test_lengths", "[4, 12]")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("predict")
    flags = ("--trainer.default_root_dir", str(root))
    cli.main(["fit", "--task", "binary_add", *QUICK, *DATA, *flags])
    return next((root / "binary_add").iterdir())


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def refused(capfd, *arguments: str) -> str:
    capfd.readouterr()
    with pytest.raises(SystemExit, match="2"):
        cli.main(list(arguments))
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1
    return err


def test_every_test_example_is_written_down_and_summed_rightly(run, capfd):
    cli.main(["predict", "--run", str(run)])
    found = rows(run / PREDICTIONS)
    data = BinaryAdd.load_from_checkpoint(run / "checkpoints" / "best.ckpt")
    assert len(found) == len(data.dataset("test", 4)) == 300
    for row in found:
        a, b = map(int, row["input"].split("+"))
        assert int(row["target"]) == a + b
        assert row["correct"] == (row["prediction"] == row["target"])
    right = sum(row["correct"] for row in found) / len(found)
    metrics = json.loads((run / RESULTS).read_text())["metrics"]
    assert right == pytest.approx(metrics["test/exact_match@4"])
    assert 0 < right < 1  # both kinds are there
    out = capfd.readouterr().out
    assert f"300 examples: {PREDICTIONS}" in out or PREDICTIONS in out


def test_the_network_itself_says_the_same(run):
    cli.main(["predict", "--run", str(run), "--output", "own.jsonl"])
    checkpoint = run / "checkpoints" / "best.ckpt"
    data, module = (kind.load_from_checkpoint(checkpoint) for kind in (BinaryAdd, ManyToMany))
    batch = data.dataset("test", 4).batch(range(300))
    said = (module(batch.inputs)[..., 0] > 0).long()  # (B, T)
    totals = [sum(bit << k for k, bit in enumerate(bits)) for bits in said.tolist()]
    assert [int(row["prediction"]) for row in rows(Path("own.jsonl"))] == totals


@pytest.mark.slow
def test_two_devices_write_the_same_file(run):
    cli.main(["predict", "--run", str(run), "--output", "one.jsonl"])
    command = [sys.executable, "-m", "seqlearn.predict", "--run", str(run)]
    devices = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--output", "two.jsonl"]
    done = subprocess.run([*command, *devices], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path("one.jsonl").read_text() == Path("two.jsonl").read_text()


def test_what_is_no_file_is_written_to_and_stays(run):
    Path("file").touch()
    Path("link").symlink_to("file")
    cli.main(["predict", "--run", str(run), "--output", "link"])
    assert len(rows(Path("file"))) == 300 and Path("link").is_symlink()
    os.mkfifo("pipe")
    with ThreadPoolExecutor() as pool:
        found = pool.submit(rows, Path("pipe"))
        cli.main(["predict", "--run", str(run), "--output", "pipe"])
        assert len(found.result(10)) == 300 and Path("pipe").is_fifo()


def test_the_training_length_is_that_of_the_run(run, capfd):
    cli.main(["test", "--run", str(run), "--data.bits", "6", "--data.test_lengths", "[4, 6]"])
    trained = [line for line in capfd.readouterr().out.splitlines() if "(trained)" in line]
    assert len(trained) == 1 and "exact_match@4" in trained[0]


def test_a_checkpoint_of_another_network_is_refused(run, capfd):
    subprocess.run(["cp", "-r", str(run), "copy"], check=True)
    small = ("--model.hidden_size", "4", "--trainer.max_steps", "10", *QUICK[2:])
    cli.main(["fit", "--task", "binary_add", *DATA, *small])
    (other,) = Path("runs", "binary_add").iterdir()
    subprocess.run(["cp", str(other / "checkpoints/best.ckpt"), "copy/checkpoints"], check=True)
    for arguments in (("fit", "--resume"), ("test", "--run"), ("predict", "--run")):
        assert "best.ckpt" in refused(capfd, *arguments, "copy")
    assert "is of another run" in refused(capfd, "report", "copy")


def test_a_checkpoint_writes_where_one_is(run):
    checkpoint = str(run / "checkpoints" / "best.ckpt")
    config = ("--config", str(run / "config.yaml"), "--ckpt_path", checkpoint)
    cli.main(["predict", *config, "--trainer.limit_predict_batches", "1"])
    assert len(rows(Path(PREDICTIONS))) == 256  # four training batches of 64


def test_a_run_is_tested_at_other_lengths(run, capfd):
    cli.main(["test", "--run", str(run), "--data.test_lengths", "[4, 32]"])
    out = capfd.readouterr().out
    reached = json.loads((run / RESULTS).read_text())["metrics"]["test/exact_match@4"]
    (line,) = [line for line in out.splitlines() if "exact_match@4 " in line]
    assert f"{reached:.4f}" in line and "exact_match@32" in out and "exact_match@12" not in out


def test_a_run_is_validated(run, capfd):
    cli.main(["validate", "--run", str(run)])
    assert "exact_match" in capfd.readouterr().out


TASK = """
from dataclasses import dataclass
from seqlearn import BinaryAdd

@dataclass(kw_only=True, eq=False)
class Own(BinaryAdd):
    pass
"""


def test_a_task_of_ones_own_is_asked_again_from_where_it_was_trained(capfd):
    Path("theirs.py").write_text(TASK)
    seqlearn = Path(sys.executable).with_name("seqlearn")
    own = ("--data", "theirs.Own", "--model", "ManyToMany")
    cli.main(["fit", *own, *QUICK])
    (run,) = Path("runs", "own").iterdir()  # the path is not absolute
    done = subprocess.run([seqlearn, "test", "--run", run], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for verb in ("predict", "validate"):
        cli.main([verb, "--run", str(run)])
    text = (run / "config.yaml").read_text().replace("bits: 8", "bits: many")
    (run / "config.yaml").write_text(text)
    assert f"argument --config: data.bits in {run}/config.yaml: must be an integer" in refused(
        capfd, "test", "--run", str(run)
    )


def test_the_best_weights_that_are_gone_are_not_replaced_in_silence(run, capfd):
    subprocess.run(["cp", "-r", str(run), "copy"], check=True)
    Path("copy/checkpoints/best.ckpt").unlink()
    assert "best.ckpt" in refused(capfd, "test", "--run", "copy")
    Path("copy/results.json").unlink()  # a run that is not finished may have no best yet
    cli.main(["test", "--run", "copy"])
    assert "exact_match@4" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("test", "--run", "nowhere"), "argument --run: nowhere does not exist"),
        (("predict", "--run", "."), "argument --run: . is no run folder"),
        (("test", "--run", "{run}", "--ckpt_path", "x"), "argument --ckpt_path: --run has its own"),
        (("fit", "--run", "{run}"), "argument --run: fit makes a run"),
        (("test", "--resume", "{run}"), "argument --resume: only fit goes on with a run"),
        (("test", "--task", "binary_add"), "argument --run: required"),
        (("test", "--run", "{run}", "--model.hidden_size", "4"), "--model.hidden_size: 16"),
        (("test", "--run", "{run}", "--task", "topic"), "for the task 'binary_add', not"),
        (("predict", "--run", "{run}", "--output", "."), "argument --output: must be a file"),
        (("predict", "--run", "{run}", "--output", "no/a"), "argument --output: must be a file in"),
        (("test", "--run", "{run}", "--output", "a"), "argument --output: there is no such"),
    ],
)
def test_what_makes_no_sense_is_refused(run, capfd, arguments, message):
    assert message in refused(capfd, *(word.format(run=run) for word in arguments))
    assert not list(Path().iterdir())
