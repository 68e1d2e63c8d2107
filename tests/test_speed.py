"""The benchmarks run and print what they are to measure; how long anything takes is not tested."""

import json
import subprocess
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from experiments.speed import __main__ as speed
from experiments.speed import memory, scale, solve, start
from lightning.pytorch import Trainer

from seqlearn import fit
from seqlearn.kernels import NONLINEARITIES
from seqlearn.modules import MODULES
from seqlearn.tasks import ARMA, CharLM, Reverse, Waveform

QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "accelerator": "cpu",
}


@pytest.mark.parametrize("task", ["noise", "football"])
def test_data(task, capsys):
    speed.main(["data", "--task", task, "--rounds", "1", "--calls", "1", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    steps = {"noise": 5, "football": 3}[task]
    assert row["task"] == task and row["symbols/s"] == pytest.approx(steps * row["sequences/s"])
    expected = row["sequences/s"] / row["plain Python, sequences/s"]
    assert row["ratio"]["median"] == pytest.approx(expected)


def test_solve(capsys, monkeypatch):
    here = nullcontext(SimpleNamespace(map=map))  # no process to start
    monkeypatch.setattr(solve, "workers", lambda jobs: here)
    few = ["--", "--optimizer.lr=0.1", "--trainer.max_steps=100"]
    speed.main(["solve", "--task", "football", "--seeds", "1", "--every", "10", "--json", *few])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["solved"] == "1 of 1" and 10 <= row["steps"]["median"] < 100
    assert row["steps"]["median"] % 10 == 0 and row["seconds"]["median"] > 0


@pytest.mark.parametrize(
    "data",
    [
        ARMA(test_size=50),
        CharLM(corpus="grammar", grammar_size=3000, batch_size=4, steps=8),
        Reverse(test_size=50),
        Waveform(test_size=50),
    ],
    ids=lambda data: type(data).__name__,
)
def test_to_look_for_the_goal_is_to_test_and_changes_nothing(data, monkeypatch):
    found = []

    def met(data, metrics, stage="test"):
        if stage == "test":
            found.append(metrics)
        return stage == "val"  # look, and do not stop

    def fit(callbacks):
        torch.manual_seed(0)
        free = {
            "one-to-many": {"teacher_forcing": 0.5},
            "many-to-many": {"stateful": bool(data.lanes("train"))},
        }
        module = MODULES[data.mapping].for_data(data, hidden_size=4, **free.get(data.mapping, {}))
        trainer = Trainer(
            max_steps=5, val_check_interval=2, num_sanity_val_steps=0, callbacks=callbacks, **QUIET
        )
        trainer.fit(module, data)
        return trainer, module

    monkeypatch.setattr(solve, "met", met)
    (_, plain), (trainer, watched) = fit([]), fit([solve.Stop()])
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert len(found) == 2 and solve.Stop.solved is None
    tested = {
        name: value
        for loader in trainer.test(watched, data, verbose=False)
        for name, value in loader.items()
    }
    assert solve.score(watched.eval(), data) == {
        name: v for name, v in tested.items() if "rollout" not in name
    }


def test_scale(capsys, monkeypatch):
    one = {
        "--trainer.devices=2": "--trainer.devices=1",
        "--trainer.strategy=ddp": "--trainer.strategy=auto",
    }

    def here(command, env, **options):  # in this process, hence on one device
        monkeypatch.setenv(scale.OUT, env[scale.OUT])
        fit.main([one.get(word, word) for word in command[3:]])

    monkeypatch.setattr(subprocess, "run", here)
    wanted = ["--task", "football", "--batch", "2", "--steps", "3", "--rounds", "1"]
    speed.main(["scale", *wanted, "--json"])
    (row,) = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (row["task"], row["B"]) == ("football", 2) and row["sequences/s on one"]["median"] > 0
    assert row["two / one, global batch held"]["median"] > 0


@pytest.mark.slow
def test_scale_on_two_processes():
    case = scale.Case("binary_add", 4, 2, 3)
    assert scale.train(case, devices=2, batch=2) > 0


def test_start(capsys):
    quick = ["--rounds", "1", "--only", "the list of tasks", "an unknown task", "a refused value"]
    speed.main(["start", *quick, "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in rows] == quick[3:]
    assert all(row["seconds"]["median"] > 0 and row["over"] == "import torch" for row in rows)


@pytest.mark.slow
def test_start_to_the_end(capsys):
    whole = ["import torch", "200 steps, no W&B, no report", "200 steps, bare PyTorch", "phases"]
    speed.main(["start", "--rounds", "1", "--only", *whole, "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert (rows[2]["what"], rows[2]["over"]) == (whole[1], whole[2])
    assert len(rows) == 4 + len(start.PHASES)
    assert all(row["ratio"]["median"] > 0 for row in rows)


def test_cell(capsys):
    small = [
        "--hidden",
        "4",
        "--batch",
        "2",
        "--steps",
        "3",
        "--rounds",
        "1",
        "--milliseconds",
        "1",
    ]
    speed.main(["cell", *small, "--json"])
    rows = json.loads(capsys.readouterr().out)
    rnn = [f"rnn {word}" for word in NONLINEARITIES]
    others = ["lstm", "gru", "window", "min_gru", "min_lstm", "lru"]
    assert [row["cell"] for row in rows] == rnn + others
    for row in rows:
        assert (row["H"], row["B"], row["T"]) == (4, 2, 3)
        assert row["PyTorch's time / ours"]["median"] > 0 and row["share"]["median"] > 0


@pytest.mark.slow
def test_memory(capsys, monkeypatch):
    few = ["--data.train_size", "9", "--trainer.max_steps", "1", "--data.test_lengths", "[8]"]
    monkeypatch.setattr(memory, "RUNS", {})
    monkeypatch.setattr(memory, "SHORT", [*memory.SHORT, *few])
    speed.main(["memory", "--rounds", "1", "--steps", "2", "--train_sizes", "--json"])
    bare, run = json.loads(capsys.readouterr().out)
    assert bare["what"] == memory.BARE and (run["what"], run["over"]) == ("2 steps", "2 steps")
    assert all(100 < row["peak, MB"]["median"] < 10_000 for row in (bare, run))


@pytest.mark.slow
def test_step(capsys):
    few = ["--cells", "rnn", "--sizes", "4/2/3", "--threads", "1", "--rounds", "2", "--naive"]
    speed.main(["step", *few, "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["cell"], row["H/B/T"], row["threads"]) == ("rnn", "4/2/3", 1)
    assert all(row[name]["median"] > 0 for name in ("bare loop, ms", "fit / bare loop"))
    assert row["naive / fit"]["median"] > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["step", "--sizes", "16/32"], "must be H/B/T from 1/1/3 on, got 16/32"),
        (["step", "--rounds", "0"], "argument --rounds: must be an integer of at least 1, got 0"),
        (["cell", "--hidden", "x"], "argument --hidden: must be an integer of at least 1, got x"),
        (["scale", "--batch", "5"], "argument --batch: must be even, got 5"),
        (["data", "--task", "none"], "argument --task: invalid choice: 'none'"),
    ],
)
def test_what_makes_no_sense_is_refused(words, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        speed.main(words)
    assert message in capsys.readouterr().err
