"""SIGTERM and SIGINT: they end what is done, with the exit code that says so."""

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, Self

from seqlearn.errors import is_main_process

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

ENDING = (signal.SIGTERM, signal.SIGINT)


class Interrupted(SystemExit):
    """Ended by a signal: exit code 128 + its number, as shells have it.

    Only the first of several processes says so: were another to end with anything but 0, the
    process that started it would be killed before it could finish.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(128 + number if is_main_process() else 0)


def interrupt(number: int) -> NoReturn:
    """End at once."""
    raise Interrupted(number)


def disarm(trainer: "Trainer") -> None:
    """Keep Lightning from taking signals, SLURM's for requeueing included.

    It acts on SIGTERM within its handler: one of several processes would talk to the others in the
    middle of something else, and all would hang. There is no public way, as it takes the signal
    after the last hook before the processes wait for each other.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]


class Signals:
    """Take signals over for a while, such as in a ``with`` statement.

    Args:
        act: What to do when one comes, with its number; by default it is only noted.
    """

    def __init__(self, act: Callable[[int], None] | None = None) -> None:
        self.act = act
        self.received = 0
        self.before: dict[int, Any] = {}

    def take(self) -> None:
        """Take them over, with what has come to the one who had them."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets no other set handlers
        for number in ENDING:
            self.before[number] = signal.signal(number, self._receive)
            outer = getattr(self.before[number], "__self__", None)
            if isinstance(outer, Signals):
                self.received = self.received or outer.received
        if self.act and self.received:
            self.act(self.received)

    def give_back(self) -> None:
        """Put back what was there at first."""
        while self.before:
            signal.signal(*self.before.popitem())

    def heed(self) -> None:
        """End if one has come.

        Raises:
            Interrupted: With its code.
        """
        if self.received:
            raise Interrupted(self.received)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def _receive(self, number: int, frame: Any) -> None:
        again = number == signal.SIGINT == self.received
        self.received = number
        if self.act:
            self.act(number)
        elif again:
            raise Interrupted(number)  # who presses Ctrl+C twice does not want to wait
