"""`reconciler unmanaged`: connections of the group and datasets of the project that no file declares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.environments import Chosen, choose, live_group
from reconciler.cli.options import environment_option, format_option, specs_option
from reconciler.cli.output import annotation, progress
from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.api import Datasets, Listed
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN, Writer, undeclared
from reconciler.model import Fleet, Ignore, commands


@dataclass(frozen=True)
class UnmanagedConnection:
    """A connection that no file declares."""

    id: str
    name: str
    service: str
    paused: bool | None
    setup_state: str | None
    created_at: str | None
    kind: str = "connection"

    def __str__(self) -> str:
        state = ", paused" if self.paused else ""
        made = f", made {self.created_at.partition('T')[0]}" if self.created_at else ""
        return f"connection {self.name} ({self.id}): {self.service}, {self.setup_state or 'unknown'}{state}{made}"


@dataclass(frozen=True)
class UnmanagedDataset:
    """A dataset that no file declares, and who writes it as far as names tell."""

    id: str
    written_by: str | None
    kind: str = "dataset"

    def __str__(self) -> str:
        return f"dataset {self.id}" + (f": written by {self.written_by}" if self.written_by else "")


Finding = UnmanagedConnection | UnmanagedDataset


@click.command()
@specs_option
@environment_option
@click.option(
    "--only",
    type=click.Choice(["connections", "datasets"]),
    help="Look at one of the two; only datasets need Google's credentials, only connections Fivetran's.",
)
@format_option("How findings are printed: for people, for programs, or as annotations in GitHub Actions.")
def unmanaged(specs: Path, environment: str | None, only: str | None, style: str) -> int:
    """Print what lives in the environment's Fivetran group and GCP project and is in no file.

    Left out is what `ignore` in environment.yaml names, and the connection that Fivetran adds to each destination by
    itself. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET, a read-only key is enough, and Google's application-default
    credentials. Exit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 Fivetran or Google failed.
    """
    chosen = choose(specs, environment)
    connections: Sequence[Connection] = ()
    if only != "datasets":
        with progress("Reading connections"), live_group(chosen.environment) as live:
            connections = live.connections
    datasets: Sequence[Listed] = ()
    if only != "connections":
        with progress("Reading datasets"), Datasets(chosen.environment.gcp_project) as all_of:
            datasets = all_of.all()
    found = findings(chosen, connections, datasets)
    report = _REPORTS[style](found, chosen)
    if report:
        click.echo(report)
    click.echo(_summary(found, chosen), err=True)
    return Exit.FINDINGS if found else Exit.FINE


def findings(chosen: Chosen, connections: Sequence[Connection], datasets: Iterable[Listed]) -> list[Finding]:
    """Of what lives in a group and a project: what no file declares."""
    return [*_connections(chosen, connections), *_datasets(chosen, connections, datasets)]


def declared_names(fleets: Iterable[Fleet]) -> set[str]:
    """The names of all connections that the environments declare."""
    units = (unit for fleet in fleets for unit in fleet.units)
    return {unit.connector.destination.connection_name for unit in units if unit.connector is not None}


def is_left_out(connection: Connection, ignore: Ignore) -> bool:
    """Whether a connection is in no file on purpose, or Fivetran's own."""
    return connection.schema == FIVETRANS_OWN or ignore.connection(connection.service, connection.schema)


def _connections(chosen: Chosen, connections: Iterable[Connection]) -> Iterator[UnmanagedConnection]:
    declared, ignore = declared_names(chosen.of_the_group), chosen.environment.ignore
    for each in connections:
        if each.schema not in declared and not is_left_out(each, ignore):
            yield UnmanagedConnection(
                each.id, each.schema, each.service, each.paused, each.setup_state, each.created_at
            )


def _datasets(
    chosen: Chosen, connections: Iterable[Connection], datasets: Iterable[Listed]
) -> Iterator[UnmanagedDataset]:
    """The datasets that no file declares: those of which every run tells, with who writes them."""
    found = undeclared(
        (each.id for each in datasets), chosen.of_the_project, chosen.environment.ignore, map(_writer, connections)
    )
    return (UnmanagedDataset(each.id, each.written_by) for each in found)


def _writer(connection: Connection) -> Writer:
    """What a connection writes, by its name and its service's form."""
    service = catalog.find(connection.service)
    by_prefix = service is not None and service.form is catalog.Form.PREFIX
    return Writer(
        connection.schema.partition(".")[0], by_prefix, f"the connection {connection.schema} ({connection.id})"
    )


def _summary(found: Sequence[Finding], chosen: Chosen) -> str:
    environment = chosen.environment
    if not found:
        return f"{environment.name}: everything is in a file, or named under `ignore`"
    counts = {kind: sum(1 for each in found if each.kind == kind) for kind in ("connection", "dataset")}
    said = " and ".join(f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counts.items() if number)
    what = [*(["--all"] if counts["connection"] else []), *(["--datasets", "*"] if counts["dataset"] else [])]
    everything = commands.reconciler("import", *what, environment=environment.name)
    return (
        f"{environment.name}: {said} in no file. Write files for all of it with {everything}, "
        f"or name under `ignore` in {environment.file}"
    )


def _text(found: Sequence[Finding], _chosen: Chosen) -> str:
    return "\n".join(map(str, found))


def _json(found: Sequence[Finding], _chosen: Chosen) -> str:
    return json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False)


def _github(found: Sequence[Finding], chosen: Chosen) -> str:
    file = chosen.environment.file
    return "\n".join(annotation("warning", f"in no file: {each}", file=file) for each in found)


_REPORTS = {"text": _text, "json": _json, "github": _github}
