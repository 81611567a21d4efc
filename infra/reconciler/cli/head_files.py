"""`reconciler head-files`: write the YAML files of a commit into a folder, without a checkout."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.options import commit_option, format_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.git.changes import find_commit
from reconciler.git.head_files import read_head_files, require_empty, write_head_files
from reconciler.git.repository import Repository
from reconciler.model.commands import count

#: Rejected files that are printed. A commit may have thousands of them.
_MOST_SHOWN = 100


@click.command()
@commit_option
@click.option(
    "--onto",
    metavar="REF",
    help="First merge the commit into this one, without a work tree: a branch may be behind the default branch.",
)
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="An empty folder, or one that does not exist.",
)
@click.option(
    "--specs",
    default="connectors",
    show_default=True,
    metavar="FOLDER",
    help="The folder in the commit that contains one folder per environment.",
)
@click.option(
    "--repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    show_default="the current folder",
    metavar="DIR",
    help="The git repository, which has the commit.",
)
@format_option("Print rejected files for people, for programs, or as annotations in GitHub Actions.")
def head_files(commit: str, onto: str | None, into: Path, specs: str, repository: Path, *, reporter: Reporter) -> int:
    """Write the YAML files of a commit, such as the head of a pull request, into a folder.

    Reads git's objects and checks nothing out, so no code of the commit runs. Writes the files that the other commands
    read: YAML files, and the packages, certificates and keys that they name. Writes nothing if it rejects a file: a
    link, a submodule, an executable, a name with special characters, or too many or too large files.

    Exit codes: 0 done; 1 rejected; 2 wrong usage, or the commit is missing.
    """
    require_empty(into)
    read = Repository(repository)
    base = None if onto is None else find_commit(read, onto)
    found = read_head_files(read, commit, specs, onto=base)
    if not found.problems:
        write_head_files(found, into)
        reporter.report(Report([], notes=[f"wrote {count(len(found.files), 'file')} of {commit[:12]} to {into}"]))
        return Exit.FINE
    shown = found.problems[:_MOST_SHOWN]
    entries = [Entry(each.message, "failed", (each.hint or "",), each.file, each.line, each.column) for each in shown]
    rejected = f"rejected {count(len(found.problems), 'file')} of {commit[:12]}, and wrote nothing"
    notes = [f"the first {_MOST_SHOWN} are shown"] if len(found.problems) > _MOST_SHOWN else []
    reporter.report(Report(entries, [asdict(each) for each in found.problems], [*notes, rejected]))
    return Exit.FINDINGS
