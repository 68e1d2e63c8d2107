"""Lean steps are steps: nothing changes but the time they take, and whoever listens is told."""

from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins import Precision
from lightning.pytorch.profilers import SimpleProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy

from seqlearn import cli, lean
from seqlearn.lean import LeanStrategy, NoProfiler
from seqlearn.loggers import MetricsFile
from seqlearn.modules import ManyToMany
from seqlearn.tasks import BinaryAdd

STOCK: dict[str, Any] = {"strategy": "auto"}


def lean_options() -> dict[str, Any]:
    return {"strategy": LeanStrategy(), "profiler": NoProfiler()}


def fit(
    module_class: type[ManyToMany] = ManyToMany, data: Any = None, **options: Any
) -> tuple[Trainer, ManyToMany]:
    torch.manual_seed(0)
    data = data or BinaryAdd(bits=4, batch_size=8)
    network = module_class.for_data(data, hidden_size=8)
    trainer = Trainer(
        **{
            "max_steps": 12,
            "val_check_interval": 6,
            "num_sanity_val_steps": 0,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            **options,
        }
    )
    trainer.fit(network, data)
    return trainer, network


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_clip_val": 0.01},
        {"gradient_clip_val": 1e6},
        {"gradient_clip_val": 0.01, "gradient_clip_algorithm": "value"},
        {"accumulate_grad_batches": 3},
        {"precision": "64-true"},
        {"precision": "bf16-mixed"},
    ],
    ids=str,
)
def test_weights_and_metrics_are_the_same_to_the_last_bit(options):
    (usual, expected), (trainer, network) = (
        fit(**options, **choice) for choice in (STOCK, lean_options())
    )
    assert isinstance(trainer.strategy, LeanStrategy)
    assert type(usual.strategy) is SingleDeviceStrategy
    for one, other in zip(expected.parameters(), network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert trainer.callback_metrics == usual.callback_metrics
    assert trainer.global_step == usual.global_step == 12


HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_train_batch_end",
)


def listener(hook: str) -> tuple[Callback, list[int]]:
    """A callback with one hook, and the steps at which that was called."""
    heard: list[int] = []

    def listen(self: Callback, trainer: Trainer, *arguments: Any) -> None:
        heard.append(trainer.global_step)

    return type("Listener", (Callback,), {hook: listen})(), heard


@pytest.mark.parametrize("hook", HOOKS)
def test_who_listens_hears_every_step(hook):
    callback, heard = listener(hook)
    fit(callbacks=[callback], **lean_options())
    assert len(heard) == 12


@pytest.mark.parametrize("when", ["on_fit_start", "on_train_start", "on_train_batch_start"])
@pytest.mark.parametrize("hook", lean.BETWEEN)
def test_who_comes_late_is_heard(hook, when):
    late, heard = listener(hook)

    def invite(self: Callback, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step in (0, 5) and late not in trainer.callbacks:
            trainer.callbacks.append(late)

    fit(callbacks=[type("Host", (Callback,), {when: invite})()], **lean_options())
    assert len(heard) == 12


def test_an_optimizer_of_ones_own_zeroes_gradients_in_its_own_way(monkeypatch):
    class Own(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None:
            asked.append(set_to_none)
            super().zero_grad(set_to_none)

    asked: list[bool] = []

    def configure(self: ManyToMany) -> Own:
        return Own(self.parameters(), lr=0.1)

    monkeypatch.setattr(ManyToMany, "configure_optimizers", configure)
    fit(limit_val_batches=0)
    assert asked == [True] * 12


@pytest.mark.filterwarnings("ignore:You have overridden")  # and that it takes the module's
@pytest.mark.parametrize("hook", [*lean.BETWEEN, *lean.TRANSFER, "configure_gradient_clipping"])
def test_a_module_with_a_hook_of_its_own_hears_every_step(hook):
    heard = []

    def listen(self: ManyToMany, *arguments: Any, **named: Any) -> Any:
        heard.append(hook)
        return getattr(ManyToMany, hook)(self, *arguments, **named)

    fit(type("Own", (ManyToMany,), {hook: listen}), limit_val_batches=0, **lean_options())
    assert len(heard) == 12


def test_a_task_may_change_batches_on_their_way():
    class Halved(BinaryAdd):
        def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
            sizes.append(len(batch.inputs))
            return batch

    sizes: list[int] = []
    fit(data=Halved(bits=4, batch_size=8), limit_val_batches=0, **lean_options())
    assert sizes == [8] * 12


def test_another_precision_takes_the_usual_way():
    strategies = {}
    for precision in ("32-true", "bf16-mixed"):
        trainer, _ = fit(precision=precision, **lean_options())
        strategies[precision] = trainer.strategy
    assert type(strategies["32-true"].precision_plugin) is Precision
    assert strategies["32-true"].unheard and not strategies["bf16-mixed"].unheard


def test_lightning_still_keeps_the_name_of_the_hook_where_it_is_set_quickly():
    class Look(Callback):
        def on_train_batch_start(self, trainer: Trainer, module: Any, *rest: Any) -> None:
            names.append(vars(module)["_current_fx_name"])

    names: list[str] = []
    fit(callbacks=[Look()])
    assert names == ["on_train_batch_start"] * 12


def test_modules_keep_their_weights_wherever_they_are_set():
    network = ManyToMany(2, 1, "binary", hidden_size=4)
    network.extra = torch.nn.Linear(4, 4)
    assert "extra.weight" in network.state_dict()


def chosen(monkeypatch: pytest.MonkeyPatch, *flags: str) -> Trainer:
    """The Trainer that the command makes."""
    made: list[Trainer] = []
    original = Trainer.fit

    @wraps(original)
    def fit(self: Trainer, *arguments: Any, **named: Any) -> None:
        self.threads = torch.get_num_threads()
        made.append(self)
        original(self, *arguments, **named)

    monkeypatch.setattr(Trainer, "fit", fit)
    few = ["--trainer.max_steps", "2", "--trainer.logger", "false", "--report", "false"]
    cli.main(["fit", "--task", "football", *few, *flags])
    return made[0]


def test_the_command_is_lean_where_nobody_asks_for_more(monkeypatch):
    trainer = chosen(monkeypatch, "--trainer.accelerator", "cpu")
    assert isinstance(trainer.strategy, LeanStrategy)
    assert isinstance(trainer.profiler, NoProfiler)
    assert trainer.strategy.unheard and trainer.strategy.there  # no callback of ours listens there


@pytest.mark.parametrize(
    ("flags", "strategy", "profiler"),
    [
        (("--trainer.strategy", "single_device"), SingleDeviceStrategy, NoProfiler),
        (("--trainer.profiler", "simple"), LeanStrategy, SimpleProfiler),
    ],
)
def test_the_users_word_counts(monkeypatch, flags, strategy, profiler):
    trainer = chosen(monkeypatch, *flags)
    assert (type(trainer.strategy), type(trainer.profiler)) == (strategy, profiler)


@pytest.mark.parametrize(
    ("hidden_size", "told", "expected"),
    [(16, None, 1), (512, None, 3), (16, "3", 3)],
)
def test_a_toy_takes_one_thread_unless_told_otherwise(
    monkeypatch, capfd, hidden_size, told, expected
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        sizes = ("--model.hidden_size", str(hidden_size), "--data.batch_size", "2")
        assert chosen(monkeypatch, *sizes).threads == expected
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    words = "one thread" if expected == 1 else f"{expected} threads"
    assert f" on {words}; run folder" in capfd.readouterr().out


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_loss_is_logged_as_lightning_would(accumulate):
    class Own(ManyToMany):
        def log_step(self, name: str, value: torch.Tensor) -> None:
            self.log(name, value.detach(), prog_bar=True)

    class Noted(MetricsFile):
        def log_metrics(self, metrics: Any, step: int | None = None) -> None:
            rows.append((step, dict(metrics)))

    found = []
    for kind in (ManyToMany, Own):
        rows: list[Any] = []
        trainer, _ = fit(
            kind, logger=[Noted(Path("none"))], log_every_n_steps=5, limit_val_batches=0,
            accumulate_grad_batches=accumulate,
        )  # fmt: skip
        names = ("callback_metrics", "logged_metrics", "progress_bar_metrics")
        found.append(
            (rows, *({k: float(v) for k, v in getattr(trainer, n).items()} for n in names))
        )
    assert found[0] == found[1]
    assert [step for step, _ in found[0][0]] == [4, 9]
