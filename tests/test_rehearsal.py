"""What is tried before a fit leaves no trace, and refuses nothing that would do."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.cli import ReduceLROnPlateau

from seqlearn import cli
from seqlearn.modules import ManyToMany
from seqlearn.rehearsal import rehearse
from seqlearn.tasks import ARMA, TASKS, BinaryAdd

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}


def parts(data, callbacks=(), scheduler=None, **trainer):
    adam = partial(torch.optim.AdamW, lr=0.1, weight_decay=0.5)  # it would move weights by itself
    network = ManyToMany.for_data(data, optimizer=adam, lr_scheduler=scheduler, hidden_size=4)
    settings = {"max_steps": 30, "check_val_every_n_epoch": None} | QUIET | trainer
    data.trainer = Trainer(callbacks=[*callbacks], **settings)
    return network, data, data.trainer


def test_the_network_and_the_chances_to_come_are_as_they_were():
    network, *others = parts(
        BinaryAdd(), scheduler=partial(torch.optim.lr_scheduler.StepLR, step_size=1)
    )
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    state = torch.get_rng_state()
    rehearse("fit", network, *others)
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("monitor", "fits"),
    [("val/loss", True), ("train/loss", True), ("val/mse_ratio", True), ("val/accuracy", False)],
)
def test_a_metric_may_be_waited_for_if_it_is_logged(monitor, fits):
    for callbacks, scheduler in (
        ([EarlyStopping(monitor)], None),
        ([], partial(ReduceLROnPlateau, monitor=monitor)),
    ):
        made = parts(ARMA(), callbacks, scheduler)
        if fits:
            rehearse("fit", *made)
        else:
            with pytest.raises(ValueError, match="val/mse_ratio, got 'val/accuracy'"):
                rehearse("fit", *made)


class Own(Callback):
    def on_validation_epoch_end(self, trainer, pl_module):
        pl_module.log("val/own", 1.0)


def test_what_ones_own_callback_logs_may_be_waited_for():
    network, data, trainer = parts(
        BinaryAdd(val_size=8, test_lengths=(8,)),
        [Own(), EarlyStopping("val/own")],
        val_check_interval=10,
    )
    rehearse("fit", network, data, trainer)
    trainer.fit(network, data)
    assert trainer.callback_metrics["val/own"] == 1


@pytest.mark.parametrize("total", [29, 30])
def test_a_schedule_is_long_enough_if_training_can_end(total):
    cycle = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=total)
    network, data, trainer = parts(BinaryAdd(val_size=8), scheduler=cycle, limit_val_batches=0)
    if total == 30:
        rehearse("fit", network, data, trainer)
        trainer.fit(network, data)
        return
    with pytest.raises(ValueError, match="must be at least the steps of the run, 30, got 29"):
        rehearse("fit", network, data, trainer)
    with pytest.raises(ValueError, match="Tried to step"):  # and would have
        trainer.fit(network, data)


TASK = """
from dataclasses import dataclass
from seqlearn import BinaryAdd

@dataclass(kw_only=True, eq=False)
class Own(BinaryAdd):
    {}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("metric = 'mse'", "`metric` of Own must be one of loss, accuracy, exact_match, got"),
        ("mapping = 'one-to-none'", "`mapping` of Own must be one of many-to-one, many-to-many"),
        ("baselines = lambda self: {'coin': float('nan')}", "`baselines` of Own must give finite"),
        ("baselines = lambda self: [0.5]", "`baselines` of Own must give finite numbers by name"),
        ("baselines = lambda self: {'coin': 'half'}", "got {'coin': 'half'}"),
    ],
)
def test_a_task_that_says_what_cannot_be_is_refused(line, message, monkeypatch, capfd):
    Path("own.py").write_text(TASK.format(line))
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "own", raising=False)  # that of the row before
    with pytest.raises(SystemExit, match="2"):
        cli.main(["fit", "--data", "own.Own", "--model", "ManyToMany"])
    err = capfd.readouterr().err
    assert message in err and err.count("\n") == 1 and not Path("runs").exists()


@pytest.mark.slow
def test_every_preset_goes_into_a_small_machine(monkeypatch, capfd):
    monkeypatch.setattr("seqlearn.limits.memory", lambda: 2e9)
    for task in TASKS:
        text = ("--data.corpus", "grammar", "--data.grammar_size", "20000")
        words = ["fit", "--task", task, *(text if task == "char_lm" else ())]
        with pytest.raises(SystemExit, match="2"):
            cli.main([*words, "--trainer.default_root_dir", "/proc/runs"])
        assert "cannot write a run" in capfd.readouterr().err, task
    assert not list(Path().iterdir())
