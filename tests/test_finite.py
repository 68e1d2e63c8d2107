"""Steps that are not finite: nothing of them is left but their number."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer

from seqlearn.errors import RunError
from seqlearn.loggers import MetricsFile
from seqlearn.modules import ManyToMany
from seqlearn.modules.finite import MAX_SKIPPED
from seqlearn.tasks import BinaryAdd, CharLM

METRICS = Path("metrics.csv")


class Spoil(Callback):
    """Spoil what is there at some batches: the inputs, or a gradient; and note the weights."""

    def __init__(self, batches: range, what: str = "inputs", value: float = math.nan) -> None:
        self.batches, self.what, self.value = batches, what, value
        self.before: list[dict[str, Any]] = []

    def on_train_batch_start(self, trainer: Trainer, module: Any, batch: Any, index: int) -> None:
        self.before.append(everything(trainer))
        if self.what == "inputs" and index in self.batches:
            batch.inputs.fill_(self.value)

    def on_after_backward(self, trainer: Trainer, module: Any) -> None:
        if self.what == "gradient" and trainer.fit_loop.epoch_loop.batch_idx in self.batches:
            next(iter(module.parameters())).grad.view(-1)[0] = self.value


def everything(trainer: Trainer) -> dict[str, Any]:
    """All that a step may change, as it is now."""
    state = trainer.optimizers[0].state_dict()["state"]
    tensors = {f"{k} {name}": v for k, part in state.items() for name, v in part.items()}
    weights = dict(trainer.lightning_module.named_parameters())
    return {name: torch.as_tensor(v).detach().clone() for name, v in {**tensors, **weights}.items()}


def fit(spoil: Callback, data: Any = None, **options: Any) -> ManyToMany:
    torch.manual_seed(0)
    data = data or BinaryAdd(bits=4, batch_size=8)
    stateful = isinstance(data, CharLM)
    network = ManyToMany.for_data(data, hidden_size=8, stateful=stateful)
    trainer = Trainer(
        max_steps=20,
        limit_val_batches=0,
        accelerator="cpu",
        devices=1,
        logger=[MetricsFile(METRICS)],
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[spoil],
        **options,
    )
    trainer.fit(network, data)
    return network


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in {**one, **other})


@pytest.mark.parametrize(
    ("what", "value", "options"),
    [
        ("inputs", math.nan, {}),
        ("inputs", math.inf, {"gradient_clip_val": 0.1}),
        ("gradient", math.nan, {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"}),
        ("gradient", -math.inf, {}),
        ("gradient", math.inf, {"precision": "64-true"}),
        ("inputs", math.nan, {"precision": "bf16-mixed"}),
    ],
    ids=str,
)
def test_a_step_that_is_not_finite_is_not_taken(what, value, options):
    spoil = Spoil(range(7, 9), what, value)
    network = fit(spoil, **options)
    assert same(spoil.before[7], spoil.before[9])  # weights and optimizer
    assert not same(spoil.before[9], spoil.before[10])
    assert not same(spoil.before[6], spoil.before[7])
    assert (network.skipped, network.skipped_in_a_row) == (2, 0)
    assert network.trainer.global_step == 20
    rows = METRICS.read_text().splitlines()
    assert rows[0].split(",")[-1] == "train/skipped"
    assert [row.split(",")[0] for row in rows if row.endswith((",1", ",2"))] == ["7", "8"]


def test_a_loss_that_is_not_finite_is_not_stepped_on_even_if_its_gradient_is():
    class Odd(ManyToMany):
        def training_step(self, batch: Any, batch_idx: int) -> Any:
            loss = super().training_step(batch, batch_idx)
            return self.seen_by_all(loss + (math.inf if batch_idx == 3 else 0))

    data = BinaryAdd(bits=4, batch_size=8)
    network = Odd.for_data(data, hidden_size=8)
    trainer = Trainer(
        max_steps=6,
        limit_val_batches=0,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(network, data)
    assert network.skipped == 1


def test_of_accumulated_batches_one_spoils_the_step():
    spoil = Spoil(range(4, 5))
    network = fit(spoil, accumulate_grad_batches=3)
    assert network.skipped == 1
    assert same(spoil.before[3], spoil.before[6]) and not same(spoil.before[6], spoil.before[9])


def test_after_too_many_in_a_row_it_is_the_end():
    spoil = Spoil(range(5, 100))
    with pytest.raises(
        RunError, match=rf"in {MAX_SKIPPED} steps in a row, to step 15; try a new run"
    ):
        fit(spoil)
    assert same(spoil.before[5], spoil.before[-1]) and len(spoil.before) == 5 + MAX_SKIPPED


def test_in_a_row_means_in_a_row():
    spoil = Spoil(range(1, 20, 2))
    assert fit(spoil).skipped == 10


def test_a_carried_state_is_mended():
    class Wound(Callback):
        def on_train_batch_start(self, trainer: Trainer, module: Any, *_: Any) -> None:
            if trainer.global_step == 5:
                module.carried["train"][:, 2] = math.nan  # (layers, B, H): one of the lanes

    network = fit(Wound(), CharLM(corpus="grammar", grammar_size=4000, batch_size=4))
    assert network.skipped == 1 and network.carried["train"].isfinite().all()
