"""The command `reconciler`: one file a command, exit codes, and one place that prints errors."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the exit code of every command says."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    OTHER_SIDE_FAILED = 3
