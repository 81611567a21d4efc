"""Run a program that must come to its end in order, such as Pulumi while it writes a state.

`subprocess.run` kills its program a quarter of a second after Ctrl-C, which leaves a lock and half of the changes
unrecorded. Here an interrupt goes to the program, which ends the calls that it is in and records them.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from reconciler.cli.interrupts import handling_signals


class Interrupted(KeyboardInterrupt):
    """A signal ended the program; `number` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run_to_end(
    command: Sequence[str],
    *,
    stdin: str = "",
    capture: bool = False,
    errors: bool = False,
    variables: Mapping[str, str] | None = None,
    deadline_s: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program, and pass interrupts on to it instead of killing it.

    Args:
        command: The program and its arguments.
        stdin: What the program reads.
        capture: Whether to return what it prints to stdout; it is shown otherwise.
        errors: Whether to return what it prints to stderr, too.
        variables: Its environment, in place of this process's.
        deadline_s: The seconds after which the program is killed. Only for one that writes nothing.

    Raises:
        Interrupted: This process got SIGINT or SIGTERM, and the program has ended.
        OSError: The program cannot be started.
        subprocess.TimeoutExpired: The deadline is over, and the program was killed.
    """
    with passing_interrupts() as passing:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.PIPE if errors else None,
            env=None if variables is None else dict(variables),
            text=True,
            # A terminal interrupts its foreground group, and a second interrupt ends Pulumi at once.
            process_group=0,
        )
        with process:
            passing.to(process)
            try:
                printed, failed = process.communicate(stdin or None, timeout=deadline_s)
            except BaseException:
                process.kill()
                raise
    return subprocess.CompletedProcess(list(command), process.returncode, printed, failed)


class _Passing:
    """Passes each signal on to a program as an interrupt."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._process: subprocess.Popen[str] | None = None

    def to(self, process: subprocess.Popen[str]) -> None:
        """Name the program, and pass on what came before it was started."""
        self._process = process
        if self.received:
            process.send_signal(signal.SIGINT)

    def handle(self, number: int, _frame: object) -> None:
        """Handle a signal of this process."""
        self.received.append(number)
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)


@contextlib.contextmanager
def passing_interrupts() -> Iterator[_Passing]:
    """Handle SIGINT and SIGTERM while the block runs, and raise `Interrupted` at its end if there was one."""
    passing = _Passing()
    with handling_signals(passing.handle):
        yield passing
    if passing.received:
        raise Interrupted(passing.received[0])


def raise_on_sigterm() -> None:
    """Let SIGTERM raise `Interrupted`, as Ctrl-C raises KeyboardInterrupt."""

    def raise_interrupted(number: int, _frame: object) -> None:
        raise Interrupted(number)

    signal.signal(signal.SIGTERM, raise_interrupted)
