"""Format commands, numbers and lists for messages.

Commands are complete and quoted, to be pasted into a shell.

A message names the environment in each command, since a folder of specs may have several.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path

#: The folder of `--specs` in this process. None if the folder comes from RECONCILER_SPECS or is the default: a user who
#: runs the command gets the same one.
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


#: The environment and the stack of the files in subfolders of environments, by the subfolder as messages show it.
_SUBFOLDERS: dict[Path, tuple[str, str]] = {}


def remember_subfolder(file: str, environment: str, stack: str) -> None:
    """Remember the environment and the stack of a file in a subfolder, and of the files beside it."""
    _SUBFOLDERS[Path(file).parent] = (environment, stack)


def environment_of(file: str) -> str:
    """Return the environment of a file in a message.

    It is the name of the file's folder, or of the one above a subfolder.
    """
    folder = Path(file).parent
    return _SUBFOLDERS.get(folder, (folder.name, ""))[0]


def stack_of(file: str) -> str:
    """Return the stack of a unit's file in a message."""
    folder = Path(file).parent
    return _SUBFOLDERS.get(folder, ("", folder.name))[1]


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `1,000 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


#: How many names a sentence has at most.
_MOST_NAMED = 6


def format_names(names: Sequence[str]) -> str:
    """Return names as part of a sentence: `a, b and c`, or the first six and how many more."""
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    return format_list(names)


def format_list(texts: Sequence[str]) -> str:
    """Return texts as part of a sentence: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))
