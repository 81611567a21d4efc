"""Show progress on stderr: one changing line on a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

TERMINAL_SECONDS = 0.5
PLAIN_SECONDS = 15.0


def say(text: str) -> None:
    """Write one line to stderr."""
    print(text, file=sys.stderr, flush=True)


class Progress:
    """Announces a task at once, and shows its progress until it ends."""

    def __init__(self, title: str, remark: str = "") -> None:
        self._title = title
        self._remark = remark
        self._detail = ""
        self._started = time.monotonic()
        self._over = threading.Event()
        self._live = sys.stderr.isatty()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def update(self, detail: str) -> None:
        """Set the progress, such as `120/1682 packages`. The next tick shows it."""
        self._detail = detail

    def _tick(self) -> None:
        while not self._over.wait(TERMINAL_SECONDS if self._live else PLAIN_SECONDS):
            self._show()

    def _show(self) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        parts = [part for part in (self._title, self._detail, f"{minutes}:{seconds:02}") if part]
        if self._live:
            sys.stderr.write("\r\x1b[2K" + "  ".join(parts))
            sys.stderr.flush()
        else:
            say("  ".join(parts))

    def __enter__(self) -> Progress:
        say(f"{self._title} {self._remark}".strip())
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._ticker.join()
        if self._live:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
