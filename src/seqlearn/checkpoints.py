"""Checkpoint files: written whole, with a checksum, and read only if they are what was written."""

import hashlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from seqlearn import files
from seqlearn.errors import CheckpointError, RunError

OWN = "seqlearn"
"""Where a checkpoint says what run it is of; one that does always has a checksum."""
MARK = b"sha256:"
LENGTH = len(MARK) + 64


def sealed(archive: bytes) -> bytes:
    """Add the SHA-256 of a zip archive to it, as the comment that such archives may end with.

    So it stays a file that ``torch.load`` reads; ``unzip -z`` shows the comment.
    """
    comment = MARK + hashlib.sha256(archive).hexdigest().encode()
    return archive[:-2] + len(comment).to_bytes(2, "little") + comment


def unsealed(content: bytes) -> bytes | None:
    """Give the archive back if it is what was sealed, or None if there is no checksum.

    Raises:
        ValueError: If there is one and it is another's.
    """
    comment = content[-LENGTH:]
    if not comment.startswith(MARK):
        return None
    archive = content[: -LENGTH - 2] + bytes(2)
    if sealed(archive) != content:
        raise ValueError("its checksum does not fit")
    return archive


def write(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint.

    Raises:
        RunError: If it cannot be written, or a weight is not finite; the old file is untouched.
    """
    for name, weight in checkpoint.get("state_dict", {}).items():
        if weight.is_floating_point() and not weight.isfinite().all():
            raise RunError(f"{path} is not saved: {name} is no longer finite")
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    try:
        files.replace(path, sealed(buffer.getvalue()))
    except OSError as error:
        raise RunError(f"cannot save {path}: {error.strerror}") from error


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint, of ours or another program's, without running any code of it.

    Raises:
        CheckpointError: If it is damaged, or no checkpoint; a ``ValueError`` too.
    """
    try:
        content = path.read_bytes()
        archive = unsealed(content)
        with warnings.catch_warnings(action="ignore"):  # of what the refusal says better
            checkpoint: dict[str, Any] = torch.load(
                io.BytesIO(content), map_location="cpu", weights_only=True
            )
        if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
            raise ValueError("it holds no weights")
        if archive is None and OWN in checkpoint:
            raise ValueError("its checksum is gone")
    except Exception as error:  # torch.load has a different error for each kind of damage
        reason = str(error) if isinstance(error, ValueError) else type(error).__name__
        message = f"{path} is not a readable checkpoint ({reason}): damaged, or another program's"
        raise CheckpointError(" ".join(message.split())) from error
    return checkpoint


class SafeCheckpointIO(TorchCheckpointIO):
    """Save and load checkpoints so that none is ever torn, damaged unnoticed, or not finite.

    Args:
        failed: What to tell of a failed save, instead of raising it: under several processes only
            the first one saves, and the others would wait for it.

    Example:
        ``Trainer(plugins=[SafeCheckpointIO()])``
    """

    def __init__(self, failed: Callable[[RunError], None] | None = None) -> None:
        super().__init__()
        self.failed = failed

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Save, or keep the old file."""
        if "://" in str(path):  # not of this machine
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        try:
            write(checkpoint, Path(path))
        except RunError as error:
            if self.failed is None:
                raise
            self.failed(error)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load tensors and plain values, to the CPU.

        Raises:
            CheckpointError: If the file is damaged, or no checkpoint.
        """
        if "://" in str(path):
            return super().load_checkpoint(path, weights_only=True)
        return read(Path(path))
