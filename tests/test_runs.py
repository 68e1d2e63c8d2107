"""``seqlearn runs``: the runs of a folder in a table, whatever their state, and two compared."""

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from seqlearn import cli, runs
from seqlearn.entries import COLUMNS
from seqlearn.objectives import OBJECTIVES
from seqlearn.record import CONFIG, METRICS, RESULTS
from seqlearn.score import MORE_IS_BETTER, cost

QUICK = ("--trainer.logger", "false", "--report", "false")
NOON = datetime(2026, 3, 1, 12).astimezone()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A short run, whose folder the others are made of."""
    root = tmp_path_factory.mktemp("runs")
    steps = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10")
    flags = ("--task", "binary_add", "--model.hidden_size", "4", *steps, *QUICK)
    cli.main(["fit", *flags, "--trainer.default_root_dir", str(root)])
    return next((root / "binary_add").iterdir())


@pytest.fixture
def make(original):
    """Make a run of other results, so many hours after noon."""

    def made(folder: str, hours: float = 0, metrics=None, config=None, **results) -> Path:
        path = Path(folder)
        shutil.copytree(original, path, ignore=shutil.ignore_patterns("*.ckpt"))
        found = json.loads((path / RESULTS).read_text())
        finished = f"{NOON + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S%z}"
        found |= {"finished": finished, "goal": None, **results}
        found["metrics"] = {f"test/{name}": value for name, value in (metrics or {}).items()}
        (path / RESULTS).write_text(json.dumps(found))
        if config:
            settings = yaml.safe_load((path / CONFIG).read_text())
            for name, value in config.items():
                group, _, key = name.partition(".")
                settings[group] |= {key: value}
            (path / CONFIG).write_text(yaml.safe_dump(settings))
        return path

    return made


@pytest.fixture
def several(make):
    """Three runs of two tasks, by their dates."""
    small = {"bound": 1.0, "met": False}
    make(
        "runs/binary_add/b",
        1,
        {"exact_match@8": 0.25, "exact_match@16": 1.0},
        cell="rnn",
        hidden_size=16,
        steps=300,
        seconds=1.04,
        goal=small,
    )
    make(
        "runs/arma/c",
        2,
        {"mse@64": 2.0},
        task="arma",
        metric="mse",
        length=64,
        cell="lstm",
        hidden_size=4,
        steps=2000,
        seconds=30.96,
    )
    make(
        "runs/binary_add/a",
        3,
        {"exact_match@8": 1.0, "exact_match@16": 0.0},
        cell="gru",
        hidden_size=32,
        steps=100,
        seconds=2,
        goal=small | {"met": True},
    )


def table(capfd, *arguments):
    """List runs: the rows, split at two spaces or more, and what is said beside them."""
    runs.main(arguments)
    out, err = capfd.readouterr()
    head, line, *rows = out.splitlines()
    assert set(line) == {"─"}
    return [
        [cell.strip() for cell in row.split("  ") if cell.strip()] for row in (head, *rows)
    ], err


def order(capfd, *arguments):
    """List runs: the last letters of their paths, in order."""
    rows, _ = table(capfd, *arguments)
    return "".join(row[0][-1] for row in rows[1:])


def test_runs_are_listed_with_what_they_came_to_the_newest_last(several, capfd):
    rows, err = table(capfd)
    assert rows == [
        ["run", "task", "cell", "size", "metric", "goal", "steps", "seconds", "date"],
        [
            *("runs/binary_add/b", "binary_add", "rnn", "16", "exact_match@8 0.2500"),
            *("✗", "300", "1.0", "2026-03-01 13:00"),
        ],
        [
            *("runs/arma/c", "arma", "lstm", "4", "mse@64 2.0000"),
            *("2000", "31.0", "2026-03-01 14:00"),
        ],
        [
            *("runs/binary_add/a", "binary_add", "gru", "32", "exact_match@8 1.0000"),
            *("✓", "100", "2.0", "2026-03-01 15:00"),
        ],
    ]
    assert not err


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("run", "cab"),
        ("task", "cba"),
        ("cell", "acb"),
        ("size", "cba"),
        ("metric", "cab"),
        ("goal", "abc"),
        ("steps", "abc"),
        ("seconds", "bac"),
        ("date", "bca"),
    ],
)
def test_every_column_sorts_either_way_and_what_is_not_known_comes_last(
    several, capfd, column, expected
):
    assert column in COLUMNS
    assert order(capfd, "--sort", column) == expected
    turned = "bac" if column == "goal" else {"task": "bac"}.get(column, expected[::-1])
    assert order(capfd, "--sort", column, "--reverse") == turned


def test_the_best_of_each_task_comes_first_whichever_way_its_metric_goes(make, capfd):
    for name, value in {"x": 0.5, "y": 0.9, "z": float("nan"), "w": 0.1}.items():
        make(f"runs/first_symbol/{name}", 0, {"accuracy@30": value}, task="first_symbol",
             metric="accuracy", length=30)  # fmt: skip
    for name, value in {"p": 3.0, "q": 0.2, "r": float("inf")}.items():
        make(f"runs/arma/{name}", 0, {"mse@64": value}, task="arma", metric="mse", length=64)
    shutil.copytree("runs/arma/p", "runs/arma/s")
    Path("runs/arma/s", RESULTS).unlink()
    assert order(capfd, "--sort", "metric") == "qpryxwzs"


def test_the_direction_of_every_metric_is_that_of_its_objective():
    goals = {name: goal for each in OBJECTIVES.values() for name, goal in each.goals.items()}
    assert {*MORE_IS_BETTER} <= {*goals}
    for name, goal in {**goals, "mse_ratio": "min"}.items():
        for form in (f"test/{name}@8", f"rollout_{name}", f"val/rollout_{name}@100"):
            assert (cost(form, 0.9) < cost(form, 0.1)) == (goal == "max")
            assert cost(form, float("nan")) == float("inf")


def test_a_metric_not_tested_at_the_training_length_is_named_as_tested(make, capfd):
    make("runs/a", 0, {"loss@16": 1.0, "exact_match@16": 0.5})
    make("runs/b", 1, {})
    rows, _ = table(capfd)
    assert rows[1][4] == "exact_match@16 0.5000" and "exact_match" not in " ".join(rows[2])


def test_one_task_one_folder_or_one_run_may_be_asked_for(several, capfd):
    assert order(capfd, "--task", "binary_add") == "ba"
    assert order(capfd, "runs/binary_add") == "ba"
    rows, _ = table(capfd, "runs/arma/c")
    assert [row[0] for row in rows] == ["run", "runs/arma/c"]
    os.chdir("runs/binary_add/b")
    rows, _ = table(capfd, ".")
    assert rows[1][:2] == [".", "binary_add"]
    rows, _ = table(capfd, "../..")
    assert sorted(row[0] for row in rows[1:]) == [
        *("../../arma/c", "../../binary_add/a", "../../binary_add/b"),
    ]


def test_runs_lie_at_any_depth_beside_what_is_none(make, capfd):
    make("deep/er/and/deeper/a")
    make("deep/b", 1)
    make("deep/.hidden/c", 2)
    for other in (
        "deep/wandb/run/files/config.yaml",
        "deep/er/config.yaml",
        "deep/b/in/config.yaml",
    ):
        Path(other).parent.mkdir(parents=True, exist_ok=True)
        Path(other).write_text("a: 1")
    Path("deep/loop").symlink_to(".")
    assert order(capfd, "deep") == "ab"


def test_runs_without_results_are_listed_with_the_reason_said_once(several, make, capfd):
    for name in ("u", "v"):
        path = make(f"runs/binary_add/{name}")
        (path / RESULTS).unlink()
        (path / "checkpoints/last.ckpt").touch()
    (path / METRICS).write_text("step,train/loss,test/loss@8\n9,0.5,\n19,0.4,\n20,,0.4\n29,0.")
    make("runs/binary_add/w", format=None)
    (make("runs/binary_add/x") / RESULTS).write_text('{"format": 1, "tas')
    (make("runs/binary_add/y") / CONFIG).write_bytes(b"\0\xff")
    (make("runs/binary_add/z") / CONFIG).unlink()
    rows, err = table(capfd)
    found = {row[0][-1]: row[1:] for row in rows[1:]}
    assert found["u"][:-1] == ["binary_add", "rnn", "4", "not finished", "20"]
    assert found["v"][:-1] == ["binary_add", "rnn", "4", "not finished", "20"]
    assert found["w"][:-1] == found["x"][:-1] == ["binary_add", "rnn", "4", "not readable", "20"]
    assert found["y"][:-1] == found["z"][:-1] == ["binary_add", "not readable"]
    assert {*found} == {*"abcuvwxyz"}
    assert sorted(err.splitlines()) == [
        "seqlearn runs: runs/binary_add/v has no results.json: the run is not finished, or still "
        "under way; go on with: seqlearn fit --resume runs/binary_add/v (1 more likewise)",
        "seqlearn runs: runs/binary_add/w was written by an older version of seqlearn; "
        "train anew with: seqlearn fit --config runs/binary_add/w/config.yaml",
        "seqlearn runs: runs/binary_add/x has a damaged results.json: it is empty, torn, or no "
        "text; train anew with: seqlearn fit --config runs/binary_add/x/config.yaml",
        "seqlearn runs: runs/binary_add/y has a damaged config.yaml: it is empty, torn, or no text",
        "seqlearn runs: runs/binary_add/z is no run folder: it has no config.yaml; those in a "
        "folder: seqlearn runs FOLDER",
    ]
    assert order(capfd, "--sort", "metric")[:3] == "cab"


def test_json_says_the_same_in_the_same_order(several, make, capfd):
    make("runs/binary_add/d", 4, {"exact_match@8": float("nan")})
    (make("runs/binary_add/u") / RESULTS).unlink()
    runs.main(["--sort", "metric", "--json"])
    out, err = capfd.readouterr()
    found = json.loads(out, parse_constant=pytest.fail)
    assert [each["run"][-1] for each in found] == ["c", "a", "b", "d", "u"] and not err
    assert found[1] == {
        "run": "runs/binary_add/a",
        "task": "binary_add",
        "cell": "gru",
        "size": 32,
        "metric": "exact_match@8",
        "value": 1.0,
        "goal": True,
        "steps": 100,
        "seconds": 2,
        "date": (NOON + timedelta(hours=3)).isoformat(),
        "fault": None,
    }
    assert found[3]["value"] is None and found[3]["fault"] is None
    assert found[4]["fault"].startswith("has no results.json") and found[4]["steps"] == 20


def test_dates_are_local(make, capfd, monkeypatch):
    make("runs/a", finished="2026-03-01T23:30:00+0000")
    make("runs/b", finished="some time")
    monkeypatch.setenv("TZ", "UTC-3")
    time.tzset()
    try:
        rows, _ = table(capfd, "--sort", "run")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert rows[1][-1] == "2026-03-02 02:30"
    assert datetime.fromisoformat(rows[2][-1]).year >= 2026  # of the folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "argument FOLDER: nowhere does not exist"),
        (("file",), "argument FOLDER: file is a file, not a folder"),
        (("--sort", "colour"), "argument --sort: must be one of run, task, cell, size, metric, "),
        (("--srot", "date"), "unrecognized arguments: --srot"),
        (("--compare", "a"), "argument --compare: must be two runs, got 1"),
        (("--compare", "a", "b", "c"), "argument --compare: must be two runs, got 3"),
        (
            ("--compare", "arma/c", "runs/../runs/arma/c"),
            "argument --compare: must be two runs, got runs/arma/c twice",
        ),
        (("--compare", "a", "b", "--json"), "argument --json: not allowed with argument --compare"),
        (("--compare", "binary_add/a", "b"), "argument --compare: b does not exist"),
        (("--compare", "runs/arma/c", "u"), "argument --compare: runs/u has no results.json: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(several, make, capfd, arguments, message):
    Path("file").touch()
    (make("runs/u") / RESULTS).unlink()
    with pytest.raises(SystemExit, match="2"):
        runs.main(arguments)
    out, err = capfd.readouterr()
    assert err.startswith(f"seqlearn runs: error: {message}")
    assert not out and err.count("\n") == 1


def test_a_folder_without_runs_is_no_error(several, capfd):
    Path("empty").mkdir()
    runs.main(["empty"])
    expected = "empty has no runs yet; to make one: seqlearn fit --task binary_add\n"
    assert capfd.readouterr() == (expected, "")
    runs.main(["empty", "--json"])
    assert capfd.readouterr() == ("[]\n", "")
    runs.main(["--task", "knitting"])
    assert capfd.readouterr() == ("runs has no runs of knitting, but of arma, binary_add\n", "")


def test_a_path_is_never_cut_off_and_can_be_pasted(make, capfd, monkeypatch):
    deep = "/".join(["a folder with a rather long name"] * 6)
    for name in (deep, "[red]bracket", "line\nbreak", "esc\x1b[31m"):
        make(f"runs/{name}", 0, {"exact_match@8": 0.5})
    os.mkdir(b"runs/latin-\xe9")
    shutil.move("runs/[red]bracket", b"runs/latin-\xe9/x".decode("utf-8", "surrogateescape"))
    make("runs/[red]bracket", 0, {"exact_match@8": 0.5})
    runs.main([])
    out = capfd.readouterr().out
    assert f"'runs/{deep}'  " in out and "'runs/[red]bracket'  " in out
    assert "'runs/line�break'" in out and "runs/esc�[31m" in out and "runs/latin-�/x" in out
    assert (
        "\x1b" not in out
        and len({len(line.split("2026")[0]) for line in out.splitlines()[2:]}) == 1
    )
    monkeypatch.setenv("FORCE_COLOR", "1")  # as in a terminal
    monkeypatch.setenv("COLUMNS", "40")
    runs.main([])
    assert f"'runs/{deep}'" in capfd.readouterr().out


def test_a_narrow_terminal_shows_what_says_most(several, capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "66")
    runs.main(["--sort", "steps"])
    out, err = capfd.readouterr()
    head = out.splitlines()[0]
    assert all(name in head for name in ("run", "metric", "steps")) and "task" not in head
    assert err.startswith("seqlearn runs: the terminal is too narrow for task, ")
    assert "\x1b[32m✓" in out
    monkeypatch.setenv("COLUMNS", "200")
    runs.main([])
    out, err = capfd.readouterr()
    assert all(name in out.splitlines()[0] for name in COLUMNS) and not err


def python(*arguments, **options):
    """Run ``python`` on the arguments."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


def test_a_pipe_gets_plain_lines_and_may_close_early(make):
    for index in range(300):
        make(f"runs/{'long' * 40}/{index}")
    listed = python("-m", "seqlearn.runs", check=True).stdout.splitlines()
    assert len(listed) == 302 and sum(f"/{'long' * 40}/" in line for line in listed) == 300
    for form in ((), ("--json",)):
        command = [sys.executable, "-m", "seqlearn.runs", *form]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes) as process:
            process.stdout.read(5)
            process.stdout.close()
            assert process.stderr.read() == b"" and process.wait(60) == 0


def test_a_list_takes_no_torch_and_hundreds_of_runs_little_time(make):
    for index in range(500):
        make(f"runs/binary_add/{index}", metrics={"exact_match@8": 0.5})
    code = (
        "import sys, time; from seqlearn import runs; runs.main([]); print(time.process_time(), "
        "*{'torch', 'lightning', 'numpy', 'wandb', 'matplotlib'} & {*sys.modules})"
    )
    seconds, *heavy = python("-c", code, check=True).stdout.splitlines()[-1].split()
    assert not heavy and float(seconds) < 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="takes the rights of root")
def test_a_folder_that_is_closed_does_not_stop_the_list(several, capfd):
    os.chmod(".", 0o755)
    os.chmod("runs/arma", 0)
    try:
        os.seteuid(65534)
        rows, err = table(capfd)
    finally:
        os.seteuid(0)
        os.chmod("runs/arma", 0o755)
    found = {row[0]: row[1:] for row in rows[1:]}
    assert {*found} == {"runs/binary_add/a", "runs/binary_add/b", "runs/arma"}
    assert "not readable" in found["runs/arma"]
    assert err == "seqlearn runs: runs/arma cannot be read: Permission denied\n"


def compared(capfd, *arguments):
    """Compare two runs: the lines of what is shown, each split into its cells."""
    runs.main(["--compare", *arguments])
    out, err = capfd.readouterr()
    assert not err and "\x1b" not in out
    return [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in out.splitlines()]


def test_two_runs_are_compared_by_what_differs_and_what_they_came_to(make, capfd):
    scores = {"loss@8": 0.5, "exact_match@8": 0.5, "accuracy@8": 0.75, "exact_match@16": 0.1}
    others = {"loss@8": 0.4, "exact_match@8": 0.25, "accuracy@8": 0.75, "exact_match@32": 0.1}
    config = {"model.hidden_size": 9, "data.test_lengths": [8, 32], "model.cell_args": {"gain": 2}}
    first = make("runs/binary_add/a", 0, scores, steps=10, seconds=1.0)
    make("runs/binary_add/b", 1, others, {**config, "optimizer.init_args": {"lr": 0.1}}, steps=30)
    lines = compared(capfd, str(first), "binary_add/b")
    paths = ["runs/binary_add/a", "runs/binary_add/b"]
    assert lines[0] == ["Both are of binary_add."]
    configuration = lines[lines.index(["configuration", *paths]) + 2 :]
    assert configuration[: configuration.index([])] == [
        ["model.cell_args", "null", "–"],
        ["model.hidden_size", "4", "9"],
        ["data.test_lengths", "null", "[8, 32]"],
        *(line for line in configuration if line and line[0].startswith("optimizer.")),
        ["model.cell_args.gain", "–", "2"],
    ]
    assert ["optimizer.lr", "0.03", "0.1"] in configuration
    test = lines[lines.index(["test", *paths]) + 2 :]
    assert test[:5] == [
        ["loss@8", "0.5000", "0.4000 *"],
        ["exact_match@8", "0.5000 *", "0.2500"],
        ["accuracy@8", "0.7500", "0.7500"],
        ["exact_match@16", "0.1000", "–"],
        ["exact_match@32", "–", "0.1000"],
    ]
    assert [line[0] for line in test[5:] if line] == ["steps", "seconds", "* the better of the two"]
    assert test[5] == ["steps", "10", "30"]


def test_what_two_runs_have_in_common_is_compared_if_their_tasks_differ(make, capfd):
    make("runs/a", 0, {"loss@8": 0.5, "exact_match@8": 0.5}, {"data.seed": 1})
    make("runs/b", 0, {"loss@8": 0.25, "mse@8": 0.5}, {"data.years": 3}, task="sunspots")
    lines = compared(capfd, "a", "b")
    assert lines[0] == ["The tasks differ, binary_add and sunspots: shown is what both have."]
    assert ["data.seed", "1", "0"] in lines and ["loss@8", "0.5000", "0.2500 *"] in lines
    names = {line[0] for line in lines if line}
    assert not names & {"data.years", "exact_match@8", "mse@8"}


def test_a_run_does_not_differ_from_its_copy(make, capfd):
    make("runs/a", 0, {"loss@8": 0.5})
    make("runs/b", 0, {"loss@8": 0.5})
    lines = compared(capfd, "a", "runs/b")
    assert ["The configurations are the same."] in lines
    assert ["loss@8", "0.5000", "0.5000"] in lines
