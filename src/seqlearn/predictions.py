"""What a network says to every example, in a file: a line of JSON for each."""

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from seqlearn import files
from seqlearn.data import SequenceDataModule
from seqlearn.examples import Example
from seqlearn.loaders import EvalLoader


def collect(trainer: Trainer, data: SequenceDataModule, predictions: Any) -> list[Example]:
    """Put what ``trainer.predict`` returned into words, in the order of the split.

    Args:
        trainer: The Trainer.
        data: The task.
        predictions: A tensor for each batch; under several devices, of this one's batches.
    """
    loader = trainer.predict_dataloaders
    assert isinstance(loader, EvalLoader)
    said: list[Tensor] = predictions
    own = [
        example
        for batch, outputs in zip(loader, said, strict=False)  # there may be a limit
        for example in data.describe(batch, outputs.cpu())
    ]
    numbered = list(zip(loader.indices.tolist(), own, strict=False))
    if trainer.world_size > 1:
        parts: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(parts, numbered)
        numbered = [each for part in parts for each in part]
    return [example for _, example in sorted(numbered)]


def write(examples: list[Example], path: Path) -> None:
    """Write a line for each example.

    Raises:
        OSError: If the file cannot be written; an old one is then untouched.
    """
    lines = (json.dumps(example._asdict(), ensure_ascii=False) for example in examples)
    content = "".join(f"{line}\n" for line in lines).encode()
    if path.is_symlink() or (path.exists() and not path.is_file()):  # such as /dev/stdout
        path.write_bytes(content)
    else:
        files.replace(path, content)
