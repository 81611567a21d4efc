"""Whether a command that a page names exists, with its options."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from functools import cache

import click
from tests.docs.pages import ROOT

from reconciler.cli.main import cli

_ASSIGNMENT = re.compile(r"^[A-Z_]+=")
_OURS = ("reconciler", "pulumi", "make")


def problems(line: str) -> list[str]:
    """Return what is wrong with the commands of `reconciler`, `pulumi` and `make` in a line of shell."""
    try:
        words = _split(line)
    except ValueError as error:
        return [f"`{line}` is no shell: {error}"]
    found: list[str] = []
    command: list[str] = []
    for word in [*words, ";"]:
        if word in ("|", "||", "&", "&&", ";", "(", ")", "<", ">", ">>"):
            found += _of_command(command)
            command = []
        elif command or not _ASSIGNMENT.match(word):
            command.append(word)
    return found


def problems_in_prose(code: str) -> list[str]:
    """Return what is wrong with the commands in inline code, which need not be shell."""
    try:
        _split(code)
    except ValueError:
        return []
    return problems(code)


def _split(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    return list(lexer)


def _of_command(words: list[str]) -> list[str]:
    if len(words) < 2 or words[0] not in _OURS:
        return []
    options = [word.partition("=")[0] for word in words[1:] if word.startswith("-")]
    if words[0] == "make":
        targets = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return [f"make has no target {target}" for target in targets if target not in _make_targets()]
    if words[0] == "pulumi":
        path, exists = _pulumi_command(words[1:])
        name = " ".join(["pulumi", *path])
        if not exists:
            return [f"there is no {name}"]
        known = set(re.findall(r"(?<![\w-])(--?[a-zA-Z][\w-]*)", _pulumi_help(*path)))
    else:
        if words[1] == "with-fivetran-key" and (inner := [at for at, word in enumerate(words) if word in _OURS][1:]):
            return _of_command(words[: inner[0]]) + _of_command(words[inner[0] :])
        subcommand, name = _reconciler_command(words[1:])
        if subcommand is None:
            return [f"there is no {name}"]
        known = {option for param in subcommand.params for option in param.opts} | {"-h", "--help", "--version"}
    return [f"{name} has no option {option}" for option in options if option not in known and option != "-"]


def _reconciler_command(words: list[str]) -> tuple[click.Command | None, str]:
    """Return the command of some words, and its name."""
    command: click.Command = cli
    name = "reconciler"
    rest = [word for word in words if not word.startswith("-")]
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z-]+", rest[0]):
        name = f"{name} {rest[0]}"
        found = command.get_command(click.Context(command), rest.pop(0))
        if found is None:
            return None, name
        command = found
    return command, name


@cache
def _make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def _pulumi_command(words: list[str]) -> tuple[tuple[str, ...], bool]:
    """Return the command without its arguments, and whether it exists: `pulumi stack init dev` is of `stack init`."""
    path: tuple[str, ...] = ()
    for word in words:
        before = _pulumi_help(*path)
        if word.startswith("-") or " [command]\n" not in before:
            break
        path = (*path, word)
        if _pulumi_help(*path) == before:
            return path, False
    return path, True


@cache
def _pulumi_help(*command: str) -> str:
    """Return the help of a command. For a command that does not exist it is the help of the one before."""
    done = subprocess.run(
        [shutil.which("pulumi") or "pulumi", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr
