"""Select an environment from the files, and read its group in Fivetran."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import masked_output
from reconciler.config import Loaded, load
from reconciler.config.places import Places
from reconciler.fivetran.api import (
    ApiError,
    Connection,
    FivetranError,
    Group,
    InvalidSettings,
    MissingCredentials,
)
from reconciler.model import Environment, Fleet, Unit, commands
from reconciler.model.errors import ReconcilerError, RemoteError

if TYPE_CHECKING:
    from reconciler.fivetran.api import FivetranClient


@dataclass(frozen=True)
class SelectedEnvironment:
    """The environment that a command is about, and the other environments of the folder."""

    fleet: Fleet
    others: tuple[Fleet, ...]
    places: Places
    """The lines of the files."""

    @property
    def environment(self) -> Environment:
        """The environment itself."""
        return self.fleet.environment

    @property
    def fleets_of_group(self) -> tuple[Fleet, ...]:
        """Every environment whose connections are in the same Fivetran group."""
        others = (fleet for fleet in self.others if fleet.environment.group == self.environment.group)
        return (self.fleet, *others)

    @property
    def fleets_of_project(self) -> tuple[Fleet, ...]:
        """Every environment whose datasets are in the same GCP project."""
        others = (fleet for fleet in self.others if fleet.environment.gcp_project == self.environment.gcp_project)
        return (self.fleet, *others)


def select_environment(
    specs: Path, environment: str | None, day: date | None = None, *, needs_others: bool = True
) -> SelectedEnvironment:
    """Read the files of all environments and select one.

    Args:
        specs: The folder with a folder for each environment.
        environment: Its name; None selects the only environment.
        day: The date to use as today.
        needs_others: Whether the files of the other environments have to be valid; otherwise faulty ones are left out.

    Raises:
        InvalidSpecs: A file of the environment, or of another one that is needed, has a problem. What a faulty file
            declares is not known, and would otherwise count as unmanaged.
        click.UsageError: There are several environments, and none is named.
    """
    loaded = load(specs, Path.cwd(), day)
    name = environment or only_environment(loaded)
    fleet = loaded.fleet(name)
    known = loaded.environments if needs_others else loaded.fleets
    others = tuple(loaded.fleet(other) for other in known if other != name)
    masked_output.declare_values(fleet.environment, (fleet, *others), loaded.places)
    return SelectedEnvironment(fleet, others, loaded.places)


def select_fleets(specs: Path, environments: Iterable[str], day: date) -> list[Fleet]:
    """Read the files and return the named environments, or all of them. Raises InvalidSpecs."""
    loaded = load(specs, Path.cwd(), day)
    selected = [loaded.fleet(name) for name in dict.fromkeys(environments) or loaded.environments or ("",)]
    only = selected[0].environment if len(selected) == 1 else None
    masked_output.declare_values(only, loaded.fleets.values(), loaded.places)
    return selected


def only_environment(loaded: Loaded) -> str:
    """Return the name of the only environment. Raises click.UsageError where there are several."""
    if len(loaded.environments) > 1:
        names = ", ".join(loaded.environments)
        raise click.UsageError(f"there are several environments: choose with --environment: {names}")
    # Without any environment, `loaded.fleet` raises what is wrong with the folder.
    return loaded.environments[0] if loaded.environments else ""


def find_unit(fleet: Fleet, name: str) -> Unit:
    """Return the unit with a connector that has this name or file. Raises click.UsageError."""
    stem = Path(name).stem if name.endswith(".yaml") else name
    unit = next((unit for unit in fleet.units if unit.name == stem), None)
    if unit is None:
        raise click.UsageError(f"no unit {name!r} in {fleet.environment.name}: a unit's name is the stem of its file")
    if unit.connector is None:
        raise click.UsageError(f"{unit.file} declares only a dataset, no connector")
    return unit


@dataclass(frozen=True)
class LiveGroup:
    """An environment's Fivetran group and its connections, as a list has them: without config."""

    client: FivetranClient
    group: Group
    connections: tuple[Connection, ...]
    """Sorted by name; of connections with the same name the oldest first."""

    def read_again(self) -> LiveGroup:
        """Return the group with its connections as they are now."""
        return replace(self, connections=_sorted(self.client.list_connections(self.group.id)))

    def find_connection(self, unit: Unit) -> Connection | None:
        """Return the connection that a unit declares."""
        if unit.connector is None:
            return None
        name = unit.connector.destination.connection_name
        return next((connection for connection in self.connections if connection.schema == name), None)


@contextlib.contextmanager
def fivetran_client(environment: Environment | None = None) -> Iterator[FivetranClient]:
    """Open a client with the credentials of the environment variables.

    Args:
        environment: Whose file says how much of the quota is left to others; the usual share if None.

    Raises:
        ReconcilerError: The credentials are missing or malformed.
        RemoteError: A request in the block failed.
    """
    try:
        from reconciler.fivetran.api import FivetranClient  # noqa: PLC0415 (slow to import, and not for every command)

        with FivetranClient.from_environment() as client:
            client.leave_to_others(environment.quota_left if environment else None)
            yield client
    except (MissingCredentials, InvalidSettings) as error:
        raise ReconcilerError(str(error)) from None
    except ApiError as error:
        failed = RemoteError(
            error.answer, unmasked_message=error.unmasked_message, step=error.advice, speaker="Fivetran"
        )
    except FivetranError as error:
        failed = RemoteError(str(error), speaker="Fivetran")
    else:
        return
    raise failed


@contextlib.contextmanager
def live_group(environment: Environment) -> Iterator[LiveGroup]:
    """Read the environment's group: one list of the groups, one of its connections."""
    with fivetran_client(environment) as client:
        groups = list(client.list_groups())
        found = [group for group in groups if group.name == environment.group]
        found = found or [group for group in groups if group.name == environment.formerly]
        if not found:
            raise RemoteError(
                f"Fivetran has no group {environment.group!r} that this API key can see. Run "
                f"{commands.up(environment.name)} to create it, or correct its name in {environment.file}",
                speaker="Fivetran",
            )
        group = min(found, key=lambda group: (group.created_at or "", group.id))
        yield LiveGroup(client, group, _sorted(client.list_connections(group.id)))


def _sorted(connections: Iterable[Connection]) -> tuple[Connection, ...]:
    return tuple(sorted(connections, key=lambda each: (each.schema, each.created_at or "", each.id)))
