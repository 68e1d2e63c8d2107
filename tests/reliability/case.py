"""One thing that is done to a run, or to a file, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Attributes:
        group: What it is counted under.
        work: Tries it, and tells what is wrong, nothing if all is well, or None if it did not come
            about and does not count.
        label: What it is, for when it goes wrong.
    """

    group: str
    work: Callable[[], list[str] | None]
    label: str = ""
