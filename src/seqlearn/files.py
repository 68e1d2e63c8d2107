"""Files that are there whole: the old one or the new, nothing between."""

import contextlib
import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file, on the disk when this returns.

    A crash or a kill at any moment leaves the old file or the new one; at worst a ``.NAME.tmp``
    stays beside it, which the next call overwrites.

    Args:
        path: The file; its folder is made if need be.
        content: All of it.

    Raises:
        OSError: If it cannot be written; the old file is then untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.tmp")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
