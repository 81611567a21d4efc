"""Commands as messages print them: complete and quoted, so that a shell runs them as they stand.

A message names the environment in each command, since a folder of specs may have several.
"""

from __future__ import annotations

import shlex
from contextvars import ContextVar
from pathlib import Path

#: The folder that `--specs` names in this process; None where RECONCILER_SPECS or the default says it, as it will
#: again when somebody runs the command.
specs: ContextVar[str | None] = ContextVar("specs", default=None)


def reconciler(command: str, *arguments: str, environment: str | None = None) -> str:
    """Return a command of `reconciler` in backticks.

    Args:
        command: The command, with its own subcommand: `services pull`.
        arguments: Options and names, each one word of the shell.
        environment: For commands that take `-e`.
    """
    folder = specs.get()
    where = ["--specs", folder] if folder is not None and environment is not None else []
    which = ["-e", environment] if environment is not None else []
    return shell("reconciler", *command.split(), *where, *which, *arguments)


def pulumi(command: str, *arguments: str, environment: str) -> str:
    """Return a command of `pulumi` in backticks, on the environment's stack."""
    return shell("pulumi", *command.split(), "--stack", environment, *arguments)


def up(environment: str, *, refresh: bool = False) -> str:
    """Return the command that applies an environment, in backticks."""
    return pulumi("up", *(["--refresh"] if refresh else []), environment=environment)


def shell(*words: str) -> str:
    """Return a command of these words in backticks."""
    return f"`{shlex.join(words)}`"


def environment_of(file: str) -> str:
    """Return the environment of a unit's or environment's file, as messages name files: the folder that it is in."""
    return Path(file).parent.name
