"""``seqlearn benchmark``: a grid of runs, each done once whatever happens, and its tables."""

import contextlib
import csv
import io
import json
import math
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

import pytest
import yaml
from PIL import Image

from seqlearn import cli
from seqlearn.benchmark import tasks
from seqlearn.findings import Finding, Findings, Standing
from seqlearn.findings import standing as summary
from seqlearn.grid import Job
from seqlearn.plots.bench import curves, heat_map, share
from seqlearn.plots.style import save
from seqlearn.ranking import markdown
from seqlearn.request import task_names
from seqlearn.sizing import Recipe
from seqlearn.tasks import Parity
from test_wandb import Recorded

CELLS, TASKS = ("rnn", "gru"), ("binary_add", "football")
QUICK = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10", "--data.test_size", "9")
GRID = ("--cells", "rnn,gru", "--tasks", "binary_add,football", "--seeds", "2", "--jobs", "2")


def benchmark(folder, *arguments):
    """What the command says."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.main(["benchmark", "--folder", str(folder), *arguments])
    return out.getvalue()


def results(folder):
    return {path.parent: json.loads(path.read_text()) for path in folder.rglob("results.json")}


def rows(path):
    with path.open(newline="") as file:
        return [*csv.DictReader(file)]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A whole benchmark, and what it said."""
    folder = tmp_path_factory.mktemp("bench") / "all"
    return folder, benchmark(folder, *GRID, "--", *QUICK)


def test_every_cell_is_run_on_every_task_with_every_seed_once(done):
    folder, said = done
    found = sorted((r["task"], r["cell"], r["seed"]) for r in results(folder).values())
    assert found == sorted((task, cell, k) for task in TASKS for cell in CELLS for k in (0, 1))
    assert all(r["steps"] == 20 for r in results(folder).values())
    assert len(re.findall(r"^\d of 8  ", said, re.MULTILINE)) == 8


def test_weights_and_data_are_of_the_seed(done):
    for run, result in results(done[0]).items():
        config = yaml.safe_load((run / "config.yaml").read_text())
        assert config["data"]["seed"] == config["seed_everything"] == result["seed"]


def test_all_cells_have_as_many_parameters_as_the_preset(done):
    for result in results(done[0]).values():
        recipe = Recipe(result["task"], {})
        assert abs(result["parameters"] / recipe.own_parameters - 1) < 0.1


def test_runs_csv_has_what_each_run_reached_at_each_length(done):
    folder, _ = done
    found = {(row["run"], int(row["length"])): row for row in rows(folder / "runs.csv")}
    wanted = {
        (str(run.relative_to(folder)), int(name.partition("@")[2])): (result, value)
        for run, result in results(folder).items()
        for name, value in result["metrics"].items()
        if name.startswith(f"test/{result['metric']}@")
    }
    assert found.keys() == wanted.keys()
    for key, (result, value) in wanted.items():
        row = found[key]
        assert float(row["value"]) == pytest.approx(value, rel=1e-5)
        assert (row["trained"] == "True") == (key[1] == result["length"])
        assert row["task"] == result["task"] and int(row["seed"]) == result["seed"]
    football = next(row for row in found.values() if row["task"] == "football")
    expected = 20 * 3 / float(football["seconds"])  # one attack of three actions in each step
    assert float(football["tokens_per_second"]) == pytest.approx(expected, rel=0.02)


def test_results_csv_sums_up_the_seeds(done):
    folder, _ = done
    single = rows(folder / "runs.csv")
    summed = rows(folder / "results.csv")
    assert len(summed) == len(single) / 2
    for row in summed:
        same = [r for r in single if all(r[k] == row[k] for k in ("task", "cell", "length"))]
        values = [float(each["value"]) for each in same]
        assert float(row["mean"]) == pytest.approx(statistics.fmean(values), rel=1e-5)
        assert float(row["std"]) == pytest.approx(statistics.stdev(values), rel=1e-5)
        assert float(row["best"]) == pytest.approx(max(values)), "more is better in both tasks"
        assert float(row["worst"]) == pytest.approx(min(values))
        assert int(row["reached"]) == sum(each["met"] == "True" for each in same)


def test_there_are_a_table_and_pictures(done):
    folder, said = done
    table = (folder / "results.md").read_text().splitlines()
    assert table[0] == "| task | measured | simple predictor | optimum | rnn | gru |"
    assert [line.split()[1] for line in table[2:]] == ["binary_add", "|", "football"]
    assert "exact_match@1024" in said and "accuracy@3" in said
    for name in ("heat_map.png", "curves.png"):
        with Image.open(folder / name) as image:
            assert image.width >= 800
        assert (folder / name).stat().st_size < 200_000


def test_what_is_finished_is_not_done_again_and_the_rest_goes_on(done):
    folder, _ = done
    before = {run: (run / "results.json").stat().st_mtime_ns for run in results(folder)}
    assert "8 runs, 8 of them finished" in benchmark(folder, *GRID, "--", *QUICK)
    ended = min(before)
    (ended / "results.json").unlink()  # as if it had been killed after its last step
    said = benchmark(folder, *GRID, "--", *QUICK)
    assert "8 runs, 7 of them finished" in said and "1 of 1  " in said
    after = {run: (run / "results.json").stat().st_mtime_ns for run in results(folder)}
    assert after.keys() == before.keys()
    assert [run for run in after if after[run] != before[run]] == [ended]


def test_more_cells_and_seeds_join_but_no_other_settings(done, capsys):
    folder, _ = done
    more = ("--cells", "rnn,gru,lstm", "--tasks", "football", "--seeds", "3", "--dry-run")
    assert "9 runs, 4 of them finished" in benchmark(folder, *more, "--", *QUICK)
    different = ("--match-parameters", "500", "--", *QUICK)
    for other in (different, ("--dry-run", *different), ("--", *QUICK[:2])):
        with pytest.raises(SystemExit) as refused:
            benchmark(folder, *GRID, *other)
        assert refused.value.code == 2
        assert "take another folder" in capsys.readouterr().err


def test_files_that_are_none_are_refused(tmp_path, capsys):
    (tmp_path / "benchmark.json").write_text("[1]")
    grid = ("--cells", "rnn", "--tasks", "football")
    for folder, arguments in ((tmp_path, ()), (tmp_path / "x", ("--export-sweep", "."))):
        with pytest.raises(SystemExit) as refused:
            benchmark(folder, *grid, *arguments)
        assert refused.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


CELLS_OF_ONES_OWN = """
import os
import torch
from torch import nn
class Own(nn.GRU):
    def __init__(self, *sizes, **arguments):
        super().__init__(*sizes, **arguments, batch_first=True)
        self.calls = 0
    def forward(self, x, state=None):
        self.calls += self.training
        return self.answer(*super().forward(x, state))
    def answer(self, states, state):
        return states, state
class Raises(Own):
    def answer(self, states, state):
        if self.calls > 5:
            raise RuntimeError("this is one too many")
        return states, state
class Leaves(Own):
    def answer(self, states, state):
        if self.calls > 5:
            os._exit(0)
        return states, state
class Nowhere(Own):
    def answer(self, states, state):
        return (states if self.training or len(states) == 1 else states * torch.nan), state
class Even(Own):
    def __init__(self, input_size, hidden_size, **arguments):
        if hidden_size % 4:
            raise ValueError(f"hidden_size must be a multiple of 4, got {hidden_size}")
        super().__init__(input_size, hidden_size, **arguments)
class Square(Own):
    def __init__(self, input_size, hidden_size, **arguments):
        assert hidden_size in [k * k for k in range(100)], "hidden_size must be a square"
        super().__init__(input_size, hidden_size, **arguments)
class Small(Own):
    def __init__(self, input_size, hidden_size, **arguments):
        assert hidden_size <= 40, "hidden_size must be at most 40"
        super().__init__(input_size, hidden_size, **arguments)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Cells that somebody has in a file."""
    (tmp_path / "own.py").write_text(CELLS_OF_ONES_OWN)
    monkeypatch.syspath_prepend(tmp_path)


def test_runs_that_fail_are_told_of_and_cost_no_other(tmp_path, capsys, own):
    cells = ("own.Raises", "own.Leaves", "own.Nowhere", "rnn")
    grid = ("--cells", ",".join(cells), "--tasks", "football", "--seeds", "1")
    folder = tmp_path / "bench"
    with pytest.raises(SystemExit) as failed:
        benchmark(folder, *grid, "--", *QUICK)
    assert failed.value.code == 1
    *each, last = capsys.readouterr().err.splitlines()
    assert len(each) == 2 and "2 of 4 runs failed" in last
    assert sum("this is one too many" in line for line in each) == 1
    assert {result["cell"] for result in results(folder).values()} == {*cells[2:]}
    assert {row["cell"] for row in rows(folder / "results.csv")} == {*cells[2:]}


def test_values_that_are_no_numbers_are_told_as_such(tmp_path):
    group = [finding(value=value) for value in (0.5, math.nan, math.inf)]
    summed = summary(group, Parity())
    assert math.isnan(summed.mean) and math.isnan(summed.std) and summed.best == math.inf
    for draw in (heat_map, curves):
        many = [summed, summed._replace(length=80, trained=False, mean=0.5, best=0.5, worst=0.4)]
        save(draw(many), tmp_path / "picture.png")
    assert "nan" in markdown([summed])


def test_sizes_that_a_cell_cannot_have_are_passed_over(own):
    recipe = Recipe("parity", {})
    for wanted in (1, 300, 1000):
        size = recipe.fitting("own.Even", wanted)
        distance = {k: abs(recipe.parameters("own.Even", k) - wanted) for k in range(4, 90, 4)}
        assert min(distance, key=distance.__getitem__) == size


def test_sizes_are_found_among_few_and_below_the_largest(own):
    recipe = Recipe("parity", {})
    for cell, sizes in (("own.Square", [k * k for k in range(1, 9)]), ("own.Small", range(1, 41))):
        for size in sizes:
            assert recipe.fitting(cell, recipe.parameters(cell, size)) == size
    assert recipe.fitting("own.Small", 10**5) == 40


def test_of_two_sizes_the_one_that_came_last_counts(tmp_path):
    grid = ("--cells", "rnn", "--tasks", "football", "--jobs", "2")
    benchmark(tmp_path, *grid, "--seeds", "2", "--", *QUICK)
    for run, result in results(tmp_path).items():  # as if the preset had changed since
        sizes = {0: (9, "2099-01-01"), 1: (8, "2000-01-01")}[result["seed"]]
        changed = dict(zip(("hidden_size", "finished"), sizes, strict=True))
        (run / "results.json").write_text(json.dumps(result | changed))
    (standing, *_) = Findings(tmp_path).standings
    assert (standing.hidden_size, standing.seeds) == (9, 1)


def test_a_run_that_cannot_go_on_begins_anew(done, tmp_path):
    folder = tmp_path / "bench"
    shutil.copytree(done[0] / "rnn/seed0/football", folder / "rnn/seed0/football")
    (run,) = results(folder)
    job = Job("football", "rnn", 0, 8)
    assert job.arguments(folder, ()) == ["--resume", str(run)]
    last = run / "checkpoints/last.ckpt"
    last.write_bytes(last.read_bytes()[:-9])
    assert job.arguments(folder, ())[:2] == ["--task", "football"]
    last.unlink()
    assert job.arguments(folder, ())[:2] == ["--task", "football"]


def test_without_the_length_trained_on_the_shortest_takes_its_place(tmp_path):
    grid = ("--cells", "rnn", "--tasks", "parity", "--seeds", "1")
    benchmark(tmp_path, *grid, "--", *QUICK, "--data.test_lengths", "[50, 60]")
    assert "accuracy@50" in (tmp_path / "results.md").read_text()
    assert (tmp_path / "curves.png").exists()


@pytest.mark.slow
def test_two_benchmarks_in_one_folder_share_the_runs(tmp_path):
    grid = ("--cells", "rnn", "--tasks", "football", "--seeds", "4", "--jobs", "1", "--", *QUICK)
    command = [sys.executable, "-m", "seqlearn.benchmark", "--folder", str(tmp_path), *grid]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    benchmark(tmp_path, *grid)
    other.communicate(timeout=60)
    assert other.returncode == 0 and len(results(tmp_path)) == 4


@pytest.mark.parametrize("task", ["binary_add", "first_symbol", "decimal_add"])
@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_size_is_the_one_nearest_to_the_parameters_asked_for(task, cell):
    recipe = Recipe(task, {})
    for wanted in (1, 500, 5000):
        size = recipe.fitting(cell, wanted)
        distance = {k: abs(recipe.parameters(cell, k) - wanted) for k in range(1, size + 3)}
        assert min(distance, key=distance.__getitem__) == size


def test_parameters_are_those_that_the_equations_have():
    recipe = Recipe("football", {})  # 6 symbols, 3 classes
    for n in (1, 7, 40):
        head = 3 * n + 3
        assert recipe.parameters("rnn", n) == n * (6 + n + 2) + head
        assert recipe.parameters("gru", n) == 3 * n * (6 + n + 2) + head
        assert recipe.parameters("lstm", n) == 4 * n * (6 + n + 2) + head


def test_settings_for_all_runs_count_for_the_size_too():
    two = Recipe("football", {"model.num_layers": 2, "data.batch_size": 5})
    assert two.parameters("rnn", 7) == Recipe("football", {}).parameters("rnn", 7) + 7 * (7 + 7 + 2)
    assert two.data.batch_size == 5


@pytest.mark.parametrize(
    ("word", "chosen"),
    [
        ("all", task_names()),
        ("parity,adding", ["parity", "adding"]),
        ("all,-parity", [name for name in task_names() if name != "parity"]),
        ("parity,parity", ["parity"]),
        ("-parity", [name for name in task_names() if name != "parity"]),
        ("parity,-parity,adding", ["adding"]),
    ],
)
def test_tasks_are_named_or_all_or_all_but_some(word, chosen):
    assert tasks(word) == chosen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tasks", "football"], "--cells"),
        (["--cells", "rnn"], "--tasks"),
        (["--cells", "rnn", "--tasks", "futball"], "did you mean 'football'?"),
        (["--cells", "rnn", "--tasks", "football,-football"], "must leave at least one"),
        (["--cells", "rmm", "--tasks", "football"], "`cell` must be one of rnn"),
        (["--cells", "../rnn.RNN", "--tasks", "football"], "`cell` must be one of rnn"),
        (["--cells", "rnn", "--tasks", "football", "--", "-c", "x.yaml"], "argument -c:"),
        (["--cells", "rnn", "--tasks", "football", "--", "--help"], "argument --help:"),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--model.cell_args.gain", "2"],
            "argument --model.cell_args.gain: not for a benchmark",
        ),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--trainer.max_steps", "-1"],
            "must have an end",
        ),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--trainer.max_epochs", "-1"],
            "argument --trainer.max_epochs: runs must have an end, got -1",
        ),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--model.foo", "3"],
            "argument --model.foo: there is no such argument",
        ),
        (["--cells", "rnn", "--tasks", "football", "--seeds", "null"], "must be an integer"),
        (["--cells", "rnn", "--tasks", "football", "--jobs", "null"], "must be an integer"),
        (["--cells", "rnn,,gru", "--tasks", "football"], "words with commas between"),
        (["--cells", "rnn", "--tasks", "football", "--seeds", "0"], "must be at least 1"),
        (["--cells", "rnn", "--tasks", "football", "--jobs", "x"], "must be an integer"),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--model.cell", "gru"],
            "argument --model.cell: not for a benchmark",
        ),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--data.bits", "9"],
            "argument --data.bits: there is no such argument",
        ),
        (
            ["--cells", "rnn", "--tasks", "football", "--", "--data.batch_size", "0"],
            "argument --data.batch_size: must be at least 1, got 0",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(arguments, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as refused:
        benchmark(tmp_path / "bench", *arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert refused.value.code == 2 and message in line
    assert re.match("seqlearn (benchmark|fit): error: ", line)
    assert not (tmp_path / "bench").exists()


def test_what_one_task_would_refuse_is_refused_before_any_run(tmp_path, capsys):
    flags = ("--lr_scheduler.total_iters", "50")  # of these two only parity has a schedule
    with pytest.raises(SystemExit, match="2"):
        grid = ("--cells", "rnn", "--tasks", "parity,reber", "--seeds", "1", "--dry-run")
        benchmark(tmp_path, *grid, "--", *flags)
    (line,) = capsys.readouterr().err.splitlines()
    assert "argument --lr_scheduler.total_iters: there is no such argument" in line


def test_a_value_is_no_flag(tmp_path):
    grid = ("--cells", "rnn", "--tasks", "football", "--seeds", "1", "--dry-run")
    assert "1 runs" in benchmark(tmp_path, *grid, "--", "--trainer.logger.name", "model")


def test_a_dry_run_tells_how_much_there_is_to_do_and_leaves_nothing(tmp_path):
    said = benchmark(tmp_path / "bench", *GRID, "--dry-run")
    assert "8 runs, 0 of them finished" in said
    assert re.search(r"football +\d+ s a run +rnn 8 \(155\), gru 4 \(159\)", said)
    assert re.search(r"^about \d+ (s|min), 2 at a time$", said, re.MULTILINE)
    assert not (tmp_path / "bench").exists()


def test_a_sweep_has_every_run_once(tmp_path):
    path = tmp_path / "sweep.yaml"
    flags = ("--match-parameters", "300", "--export-sweep", str(path), "--", *QUICK)
    assert f"wandb sweep {path}" in benchmark("there", *GRID, *flags)
    plan = yaml.safe_load(path.read_text())
    assert plan["method"] == "grid"
    sizes = [len(each["values"]) for each in plan["parameters"].values()]
    assert sorted(sizes) == [2, 2, 2]
    known = {"env": [], "interpreter": ["python"], "program": [plan["program"]]}
    known["args"] = [f"--{name}={each['values'][-1]}" for name, each in plan["parameters"].items()]
    command = []
    for word in plan["command"]:
        macro = re.fullmatch(r"\$\{(\w+)\}", word)
        command += known[macro[1]] if macro else [word]
    assert command[:3] == ["python", "-m", "seqlearn.benchmark"]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        place = command.index("--")
        cli.main(["benchmark", *command[3:place], "--dry-run", *command[place:]])
    assert "1 runs, 0 of them finished" in out.getvalue()
    assert "football" in out.getvalue() and "gru" in out.getvalue()


def finding(**values):
    fields = dict.fromkeys(Finding._fields, 1) | {"task": "parity", "cell": "rnn"}
    return Finding(**(fields | {"metric": "accuracy", "length": 40, "trained": True} | values))


def standing(**values):
    fields = dict.fromkeys(Standing._fields)
    fields |= {"task": "parity", "cell": "rnn", "metric": "accuracy", "length": 40, "seeds": 5}
    return Standing(**(fields | {"trained": True, "mean": 1.0, "std": 0.0, "reached": 5} | values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"simple": 0.5, "optimum": 1.0, "mean": 0.75}, 0.5),
        ({"simple": 0.5, "optimum": 1.0, "mean": 0.3}, 0.0),
        ({"metric": "mse", "simple": 2.0, "optimum": 0.0, "mean": 0.5}, 0.75),
        ({"metric": "mse", "simple": 2.0, "goal": 1.0, "mean": 0.5}, 1.0),
        ({"metric": "mse", "simple": 1.0, "goal": 2.0, "mean": 0.5}, math.nan),
        ({"simple": 0.99, "goal": 0.95, "mean": 0.97}, math.nan),
        ({"simple": 1.0, "optimum": 1.0, "mean": 0.97}, math.nan),
    ],
)
def test_colours_go_from_the_simple_predictor_to_the_optimum(values, expected):
    assert share(standing(**values)) == pytest.approx(expected, nan_ok=True)


def test_a_table_says_how_many_seeds_reached_the_goal():
    text = markdown([standing(), standing(cell="lstm", mean=0.5, std=0.01, reached=2)])
    assert "| 1.0000 (5/5) | 0.5000 ± 0.0100 (2/5) |" in text


LONG = ("--data.test_lengths", "[30]", "--trainer.val_check_interval", "5")
LONG += ("--trainer.max_steps", "60", "--data.val_size", "20", "--data.test_size", "20")
LONGER = ("--cells", "rnn,gru", "--tasks", "first_symbol", "--seeds", "2", "--jobs", "2")


def begin(folder):
    """Start a benchmark, and wait until two runs have something to go on from."""
    command = [sys.executable, "-m", "seqlearn.benchmark", "--folder", str(folder), *LONGER]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "--", *LONG], **pipes)
    deadline = time.monotonic() + 60
    while len([*folder.rglob("last.ckpt")]) < 2:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return process, {path.parent for path in folder.rglob("config.yaml")}


def test_what_is_ended_goes_on_and_no_run_is_begun_twice(tmp_path, monkeypatch):
    folder = tmp_path / "bench"
    process, begun = begin(folder)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "ended by SIGTERM; to go on: the same command" in err
    assert len(results(folder)) < 4
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert "4 runs" in benchmark(folder, *LONGER, "--", *LONG)
    finished = results(folder)
    assert len(finished) == 4 and begun <= finished.keys()
    assert {each["steps"] for each in finished.values()} == {60}
    groups = {Recorded(run).run.run_group for run in finished if run not in begun}
    assert groups == {"benchmark bench"}


@pytest.mark.slow
def test_runs_end_with_who_started_them(tmp_path):
    folder = tmp_path / "bench"
    process, begun = begin(folder)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 60
    logs = folder / "logs"
    while not all("ended by SIGTERM" in log.read_text() for log in logs.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert "4 runs" in benchmark(folder, *LONGER, "--", *LONG)
    assert len(results(folder)) == 4 and begun <= results(folder).keys()
