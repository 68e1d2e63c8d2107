"""Damaged, hostile and foreign checkpoints: refused by name, and nothing of them is run."""

import io
import os
import pickle
import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tests.reliability.case import Case

from seqlearn.checkpoints import OWN, read, write

FLIPS = 200


@cache
def whole() -> bytes:
    """A checkpoint of some kilobytes as it lies on the disk."""
    generator = torch.Generator().manual_seed(0)
    weights = {f"layer{n}": torch.randn(40, 40, generator=generator) for n in range(4)}
    with TemporaryDirectory() as name:
        path = Path(name) / "last.ckpt"
        write({"state_dict": weights, OWN: {"task": "binary_add"}}, path)
        return path.read_bytes()


def flipped(bit: int) -> bytes:
    """Flip one bit."""
    content = bytearray(whole())
    content[bit // 8] ^= 1 << bit % 8
    return bytes(content)


def refused(content: Callable[[], bytes]) -> list[str]:
    """Load this, which has to be refused in one line that names the file."""
    with TemporaryDirectory() as name:
        path, trace = Path(name) / "last.ckpt", Path(name) / "executed"
        os.environ["EXECUTED"] = str(trace)
        path.write_bytes(content())
        try:
            read(path)
        except ValueError as error:
            message = str(error)
            named = (
                message.startswith(f"{path} is not a readable checkpoint") and "\n" not in message
            )
            return ["its code was run"] if trace.exists() else [] if named else [message]
        return ["it was loaded"]


class Payload:
    """What runs a command when it is unpickled by a careless reader."""

    def __reduce__(self) -> Any:
        return os.system, ("touch $EXECUTED",)


def saved(content: Any) -> bytes:
    """Save with PyTorch alone."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


OTHERS: dict[str, Callable[[], bytes]] = {
    "empty": bytes,
    "text": lambda: b"these are not weights",
    "noise": lambda: random.Random(0).randbytes(5000),
    "an archive of nothing": lambda: b"PK\x05\x06" + bytes(18),
    "a pickle that runs a command": lambda: pickle.dumps(Payload()),
    "weights that run a command": lambda: saved({"state_dict": {}, "hook": Payload()}),
    "no weights": lambda: saved({"weights": 3}),
    "weights that are none": lambda: saved({"state_dict": 5}),
    "a bare tensor": lambda: saved(torch.zeros(3)),
    "one of ours without its checksum": lambda: saved({"state_dict": {}, OWN: {}}),
    "one of ours with another's checksum": lambda: whole()[:-64] + flipped(800)[-64:][::-1],
    "two in one": lambda: whole() + whole()[:-1],
}


def cases() -> Iterator[Case]:
    """Give all of them."""
    chance = random.Random(0)
    for bit in chance.sample(range(8 * len(whole())), FLIPS):
        yield Case("loads: one bit flipped", partial(refused, partial(flipped, bit)), f"bit {bit}")
    for end in range(0, len(whole()), 1024):
        cut = partial(whole().__getitem__, slice(end))
        yield Case("loads: cut off at every kilobyte", partial(refused, cut), f"{end} bytes")
    for name, content in OTHERS.items():
        yield Case("loads: not a checkpoint of ours", partial(refused, content), name)
