"""`reconciler propose`: open a pull request with the files that were changed by hand."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence, Set
from dataclasses import replace
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.edit_files import FileChange, Finish, apply_changes
from reconciler.cli.options import environment_option, specs_option, today_option
from reconciler.cli.output import print_note
from reconciler.config import load
from reconciler.git.repository import NoRepository, Repository
from reconciler.model.commands import count
from reconciler.model.errors import Problem, ReconcilerError

_LOOK = "Run `git status` to see why."


@click.command()
@specs_option
@today_option
@environment_option
@click.option("--yes", "-y", is_flag=True, help="Propose without asking.")
@click.option("--message", "-m", metavar="TEXT", help="The title of the pull request.  [default: what the files say]")
@click.argument("names", nargs=-1, metavar="[NAME]...")
def propose(
    specs: Path, day: date, environment: str | None, *, yes: bool, message: str | None, names: tuple[str, ...]
) -> int:
    """Commit changed files to a new branch, push it, and open a pull request with gh.

    Takes all changed YAML files of the specs folder, or those of the units NAME, with the code, certificates and keys
    that they name. Shows them as a diff and checks all files
    first. Other changed files stay out of the commit. The work tree is on the new branch afterwards if it was at the
    newest commit of the default branch, and stays as it is otherwise.

    Exit codes: 0 done, or shown only; 1 the files have problems; 2 wrong usage or not possible.
    """
    loaded = load(specs, Path.cwd(), day)

    def names_of(change: FileChange) -> Set[str]:
        """Return the unit whose file this is, or the units that name it."""
        if _is_yaml(change.shown):
            return {change.path.stem}
        return loaded.named_files[change.path.relative_to(specs).as_posix()]

    changes = list(_changes(specs, environment, loaded.named_files))
    if names:
        known = {name for each in changes for name in names_of(each)}
        if missing := [name for name in names if name not in known]:
            raise click.UsageError(f"no changed file of {', '.join(missing)}: changed are {_listed(sorted(known))}")
        changes = [each for each in changes if not names_of(each).isdisjoint(names)]
    meaning = message or _meaning(changes)
    files = {each.shown for each in changes}
    # Before the question: a placeholder would be deployed as it stands.
    notices = [_format_notice(each) for each in loaded.notices if each.file in files]
    finish = Finish(yes, as_pull_request=True, takes_work_tree=True)
    if not changes:
        print_note("nothing to propose: no file is changed")
        return Exit.FINE
    return apply_changes(changes, specs, day, finish, meaning=meaning, notes=notices)


def _changes(specs: Path, environment: str | None, named: Container[str]) -> Iterator[FileChange]:
    """Yield the changed YAML files of the specs folder, and the changed files that units name."""
    repository = Repository(specs)
    try:
        top = Path(repository.run("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))
    except NoRepository:
        raise ReconcilerError(
            f"{specs}: not in a git repository\n    Propose the files without this command."
        ) from None
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
    changed = repository.run("status", *options, "--", environment or ".", step=_LOOK)
    listed = changed.decode("utf-8", "surrogateescape")
    for record in listed.split("\0"):
        name = record[3:]
        # A link stays one: its target may be another unit's file.
        file = (top / name).parent.resolve() / Path(name).name
        if not name or not file.is_relative_to(specs.resolve()):
            continue
        below = file.relative_to(specs.resolve())
        if not _is_yaml(name) and below.as_posix() not in named:
            continue
        shown = specs / below
        if file.is_symlink():
            text = f"{_shown(shown)}: a symbolic link that is not committed"
            raise ReconcilerError(f"{text}\n    Replace it by a file, or commit it without this command.")
        known = repository.run("ls-tree", "-z", "--full-tree", "HEAD", "--", name, step=_LOOK)
        before = repository.run("cat-file", "blob", f"HEAD:{name}", step=_LOOK) if known else None
        after = file.read_bytes() if file.exists() else None
        # As messages name it: from the specs folder's own name on.
        yield FileChange(shown, _shown(shown), before, after)


def _is_yaml(name: str) -> bool:
    return name.endswith(".yaml")


def _shown(path: Path) -> str:
    absolute = path.absolute()
    return (absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path).as_posix()


def _meaning(changes: Sequence[FileChange]) -> str:
    changes = [each for each in changes if _is_yaml(each.shown)] or changes
    if len(changes) != 1:
        return f"Change {count(len(changes), 'file')} of connectors"
    [change] = changes
    verb = "Add" if change.before is None else "Delete" if change.after is None else "Change"
    file = Path(change.shown)
    return f"{verb} {file.stem} in {file.parent.name}"


def _format_notice(notice: Problem) -> str:
    where = f"{notice.file}:{notice.line}:{notice.column}"
    return f"{where}: {replace(notice, hint=None).message}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
