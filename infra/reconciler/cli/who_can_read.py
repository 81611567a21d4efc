"""`reconciler who-can-read`: answer who can read a dataset, or which datasets a member can read."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path

import click

from reconciler.cli import Exit, masked_output
from reconciler.cli.live_access import ReadAccess, read_access
from reconciler.cli.options import Day, environments_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.cli.progress import progress
from reconciler.config import Loaded, load
from reconciler.config.schema.schemas import accepts
from reconciler.estate.access import FIVETRANS_ACCOUNT, AccessGrant, LiveAccess, list_grants
from reconciler.estate.question import datasets_of, groups_in, readers_of
from reconciler.git.head_files import read_head_files, write_head_files
from reconciler.git.past_commit import PastCommit, find_past_commit
from reconciler.git.repository import Repository
from reconciler.lifecycle.expiry import Expiries, Stage
from reconciler.model import Fleet
from reconciler.model.commands import count, format_names
from reconciler.model.errors import InvalidSpecs, ReconcilerError, printable

_COLUMNS = ("MEMBER", "ROLE", "UNTIL", "TICKET", "BY", "DECLARED IN")

#: What no source has: neither files nor access lists nor the policies of projects.
_NEVER_KNOWN = (
    "roles on single tables, views and rows, and policy tags of columns",
    "who can act as a service account, and who uses its keys",
)
_PAST_UNKNOWN = (
    "roles on the project, its folders and the organisation on that day: look in Cloud Audit Logs",
    "access lists that were changed by hand until a run corrected them, and authorised views",
    "whether and when a run applied the files, and whether it failed",
)
_OFFLINE_UNKNOWN = (
    "the live access lists, and authorised views",
    "roles on the project that no file declares, and on its folders and the organisation",
)


@click.command()
@specs_option
@today_option
@environments_option
@click.option(
    "--on",
    type=Day(),
    metavar="DATE",
    help="Answer for a past day, from the files of the last commit on the default branch by its end, in UTC.",
)
@click.option("--branch", metavar="REF", help="With --on: the branch.  [default: the default branch]")
@click.option("--offline", is_flag=True, help="Read only the files: what they declare, not what BigQuery has.")
@format_option("Print a table for people, or JSON for programs.", "text", "json")
@click.argument("question", metavar="DATASET|MEMBER")
def who_can_read(
    *,
    specs: Path,
    day: date,
    environments: tuple[str, ...],
    on: date | None,
    branch: str | None,
    offline: bool,
    reporter: Reporter,
    question: str,
) -> int:
    """List who can read a dataset, or which datasets a member can read.

    DATASET is an id, or project.dataset. MEMBER is written as in files (user:a@example.com, workgroup:data/viewers), or
    is an address, which may be an account of any kind.

    Each line has the role, the last day, the ticket, the source, and the line of the file that declares it. A source is
    the dataset's own list, an environment's automation or default access, the live list alone, or a role on the
    project, a folder or the organisation. The last lines name what the answer leaves out.

    Needs Google's application-default credentials, and roles/iam.securityReviewer on the organisation to see the
    roles there. With --offline or --on it needs none. With --on it needs the git history of the files.

    Exit codes: 0 answered, also if no member can read it; 1 the files have problems; 2 wrong usage, or there is no
    such dataset; 3 Google failed and the answer is not complete.
    """
    if branch is not None and on is None:
        raise click.UsageError("--branch needs --on")
    if on is not None:
        if on > day:
            raise click.UsageError(f"--on {on} is after {day}: the files of a later day do not exist yet")
        with _past_files(specs, on, branch) as (loaded, commit):
            asked = _Question(loaded, environments, on, question)
            unknown = (*_PAST_UNKNOWN, *_NEVER_KNOWN)
            return _answer(asked, {}, unknown, reporter, commit=commit)
    asked = _Question(load(specs, Path.cwd(), day), environments, day, question)
    masked_output.declare_values(None, asked.loaded.fleets.values(), asked.loaded.places)
    if offline:
        return _answer(asked, {}, (*_OFFLINE_UNKNOWN, *_NEVER_KNOWN), reporter)
    read = {}
    with progress("Reading access"):
        for project in asked.projects:
            read[project] = read_access(project, asked.datasets_to_read(project))
    gaps = [gap for each in read.values() for gap in each.gaps]
    return _answer(asked, read, (*gaps, *_NEVER_KNOWN), reporter)


@dataclass(frozen=True)
class _Question:
    """The question, and the files to answer it from."""

    loaded: Loaded
    environments: tuple[str, ...]
    day: date
    text: str

    @property
    def fleets(self) -> list[Fleet]:
        """The environments of the question. Raises InvalidSpecs."""
        names = dict.fromkeys(self.environments) or self.loaded.environments or ("",)
        if not self.environments and self.loaded.problems:
            raise InvalidSpecs(self.loaded.problems)
        return [self.loaded.fleet(name) for name in names]

    @property
    def is_member(self) -> bool:
        """Whether the question is about a member, not about a dataset."""
        special = ("allUsers", "allAuthenticatedUsers", "projectOwners", "projectReaders", "projectWriters")
        return any(sign in self.text for sign in ":@/") or self.text in (*special, FIVETRANS_ACCOUNT)

    @property
    def projects(self) -> dict[str, list[Fleet]]:
        """The environments by their project."""
        found: dict[str, list[Fleet]] = {}
        for fleet in self.fleets:
            found.setdefault(fleet.environment.gcp_project, []).append(fleet)
        return found

    def datasets_to_read(self, project: str) -> list[str] | None:
        """Return the datasets whose live lists the answer needs; None for all of the project."""
        if self.is_member:
            return None
        named, _, id_ = self.text.rpartition(".")
        return [id_] if named in ("", project) else []

    def grants(self, read: dict[str, ReadAccess]) -> list[AccessGrant]:
        """Return every grant of the projects."""
        found: list[AccessGrant] = []
        for project, fleets in self.projects.items():
            live: LiveAccess | None = read[project].access if project in read else None
            found += list_grants(fleets, self.loaded.places, self.day, live)
        return found

    def dataset_names(self, grants: Iterable[AccessGrant]) -> set[str]:
        """Return the names by which a question can name a dataset."""
        declared = {
            (fleet.environment.gcp_project, dataset.id)
            for fleet in self.fleets
            for unit in fleet.units
            for dataset in unit.all_datasets
        }
        known = declared | {(each.project, each.dataset) for each in grants}
        return {name for project, id_ in known for name in (id_, f"{project}.{id_}")}

    def expired(self, grants: Sequence[AccessGrant]) -> Iterator[str]:
        """Yield a sentence for each dataset of the answer that has expired: a run removes it."""
        named = {(each.environment, each.dataset) for each in grants}
        for fleet in self.fleets:
            lives = Expiries(fleet, self.day)
            for unit in fleet.units:
                for dataset in unit.all_datasets:
                    end = lives.dataset_expiry(unit, dataset)
                    if end.stage is Stage.REMOVED and (fleet.environment.name, dataset.id) in named:
                        yield (
                            f"whether a run has removed {dataset.id}, which expired on {end.last_day} and is removed "
                            f"from {end.removed_on} on"
                        )


def _answer(
    asked: _Question,
    read: dict[str, ReadAccess],
    unknown: Sequence[str],
    reporter: Reporter,
    *,
    commit: PastCommit | None = None,
) -> int:
    """Answer, say what is not known, and return the exit code."""
    every = asked.grants(read)
    if asked.is_member:
        patterns = {fleet.environment.name: fleet.environment.workgroups for fleet in asked.fleets}
        if why := _no_member(asked.text, patterns.values(), {each.member for each in every}):
            raise click.UsageError(why)
        found = datasets_of(every, asked.text, patterns)
        groups = [] if asked.text.startswith(("group:", "workgroup:")) else groups_in(every)
    else:
        found, groups = readers_of(every, asked.text), []
        if asked.text not in (names := asked.dataset_names(every)):
            raise click.UsageError(_no_dataset(asked, names, commit))
    failures = [failure for each in read.values() for failure in each.failures]
    unknown = [*failures, *([] if read else asked.expired(found)), *unknown]
    source = _describe(commit) if commit else None
    groups = [group for group in groups if group not in {each.member for each in found}]
    notes = [*([f"answered from {source}"] if source else []), _summary(asked, found)]
    if groups:
        notes.append(f"not known: whether {asked.text} is in {format_names(groups)}, which can read datasets")
    notes += [f"not known: {each}" for each in unknown]
    record = {
        "question": asked.text,
        "kind": "member" if asked.is_member else "dataset",
        "day": str(asked.day),
        "commit": commit.commit if commit else None,
        "grants": found,
        "groups": groups,
        "not_known": list(unknown),
    }
    several = len({(each.project, each.dataset) for each in found}) > 1 or asked.is_member
    entries = [
        Entry(each.member, cells=((f"{each.project}.{each.dataset}",) if several else ()) + _cells(each))
        for each in found
    ]
    columns = (*(("DATASET",) if several else ()), *_COLUMNS)
    reporter.report(Report(entries, record=record, notes=[printable(note) for note in notes], columns=columns))
    return Exit.REMOTE_FAILED if failures else Exit.FINE


def _cells(each: AccessGrant) -> tuple[str, ...]:
    until = each.until or (f"on the condition {each.condition}" if each.condition else "-")
    by = each.where + {"pending": ", from the next run on"}.get(each.state, "")
    role = each.role if each.reads else f"{each.role} (may read)"
    return (each.member, role, until, each.ticket or "-", by, each.place or "-")


def _summary(asked: _Question, found: Sequence[AccessGrant]) -> str:
    if asked.is_member:
        datasets = count(len({(each.project, each.dataset) for each in found}), "dataset")
        return f"{asked.text} on {asked.day}: {datasets if found else 'no dataset by name'}"
    members = count(len({each.member for each in found}), "member")
    return f"{asked.text} on {asked.day}: {members if found else 'no member'}"


def _no_member(text: str, workgroups: Iterable[str | None], known: Collection[str]) -> str | None:
    """Return why a question names no member that could have access; None if it names one."""
    if text in known or text == FIVETRANS_ACCOUNT:
        return None
    if text.startswith("workgroup:") and not any(workgroups):
        return f"{printable(text)}: none of these environments has `workgroups`. Name the Google group"
    if _is_written_as_member(text) or _is_written_as_member(f"user:{text}"):
        return None
    kinds = ("user", "group", "serviceAccount", "domain", "workgroup")
    kind, _, name = text.partition(":")
    near = get_close_matches(kind, kinds, 1) or [each for each in kinds if each.lower() == kind.lower()]
    likely = f"{near[0]}:{name}" if near else ""
    hint = f": did you mean {likely}?" if _is_written_as_member(likely) else ". Write user:a@example.com, or an address"
    return f"{printable(text)!r} is not a member{hint}"


def _is_written_as_member(text: str) -> bool:
    return accepts("unit", ("$defs", "member"), text)


def _no_dataset(asked: _Question, names: set[str], commit: PastCommit | None) -> str:
    where = ", ".join(fleet.environment.name for fleet in asked.fleets)
    likely = get_close_matches(asked.text, sorted(names), 1)
    hint = f": did you mean {likely[0]}?" if likely else ". A member has its kind: user:a@example.com"
    source = f" in {_describe(commit)}" if commit is not None else ""
    return f"no dataset {printable(asked.text) or repr(asked.text)} in {where} on {asked.day}{source}{hint}"


def _describe(commit: PastCommit) -> str:
    return f"the files of {commit.at:%Y-%m-%d %H:%M} UTC on {commit.branch} ({commit.commit[:12]})"


@contextmanager
def _past_files(specs: Path, day: date, branch: str | None) -> Iterator[tuple[Loaded, PastCommit]]:
    """Load the files of a past day from git, in a folder that is deleted afterwards."""
    repository = Repository(Path.cwd())
    top = Path(repository.run("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n"))
    if not specs.resolve().is_relative_to(top.resolve()):
        raise ReconcilerError(f"{specs} is not a folder of the repository {top}\n    Name one with --specs.")
    folder = specs.resolve().relative_to(top.resolve())
    commit = find_past_commit(repository, day, branch)
    found = read_head_files(repository, commit.commit, folder.as_posix())
    if found.problems:
        raise InvalidSpecs(found.problems)
    if not found.files:
        raise ReconcilerError(f"{commit.branch} had no files in {folder} on {day}\n    Name a later day.")
    with tempfile.TemporaryDirectory() as temporary:
        write_head_files(found, Path(temporary) / folder)
        loaded = load(Path(temporary) / folder, Path(temporary), day)
        if loaded.problems:
            note = f"the files are those of {commit.commit[:12]}, checked by the rules of this version"
            first, *rest = loaded.problems
            raise InvalidSpecs([replace(first, hint=f"{first.hint or first.message}; {note}"), *rest])
        yield loaded, commit
