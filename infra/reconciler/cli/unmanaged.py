"""`reconciler unmanaged`: list connections and datasets that no file declares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import SelectedEnvironment, live_group, select_environment
from reconciler.cli.options import environment_option, format_option, specs_option, today_option
from reconciler.cli.output import Entry, Report, Reporter, progress
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.api import Datasets
from reconciler.health.unmanaged import (
    UnmanagedConnection,
    UnmanagedDataset,
    unmanaged_connections,
    unmanaged_datasets,
)
from reconciler.model import Environment, commands
from reconciler.model.commands import count

Unmanaged = UnmanagedConnection | UnmanagedDataset


@click.command()
@specs_option
@environment_option
@click.option(
    "--only",
    type=click.Choice(["connections", "datasets"]),
    help="List only these. Connections need Fivetran's credentials, datasets Google's.",
)
@format_option("Print findings for people, for programs, or as annotations in GitHub Actions.")
@today_option
def unmanaged(specs: Path, environment: str | None, only: str | None, reporter: Reporter, day: date) -> int:
    """List the connections and datasets of an environment that no file declares, with their age.

    Leaves out what `ignore` in environment.yaml names, and the connection that Fivetran adds to each destination.
    Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET (a read-only key is enough) and Google's application-default
    credentials.

    Exit codes: 0 no findings, 1 the files have problems or there are findings, 2 wrong usage, 3 Fivetran or Google
    failed.
    """
    selected = select_environment(specs, environment)
    connections: Sequence[Connection] = ()
    if only != "datasets":
        with progress("Reading connections"), live_group(selected.environment) as live:
            connections = live.connections
    found: list[Unmanaged] = list(_connections(selected, connections, day)) if only != "datasets" else []
    if only != "connections":
        found += _datasets(selected, connections, day)
    reporter.report(_report(found, selected.environment))
    return Exit.FINDINGS if found else Exit.FINE


def find_unmanaged(selected: SelectedEnvironment, connections: Sequence[Connection], day: date) -> list[Unmanaged]:
    """Return those of a group's connections, and of the project's datasets in BigQuery, that no file declares."""
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
    return [each.created(created.get(each.id), day) for each in found]


def _report(found: Sequence[Unmanaged], environment: Environment) -> Report:
    entries = [Entry(str(each)) for each in found]
    return Report(entries, found, [_summary(found, environment)], file=environment.file, subject="unmanaged")


def _summary(found: Sequence[Unmanaged], environment: Environment) -> str:
    if not found:
        return f"{environment.name}: files declare or ignore everything"
    connections = sum(isinstance(each, UnmanagedConnection) for each in found)
    counts = {"connection": connections, "dataset": len(found) - connections}
    numbers = " and ".join(count(number, f"unmanaged {noun}") for noun, number in counts.items() if number)
    options = [*(["--all"] if counts["connection"] else []), *(["--datasets", "*"] if counts["dataset"] else [])]
    import_all = commands.reconciler("import", *options, environment=environment.name)
    return (
        f"{environment.name}: {numbers}. Write their files with {import_all}, "
        f"or name them under `ignore` in {environment.file}"
    )
