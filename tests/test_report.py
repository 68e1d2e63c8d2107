"""What a fit leaves to look at, ``seqlearn report``, and what is lost when that fails."""

import json
import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from seqlearn import cli
from seqlearn.checkpoints import read, write
from seqlearn.record import LAST, PAGE, PLOTS, RESULTS

PICTURES = {"predictions", "learning_curve", "length_generalization", "hidden_states"}
PICTURES |= {"gradient_flow"}
SHORT = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10")
QUICK = (*SHORT, "--trainer.logger", "false")

TASK = '''
from dataclasses import dataclass
from seqlearn import BinaryAdd

@dataclass(kw_only=True, eq=False)
class Shy(BinaryAdd):
    """A sum that does not want to be seen."""

    def plot(self, batch, predictions, alone=None):
        raise KeyError("no eyes")
'''


def fit(*flags: str, task: str = "binary_add") -> Path:
    """Fit in a folder of its own; give the run's."""
    cli.main(["fit", "--task", task, *QUICK, *flags])
    return max(Path("runs", task).iterdir(), key=lambda run: run.stat().st_mtime_ns)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run; who changes it takes a copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("report"))
        return fit().absolute()


def names(run: Path) -> set[str]:
    return {path.stem for path in (run / PLOTS).glob("*.png")}


def refused(capfd, *arguments: str) -> str:
    capfd.readouterr()
    with pytest.raises(SystemExit, match="2"):
        cli.main(list(arguments))
    out, err = capfd.readouterr()
    assert not out and err.count("\n") == 1
    return err


def test_a_fit_leaves_pictures_and_a_page_small_enough_to_send(finished):
    assert names(finished) == PICTURES
    for path in (finished / PLOTS).iterdir():
        assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size < 200_000
    page = (finished / PAGE).read_text()
    assert page.count("data:image/png;base64,") == len(PICTURES)
    assert len(page) < 2_000_000


def test_a_report_is_made_anew_as_it_was(finished, capfd, monkeypatch):
    before = {path: path.read_bytes() for path in (finished / PLOTS).iterdir()}
    monkeypatch.chdir(finished.parents[2])  # where the fit was: the page names its folder
    page = (finished / PAGE).read_text()
    for path in before:
        path.unlink()
    (finished / PLOTS / "length_generalization.png").write_bytes(b"stale")
    cli.main(["report", str(finished)])
    assert {path: path.read_bytes() for path in (finished / PLOTS).iterdir()} == before
    assert (finished / PAGE).read_text() == page
    out = capfd.readouterr().out.splitlines()
    assert len(out) == len(PICTURES) + 1 and out[-1].endswith(PAGE)


def test_no_report_if_none_is_wanted():
    run = fit("--report", "false")
    assert (run / RESULTS).exists() and not (run / PLOTS).exists() and not (run / PAGE).exists()
    cli.main(["report", str(run)])  # but later it is
    assert names(run) == PICTURES and (run / PAGE).exists()


def test_a_picture_there_is_none_of_does_not_stay_behind():
    run = fit()
    results = json.loads((run / RESULTS).read_text())
    kept = {name: v for name, v in results["metrics"].items() if name.endswith("@8")}
    (run / RESULTS).write_text(json.dumps({**results, "metrics": kept}))
    cli.main(["report", str(run)])
    assert names(run) == PICTURES - {"length_generalization"}


@contextmanager
def no_large_files():
    """Let no file grow larger than checkpoints; pictures are."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (18_000, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_disk_without_room_costs_the_report_and_not_the_run(capfd):
    with no_large_files():
        run = fit()
    assert json.loads((run / RESULTS).read_text())["steps"] == 20
    assert (run / "checkpoints" / "best.ckpt").exists() and not (run / PAGE).exists()
    out, err = capfd.readouterr()
    assert err.count("\n") == 1 and "the report is lost" in err and "exact_match@8" in out
    with no_large_files(), pytest.raises(SystemExit, match="1"):
        cli.main(["report", str(run)])
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "the report is lost" in err


def test_a_plot_that_fails_costs_its_picture(monkeypatch, capfd):
    Path("shy.py").write_text(TASK)
    monkeypatch.syspath_prepend("")
    arguments = ["--data", "shy.Shy", "--model", "ManyToMany", *QUICK]
    cli.main(["fit", *arguments])
    (run,) = Path("runs", "shy").iterdir()
    assert names(run) == PICTURES - {"predictions"} and (run / PAGE).exists()
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "no picture predictions: KeyError: 'no eyes'" in err
    with pytest.raises(SystemExit, match="1"):
        cli.main(["report", str(run)])
    assert "no eyes" in capfd.readouterr().err


def test_a_description_that_fails_costs_the_examples(monkeypatch, capfd):
    Path("mute.py").write_text(TASK.replace("Shy", "Mute").replace("def plot", "def describe"))
    monkeypatch.syspath_prepend("")
    cli.main(["fit", "--data", "mute.Mute", "--model", "ManyToMany", *QUICK])
    (run,) = Path("runs", "mute").iterdir()
    assert (run / RESULTS).exists() and (run / PAGE).exists()
    out, err = capfd.readouterr()
    assert "no examples: " in err and "exact_match@8" in out


def test_a_signal_during_the_report_leaves_a_complete_run(monkeypatch, capfd):
    def publish(*_):
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        patch.setattr("seqlearn.report.publish", publish)
        fit()
    (run,) = Path("runs", "binary_add").iterdir()
    line = f"ended by SIGINT; the run is complete, to look at it: seqlearn report {run}\n"
    assert capfd.readouterr().err == f"seqlearn fit: {line}"
    cli.main(["report", str(run)])


@pytest.mark.parametrize("more", [0, 5])
def test_a_run_keeps_its_seconds_when_it_is_resumed(more):
    run = fit("--report", "false")
    before = json.loads((run / RESULTS).read_text())
    saved = read(run / LAST)
    assert 0 < saved["seqlearn"]["seconds"] <= before["seconds"] + 0.01
    saved["seqlearn"]["seconds"] = 1000.0
    write(saved, run / LAST)
    cli.main(["fit", "--resume", str(run), f"--trainer.max_steps={before['steps'] + more}"])
    after = json.loads((run / RESULTS).read_text())
    assert 1000 <= after["seconds"] < 1100 and after["steps"] == before["steps"] + more
    assert more or after["metrics"] == before["metrics"]


def test_a_run_without_a_validation_says_so(capfd):
    run = fit("--trainer.val_check_interval", "100")
    assert "never validated: these are the last weights" in capfd.readouterr().out
    assert names(run) >= PICTURES - {"learning_curve"} and (run / PAGE).exists()


def test_a_text_that_has_changed_is_told_and_not_misread(capfd):
    text = Path("text.txt")
    text.write_text("abcab cab\n" * 200)
    run = fit("--data.path", str(text), "--model.hidden_size", "8", task="char_lm")
    Path("elsewhere").mkdir()
    os.chdir("elsewhere")
    cli.main(["report", f"../{run}"])  # the text is found
    os.chdir("..")
    text.write_text("abxab cab\n" * 200)
    assert "`vocabulary` must have every character" in refused(capfd, "report", str(run))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: run.rename("elsewhere"), "argument RUN: copy does not exist"),
        (lambda run: (run / RESULTS).unlink(), "the run is not finished"),
        (lambda run: (run / RESULTS).write_text('{"task": "bina'), "results.json"),
        (lambda run: (run / "config.yaml").write_text(""), "config.yaml"),
        (lambda run: (run / "checkpoints" / "best.ckpt").unlink(), "best.ckpt"),
        (lambda run: (run / "checkpoints" / "best.ckpt").write_text("no"), "best.ckpt"),
    ],
    ids=["gone", "unfinished", "torn results", "empty config", "no checkpoint", "no weights"],
)
def test_a_run_that_cannot_be_read_is_refused(finished, capfd, damage, message):
    subprocess.run(["cp", "-r", str(finished), "copy"], check=True)
    damage(Path("copy"))
    assert message in refused(capfd, "report", "copy")


def test_what_makes_no_sense_is_refused(finished, capfd):
    assert "arguments are required: RUN" in refused(capfd, "report")
    assert "unrecognized arguments: --plots" in refused(capfd, "report", str(finished), "--plots")
