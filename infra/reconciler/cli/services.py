"""`reconciler services`: the catalogue of services, and bringing it up to date from Fivetran's API."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

from reconciler.cli import Exit
from reconciler.config import load
from reconciler.fivetran import catalog as catalogue
from reconciler.fivetran.api import FivetranClient, FivetranError, InvalidSettings, MissingCredentials, NotFound
from reconciler.fivetran.catalog import Service, Unreadable
from reconciler.model import commands
from reconciler.model.errors import ReconcilerError

#: How many services are asked for at a time; the client keeps Fivetran's limits by itself.
_AT_A_TIME = 8
_ID = re.compile(r"[a-z0-9][a-z0-9_]*")


@click.group()
def services() -> None:
    """What Fivetran's services take: the files in schemas/services."""


@services.command("list")
def list_() -> int:
    """Print the id and the name of every service with a file."""
    for service in catalogue.catalogue().values():
        click.echo(f"{service.id}  {service.name}")
    return Exit.FINE


@services.command()
@click.argument("service")
def show(service: str) -> int:
    """Print what a service takes, in the form of its file."""
    found = catalogue.find(service)
    if found is None:
        raise click.BadParameter(
            f"no file for {service!r}: {commands.reconciler('services pull', service)} makes one", param_hint="SERVICE"
        )
    click.echo(catalogue.write(found), nl=False)
    return Exit.FINE


@services.command()
@click.option(
    "--specs",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="RECONCILER_SPECS",
    default="connectors",
    show_default=True,
    show_envvar=True,
    help="The folder that holds the environments' folders: for the services that they use.",
)
@click.option("--all", "everything", is_flag=True, help="Every service that Fivetran has, some 800.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=catalogue.SERVICES,
    show_default="schemas/services of this checkout",
    help="Where the files are.",
)
@click.argument("service", nargs=-1)
def pull(*, specs: Path, everything: bool, folder: Path, service: tuple[str, ...]) -> int:
    """Write the files of services anew from what Fivetran's API says of them.

    Without a SERVICE: of those that have a file, or that the specs use. What the API does not tell, `consent` and
    `secret`, stays as it is in the file. Needs FIVETRAN_APIKEY and FIVETRAN_APISECRET; a read-only key is enough.
    """
    if everything and service:
        raise click.UsageError("either --all or the services to pull")
    for service_id in service:
        if not _ID.fullmatch(service_id):
            message = f"{service_id!r} is no service id: lower-case letters, digits and underscores"
            raise click.BadParameter(message, param_hint="SERVICE")
    try:
        with FivetranClient.from_environment() as client:
            wanted = _wanted(client, service, specs, folder, everything)
            return _report(wanted, _pull(client, wanted, folder))
    except (MissingCredentials, InvalidSettings) as error:
        click.echo(f"Error: {error}", err=True)
        return Exit.USAGE
    except FivetranError as error:
        click.echo(f"Error: {error}", err=True)
        return Exit.OTHER_SIDE_FAILED


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
    """What came of one service: the entry before and after, or what is in the way."""

    id: str
    before: Service | None = None
    after: Service | None = None
    fault: str | None = None

    @property
    def lines(self) -> list[str]:
        """What there is to say of it; nothing when nothing changed."""
        if self.fault is not None or self.after is None:
            return [f"{self.id}: {self.fault}"]
        if self.before is None:
            return [f"{self.id}: new; check by hand: consent: {self.after.consent}"]
        changed = [f"    {line}" for line in catalogue.changes(self.before, self.after)]
        return [f"{self.id}:", *changed] if changed else []


def _pull(client: FivetranClient, wanted: Sequence[str], folder: Path) -> Iterator[_Pulled]:
    """Ask for the services and write their files, several at a time; what came of each, in order."""
    executor = ThreadPoolExecutor(_AT_A_TIME)
    try:
        yield from executor.map(lambda service_id: _pull_one(client, service_id, folder), wanted)
    finally:
        executor.shutdown(cancel_futures=True)


def _pull_one(client: FivetranClient, service_id: str, folder: Path) -> _Pulled:
    file = folder / f"{service_id}.yaml"
    try:
        before = catalogue.read_file(file) if file.exists() else None
        told = client.get_connector_type(service_id)
        after = catalogue.from_metadata(
            service_id,
            name=told.name,
            status=told.service_status,
            config=told.config,
            auth=told.auth,
            known=before,
        )
        _write(file, catalogue.write(after))
    except NotFound:
        kept = "; its file is as it was" if file.exists() else ""
        return _Pulled(service_id, fault=f"Fivetran has no such service, or hides it from this key{kept}")
    except Unreadable as error:
        return _Pulled(service_id, fault=f"what Fivetran says of it has an unexpected form: {error}")
    except ReconcilerError as error:
        return _Pulled(service_id, fault=str(error))
    except OSError as error:
        return _Pulled(service_id, fault=f"{file} cannot be written: {error.strerror}")
    return _Pulled(service_id, before, after)


def _write(file: Path, text: str) -> None:
    """All at once, and only what is new: whoever reads the folder meanwhile never sees half a file."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


def _report(wanted: Sequence[str], pulled: Iterable[_Pulled]) -> int:
    """Print what changed, after a bar on a terminal; also of the services that were done before an error."""
    console = Console(stderr=True)
    hidden = not console.is_terminal
    done: list[_Pulled] = []
    try:
        for one in track(pulled, "Asking Fivetran", total=len(wanted), console=console, transient=True, disable=hidden):
            done.append(one)
    finally:
        for one in done:
            if one.lines:
                click.echo("\n".join(one.lines), err=one.fault is not None)
    faults = sum(one.fault is not None for one in done)
    changed = sum(bool(one.lines) for one in done) - faults
    click.echo(f"{len(done)} asked for, {changed} changed, {faults} not to be had", err=True)
    return Exit.FINDINGS if faults else Exit.FINE
