"""``seqlearn sample``: text from a run folder, streamed, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from seqlearn import cli
from seqlearn.modules import ManyToMany

QUICK = ("--trainer.logger", "false", "--report", "false")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run over a text and one over numbers, both short."""
    root = tmp_path_factory.mktemp("sample")
    (root / "text.txt").write_text("abcab cab\n" * 200)
    steps = ("--trainer.max_steps", "20", "--trainer.val_check_interval", "10", *QUICK)
    flags = ("--trainer.default_root_dir", str(root), *steps)
    own = ("--data.path", str(root / "text.txt"), "--model.hidden_size", "8")
    cli.main(["fit", "--task", "char_lm", *own, *flags])
    cli.main(["fit", "--task", "binary_add", *flags])
    return {task: next((root / task).iterdir()) for task in ("char_lm", "binary_add")}


def test_a_run_writes_after_its_prompt(runs, capfd):
    options = ("--prompt", "cab", "--length", "30", "--temperature", "0.7", "--top_k", "3")
    cli.main(["sample", str(runs["char_lm"]), *options, "--seed", "5"])
    best = runs["char_lm"] / "checkpoints" / "best.ckpt"
    expected = ManyToMany.load_from_checkpoint(best).generate("cab", 30, 0.7, 3, seed=5)
    assert capfd.readouterr().out == f"cab{expected}\n"
    cli.main(["sample", str(best), *options, "--seed", "5"])
    assert capfd.readouterr().out == f"cab{expected}\n"


def test_without_a_prompt_it_begins_with_the_first_character_it_knows(runs, capfd):
    cli.main(["sample", str(runs["char_lm"]), "--length", "4"])
    out = capfd.readouterr().out
    assert out[0] == "\n" and len(out) == 6


def test_it_may_be_read_as_far_as_one_likes(runs):
    command = [sys.executable, "-m", "seqlearn.sample", str(runs["char_lm"]), "--length", "100000"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert len(process.stdout.read(20)) == 20  # long before all of it is written
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait(60) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: RUN"),
        (("nowhere",), "argument RUN: no such run folder: nowhere"),
        (("empty",), "argument RUN: empty has no checkpoints/best.ckpt"),
        (("text.ckpt",), "argument RUN: text.ckpt is not a readable checkpoint"),
        (("{binary_add}",), "is no network that predicts the next character"),
        (("{char_lm}", "--prompt", "a€"), "`prompt` has '€', which the network does not know"),
        (("{char_lm}", "--prompt", ""), "`prompt` must have at least one character"),
        (("{char_lm}", "--length", "-3"), "argument --length: must be at least 0, got -3"),
        (("{char_lm}", "--length", "many"), "argument --length: must be an integer, got many"),
        (
            ("{char_lm}", "--temperature", "-1"),
            "argument --temperature: must be at least 0, got -1",
        ),
        (("{char_lm}", "--temperature", "inf"), "argument --temperature: must be finite, got inf"),
        (("{char_lm}", "--top_k", "0"), "argument --top_k: must be at least 1, got 0"),
        (("{char_lm}", "--lenght", "3"), "unrecognized arguments: --lenght 3"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(runs, capfd, arguments, message):
    Path("empty").mkdir()
    Path("text.ckpt").write_text("no weights")
    words = [word.format(**{task: str(run) for task, run in runs.items()}) for word in arguments]
    capfd.readouterr()
    with pytest.raises(SystemExit, match="2"):
        cli.main(["sample", *words])
    out, err = capfd.readouterr()
    assert message in err and err.startswith("seqlearn sample: error: ")
    assert not out and err.count("\n") == 1
