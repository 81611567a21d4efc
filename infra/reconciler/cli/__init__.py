"""The command line `reconciler`: one module for each command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    REMOTE_FAILED = 3
    TIMED_OUT = 4
