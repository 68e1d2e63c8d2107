"""Where the output goes: few characters, a closed one, a full disk, a reader who has enough."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import seqlearn.output  # noqa: F401  (names the error handler)
from seqlearn import cli
from seqlearn.record import RESULTS

SHORT = ("--trainer.max_steps", "20", "--data.test_lengths", "[8]")
FIT = ("fit", "--task", "binary_add", *SHORT, "--trainer.logger", "false", "--report", "false")
FEW = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def slow(*case: str):
    """A case that takes seconds, and that others stand for."""
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run."""
    root = tmp_path_factory.mktemp("output")
    cli.main([*FIT, "--trainer.default_root_dir", str(root)])
    return next((root / "binary_add").iterdir())


def ask(verb: str, run: Path) -> tuple[str, ...]:
    """Give a command about a run; the fit makes a new one."""
    where = {"fit": (), "report": (str(run),), "runs": (str(run),)}.get(verb, ("--run", str(run)))
    return (*FIT, *where) if verb == "fit" else (verb, *where)


def shell(command: tuple[str, ...], redirection: str = "", **environment: str):
    """Run the command as a shell does."""
    words = ("sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m")
    words = (*words, f"seqlearn.{command[0]}", *command[1:])
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.mark.parametrize("verb", ["fit", slow("test"), slow("predict"), "runs"])
def test_an_output_of_few_characters_tells_right_from_wrong(run, verb):
    done = shell(ask(verb, run), **FEW)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.isascii()
    assert " x" in done.stdout and "?" not in done.stdout


def test_signs_differ_where_they_cannot_be_shown():
    assert "✓✗•↵é".encode("ascii", "seqlearn.plainly") == b"+x-/?"
    assert "é✓".encode("latin-1", "seqlearn.plainly") == b"\xe9+"


@pytest.mark.parametrize("verb", [slow("fit"), "test", slow("report"), "runs"])
def test_a_closed_output_is_one_that_nobody_reads(run, verb):
    done = shell(ask(verb, run), ">&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert verb != "fit" or len(list(Path("runs/binary_add").glob(f"*/{RESULTS}"))) == 1


def test_messages_do_not_go_to_the_output_where_theirs_is_closed():
    done = shell(("runs", "nowhere"), "2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("verb", "buffered"),
    [("fit", ""), ("runs", ""), ("runs", "1"), slow("fit", "1"), slow("report", "")],
)
def test_a_full_disk_is_told_in_one_line_and_the_run_is_kept(run, verb, buffered):
    done = shell(ask(verb, run), "> /dev/full", PYTHONUNBUFFERED=buffered)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    message = f"seqlearn {verb}: error: standard output: No space left on device"
    assert done.stderr.startswith(message)
    assert verb != "fit" or len(list(Path("runs/binary_add").glob(f"*/{RESULTS}"))) == 1


@pytest.mark.parametrize("verb", ["fit", slow("report")])
def test_a_reader_may_have_enough(run, verb):
    command, *rest = ask(verb, run)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-m", f"seqlearn.{command}", *rest], **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 0


def test_the_version_is_told_without_torch():
    look = "cli.main(['--version']); sys.exit('torch' in sys.modules)"
    code = f"import sys; from seqlearn import cli; {look}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("seqlearn 0.")
