"""The same trials on stock parts, or without one of ours: they have to fail, or are blind."""

import io
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest.mock import patch

import torch
from lightning.pytorch import LightningDataModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from tests.reliability.case import Case
from tests.reliability.loads import FLIPS, flipped, whole
from tests.reliability.trial import BATCHES, Blow, Setting, Trace, fingerprint, run, struck
from torch.utils.data import DataLoader, IterableDataset

from seqlearn import checkpoints, resume
from seqlearn.checkpoints import read
from seqlearn.data import SequenceBatch
from seqlearn.modules import ManyToMany
from seqlearn.record import LAST
from seqlearn.tasks import BinaryAdd

DATA = BinaryAdd(bits=4, batch_size=8, train_size=80, val_size=20)


def shuffled() -> Any:
    """A map of 80 examples, shuffled."""
    examples = [DATA.dataset("train")[i] for i in range(80)]
    return DataLoader(examples, batch_size=8, shuffle=True)


class Stream(IterableDataset[SequenceBatch]):
    """Batches without an end that can be told; their number is kept in the checkpoint."""

    def __init__(self) -> None:
        self.next = 0

    def __iter__(self) -> Iterator[SequenceBatch]:
        dataset = DATA.dataset("train")
        while True:
            self.next += 1
            yield dataset.batch(range(8 * self.next - 8, 8 * self.next))

    def state_dict(self) -> dict[str, int]:
        return {"next": self.next}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.next = state["next"]


class Stock(LightningDataModule):
    """A DataModule with another training loader."""

    def __init__(self, loader: Callable[[], Any]) -> None:
        super().__init__()
        self.loader = loader

    def train_dataloader(self) -> Any:
        return self.loader()

    def val_dataloader(self) -> Any:
        return DataLoader([DATA.dataset("val")[i] for i in range(20)], batch_size=20)


class StockSetting(Setting):
    """Lightning's own way to train and save."""

    loader: Callable[[], Any] = staticmethod(shuffled)
    options: ClassVar[dict[str, Any]] = {}

    def fit(self, folder: Path, trace: Trace) -> None:
        seed_everything(0)
        network = ManyToMany.for_data(DATA, cell="gru", hidden_size=8)
        saver = ModelCheckpoint(
            folder / "checkpoints",
            "last",
            every_n_train_steps=4,
            enable_version_counter=False,
            **self.options,
        )
        trainer = Trainer(
            max_steps=BATCHES,
            val_check_interval=5,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            accelerator="cpu",
            devices=1,
            logger=False,
            callbacks=[trace, saver],
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        last = folder / LAST
        data = Stock(self.loader)
        trainer.fit(network, data, ckpt_path=last if last.exists() else None)
        trainer.save_checkpoint(folder / "end.ckpt")


class Endless(StockSetting):
    """With a loader without length."""

    loader = Stream


class OnException(StockSetting):
    """With a checkpoint at every exception, such as that of SIGINT."""

    loader = staticmethod(lambda: DATA.train_dataloader())
    options: ClassVar = {"save_on_exception": True}


def stock(setting: StockSetting, signal: str) -> list[str]:
    """Strike stock parts now and then; one of the ends has to be another than the undisturbed."""
    ends = set()
    for batch in (None, 6, 10, 13, 17, 22, 27):
        blows = [] if batch is None else [Blow(signal, "end" if batch % 2 else "start", batch)]
        with TemporaryDirectory() as name:
            run(setting, blows, Path(name))
            end = Path(name) / "end.ckpt"
            ends.add(fingerprint(read(end)["state_dict"]) if end.exists() else "none")
    return [] if len(ends) > 1 else ["all ends are the same"]


def without(name: str, instead: Callable[..., Any], *blows: Blow) -> list[str]:
    """Strike a run of ours that lacks a part."""
    kind = "plateau" if name == "realign" else "one epoch"
    with patch.object(resume, name, instead):
        wrong = [struck(Setting(kind, 5, 4), blow) for blow in blows]
    return [] if any(wrong) else [f"without {name} all is the same"]


def unsealed() -> list[str]:
    """Flip bits as `loads` does, and read without looking at the checksum."""
    right = fingerprint(torch.load(io.BytesIO(whole()), weights_only=True)["state_dict"])
    silent = 0
    for bit in random.Random(0).sample(range(8 * len(whole())), FLIPS):
        with patch.object(checkpoints, "unsealed", lambda content: content):
            with TemporaryDirectory() as name:
                path = Path(name) / "last.ckpt"
                path.write_bytes(flipped(bit))
                try:
                    silent += fingerprint(read(path)["state_dict"]) != right
                except ValueError:
                    continue
    return [] if silent else ["every flip was found without a checksum"]


def cases() -> Iterator[Case]:
    """Give all of them."""
    group = "canaries: these have to fail"
    for setting, signal in (
        (StockSetting(), "KILL"),
        (Endless(), "KILL"),
        (OnException(), "INT"),
    ):
        yield Case(group, partial(stock, setting, signal), type(setting).__name__)
    blows = [Blow("KILL", "start", 7), Blow("KILL", "start", 16), Blow("TERM", "end", 21)]
    for name in ("reseed", "realign"):
        yield Case(group, partial(without, name, nothing, *blows), f"without {name}")
    yield Case(group, unsealed, "without a checksum")


def nothing(*_: Any) -> None:
    """Stand in for a part that is left out."""
