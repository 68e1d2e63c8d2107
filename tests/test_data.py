"""Splits and loaders: every example once, batches by position."""

import itertools
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import ReduceLROnPlateau
from torch.utils.data import DataLoader

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.loaders import BYTES_AT_ONCE, EvalLoader, TrainLoader
from seqlearn.modules import ManyToMany, ManyToOne
from seqlearn.rng import IndexedRNG
from seqlearn.splits import SHARES, SequenceDataset, content_hash
from seqlearn.tasks import BinaryAdd, Football, NextNumber


def trainer(rank=0, world=1, completed=0, **settings):
    """What loaders look at in a Trainer."""
    progress = SimpleNamespace(total=SimpleNamespace(completed=completed))
    loop = SimpleNamespace(epoch_loop=SimpleNamespace(batch_progress=progress))
    known = {"max_steps": 7, "max_epochs": -1, "accumulate_grad_batches": 1, "training": True}
    return SimpleNamespace(
        global_rank=rank, world_size=world, fit_loop=loop, **{**known, **settings}
    )


def inputs(batches):
    return torch.cat([batch.inputs for batch in batches])


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("position", [0, 5, 170])
def test_ranks_share_out_the_global_batch_of_a_position(world, position):
    size = 12 // world
    dataset = BinaryAdd(batch_size=size).dataset("train")
    parts = [
        next(iter(TrainLoader(dataset, trainer(rank, world, position)))) for rank in range(world)
    ]
    assert torch.equal(inputs(parts), dataset.batch(position * 12 + np.arange(12)).inputs)


def test_training_batches_without_a_trainer_are_an_epoch_of_new_sequences():
    data = BinaryAdd(batch_size=30, train_size=100)
    batches = list(data.train_dataloader())
    assert len(batches) == len(data.train_dataloader()) == 4
    assert torch.equal(inputs(batches), data.dataset("train").batch(range(120)).inputs)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"max_steps": 7}, 7),
        ({"max_steps": 7, "accumulate_grad_batches": 3}, 21),
        ({"max_steps": -1, "max_epochs": 2}, 10),
        ({"max_steps": 7, "max_epochs": 2}, 10),
    ],
)
def test_an_epoch_is_the_run_when_steps_are_counted(settings, expected):
    dataset = BinaryAdd(batch_size=10, train_size=100).dataset("train")
    assert len(TrainLoader(dataset, trainer(**settings))) == expected


@pytest.mark.parametrize("world", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, 64, 5000])
def test_evaluation_counts_each_example_once_on_any_number_of_devices(world, size):
    dataset = BinaryAdd(batch_size=size, val_size=101).dataset("val")
    loaders = [EvalLoader(dataset, trainer(rank, world)) for rank in range(world)]
    parts = [list(loader) for loader in loaders]
    assert [len(loader) for loader in loaders] == [len(part) for part in parts]
    whole = torch.cat([inputs(part) for part in parts])
    expected = dataset.batch(range(101)).inputs
    assert sorted(whole.flatten(1).tolist()) == sorted(expected.flatten(1).tolist())


@pytest.mark.parametrize(("bits", "size"), [(8, 64), (8, 5000), (1024, 256), (100_000, 2)])
def test_what_is_drawn_at_once_is_a_batch_or_a_few_megabytes(monkeypatch, bits, size):
    drawn = []
    original = SequenceDataset.batch

    def batch(self, indices):
        drawn.append(original(self, indices))
        return drawn[-1]

    monkeypatch.setattr(SequenceDataset, "batch", batch)
    data = BinaryAdd(bits=bits, batch_size=size, test_size=2 * size, test_lengths=(bits,))
    for loader in (TrainLoader(data.dataset("train"), None), *data.test_dataloader()):
        drawn.clear()
        first = next(iter(loader))
        largest = max(sum(field.nbytes for field in each) for each in drawn)
        assert largest <= max(2 * BYTES_AT_ONCE, sum(field.nbytes for field in first))


def test_fewer_examples_than_devices_are_refused():
    with pytest.raises(ValueError, match="`val_size` must be at least the number of devices, 8"):
        EvalLoader(Football().dataset("val"), trainer(0, 8))


def test_a_handful_of_sequences_is_served_in_permuted_passes():
    seen = Football(batch_size=5).dataset("train").batch(range(50)).inputs.reshape(10, 5, 3)
    passes = [[tuple(row) for row in one.tolist()] for one in seen]
    assert all(len(set(one)) == 5 for one in passes)
    assert len({tuple(one) for one in passes}) > 5


def test_train_limit_repeats_that_many_distinct_sequences():
    limited = BinaryAdd(bits=30, train_limit=10).dataset("train").batch(range(100))
    assert len(set(content_hash(limited).tolist())) == 10
    endless = BinaryAdd(bits=30).dataset("train").batch(range(100))
    assert len(set(content_hash(endless).tolist())) > 90


def test_an_epoch_of_limited_sequences_is_a_pass_over_them():
    assert len(BinaryAdd(train_limit=10, batch_size=5).train_dataloader()) == 2


def test_datasets_are_indexed_like_lists():
    dataset = NextNumber().dataset("val")
    assert len([*dataset]) == len(dataset)
    with pytest.raises(IndexError, match="index must be from 0 to"):
        dataset[len(dataset)]
    with pytest.raises(ValueError, match="`split` must be one of val, test, train, got 'dev'"):
        NextNumber().dataset("dev")


@pytest.mark.parametrize("split", SHARES)
@pytest.mark.parametrize("bits", [8, 4000])
def test_an_example_is_the_first_of_its_draws_that_belongs(split, bits):
    data = BinaryAdd(bits=bits)
    batch = data.dataset(split, bits).batch(range(40))
    for index, (inputs, targets, _) in enumerate(zip(*batch, strict=True)):
        draws = (data.draw(IndexedRNG(0, split, [index], [k]), bits) for k in itertools.count())
        first = next(d for d in draws if content_hash(d).item() >> 61 in range(*SHARES[split]))
        assert torch.equal(inputs, first.inputs[0])
        assert torch.equal(targets, first.targets[0])


def test_no_example_at_all_is_a_batch_too():
    assert [len(field) for field in BinaryAdd().dataset("val").batch([])] == [0, 0, 0]


def test_content_does_not_depend_on_padding():
    short = SequenceBatch(torch.ones(1, 3, 2), torch.zeros(1, 3, 1), torch.tensor([3]))
    padded = SequenceBatch(torch.ones(1, 9, 2), torch.zeros(1, 9, 1), torch.tensor([3]))
    longer = padded._replace(lengths=torch.tensor([4]))
    assert content_hash(short) == content_hash(padded) != content_hash(longer)


def test_test_loaders_follow_the_curve():
    data = BinaryAdd(test_lengths=(20, 8, 20), test_size=30)
    assert data.curve == (8, 20)
    assert [next(iter(x)).inputs.shape[1] for x in data.test_dataloader()] == [9, 21]


@dataclass(kw_only=True, eq=False)
class Echo(SequenceDataModule):
    """A task as a user would write it: repeat the first symbol at the end."""

    mapping: ClassVar[str] = "many-to-one"
    objective: ClassVar[str] = "categorical"
    metric: ClassVar[str] = "accuracy"
    input_size: ClassVar[int] = 4
    output_size: ClassVar[int] = 4
    delay: int = 5
    """Steps between the first and the last symbol."""

    @property
    def length(self):
        return self.delay

    def draw(self, rng, length):
        symbols = torch.from_numpy(rng.integers(0, 4, length or self.delay))
        return SequenceBatch(symbols, symbols[:, 0], torch.full((len(rng),), symbols.shape[1]))

    def baselines(self):
        return {"guess": 0.25, "optimum": 1.0}


def quiet(**settings):
    return Trainer(
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        **settings,
    )


def test_a_task_and_a_network_of_ones_own_go_into_a_plain_trainer():
    torch.manual_seed(0)
    data = Echo(delay=3, batch_size=128, val_size=500)
    module = ManyToOne.for_data(
        data, cell="gru", hidden_size=32, optimizer=lambda p: torch.optim.Adam(p, lr=0.02)
    )
    run = quiet(max_steps=200, val_check_interval=100, check_val_every_n_epoch=None)
    run.fit(module, data)
    assert run.global_step == 200 and run.current_epoch == 1
    (scores,) = run.validate(module, data, verbose=False)
    assert scores["val/accuracy"] == 1
    chances = torch.cat(run.predict(module, data))
    assert chances.shape == (1000, 4)
    torch.testing.assert_close(chances.sum(1), torch.ones(1000))


def test_loaders_of_ones_own_are_named_by_their_number():
    data = BinaryAdd(test_lengths=(3, 5), test_size=10)
    module, run = ManyToMany.for_data(data, hidden_size=2), quiet(max_steps=1, limit_val_batches=0)
    run.fit(module, data)
    own = DataLoader(data.dataset("test", 9), batch_size=5)
    (scores,) = run.test(module, own, verbose=False)
    assert list(scores) == ["test/loss", "test/accuracy", "test/exact_match"]
    several = run.test(module, [own, own], verbose=False)
    assert [len(each) for each in several] == [3, 3] and "test/loss@1" in several[1]
    by_length = run.test(module, data, verbose=False)
    assert [sorted(each) for each in by_length] == [
        [f"test/{name}@{n}" for name in ("accuracy", "exact_match", "loss")] for n in (3, 5)
    ]


def test_a_plateau_lowers_the_rate_at_validations():
    data = BinaryAdd(batch_size=4, val_size=8)

    def plateau(optimizer):
        return ReduceLROnPlateau(optimizer, monitor="val/loss", patience=0, threshold=1e9)

    module = ManyToMany.for_data(data, hidden_size=2, lr_scheduler=plateau)
    run = quiet(max_steps=12, val_check_interval=4, check_val_every_n_epoch=None)
    run.fit(module, data)
    assert run.optimizers[0].param_groups[0]["lr"] == pytest.approx(
        1e-6
    )  # from 1e-3, at each of three


def test_draws_need_not_be_contiguous():
    inputs = torch.rand(3, 2, 5).transpose(1, 2)
    batch = SequenceBatch(inputs, torch.zeros(3, 5, 1), torch.full((3,), 5))
    assert (content_hash(batch) == content_hash(batch._replace(inputs=inputs.contiguous()))).all()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_training_loss_is_over_scored_steps(reduction):
    data = BinaryAdd(batch_size=20)
    still = ManyToMany.for_data(
        data, reduction=reduction, optimizer=lambda p: torch.optim.SGD(p, lr=0.0)
    )
    run = quiet(max_steps=1, log_every_n_steps=1, limit_val_batches=0)
    run.fit(still, data)
    inputs, targets, lengths = data.dataset("train").batch(range(20))
    losses = [
        torch.nn.functional.binary_cross_entropy_with_logits(
            logits[:end], bits[:end].float(), reduction="sum"
        )
        for logits, bits, end in zip(still(inputs), targets, lengths, strict=True)
    ]
    expected = sum(losses) / (lengths.sum() if reduction == "mean" else 20)
    torch.testing.assert_close(run.callback_metrics["train/loss"], expected.detach())


def test_a_module_refuses_a_task_of_another_mapping_wherever_they_meet():
    message = "BinaryAdd is many-to-many: use ManyToMany, not ManyToOne."
    with pytest.raises(ValueError, match=message):
        ManyToOne.for_data(BinaryAdd())
    with pytest.raises(ValueError, match=message):
        quiet(max_steps=1).fit(ManyToOne(2, 1, "binary"), BinaryAdd())


def test_training_sees_each_position_once_across_epochs_and_validations():
    seen = []

    class Spy(ManyToMany):
        def training_step(self, batch, batch_idx):
            seen.append(batch.inputs)
            return super().training_step(batch, batch_idx)

    data = BinaryAdd(batch_size=10, train_size=40, val_size=5)
    quiet(max_epochs=3, val_check_interval=2).fit(Spy.for_data(data, hidden_size=2), data)
    assert torch.equal(torch.cat(seen), data.dataset("train").batch(range(120)).inputs)
