"""Read a secret from a file, from a pipe, or from a terminal that shows nothing of it."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
from pathlib import Path
from typing import NoReturn

from reconciler.cli.output import print_prompt
from reconciler.model.errors import ReconcilerError

#: Seconds in which pasted lines follow one another.
_PASTE_S = 0.2

#: Seconds for which one wait lasts. A signal just before it is handled after it, where a read lasts until the next key.
_SIGNAL_S = 0.5

_END = b"\x04"
_ERASE = (b"\x7f", b"\x08")
_ERASE_ALL = b"\x15"

_SEVERAL_LINES = (
    "several lines were pasted: nothing was written\n"
    "    Save the value in a file that only you can read, and name that with --from-file."
)


def read_secret(prompt: str, file: Path | None, limit: int) -> bytes:
    """Return the bytes of a secret, at most one more than the limit.

    Args:
        prompt: What to ask for on a terminal.
        file: The file; None for stdin, which may be a terminal.
        limit: The largest number of bytes.

    Raises:
        ReconcilerError: The file cannot be read, or several lines were pasted.
    """
    if file is not None:
        try:
            with file.open("rb") as stream:
                return stream.read(limit + 1)
        except (OSError, ValueError) as error:
            # What stands in place of a file's name may be the value.
            reason = getattr(error, "strerror", None) or "not a valid name"
            raise ReconcilerError(f"the file of --from-file cannot be read: {reason}") from None
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read(limit + 1)
    return _read_terminal(prompt, limit)


def _read_terminal(prompt: str, limit: int) -> bytes:
    """Read a line without echo.

    Not by `getpass`: a terminal cuts a line of more than 4,095 bytes there, as a key in JSON may be, and leaves the
    second line of a paste to the shell.
    """
    source = sys.stdin.fileno()
    before = termios.tcgetattr(source)
    silent = termios.tcgetattr(source)
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    silent[6][termios.VMIN], silent[6][termios.VTIME] = 1, 0
    ended = {number: signal.signal(number, _exit) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        termios.tcsetattr(source, termios.TCSAFLUSH, silent)
        print_prompt(f"{prompt}: ")
        value, more = _line(source, limit)
        if more or select.select([source], [], [], _PASTE_S)[0]:
            raise ReconcilerError(_SEVERAL_LINES)
    finally:
        # Drops what was pasted and not read, so that the shell does not run it.
        termios.tcsetattr(source, termios.TCSAFLUSH, before)
        for number, usual in ended.items():
            signal.signal(number, usual)
        print_prompt("")
    return value


def _exit(number: int, _frame: object) -> NoReturn:
    """End the process by an exception, so that the terminal gets its echo back."""
    raise SystemExit(128 + number)


def _line(source: int, limit: int) -> tuple[bytes, bytes]:
    """Return what was typed until Enter or Ctrl-D, and what followed in the same moment."""
    typed = bytearray()
    while True:
        while not select.select([source], [], [], _SIGNAL_S)[0]:
            pass
        chunk = os.read(source, 4096)
        if not chunk:
            return bytes(typed), b""
        for at in range(len(chunk)):
            key = chunk[at : at + 1]
            if key in (b"\n", b"\r", _END):
                return bytes(typed), chunk[at + 1 :]
            if key == _ERASE_ALL:
                typed.clear()
            elif key in _ERASE:
                _erase(typed)
            elif len(typed) <= limit:
                typed += key


def _erase(typed: bytearray) -> None:
    """Remove the last character, which in UTF-8 may have several bytes."""
    while typed and typed.pop() & 0b1100_0000 == 0b1000_0000:
        pass
