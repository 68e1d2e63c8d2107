"""Files that are there whole: the old one or the new, nothing between."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file, on the disk when this returns.

    A crash or a kill at any moment leaves the old file or the new one; at worst a ``.NAME.tmp``
    stays beside it, which the next call overwrites. Where several processes may write the same
    file, they have to hold something, such as its folder.

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


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for a while, once no other process does."""
    if fcntl is None:  # Windows
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)
