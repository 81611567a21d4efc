"""An environment as its files say it and as Fivetran has it: what the commands share that look at both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from reconciler.cli import foreign_text
from reconciler.config import Loaded, load
from reconciler.fivetran.api import (
    ApiError,
    Connection,
    FivetranClient,
    FivetranError,
    Group,
    InvalidSettings,
    MissingCredentials,
)
from reconciler.model import Environment, Fleet, Unit, commands
from reconciler.model.errors import OtherSideFailed, ReconcilerError


@dataclass(frozen=True)
class Chosen:
    """The environment that a command is about, and those that share its group or project with it."""

    fleet: Fleet
    others: tuple[Fleet, ...]

    @property
    def environment(self) -> Environment:
        """The environment itself."""
        return self.fleet.environment

    @property
    def of_the_group(self) -> tuple[Fleet, ...]:
        """Every environment whose connections are in the same Fivetran group."""
        others = (fleet for fleet in self.others if fleet.environment.group == self.environment.group)
        return (self.fleet, *others)

    @property
    def of_the_project(self) -> tuple[Fleet, ...]:
        """Every environment whose datasets are in the same GCP project."""
        others = (fleet for fleet in self.others if fleet.environment.gcp_project == self.environment.gcp_project)
        return (self.fleet, *others)


def choose(specs: Path, environment: str | None, day: date | None = None) -> Chosen:
    """Read the specs, as of a day, and choose an environment; without a name the only one.

    Raises InvalidSpecs with every problem of every environment: what a faulty file declares is not known, and would be
    taken for what no file declares.
    """
    loaded = load(specs, Path.cwd(), day)
    name = environment or _only(loaded)
    fleet = loaded.fleet(name)
    others = tuple(loaded.fleet(other) for other in loaded.environments if other != name)
    foreign_text.use(fleet.environment, (fleet, *others))
    return Chosen(fleet, others)


def choose_all(specs: Path, environments: Iterable[str], day: date) -> list[Fleet]:
    """Read the specs, as of a day, and choose environments; without names all. Raises InvalidSpecs."""
    loaded = load(specs, Path.cwd(), day)
    chosen = [loaded.fleet(name) for name in dict.fromkeys(environments) or loaded.environments or ("",)]
    foreign_text.use(chosen[0].environment if len(chosen) == 1 else None, loaded.fleets.values())
    return chosen


def _only(loaded: Loaded) -> str:
    if len(loaded.environments) > 1:
        raise click.UsageError(f"there are several environments: choose with --environment: {_list(loaded)}")
    # Without any, asking for one raises what is wrong with the folder.
    return loaded.environments[0] if loaded.environments else ""


def _list(loaded: Loaded) -> str:
    return ", ".join(loaded.environments)


def unit_named(fleet: Fleet, name: str) -> Unit:
    """A unit with a connector, by its name or its file's. Raises click.UsageError."""
    stem = Path(name).stem if name.endswith(".yaml") else name
    unit = next((unit for unit in fleet.units if unit.name == stem), None)
    if unit is None:
        raise click.UsageError(f"no unit {name!r} in {fleet.environment.name}: the name is the stem of a file")
    if unit.connector is None:
        raise click.UsageError(f"{unit.file} declares a dataset alone, no connector")
    return unit


@dataclass(frozen=True)
class LiveGroup:
    """An environment's Fivetran group with its connections, as lists have them: with their status, without config."""

    client: FivetranClient
    group: Group
    connections: tuple[Connection, ...]
    """By name; of one name the oldest first."""

    def of(self, unit: Unit) -> Connection | None:
        """The connection that a unit declares."""
        if unit.connector is None:
            return None
        name = unit.connector.destination.connection_name
        return next((connection for connection in self.connections if connection.schema == name), None)


@contextlib.contextmanager
def fivetran() -> Iterator[FivetranClient]:
    """A client from the environment's variables. What it raises in the block becomes a line for the user."""
    try:
        with FivetranClient.from_environment() as client:
            yield client
    except (MissingCredentials, InvalidSettings) as error:
        raise ReconcilerError(str(error)) from None
    except ApiError as error:
        failed = OtherSideFailed(
            error.answer, unmasked_message=error.unmasked_message, step=error.advice, speaker="Fivetran"
        )
    except FivetranError as error:
        failed = OtherSideFailed(str(error), speaker="Fivetran")
    else:
        return
    raise failed


@contextlib.contextmanager
def live_group(environment: Environment) -> Iterator[LiveGroup]:
    """The environment's group, as it is now: one list of the groups, one of the connections."""
    with fivetran() as client:
        known = list(client.list_groups())
        groups = [group for group in known if group.name == environment.group]
        groups = groups or [group for group in known if group.name == environment.formerly]
        if not groups:
            raise OtherSideFailed(
                f"Fivetran has no group {environment.group!r} that this API key may see: the first "
                f"{commands.up(environment.name)} makes it, unless {environment.file} has its name wrong",
                speaker="Fivetran",
            )
        group = min(groups, key=lambda group: (group.created_at or "", group.id))
        found = client.list_connections(group.id)
        connections = sorted(found, key=lambda each: (each.schema, each.created_at or "", each.id))
        yield LiveGroup(client, group, tuple(connections))
