"""`reconciler unmanaged`: list connections, datasets and members of the group that no file declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import SelectedEnvironment, live_group, select_environment
from reconciler.cli.group_members import find_undeclared_members
from reconciler.cli.options import environment_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter
from reconciler.cli.progress import progress
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.api import Datasets
from reconciler.health.fivetran_access import UndeclaredMember
from reconciler.health.unmanaged import (
    UnmanagedConnection,
    UnmanagedDataset,
    unmanaged_connections,
    unmanaged_datasets,
)
from reconciler.model import Environment, commands
from reconciler.model.commands import count, format_list

Unmanaged = UnmanagedConnection | UnmanagedDataset | UndeclaredMember


@click.command()
@specs_option
@environment_option
@click.option(
    "--only",
    type=click.Choice(["connections", "datasets", "members"]),
    help="List only these. Connections and members need Fivetran's credentials, datasets Google's.",
)
@format_option("Print findings for people, for programs, or as annotations in GitHub Actions.")
@today_option
def unmanaged(specs: Path, environment: str | None, only: str | None, reporter: Reporter, day: date) -> int:
    """List the connections and datasets of an environment that no file declares, with their age.

    Where environment.yaml declares `fivetran.access`, it also lists the users and teams with a role in the group that
    no file declares.

    Leaves out what `ignore` in environment.yaml names, and the connection that Fivetran adds to each destination.
    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET (a read-only key is enough) and Google's application-default
    credentials.

    Exit codes: 0 no findings; 1 the files have problems or there are findings; 2 wrong usage; 3 Fivetran or Google
    failed.
    """
    selected = select_environment(specs, environment)
    connections: Sequence[Connection] = ()
    members: Sequence[UndeclaredMember] = ()
    unread = ""
    if only != "datasets":
        with progress("Reading connections"), live_group(selected.environment) as live:
            connections = live.connections
            if only != "connections":
                members, unread = find_undeclared_members(live.client, live.group.id, selected.environment, day)
    found: list[Unmanaged] = list(_connections(selected, connections, day)) if only in (None, "connections") else []
    if only in (None, "datasets"):
        found += _datasets(selected, connections, day)
    found += members
    reporter.report(_report(found, selected.environment, unread))
    if unread:
        return Exit.REMOTE_FAILED
    return Exit.FINDINGS if found else Exit.FINE


def find_unmanaged(
    selected: SelectedEnvironment, connections: Sequence[Connection], day: date
) -> list[UnmanagedConnection | UnmanagedDataset]:
    """Return a group's connections and a project's datasets that no file declares."""
    return [*_connections(selected, connections, day), *_datasets(selected, connections, day)]


def _connections(
    selected: SelectedEnvironment, connections: Sequence[Connection], day: date
) -> Iterator[UnmanagedConnection]:
    return unmanaged_connections(connections, selected.fleets_of_group, selected.environment.ignore, day)


def _datasets(selected: SelectedEnvironment, connections: Sequence[Connection], day: date) -> list[UnmanagedDataset]:
    """Return the datasets with the times of their creation, for which each is read."""
    with progress("Reading datasets"), Datasets(selected.environment.gcp_project) as client:
        ids = (each.id for each in client.all())
        found = list(unmanaged_datasets(ids, selected.fleets_of_project, selected.environment.ignore, connections))
        live = client.get_all(each.id for each in found)
    created = {name: dataset.created for name, dataset in live.items() if dataset is not None}
    return [each.with_creation(created.get(each.id), day) for each in found]


def _report(found: Sequence[Unmanaged], environment: Environment, unread: str) -> Report:
    entries = [Entry(str(each)) for each in found]
    notes = [f"{environment.name}: {unread}"] if unread else []
    if found or not unread:
        notes.append(_summary(found, environment))
    return Report(entries, found, notes, file=environment.file, subject="unmanaged")


def _summary(found: Sequence[Unmanaged], environment: Environment) -> str:
    if not found:
        return f"{environment.name}: files declare or ignore everything"
    kinds = [each.kind for each in found]
    counts = {kind: kinds.count(kind) for kind in ("connection", "dataset", "member")}
    numbers = [count(number, f"unmanaged {kind}") for kind, number in counts.items() if number]
    options = [*(["--all"] if counts["connection"] else []), *(["--datasets", "*"] if counts["dataset"] else [])]
    steps = []
    if options:
        import_all = commands.reconciler("import", *options, environment=environment.name)
        steps += [f"Write their files with {import_all}, or name them under `ignore` in {environment.file}"]
    if counts["member"]:
        steps += [f"Declare members under `fivetran.access` in {environment.file}, or remove them in Fivetran"]
    return f"{environment.name}: {format_list(numbers)}. {'. '.join(steps)}"
