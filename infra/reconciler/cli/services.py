"""`reconciler services`: the catalogue of services, and its update from Fivetran's API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.cli import Exit
from reconciler.cli.output import print_lines, print_note, print_text
from reconciler.cli.progress import progress
from reconciler.cli.write_files import write_file
from reconciler.config import load
from reconciler.fivetran import catalog as catalogue
from reconciler.fivetran.api import FivetranClient, FivetranError, InvalidSettings, MissingCredentials, NotFound
from reconciler.fivetran.catalog import InvalidService, Service
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError

#: How many services are read at a time; the client observes Fivetran's rate limits.
_AT_A_TIME = 8
_ID = re.compile(r"[a-z0-9][a-z0-9_]*")


@click.group()
def services() -> None:
    """Show the catalogue of Fivetran's services in schemas/services, or update it."""


@services.command("list")
def list_() -> int:
    """Print the id and the name of every service with a file."""
    print_lines(f"{service.id}  {service.name}" for service in catalogue.catalogue().values())
    return Exit.FINE


@services.command()
@click.argument("service")
def show(service: str) -> int:
    """Print the file of a service."""
    found = catalogue.find(service)
    if found is None:
        raise click.BadParameter(
            f"no file for {service!r}: run {commands.reconciler('services pull', service)} to write it",
            param_hint="SERVICE",
        )
    print_text(catalogue.write(found), newline=False)
    return Exit.FINE


@services.command()
@click.option(
    "--specs",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RECONCILER_SPECS",
    default="connectors",
    show_default=True,
    show_envvar=True,
    help="The folder that contains one folder per environment; the services in its files are pulled.",
)
@click.option("--all", "everything", is_flag=True, help="Pull every service that Fivetran has, about 800.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=catalogue.SERVICES,
    show_default="schemas/services of this checkout",
    help="The folder of the files.",
)
@click.argument("service", nargs=-1)
def pull(*, specs: Path, everything: bool, folder: Path, service: tuple[str, ...]) -> int:
    """Write the files of services from Fivetran's API.

    Without a SERVICE it writes those that have a file, and those that the environments use. `x-consent` and `x-secret`,
    which the API does not have, stay as they are in the file. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a
    read-only key is enough.

    Exit codes: 0 done; 1 a service could not be pulled; 2 wrong usage; 3 Fivetran failed.
    """
    if everything and service:
        raise click.UsageError("choose either --all or the services to pull")
    for service_id in service:
        if not _ID.fullmatch(service_id):
            message = f"{service_id!r} is not a service id: use lower-case letters, digits and underscores"
            raise click.BadParameter(message, param_hint="SERVICE")
    try:
        with FivetranClient.from_environment() as client:
            wanted = _wanted(client, service, specs, folder, everything)
            return _report(wanted, _pull(client, wanted, folder))
    except (MissingCredentials, InvalidSettings) as error:
        print_note(f"Error: {error}")
        return Exit.USAGE
    except FivetranError as error:
        print_note(f"Error: {error}")
        return Exit.REMOTE_FAILED


def _wanted(client: FivetranClient, named: Iterable[str], specs: Path, folder: Path, everything: bool) -> list[str]:
    if everything:
        return sorted(found.id for found in client.list_connector_types() if _ID.fullmatch(found.id))
    if named:
        return sorted(set(named))
    fleets = load(specs, Path.cwd()).fleets.values()
    used = {unit.connector.service for fleet in fleets for unit in fleet.units if unit.connector is not None}
    return sorted(used | {file.stem for file in folder.glob("*.yaml")})


@dataclass(frozen=True)
class _Pulled:
    """The result for one service: its entry before and after, or the fault."""

    id: str
    before: Service | None = None
    after: Service | None = None
    fault: str | None = None

    @property
    def lines(self) -> list[str]:
        """What to print about it; nothing if nothing changed."""
        if self.fault is not None or self.after is None:
            return [f"{self.id}: {self.fault}"]
        if self.before is None:
            return [f"{self.id}: new; check `x-consent` by hand: {self.after.consent}"]
        changed = [f"    {line}" for line in catalogue.changes(self.before, self.after)]
        return [f"{self.id}:", *changed] if changed else []


def _pull(client: FivetranClient, wanted: Sequence[str], folder: Path) -> Iterator[_Pulled]:
    """Read the services and write their files, several at a time; return the results in order."""
    executor = ThreadPoolExecutor(_AT_A_TIME)
    try:
        yield from executor.map(lambda service_id: _pull_one(client, service_id, folder), wanted)
    finally:
        executor.shutdown(cancel_futures=True)


def _pull_one(client: FivetranClient, service_id: str, folder: Path) -> _Pulled:
    file = folder / f"{service_id}.yaml"
    try:
        before = catalogue.read_file(file) if file.exists() else None
        metadata = client.get_connector_type(service_id)
        after = catalogue.from_metadata(
            service_id,
            name=metadata.name,
            status=metadata.service_status,
            config=metadata.config,
            auth=metadata.auth,
            known=before,
        )
        _write_if_changed(file, catalogue.write(after))
    except NotFound:
        unchanged = "; its file is unchanged" if file.exists() else ""
        return _Pulled(service_id, fault=f"Fivetran has no such service, or this key cannot see it{unchanged}")
    except InvalidService as error:
        return _Pulled(service_id, fault=f"Fivetran's metadata has an unexpected form: {error}")
    except ReconcilerError as error:
        return _Pulled(service_id, fault=str(error))
    except OSError as error:
        return _Pulled(service_id, fault=f"{file}: cannot be read: {error.strerror}")
    return _Pulled(service_id, before, after)


def _write_if_changed(file: Path, text: str) -> None:
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        write_file(file, text)


def _report(wanted: Sequence[str], pulled: Iterable[_Pulled]) -> int:
    """Print what changed once all is done, or once an error ends it."""
    done: list[_Pulled] = []
    try:
        with progress("Reading services", len(wanted)) as advance:
            for one in pulled:
                done.append(one)
                advance()
    finally:
        print_lines(line for one in done if one.fault is None for line in one.lines)
        for one in done:
            if one.fault is not None:
                print_note("\n".join(one.lines))
    faults = sum(one.fault is not None for one in done)
    changed = sum(bool(one.lines) for one in done) - faults
    print_note(f"{len(done)} read, {changed} changed, {faults} failed")
    if changed:
        print_note("next: `make reference`, which writes them into the schema that editors use")
    return Exit.FINDINGS if faults else Exit.FINE
