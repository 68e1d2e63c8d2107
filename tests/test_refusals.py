"""Bad input, as a user types it: one line, exit code 2, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ADD = ("--task", "binary_add")


def write(folder: Path) -> None:
    """Put the bad files where the cases look for them."""
    (folder / "broken.yaml").write_text("model: [1, 2")
    (folder / "list.yaml").write_text("- 1\n- 2\n")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (folder / "football.yaml").write_text("task: football\nmodel:\n  cell: rnn\n")
    (folder / "text.ckpt").write_text("these are not weights")
    checkpoint = {"state_dict": {}, "pytorch-lightning_version": "2.6.6"}
    torch.save({**checkpoint, "seqlearn": {"task": "football"}}, folder / "football.ckpt")
    whole = (folder / "football.ckpt").read_bytes()
    (folder / "short.ckpt").write_bytes(whole[: len(whole) // 2])
    weights = {"cell.weight_ih_l0": torch.zeros(16, 2), "head.weight": torch.zeros(1, 99)}
    torch.save({**checkpoint, "state_dict": weights}, folder / "shape.ckpt")
    torch.save({**checkpoint, "state_dict": 5}, folder / "odd.ckpt")
    (folder / "lists.yaml").write_text("trainer: [1]\n")
    (folder / "null.yaml").write_text("data:\n")
    (folder / "number.yaml").write_text("task: 3\n")
    (folder / "file").write_text("")
    for name, checkpoint in [("other", "football.ckpt"), ("torn", "short.ckpt"), ("empty", "")]:
        (folder / name / "checkpoints").mkdir(parents=True)
        (folder / name / "config.yaml").write_text("task: binary_add\n")
        if checkpoint:
            content = (folder / checkpoint).read_bytes()
            (folder / name / "checkpoints" / "last.ckpt").write_bytes(content)


CASES = {
    "no task": ((), "argument --task: required, one of alphabet, arma, binary_add, "),
    "unknown task": (("--task", "binary_ad"), "got 'binary_ad'; did you mean 'binary_add'?"),
    "task without a word": (("--task",), "argument --task: expected one argument"),
    "misspelt flag": ((*ADD, "--model.hiden_size", "3"), "did you mean '--model.hidden_size'?"),
    "abbreviated flag": ((*ADD, "--trainer.max_step", "3"), "did you mean '--trainer.max_steps'?"),
    "wrong type": ((*ADD, "--model.hidden_size", "abc"), '"model.hidden_size": Expected a <class'),
    "no units": ((*ADD, "--model.hidden_size", "0"), "`hidden_size` must be at least 1, got 0"),
    "no batch": ((*ADD, "--data.batch_size", "-1"), "`batch_size` must be at least 1, got -1"),
    "no bits": ((*ADD, "--data.bits", "0"), "`bits` must be at least 1, got 0"),
    "too few bits": ((*ADD, "--data.bits", "1"), "has no test examples of length 1"),
    "seed below zero": ((*ADD, "--seed_everything", "-1"), "--seed_everything: must be from 0 to"),
    "rate below zero": ((*ADD, "--optimizer.lr", "-1"), "Invalid learning rate: -1"),
    "clipping below zero": (
        (*ADD, "--trainer.gradient_clip_val", "-1"),
        "argument --trainer.gradient_clip_val: must be above 0, got -1",
    ),
    "checkpoint of another shape": (
        (*ADD, "--ckpt_path", "shape.ckpt"),
        "size mismatch for head.weight",
    ),
    "task that is no word": (("--config", "number.yaml"), "argument --task: must be one of"),
    "momentum missing": (
        (*ADD, "--optimizer", "SGD", "--optimizer.lr", "0.1", "--optimizer.nesterov", "true"),
        "Nesterov momentum requires a momentum",
    ),
    "batch beyond memory": ((*ADD, "--data.batch_size", "1000000000000000"), "Unable to allocate"),
    "config of lists": (
        (*ADD, "--config", "lists.yaml"),
        "trainer in lists.yaml must be a mapping",
    ),
    "config of nothing": ((*ADD, "-c", "null.yaml"), "data in null.yaml must be a mapping"),
    "empty path": ((*ADD, "--ckpt_path", ""), "argument --ckpt_path: no such file"),
    "weights that are none": ((*ADD, "--ckpt_path", "odd.ckpt"), "not a readable checkpoint"),
    "no lengths": ((*ADD, "--data.test_lengths", "[]"), "`test_lengths` must name at least one"),
    "length 0": ((*ADD, "--data.test_lengths", "[8, 0]"), "`test_lengths` must be at least 1"),
    "length of another task": (
        ("--task", "football", "--data.test_lengths", "[5]"),
        "`test_lengths` must be at least 3 and at most 3, got 5",
    ),
    "unknown cell": (
        (*ADD, "--model.cell", "gruu"),
        "`cell` must be one of rnn, lstm, gru, window or",
    ),
    "network of another mapping": (
        ("--data", "BinaryAdd", "--model", "ManyToOne"),
        "BinaryAdd is many-to-many: use ManyToMany, not ManyToOne",
    ),
    "preset of another task": (
        (*ADD, "--config", "football.yaml"),
        "football.yaml is for the task 'football', not 'binary_add'",
    ),
    "no such run": (("--resume", "nowhere"), "argument --resume: no such run folder: nowhere"),
    "run without checkpoint": (("--resume", "empty"), "empty has no checkpoints/last.ckpt"),
    "run of another task": (
        ("--resume", "other"),
        "made for the task 'football', not 'binary_add'",
    ),
    "run against the task": (
        ("--task", "football", "--resume", "other"),
        "other/config.yaml is for the task 'binary_add', not 'football'",
    ),
    "torn run": (("--resume", "torn"), "torn/checkpoints/last.ckpt is not a readable checkpoint"),
    "no such checkpoint": ((*ADD, "--ckpt_path", "no.ckpt"), "--ckpt_path: no such file: no.ckpt"),
    "checkpoint folder": ((*ADD, "--ckpt_path", "torn"), "--ckpt_path: no such file: torn"),
    "torn checkpoint": ((*ADD, "--ckpt_path", "short.ckpt"), "not a readable checkpoint"),
    "text for weights": ((*ADD, "--ckpt_path", "text.ckpt"), "not a readable checkpoint"),
    "checkpoint of another task": (
        (*ADD, "--ckpt_path", "football.ckpt"),
        "football.ckpt was made for the task 'football', not 'binary_add'",
    ),
    "no such config": ((*ADD, "--config", "no.yaml"), "argument --config: cannot read no.yaml"),
    "config is not YAML": ((*ADD, "--config", "broken.yaml"), "broken.yaml is not YAML"),
    "config is a list": ((*ADD, "-c", "list.yaml"), "list.yaml must hold a mapping, got [1, 2]"),
    "config is not text": ((*ADD, "-c", "bytes.yaml"), "cannot read bytes.yaml"),
    "more devices than cores": (
        (*ADD, "--trainer.accelerator", "cpu", "--trainer.devices", "99"),
        f"argument --trainer.devices: this machine has {os.cpu_count()} CPU cores, got 99",
    ),
    "folder that cannot be made": (
        (*ADD, "--trainer.default_root_dir", "file/runs", "--trainer.logger", "false"),
        "argument --trainer.default_root_dir: cannot write a run",
    ),
    "folder of the system": (
        (*ADD, "--trainer.default_root_dir", "/proc/runs"),
        "argument --trainer.default_root_dir: cannot write a run",
    ),
}


FRESH = ("no task", "unknown cell", "torn checkpoint")
"""Cases that start a process of their own; the others are forked off one that has its imports."""

FORKS = """
import json, os, sys
import seqlearn.command, wandb
from seqlearn import cli
for line in sys.stdin:
    folder, arguments = json.loads(line)
    child = os.fork()
    if not child:
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{folder}.{name}", os.O_CREAT | os.O_WRONLY), number)
        try:
            cli.main(["fit", *arguments])
        except SystemExit as ended:
            os._exit(ended.code)  # to end in order takes a second, for all that was imported
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What each case comes to: exit code, output, errors, and whether its folder is untouched."""
    forks = subprocess.Popen(
        [sys.executable, "-c", FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(name):
        folder, arguments = tmp_path_factory.mktemp("case"), CASES[name][0]
        write(folder)
        before = sorted(folder.rglob("*"))
        if name in FRESH:
            command = [sys.executable, "-m", "seqlearn.fit", *arguments]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
            code, out, err = done.returncode, done.stdout, done.stderr
        else:
            print(json.dumps([str(folder), arguments]), file=forks.stdin, flush=True)
            code = int(forks.stdout.readline())
            out, err = (Path(f"{folder}.{end}").read_text() for end in ("out", "err"))
        return code, out, err, sorted(folder.rglob("*")) == before

    with forks:
        return {name: run(name) for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_in_one_line_and_leaves_nothing(refusals, name):
    code, out, err, untouched = refusals[name]
    assert code == 2
    (line,) = err.splitlines()
    assert line.startswith("seqlearn fit: error: ")
    assert CASES[name][1] in line
    assert not out
    assert untouched
