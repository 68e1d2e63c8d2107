"""What a run can be resumed with, what is refused, and what holds for those who write their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from seqlearn import cli
from seqlearn.checkpoints import SafeCheckpointIO, read, write
from seqlearn.errors import RunError
from seqlearn.modules import ManyToMany
from seqlearn.resume import Resumable
from seqlearn.signals import Interrupted
from seqlearn.tasks import BinaryAdd

QUICK = ("--trainer.logger=false", "--report=false")
SHORT = ("--trainer.max_steps=20", "--trainer.val_check_interval=10", "--data.test_lengths=[8]")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, which nothing here may change."""
    root = tmp_path_factory.mktemp("run")
    root_flag = f"--trainer.default_root_dir={root}"
    cli.main(["fit", "--task", "binary_add", *SHORT, *QUICK, root_flag])
    (folder,) = (root / "binary_add").iterdir()
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model.cell=gru"], "argument --model.cell: rnn in the checkpoint, got gru"),
        (["--model.hidden_size", "8"], "argument --model.hidden_size: 16 in the checkpoint, got 8"),
        (["--data.bits=9"], "argument --data.bits: 8 in the checkpoint, got 9"),
        (["--data.seed=1"], "argument --data.seed: 0 in the checkpoint, got 1"),
        (["--seed_everything=1"], "argument --seed_everything: 0 in the checkpoint, got 1"),
        (["--optimizer.lr=1"], "argument --optimizer.lr: 0.03 in the checkpoint, got 1.0"),
        (["--optimizer=SGD"], "argument --optimizer.class_path: torch.optim.Adam in the"),
        (["--data.batch_size=32"], "argument --data.batch_size: 64 on all devices before, got 32"),
        (
            ["--trainer.accumulate_grad_batches=2"],
            "argument --trainer.accumulate_grad_batches: 1 on all devices before, got 2",
        ),
    ],
    ids=str,
)
def test_a_run_does_not_go_on_as_another(run, capfd, flags, message):
    before = contents(run)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--resume", str(run), *flags])
    (line,) = capfd.readouterr().err.splitlines()
    assert message in line
    assert contents(run) == before


def test_a_run_that_goes_on_keeps_its_configuration():
    """Other processes read it while the first goes on; they once found characters added."""
    Path("text.txt").write_text("to be or not to be, that is the question: " * 40)
    text = ("--task", "char_lm", "--data.path", "text.txt", "--data.steps=4")
    cli.main(["fit", *text, "--model.hidden_size=2", "--trainer.max_steps=1", *QUICK])
    (folder,) = Path("runs/char_lm").iterdir()
    before = (folder / "config.yaml").read_text()
    cli.main(["fit", "--resume", str(folder), "--trainer.max_steps=2"])
    after = (folder / "config.yaml").read_text()
    assert after == before.replace("max_steps: 1", "max_steps: 2")


@pytest.mark.parametrize("verb", ["fit", "validate", "test", "predict"])
def test_a_checkpoint_is_of_the_network_it_is_of(run, capfd, verb):
    path = str(run / "checkpoints/best.ckpt")
    with pytest.raises(SystemExit, match="2"):
        cli.main([verb, "--task", "binary_add", "--ckpt_path", path, "--model.hidden_size=3"])
    assert "--model.hidden_size: 16 in the checkpoint, got 3" in capfd.readouterr().err


def test_a_checkpoint_of_a_later_format_is_named(run, capfd):
    content = read(run / "checkpoints/best.ckpt")
    content["seqlearn"] |= {"format": 2, "version": "9.0"}
    write(content, Path("later.ckpt"))
    with pytest.raises(SystemExit, match="2"):
        cli.main(["test", "--task", "binary_add", "--ckpt_path", "later.ckpt"])
    assert "later.ckpt is of format 2, by seqlearn 9.0; this one" in capfd.readouterr().err


def test_a_checkpoint_of_no_run_is_not_gone_on_with(run, capfd):
    (Path("other") / "checkpoints").mkdir(parents=True)
    Path("other/config.yaml").write_bytes((run / "config.yaml").read_bytes())
    torch.save({"state_dict": {}}, "other/checkpoints/last.ckpt")
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--resume", "other"])
    assert "last.ckpt does not say what run it is of" in capfd.readouterr().err


def test_what_changes_only_the_last_digits_is_said(run, capfd):
    content = read(run / "checkpoints/last.ckpt")
    content["seqlearn"]["threads"] += 7
    moved = Path("moved")
    (moved / "checkpoints").mkdir(parents=True)
    (moved / "config.yaml").write_bytes((run / "config.yaml").read_bytes())
    write(content, moved / "checkpoints/last.ckpt")
    cli.main(["fit", "--resume", "moved"])
    before, now = content["seqlearn"]["threads"], torch.get_num_threads()
    assert f"may not be: threads {before} before and {now} now" in capfd.readouterr().err


def test_a_run_is_resumed_by_one_process_at_a_time(run, capfd):
    fcntl = pytest.importorskip("fcntl")
    held = os.open(run, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(SystemExit, match="2"):
            cli.main(["fit", "--resume", str(run)])
    finally:
        os.close(held)
    assert "is held by another process" in capfd.readouterr().err


def test_a_run_without_the_right_flags_leaves_nothing(capfd):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--task", "binary_add", *QUICK, "--trainer.limit_val_batches=0.001"])
    assert not Path("runs/binary_add").exists() or not [*Path("runs/binary_add").iterdir()]


def test_who_stopped_early_stays_so():
    stopper = ["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val/loss"]
    stopper += ["--trainer.callbacks.mode=max", "--trainer.callbacks.patience=1"]
    flags = ["--trainer.max_steps=100", "--trainer.val_check_interval=10", "--data.bits=4"]
    cli.main(["fit", "--task", "binary_add", *QUICK, *flags, *stopper])
    (folder,) = Path("runs/binary_add").iterdir()
    steps = json.loads((folder / "results.json").read_text())["steps"]
    assert steps < 100
    cli.main(["fit", "--resume", str(folder)])
    assert json.loads((folder / "results.json").read_text())["steps"] == steps


def test_a_finished_run_is_tested_anew_and_otherwise_as_it_was(run):
    before = (run / "metrics.csv").read_text()
    last = (run / "checkpoints/last.ckpt").read_bytes()
    cli.main(["fit", "--resume", str(run)])
    assert (run / "metrics.csv").read_text() == before
    assert (run / "checkpoints/last.ckpt").read_bytes() == last


class Striker(Callback):
    """Send signals at a batch."""

    def __init__(self, batch: int, *signals: int) -> None:
        self.batch, self.signals = batch, signals

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == self.batch:
            for number in self.signals:
                os.kill(os.getpid(), number)


def own(*callbacks: Callback, **options: object) -> tuple[Trainer, ManyToMany, BinaryAdd]:
    """A Trainer of one's own, as the README has it."""
    torch.manual_seed(0)
    data = BinaryAdd(bits=4, batch_size=8)
    network = ManyToMany.for_data(data, cell="gru", hidden_size=8, num_layers=2, dropout=0.5)
    trainer = Trainer(
        max_steps=12,
        limit_val_batches=0,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Resumable("last.ckpt"), *callbacks],
        plugins=[SafeCheckpointIO()],
        **options,
    )
    return trainer, network, data


def test_those_with_a_trainer_of_their_own_resume_exactly_too():
    trainer, network, data = own()
    trainer.fit(network, data)
    whole = read(Path("last.ckpt"))["state_dict"]
    Path("last.ckpt").unlink()
    trainer, network, data = own(Striker(5, signal.SIGTERM))
    with pytest.raises(Interrupted) as caught:
        trainer.fit(network, data)
    assert caught.value.code == 143
    assert read(Path("last.ckpt"))["global_step"] == 5
    trainer, network, data = own()
    trainer.fit(network, data, ckpt_path="last.ckpt")
    again = read(Path("last.ckpt"))["state_dict"]
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_handlers_are_given_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    for strikes in ((), (signal.SIGTERM,)):
        trainer, network, data = own(Striker(3, *strikes))
        if strikes:
            with pytest.raises(Interrupted):
                trainer.fit(network, data)
        else:
            trainer.fit(network, data)
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_who_interrupts_twice_does_not_wait():
    trainer, network, data = own(Striker(5, signal.SIGINT, signal.SIGINT))
    with pytest.raises(Interrupted) as caught:
        trainer.fit(network, data)
    assert caught.value.code == 130
    assert read(Path("last.ckpt"))["global_step"] == 0  # no save but the first


def test_a_failed_save_is_an_error_and_leaves_the_old_file(monkeypatch):
    write({"state_dict": {"w": torch.ones(1)}}, Path("last.ckpt"))
    with pytest.raises(RunError, match=r"last\.ckpt is not saved: w is no longer finite"):
        write({"state_dict": {"w": torch.tensor([torch.nan])}}, Path("last.ckpt"))

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"cannot save last\.ckpt: No space left on device"):
        SafeCheckpointIO().save_checkpoint({"state_dict": {}}, "last.ckpt")
    assert read(Path("last.ckpt"))["state_dict"]["w"] == 1
    assert [path.name for path in Path().iterdir()] == ["last.ckpt"]
    trainer, network, data = own()
    with pytest.raises(RunError, match="cannot save"):
        trainer.fit(network, data)


def test_other_file_systems_are_those_of_lightning():
    io = SafeCheckpointIO()
    io.save_checkpoint({"state_dict": {"w": torch.ones(2)}}, "memory://folder/last.ckpt")
    assert io.load_checkpoint("memory://folder/last.ckpt")["state_dict"]["w"].tolist() == [1, 1]


def test_plain_pytorch_reads_what_is_written():
    write({"state_dict": {"w": torch.ones(2)}}, Path("last.ckpt"))
    assert torch.load("last.ckpt", weights_only=True)["state_dict"]["w"].tolist() == [1, 1]


def test_what_is_private_in_lightning_is_where_it_was():
    trainer, network, data = own()
    assert callable(trainer._signal_connector.register_signal_handlers)
    loop = trainer.fit_loop.epoch_loop
    assert loop._batches_that_stepped == 0
    trainer.fit(network, data)
    assert loop._batches_that_stepped == trainer.global_step == 12
    assert loop.batch_progress.total.completed == 12


def test_lightning_takes_no_signals():
    class Look(Callback):
        def on_train_start(self, trainer: Trainer, *_: object) -> None:
            self.seen = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]

    look, before = Look(), signal.getsignal(signal.SIGUSR1)
    trainer, network, data = own(look)
    trainer.fit(network, data)
    assert look.seen[0].__self__ is trainer.callbacks[0].signals
    assert look.seen[1] == before


def test_a_signal_while_a_network_is_loaded_ends_without_a_traceback(run):
    code = (
        "import os, signal, seqlearn.sample; from seqlearn import cli\n"
        "seqlearn.sample.load = lambda _: os.kill(os.getpid(), signal.SIGINT)\n"
        f"cli.main(['sample', {str(run)!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 130 and not done.stderr


@pytest.mark.parametrize("name", ["results.json", "metrics.csv"])
def test_a_file_that_cannot_be_written_at_the_end_is_an_error_and_no_loss(run, capfd, name):
    last = (run / "checkpoints/last.ckpt").read_bytes()
    content = (run / name).read_bytes()
    (run / name).unlink()
    (run / name).mkdir()
    try:
        with pytest.raises(SystemExit, match="1"):
            cli.main(["fit", "--resume", str(run)])
        (line,) = capfd.readouterr().err.splitlines()
        assert name in line and "Is a directory" in line and "; go on with: " in line
    finally:
        (run / name).rmdir()
        (run / name).write_bytes(content)
    assert (run / "checkpoints/last.ckpt").read_bytes() == last


def test_a_signal_during_imports_is_neither_lost_nor_in_their_way():
    strike = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'torch.nn': os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "from seqlearn import cli\n"
        "cli.main(['fit', '--task', 'binary_add'])"
    )
    done = subprocess.run([sys.executable, "-c", strike], capture_output=True, text=True)
    assert done.returncode == 143 and done.stderr == "seqlearn fit: ended by SIGTERM\n"
    assert not Path("runs").exists()


@pytest.mark.parametrize("what", ["best", "last"])
def test_a_damaged_checkpoint_of_the_run_is_refused_by_name(run, capfd, what):
    shutil.copytree(run, "copy")
    path = Path(f"copy/checkpoints/{what}.ckpt")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--resume", "copy"])
    (line,) = capfd.readouterr().err.splitlines()
    assert f"argument --resume: {path} is not a readable checkpoint" in line


def test_what_cannot_be_written_into_a_configuration_is_refused():
    swa = ["--trainer.callbacks+=StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.01"]
    words = [sys.executable, "-m", "seqlearn.fit", "--task", "binary_add", *QUICK, *swa]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "argument --device: must be a plain value, to be saved, got cpu" in line


def test_who_ends_by_an_error_of_ones_own_is_told_how_to_go_on(monkeypatch, capfd):
    Path("mine.py").write_text(
        "from lightning.pytorch import Callback\n"
        "class Bug(Callback):\n"
        "    def on_train_batch_end(self, trainer, *_):\n"
        "        if trainer.global_step == 5: 1 / 0\n"
    )
    monkeypatch.syspath_prepend(".")
    with pytest.raises(ZeroDivisionError):
        cli.main(["fit", "--task", "binary_add", *QUICK, *SHORT, "--trainer.callbacks+=mine.Bug"])
    assert "ended by the error above; go on with: " in capfd.readouterr().err
