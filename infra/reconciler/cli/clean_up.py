"""Remove what a command leaves on the machine if it is killed: its processes and its folder.

`python -m reconciler.cli.clean_up FOLDER` waits until the process that started it ends, however that happens: the
system then closes the pipe between them. A process that is killed can clean up nothing itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

#: Seconds in which processes that were killed may still write into the folder.
_DEADLINE_S = 10


class CleanUp:
    """The process that cleans up after this one."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe

    def watch(self, session: int | None) -> None:
        """Name the session whose processes have to be killed; None for none any more."""
        self._pipe.write(f"{session or 0}\n")
        self._pipe.flush()


@contextlib.contextmanager
def cleaning_up(folder: Path) -> Iterator[CleanUp]:
    """Start the process for as long as the block lasts. It removes the folder in any case."""
    command = [sys.executable, "-m", "reconciler.cli.clean_up", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdin is not None  # noqa: S101 (started with a pipe)
        yield CleanUp(process.stdin)


def kill_session(session: int) -> None:
    """Kill the processes of a session. The engine gives each plugin a group of its own, but no session."""
    found = [int(each.name) for each in Path("/proc").glob("[0-9]*")] or [session]
    for process in found:
        with contextlib.suppress(OSError):
            if os.getsid(process) == session:
                os.kill(process, signal.SIGKILL)


def main(folder: Path) -> None:
    """Wait for the end of stdin, then kill the session that was named last and remove the folder."""
    session = 0
    for line in sys.stdin:
        session = int(line)
    if session:
        kill_session(session)
    deadline = time.monotonic() + _DEADLINE_S
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
