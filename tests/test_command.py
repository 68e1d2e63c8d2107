"""The command: from help to a finished run, and what can be asked of it afterwards."""

import contextlib
import csv
import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import torch
import yaml

from seqlearn import cli
from seqlearn.checkpoints import write
from seqlearn.loggers import MetricsFile
from seqlearn.modules import MODULES
from seqlearn.tasks import TASKS

QUICK = ("--trainer.logger", "false", "--report", "false")


@pytest.fixture
def seqlearn(capfd):
    """Run the command in this process and return what it printed."""

    def run(*arguments: str) -> str:
        cli.main(arguments)
        return capfd.readouterr().out

    return run


def newest(task: str) -> Path:
    return max(Path("runs", task).iterdir(), key=lambda path: path.stat().st_mtime_ns)


def weights(folder: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]


def history(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


NO_DOWNLOAD = {"char_lm": ("--data.corpus", "grammar", "--data.grammar_size", "20000")}


@pytest.mark.parametrize("task", TASKS)
def test_every_task_takes_a_quick_step_and_leaves_nothing(seqlearn, task):
    flags = ("--trainer.fast_dev_run", "true", *NO_DOWNLOAD.get(task, ()))
    out = seqlearn("fit", "--task", task, *flags)
    assert TASKS[task].__name__ in out
    assert not list(Path().iterdir())


@pytest.mark.parametrize("arguments", [(), ("--help",), ("fit", "--help"), ("predict", "-h")])
def test_help_without_a_task_lists_the_tasks_and_needs_no_torch(arguments):
    look = f"cli.main({arguments!r}); sys.exit('torch' in sys.modules)"
    code = f"import sys; from seqlearn import cli; {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for task, kind in TASKS.items():
        line = next(line for line in done.stdout.splitlines() if line.split()[:1] == [task])
        assert line.split(maxsplit=1)[1] == kind.__doc__.splitlines()[0]


def test_help_with_a_task_shows_every_flag_with_its_tuned_default_and_no_matplotlib():
    code = (
        "import sys; from seqlearn import cli\n"
        "try: cli.main(['fit', '--task', 'binary_add', '--help'])\n"
        "finally: print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    text = " ".join(done.stdout.split())
    assert text.endswith("False")
    assert "--data.bits BITS Train on numbers of one to this many bits" in text
    assert "--trainer.max_steps" in text and "default: 300" in text
    assert "--model.hidden_size" in text and "default: 16" in text
    assert "'lr': 0.03" in text
    assert "--resume RUN" in text


def test_to_import_the_package_is_cheap_and_its_names_are_there():
    code = "import sys, seqlearn; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert "'torch'" not in out and "'numpy'" not in out
    import seqlearn

    assert seqlearn.BinaryAdd is TASKS["binary_add"]
    assert set(seqlearn.__all__) <= set(dir(seqlearn))
    for name in seqlearn.__all__:
        assert getattr(seqlearn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = seqlearn.Nothing


def test_a_printed_configuration_gives_itself(capfd):
    def printed(*arguments):
        with pytest.raises(SystemExit, match="0"):
            cli.main(["fit", *arguments, "--print_config"])
        return capfd.readouterr().out

    first = printed("--task", "binary_add", "--data.bits", "5", "--optimizer.lr", "0.5")
    Path("own.yaml").write_text(first)
    assert printed("--config", "own.yaml") == first
    again = yaml.safe_load(printed("-c", "own.yaml", "--data.bits", "6"))
    assert again["data"]["bits"] == 6 and again["optimizer"]["init_args"]["lr"] == 0.5
    assert again["trainer"]["max_steps"] == 300


def test_a_run_leaves_its_folder_and_can_be_asked_again(seqlearn):
    flags = ("--trainer.max_steps", "60", "--trainer.val_check_interval", "20")
    out = seqlearn("fit", "--task", "binary_add", *flags, "--data.test_lengths", "[8, 12]", *QUICK)
    run = newest("binary_add")
    files = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    assert files == {
        "config.yaml",
        "metrics.csv",
        "results.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
    }
    assert f"run folder: {run}" in out
    assert "ignore_carry 0.1001" in out and out.count(" predicted ") == 5

    results = json.loads((run / "results.json").read_text())
    assert results["task"] == "binary_add" and results["seed"] == 0 and results["steps"] == 60
    assert results["checkpoint"] == "checkpoints/best.ckpt"
    assert results["baselines"] == TASKS["binary_add"]().baselines()
    names = {f"test/{m}@{n}" for m in ("loss", "accuracy", "exact_match") for n in (8, 12)}
    assert set(results["metrics"]) == names

    rows = history(run)
    assert [row["step"] for row in rows if row["val/loss"]] == ["19", "39", "59"]
    assert [row["step"] for row in rows if row["train/loss"]] == [str(n) for n in range(1, 60, 2)]
    assert float(rows[-1]["test/loss@8"]) == results["metrics"]["test/loss@8"]

    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["task"] == "binary_add" and config["trainer"]["max_steps"] == 60
    ask = ("--config", str(run / "config.yaml"), "--ckpt_path", str(run / "checkpoints/best.ckpt"))
    tested = seqlearn("test", *ask)
    assert tested.splitlines()[:-1] == out.splitlines()[: len(tested.splitlines()) - 1]
    validated = seqlearn("validate", *ask)
    assert "exact_match " in validated and "exact_match@" not in validated.partition("For")[0]
    assert "1000 examples: predictions.jsonl" in seqlearn("predict", *ask)
    assert {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()} == files

    best = run / "checkpoints" / "best.ckpt"
    module = MODULES["many-to-many"].load_from_checkpoint(best)
    assert module.hparams["hidden_size"] == 16 and module.hparams["objective"] == "binary"
    assert TASKS["binary_add"].load_from_checkpoint(best).curve == (8, 12)


def test_a_resumed_run_ends_as_if_it_had_not_stopped(seqlearn):
    common = ("--trainer.val_check_interval", "20", "--data.test_lengths", "[8]", *QUICK)
    seqlearn("fit", "--task", "binary_add", "--trainer.max_steps", "80", *common)
    whole = newest("binary_add")
    seqlearn("fit", "--task", "binary_add", "--trainer.max_steps", "40", *common)
    stopped = newest("binary_add")
    assert whole != stopped
    seqlearn("fit", "--resume", str(stopped), "--trainer.max_steps", "80")
    assert (
        newest("binary_add") in (whole, stopped)
        and len(list(Path("runs/binary_add").iterdir())) == 2
    )
    for name in ("last", "best"):
        one, two = weights(whole, name), weights(stopped, name)
        assert all(torch.equal(one[key], two[key]) for key in one)
    results = [json.loads((run / "results.json").read_text()) for run in (whole, stopped)]
    assert results[0]["metrics"] == results[1]["metrics"]
    assert results[1]["steps"] == 80
    losses = [
        [row["val/loss"] for row in history(run) if row["val/loss"]] for run in (whole, stopped)
    ]
    assert len(losses[0]) == 4 and losses[0] == losses[1]
    assert yaml.safe_load((stopped / "config.yaml").read_text())["trainer"]["max_steps"] == 80


def test_the_report_is_about_the_best_weights_not_the_last(seqlearn):
    flags = (
        "--trainer.max_steps",
        "35",
        "--trainer.val_check_interval",
        "10",
        "--optimizer.lr=0.3",
    )
    out = seqlearn("fit", "--task", "binary_add", *flags, "--data.test_lengths", "[8]", *QUICK)
    run = newest("binary_add")
    losses = [float(row["val/loss"]) for row in history(run) if row["val/loss"]]
    best = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    assert best["global_step"] == 10 * (1 + losses.index(min(losses)))
    config, table = str(run / "config.yaml"), out.splitlines()[:6]

    def tested(name):
        path = str(run / "checkpoints" / f"{name}.ckpt")
        return seqlearn("test", "--config", config, "--ckpt_path", path).splitlines()[:6]

    assert tested("best") == table != tested("last")


def test_a_run_that_has_moved_keeps_its_best_weights(seqlearn):
    flags = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10", *QUICK)
    seqlearn("fit", "--task", "binary_add", *flags, "--data.test_lengths", "[8]")
    moved = newest("binary_add").rename("moved")
    before = weights(moved, "best")
    # With these weights every validation to come is worse, so that the best must stay.
    last = torch.load(moved / "checkpoints/last.ckpt", weights_only=True)
    for weight in last["state_dict"].values():
        weight.mul_(30)
    write(last, moved / "checkpoints/last.ckpt")
    seqlearn("fit", "--resume", "moved", "--trainer.max_steps", "30")
    after = weights(moved, "best")
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_new_run_from_a_checkpoint_has_a_best_of_its_own(seqlearn):
    flags = ("--trainer.val_check_interval", "10", "--data.test_lengths", "[8]", *QUICK)
    mine = (
        *("--trainer.callbacks+", "ModelCheckpoint", "--trainer.callbacks.dirpath", "mine"),
        *("--trainer.callbacks.monitor", "val/accuracy", "--trainer.callbacks.mode", "max"),
        *("--trainer.callbacks.filename", "mine"),
    )
    seqlearn("fit", "--task", "binary_add", "--trainer.max_steps", "20", *flags, *mine)
    first = newest("binary_add").rename("first")
    last = torch.load(first / "checkpoints/last.ckpt", weights_only=True)
    for weight in last["state_dict"].values():
        weight.mul_(30)  # worse than the first run's best, and stays so
    write(last, Path("worse.ckpt"))
    more = ("--ckpt_path", "worse.ckpt", "--trainer.max_steps", "40")
    seqlearn("fit", "--task", "binary_add", *more, *flags)
    (second,) = Path("runs/binary_add").iterdir()
    assert torch.load(second / "checkpoints/best.ckpt", weights_only=True)["global_step"] > 20
    seqlearn("fit", "--resume", "first", "--trainer.max_steps", "30")
    states = torch.load(first / "checkpoints/last.ckpt", weights_only=True)["callbacks"]
    kept = {Path(state["best_model_path"]).name for state in states.values() if state}
    assert kept == {"mine.ckpt", "best.ckpt"}


def test_what_was_logged_after_the_checkpoint_is_logged_anew(tmp_path):
    log = MetricsFile(tmp_path / "metrics.csv")
    for step in range(6):
        log.log_metrics({"train/loss": 1.0 / (step + 1)}, step)
    log.log_metrics({"val/loss": 0.5}, 5)
    again = MetricsFile(tmp_path / "metrics.csv")
    again.rewind(4)
    again.log_metrics({"train/loss": 7.0}, 4)
    rows = history(tmp_path)
    assert [row["step"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row["train/loss"] for row in rows][3:] == ["0.25", "7.0"]


def test_epochs_are_there_for_those_who_think_in_them(seqlearn):
    flags = ("--trainer.max_epochs", "2", "--data.train_size", "640", "--data.test_lengths", "[8]")
    seqlearn("fit", "--task", "binary_add", *flags, *QUICK)
    results = json.loads((newest("binary_add") / "results.json").read_text())
    assert results["steps"] == 20
    assert (
        results["checkpoint"] == "checkpoints/last.ckpt"
    )  # no validation came, so there is no best


def test_a_schedule_to_the_end_goes_along_with_the_steps(capfd):
    def iters(*flags):
        with contextlib.suppress(SystemExit):
            cli.main(["fit", *flags, "--print_config"])
        Path("printed.yaml").write_text(text := capfd.readouterr().out)
        return yaml.safe_load(text)["lr_scheduler"]["init_args"]["total_iters"]

    parity, five = ("--task", "parity"), ("--trainer.max_steps", "5000")
    assert (iters(*parity), iters(*parity, *five)) == (3000, 5000)
    own = ("--lr_scheduler.total_iters", "300")
    assert iters(*parity, *five, *own) == 300
    assert iters("--config", "printed.yaml", "--trainer.max_steps", "7") == 300


def test_flags_of_the_trainer_the_network_and_the_optimizer_reach_them(seqlearn):
    flags = (
        *("--model.cell", "gru", "--model.hidden_size", "5", "--model.num_layers", "2"),
        *("--optimizer", "SGD", "--optimizer.lr", "0.1", "--lr_scheduler", "StepLR"),
        *("--lr_scheduler.step_size", "10", "--trainer.max_steps", "30"),
        *("--trainer.log_every_n_steps", "10"),
        *("--trainer.callbacks+", "LearningRateMonitor", "--data.test_lengths", "[8]"),
    )
    seqlearn("fit", "--task", "binary_add", *flags, *QUICK)
    run = newest("binary_add")
    assert weights(run)["cell.weight_hh_l1"].shape == (15, 5)
    rates = [row["lr-SGD"] for row in history(run) if row["lr-SGD"]]
    assert [float(rate) for rate in rates] == pytest.approx([0.1, 0.01, 0.001])


@pytest.mark.parametrize(
    "flags",
    [
        ("--trainer.precision", "64"),
        ("--trainer.precision", "bf16-mixed"),
        ("--trainer.precision", "bf16-true"),
        ("--trainer.accumulate_grad_batches", "3"),
        ("--trainer.limit_val_batches", "0"),
        ("--trainer.gradient_clip_algorithm", "value"),
        ("--trainer.fast_dev_run", "3"),
        ("--trainer.max_time", "00:00:00:01"),
        ("--model.reduction", "sum"),
        ("--model.num_layers", "2", "--model.dropout", "0.2"),
        ("--data.train_limit", "20"),
        ("--data.val_size", "1", "--data.test_size", "1"),
    ],
    ids=lambda flags: " ".join(flags),
)
def test_what_the_trainer_and_the_task_offer_runs_to_the_end(seqlearn, flags):
    steps = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10")
    out = seqlearn("fit", "--task", "football", *steps, *QUICK, *flags)
    assert out.count(" Football ") == 1 and out.count(" predicted ") >= 1


CLIP = ("--trainer.gradient_clip_val", "1e-3")


@pytest.mark.filterwarnings("ignore:You passed")  # on a processor Lightning takes bf16 for 16
@pytest.mark.parametrize(
    ("flags", "fused"),
    [
        (CLIP, True),
        ((*CLIP, "--trainer.precision", "bf16-mixed"), True),
        ((*CLIP, "--trainer.precision", "16-mixed"), True),
        ((*CLIP, "--trainer.precision", "bf16-true"), True),
        (("--optimizer", "AdamW"), True),
        (("--optimizer.fused", "false"), False),
        (("--optimizer.foreach", "true"), None),
    ],
    ids=str,
)
def test_adam_is_fused_unless_told_otherwise_and_gradients_are_clipped(seqlearn, flags, fused):
    seqlearn("fit", "--task", "football", *QUICK, "--trainer.max_steps", "3", *flags)
    path = newest("football") / "checkpoints" / "last.ckpt"
    (state,) = torch.load(path, weights_only=True)["optimizer_states"]
    assert [group["fused"] for group in state["param_groups"]] == [fused]
    assert all(torch.isfinite(each["exp_avg"]).all() for each in state["state"].values())


def test_lines_are_logged_as_often_as_a_file_says(seqlearn):
    Path("own.yaml").write_text("task: football\ntrainer: {log_every_n_steps: 5, max_steps: 20}\n")
    seqlearn("fit", "--config", "own.yaml", *QUICK)
    rows = history(newest("football"))
    assert [row["step"] for row in rows if row["train/loss"]] == ["4", "9", "14", "19"]


def test_a_cell_of_ones_own_needs_only_its_path(seqlearn):
    flags = ("--model.cell", "torch.nn.GRU", "--model.cell_args", "{batch_first: true}")
    seqlearn("fit", "--task", "football", *flags, "--trainer.max_steps", "10", *QUICK)
    assert weights(newest("football"))["cell.weight_hh_l0"].shape == (24, 8)


def test_arguments_of_the_presets_cell_go_with_it(seqlearn):
    flags = ("--trainer.max_steps", "10", "--data.steps", "5", *QUICK)
    for cell in ("rnn", "window"):
        seqlearn("fit", "--task", "first_symbol", "--model.cell", cell, *flags)
    own = ("--model.cell", "window", "--model.cell_args", "{size: 2}")
    seqlearn("fit", "--task", "first_symbol", *own, *flags)
    assert weights(newest("first_symbol"))["cell.layers.0.weight"].shape == (32, 2 * 4)
    own = ("--model.cell", "window", "--model.cell_args.size", "3")
    seqlearn("fit", "--task", "first_symbol", *own, *flags)
    assert weights(newest("first_symbol"))["cell.layers.0.weight"].shape == (32, 3 * 4)


def test_classes_of_ones_own_need_no_task(seqlearn):
    flags = (
        "--data",
        "BinaryAdd",
        "--data.bits",
        "3",
        "--model",
        "ManyToMany",
        "--optimizer",
        "SGD",
    )
    more = ("--optimizer.lr", "0.1", "--trainer.max_steps", "10", "--data.test_lengths", "[3]")
    out = seqlearn("fit", *flags, *more, *QUICK)
    run = newest("binary_add")
    assert "BinaryAdd" in out and str(run) in out
    seqlearn(
        "test", "-c", str(run / "config.yaml"), "--ckpt_path", str(run / "checkpoints/last.ckpt")
    )


def test_without_checkpoints_the_last_weights_are_tested(seqlearn):
    flags = ("--trainer.enable_checkpointing", "false", "--trainer.max_steps", "50")
    out = seqlearn("fit", "--task", "football", *flags, *QUICK)
    assert "Football" in out
    assert json.loads((newest("football") / "results.json").read_text())["checkpoint"] is None


@pytest.mark.parametrize("verb", ["validate", "test", "predict"])
def test_other_verbs_need_weights(verb, capfd):
    with pytest.raises(SystemExit, match="2"):
        cli.main([verb, "--task", "binary_add"])
    assert "argument --run: required" in capfd.readouterr().err


def test_verbs_are_functions_of_the_package():
    import seqlearn

    with pytest.raises(SystemExit, match="2"):
        seqlearn.fit.main(["--task", "nothing"])


def test_presets_are_part_of_the_package():
    presets = {path.name for path in (files("seqlearn") / "presets").iterdir()}
    assert presets == {f"{task}.yaml" for task in TASKS}


def test_console_script_is_installed():
    script = Path(sys.executable).with_name("seqlearn")
    done = subprocess.run([script, "fit", "--help"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0 and "binary_add" in done.stdout
