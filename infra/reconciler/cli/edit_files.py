"""Show an edit of files as a diff, check it and write it, for all commands that edit files."""

from __future__ import annotations

import difflib
import functools
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from reconciler.cli import Exit
from reconciler.cli.options import specs_option, today_option, unit_environment_option
from reconciler.cli.output import neutralise, print_note, print_text
from reconciler.cli.write_files import replace_file
from reconciler.config import Loaded, load
from reconciler.config.folder import ENVIRONMENT_FILE, UNIT_NAME
from reconciler.config.plain_credentials import looks_like_credential
from reconciler.edits.source import Edited, Source
from reconciler.git.repository import Repository
from reconciler.model import Environment, commands
from reconciler.model.commands import count
from reconciler.model.errors import Problem, ReconcilerError

F = TypeVar("F", bound=Callable[..., Any])

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def edit_options(command: F) -> F:
    """Add the options of all commands that edit a unit's file."""
    return specs_option(today_option(unit_environment_option(finish_options(command))))


def finish_options(command: F) -> F:
    """Add `--yes` and `--pull-request`, which the command gets as `finish`."""

    @click.option("--yes", "-y", is_flag=True, help="Write without asking.")
    @click.option(
        "--pull-request",
        is_flag=True,
        help="Commit to a new branch, push it and open a pull request with gh. The work tree stays as it is.",
    )
    @functools.wraps(command)
    def with_finish(*args: Any, yes: bool, pull_request: bool, **options: Any) -> Any:
        _require_plain_text(options)
        return command(*args, finish=Finish(yes, pull_request), **options)

    return cast(F, with_finish)


@dataclass(frozen=True)
class Finish:
    """What to do with an edit, by the options of the command."""

    without_question: bool
    as_pull_request: bool
    takes_work_tree: bool = False
    """Whether the changes are in the work tree already, which is then switched to the new branch if possible."""


@dataclass(frozen=True)
class UnitFile:
    """A unit's file, its environment, and all files as they are."""

    name: str
    path: Path
    source: Source
    environment: Environment
    loaded: Loaded
    datasets: frozenset[str]
    """The ids of the datasets that its connector writes, or that it declares."""


@dataclass(frozen=True)
class FileChange:
    """The bytes of a file before and after an edit; None where there is no file."""

    path: Path
    shown: str
    before: bytes | None
    after: bytes | None


def read_unit(specs: Path, environment: str | None, name: str, day: date) -> UnitFile:
    """Find the file of a unit, in any environment unless one is named.

    Raises:
        click.UsageError: There is no such unit, or several environments have one.
        InvalidSpecs: A file of the environment has a problem.
    """
    loaded = load(specs, Path.cwd(), day)
    stem, parent = Path(name).name.removesuffix(".yaml"), Path(name).parent
    folder = parent.parent.name if parent.parent.name in loaded.environments else parent.name
    if folder and environment not in (None, folder):
        raise click.UsageError(
            f"{name} is in {folder}, but --environment names {environment}: leave out one of the two"
        )
    environment = environment or folder or None
    found = [each for each in loaded.environments if environment in (None, each) and stem in _unit_files(specs / each)]
    if not found:
        if environment is not None:
            loaded.fleet(environment)
        raise click.UsageError(_unknown(specs, loaded, environment, stem))
    if len(found) > 1:
        raise click.UsageError(f"several environments have {stem}: choose with --environment: {', '.join(found)}")
    fleet = loaded.fleet(found[0])
    path = _unit_files(specs / found[0])[stem]
    unit = next(unit for unit in fleet.units if unit.name == stem)
    datasets = frozenset(each.id for each in (*unit.datasets, *fleet.datasets_of(unit)))
    source = Source.read(_read(path, unit.file), unit.file)
    return UnitFile(stem, path, source, fleet.environment, loaded, datasets)


def choose_environment(loaded: Loaded, environment: str | None) -> str:
    """Return the named environment, or the only one. Raises click.UsageError."""
    if environment is None and len(loaded.environments) > 1:
        names = ", ".join(loaded.environments)
        raise click.UsageError(f"there are several environments: choose with --environment: {names}")
    return environment or next(iter(loaded.environments), "")


def new_file(specs: Path, environment: Environment, name: str, content: bytes, subfolder: str = "") -> FileChange:
    """Return the change that adds a unit's file to an environment. Raises click.UsageError for a bad name."""
    if not UNIT_NAME.fullmatch(name) or f"{name}.yaml" == ENVIRONMENT_FILE:
        raise click.UsageError(f"{name!r} cannot be a unit's name: use lower-case letters, digits, _ and -")
    shown = (Path(environment.file).parent / subfolder / f"{name}.yaml").as_posix()
    return FileChange(specs / environment.name / subfolder / f"{name}.yaml", shown, None, content)


def print_steps(steps: Sequence[str], snippet: str | None) -> None:
    """Print the commands that follow, and the snippet for bigquery-etl."""
    if steps:
        print_note("next:")
    for step in steps:
        print_note(f"    {step.strip('`')}")
    if snippet is not None:
        print_note("in the metadata.yaml of the queries that read it, in bigquery-etl:")
        for line in snippet.splitlines():
            print_note(f"    {line}")


def edit_unit(unit: UnitFile, specs: Path, day: date, edited: Edited, finish: Finish) -> int:
    """Show, check and write an edit of a unit's file."""
    change = FileChange(unit.path, unit.source.file, unit.source.raw, edited.source.raw)
    return apply_changes([change], specs, day, finish, meaning=edited.meaning, notes=edited.notes)


def apply_changes(
    changes: Sequence[FileChange], specs: Path, day: date, finish: Finish, *, meaning: str, notes: Sequence[str] = ()
) -> int:
    """Check all files with these changes, show them as a diff, ask, and write them.

    Args:
        changes: The files.
        specs: The specs folder.
        day: The date to use as today.
        meaning: What the change does, in an imperative.
        notes: Notices to print before the question.
        finish: Whether to ask, and what to do with the change.

    Raises:
        click.exceptions.Exit: The user answered no.
    """
    changes = [each for each in changes if each.before != each.after]
    if not changes:
        print_note(f"nothing to change: {meaning}")
        return Exit.FINE
    if not finish.takes_work_tree:
        _require_editable(changes)
    problems, elsewhere = _check(changes, specs, day)
    for each in changes:
        print_text(format_diff(each), newline=False)
    links = [
        f"{link} is a link to this file, and changes with it"
        for each in changes
        for link in _links_to(each.path, specs)
    ]
    for note in (*notes, *links):
        print_note(f"notice: {note}")
    if elsewhere:
        print_note(_describe_elsewhere(elsewhere))
    if problems:
        for problem in problems:
            print_note(str(problem))
        files = {each.shown for each in changes}
        ours = sum(problem.file in files for problem in problems)
        print_note(f"not written: {count(len(problems), 'problem')}, {ours} of them in the files above")
        return Exit.FINDINGS
    if not finish.without_question and not is_terminal():
        print_note("not written: the command cannot ask, because stdin is not a terminal. Add --yes to write it")
        raise click.exceptions.Exit(Exit.FINE)  # without the steps that would follow
    question = "Open a pull request with it?" if finish.as_pull_request else "Write it?"
    if not finish.without_question and not click.confirm(question, default=False, err=True):
        print_note("not written")
        raise click.exceptions.Exit(Exit.FINE)  # without the steps that would follow
    if finish.as_pull_request:
        _open_pull_request(changes, meaning, notes, takes_work_tree=finish.takes_work_tree)
        return Exit.FINE
    for each in changes:
        _write(each)
    print_note(f"written: {', '.join(each.shown for each in changes)}")
    return Exit.FINE


def _check(changes: Sequence[FileChange], specs: Path, day: date) -> tuple[list[Problem], list[Problem]]:
    """Return the problems that stop an edit, and older ones of other environments.

    An edit is stopped by each problem in an environment whose files it changes, and by each one that it causes.
    """
    edited = {path: each.after for each in changes for path in (each.path, *_links_to(each.path, specs))}
    after = load(specs, Path.cwd(), day, edited)
    touched = [path.absolute() for path in edited]
    names = [
        name for name in after.environments if any(path.is_relative_to((specs / name).absolute()) for path in touched)
    ]
    own = {problem for name in names for problem in after.problems_of(name)}
    if all(problem in own for problem in after.problems):
        return list(after.problems), []
    before = set(load(specs, Path.cwd(), day).problems) - own
    return [each for each in after.problems if each not in before], [each for each in after.problems if each in before]


def _links_to(file: Path, specs: Path) -> list[Path]:
    """Return the other units' files that are this one by a symbolic link."""
    target = file.resolve()
    files = (*specs.glob("*/*.yaml"), *specs.glob("*/*/*.yaml"))
    folders = {folder: folder.resolve() for folder in {each.parent for each in files}}

    def is_same(each: Path) -> bool:
        real = each.resolve() if each.is_symlink() else folders[each.parent] / each.name
        return each != file and real == target

    return [each for each in files if is_same(each)]


def _describe_elsewhere(problems: Sequence[Problem]) -> str:
    """Return a warning about problems that do not stop an edit: the first place, and how many there are."""
    first, more = problems[0], len(problems) - 1
    rest = f", and {count(more, 'more problem')}" if more else ""
    return (
        f"warning: {first.file}:{first.line}:{first.column}: {first.message}{rest}\n"
        f"    Correct it before the next run there: {commands.reconciler('validate')} lists every problem. "
        "This edit is still possible."
    )


def _open_pull_request(
    changes: Sequence[FileChange], meaning: str, notes: Sequence[str], *, takes_work_tree: bool
) -> None:
    """Push the changes on a branch of their own, and open a pull request with what they mean."""
    from reconciler.git.propose import FileVersion, open_pull_request, propose, switch  # noqa: PLC0415 (only with the option)

    text = "\n".join(
        [*(f"- {note}" for note in notes), *([""] if notes else []), *(f"File: {each.shown}" for each in changes)]
    )
    proposal = propose({each.path: FileVersion(each.before, each.after) for each in changes}, meaning, text)
    is_there = takes_work_tree and switch(proposal, [each.path for each in changes])
    print_note(
        f"pushed the branch {proposal.branch}; the work tree is {'on this branch now' if is_there else 'as it was'}"
    )
    address = open_pull_request(proposal, meaning, text)
    if address is None:
        print_note(f"gh is not installed: open a pull request from {proposal.branch} to {proposal.base} by hand")
    else:
        print_text(address)


def is_terminal() -> bool:
    """Return whether a user can answer a question."""
    return sys.stdin.isatty()


def format_diff(change: FileChange) -> str:
    """Return a unified diff of a change, as `git diff` prints one."""
    if b"\0" in (change.before or b"") + (change.after or b""):
        verb = "added" if change.before is None else "deleted" if change.after is None else "changed"
        return f"Binary file {change.shown} {verb} ({len(change.after or b''):,} bytes)\n"
    before, after = (_lines(raw) for raw in (change.before, change.after))
    old, new = (change.shown if raw is not None else "/dev/null" for raw in (change.before, change.after))
    lines = []
    for line in difflib.unified_diff(before, after, old, new, n=3, lineterm="\n"):
        text = neutralise(line.rstrip("\r\n"))
        lines.append(click.style(text, fg=_COLOURS.get(line[0])) if line[0] in _COLOURS else text)
        if not line.endswith("\n"):
            lines.append("\\ No newline at end of file")
    return "".join(f"{line}\n" for line in lines)


def _lines(raw: bytes | None) -> list[str]:
    text = (raw or b"").decode("utf-8", "replace")
    return [f"{line}\n" for line in text.split("\n")[:-1]] + (
        [text.rsplit("\n", 1)[-1]] if text[-1:] != "\n" and text else []
    )


def _require_editable(changes: Sequence[FileChange]) -> None:
    """Check that the files are writable and committed, so that `git restore` undoes this edit alone."""
    for each in changes:
        if each.before is None:
            if each.path.exists() or each.path.is_symlink():
                raise ReconcilerError(
                    f"{each.shown}: the file exists already\n    Choose another name, or edit that file."
                )
            continue
        if not stat.S_IMODE(each.path.stat().st_mode) & _WRITABLE:
            raise ReconcilerError(
                f"{each.shown}: the file is read-only\n    Make it writable first: `chmod u+w {each.shown}`."
            )
        file = each.path.resolve()
        state, add = Repository(file.parent).state_of(file.name), commands.shell("git", "add", each.shown)
        if state == "untracked":
            raise ReconcilerError(
                f"{each.shown}: the file is not in git yet, so git could not undo this edit\n"
                f"    Commit it first ({add}, `git commit`), or edit it by hand."
            )
        if state == "changed":
            undo = commands.shell("git", "restore", "--staged", "--worktree", each.shown)
            raise ReconcilerError(
                f"{each.shown}: the file has changes that are not committed\n"
                f"    Commit them first ({add}, `git commit`), or undo them ({undo}). "
                "For several edits in one commit, edit the file by hand."
            )


def _read(path: Path, shown: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReconcilerError(f"{shown}: cannot be read: {error.strerror}") from None


def _write(change: FileChange) -> None:
    """Write a file atomically, behind a link and with the mode that it has."""
    path = change.path.resolve()
    try:
        now = path.read_bytes() if path.exists() else None
        if now != change.before:
            raise ReconcilerError(
                f"{change.shown}: another process changed the file while this command ran\n    Run the command again."
            )
        if change.after is None:
            path.unlink()
            return
        replace_file(path, change.after)
    except OSError as error:
        raise ReconcilerError(f"{change.shown}: cannot be written: {error.strerror}") from None


def _unit_files(folder: Path) -> dict[str, Path]:
    """Return the units that a folder and its subfolders list.

    Names differ by case, also where the file system's do not.
    """
    files = (*folder.glob("*.yaml"), *folder.glob("*/*.yaml"))
    return {file.stem: file for file in files if file.name != ENVIRONMENT_FILE and UNIT_NAME.fullmatch(file.stem)}


def _require_plain_text(options: Mapping[str, Any]) -> None:
    """Reject a credential, which the diff would show and git would keep, and text that no file can hold."""
    context = click.get_current_context()
    for parameter in context.command.params:
        value = options.get(parameter.name or "")
        for text in value if isinstance(value, tuple) else (value,):
            if not isinstance(text, str):
                continue
            if not text.isascii() and text.encode("utf-8", "replace").decode("utf-8") != text:
                raise click.BadParameter("expected UTF-8 text", context, parameter)
            if any(looks_like_credential(word) for word in text.split()):
                raise click.BadParameter(
                    "this looks like a credential. Leave it out: nothing was written. If it is one, replace it, since "
                    "the shell's history keeps it",
                    context,
                    parameter,
                )


def _unknown(specs: Path, loaded: Loaded, environment: str | None, name: str) -> str:
    searched = [each for each in loaded.environments if environment in (None, each)]
    known = sorted({unit for each in searched for unit in _unit_files(specs / each)})
    where = environment or ", ".join(loaded.environments)
    near = get_close_matches(name.lower(), known, n=1)
    return f"no unit {name!r} in {where}." + (f" Did you mean {near[0]!r}?" if near else "")
