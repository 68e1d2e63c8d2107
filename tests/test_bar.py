"""The progress bar, in a terminal and elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import RichProgressBar

from seqlearn.bar import Bar
from seqlearn.modules import ManyToMany
from seqlearn.tasks import BinaryAdd

pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")

FIT = ("-m", "seqlearn.fit", "--task", "alphabet", "--report", "false")
SHORT = ("--trainer.logger", "false", "--trainer.max_steps", "20", "--data.test_lengths", "[25]")

EPOCHS = ("--trainer.max_epochs", "2", "--data.train_size", "40")


def in_a_terminal(*flags: str) -> tuple[int, str]:
    """Fit where a terminal is; give the exit code and what it shows, without control codes."""
    main, other = pty.openpty()
    termios.tcsetwinsize(other, (40, 120))
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, *FIT, *SHORT, *flags]
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment) as fit:
        os.close(other)
        shown = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # as Linux has it when the last writer is gone
                break
            if not part:
                break
            shown += part
    os.close(main)
    return fit.returncode, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())


def test_a_terminal_shows_progress_with_three_metrics_at_most():
    code, shown = in_a_terminal("--trainer.log_every_n_steps", "5")
    assert code == 0, shown
    assert "Training" in shown and "20/20" in shown and "it/s" in shown
    metrics = set(re.findall(r"[\w/]+(?=: [\d.]+)", shown))
    assert {"train/loss", "val/accuracy"} & metrics and len(metrics) <= 3
    assert "v_num" not in shown and "Epoch" not in shown


def test_the_last_step_is_shown_wherever_the_training_stops(monkeypatch):
    class Stop(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            trainer.should_stop = batch_idx == 6

    def show(self, trainer, module, outputs, batch, batch_idx):
        shown.append(batch_idx)

    monkeypatch.setattr(RichProgressBar, "on_train_batch_end", show)
    shown = []
    data = BinaryAdd(bits=4, batch_size=8, val_size=8)
    trainer = Trainer(
        max_steps=20, val_check_interval=5, callbacks=[Bar(), Stop()], logger=False, devices=1,
        accelerator="cpu", enable_model_summary=False, enable_checkpointing=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(ManyToMany.for_data(data, hidden_size=4), data)
    assert shown[:2] == [0, 4] and {*shown[2:]} == {6}  # first, before a validation, last


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        pytest.param(EPOCHS, "Epoch 1/1", marks=pytest.mark.slow),
        (("--trainer.callbacks+", "TQDMProgressBar"), "Epoch 0"),
        pytest.param(("--trainer.enable_progress_bar", "false"), None, marks=pytest.mark.slow),
    ],
    ids=["epochs", "own bar", "none"],
)
def test_the_users_word_counts(flags, word):
    code, shown = in_a_terminal(*flags)
    assert code == 0, shown
    assert word in shown if word else "20/20" not in shown and "Training" not in shown


def test_elsewhere_there_is_none_and_the_output_is_short():
    done = subprocess.run([sys.executable, *FIT, *SHORT], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert len(lines) < 40 and "it/s" not in done.stdout and "\x1b" not in done.stdout
