"""End a command promptly after Ctrl-C or SIGTERM, also while its threads wait for an answer."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

#: Seconds in which an interrupted command may tidy up. Threads that wait for an answer would keep it for a minute.
GRACE_S = 3.0


class Interrupts:
    """The signals that a command got."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._timer: threading.Timer | None = None

    @property
    def code(self) -> int:
        """The exit code of an interrupted command."""
        return 128 + (self.received or [signal.SIGINT])[0]

    def handle(self, number: int, _frame: object) -> None:
        """Interrupt the command, and end the process if that takes too long."""
        self.received.append(number)
        if self._timer is None:
            self._timer = threading.Timer(GRACE_S, self._end)
            self._timer.daemon = True
            self._timer.start()
        raise KeyboardInterrupt

    def stop(self) -> None:
        """Let the process go on."""
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        os.write(2, b"interrupted\n")
        os._exit(self.code)


@contextlib.contextmanager
def handling_interrupts() -> Iterator[Interrupts]:
    """Handle SIGINT and SIGTERM while the block runs; a signal that is ignored stays ignored."""
    interrupts = Interrupts()
    try:
        with handling_signals(interrupts.handle):
            yield interrupts
    finally:
        interrupts.stop()


@contextlib.contextmanager
def handling_signals(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call a function for SIGINT and SIGTERM while the block runs. A signal that is ignored stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals
        return
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
