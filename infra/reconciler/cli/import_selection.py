"""Select the connections and datasets to import: by name, id or pattern, or all unmanaged ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import click

from reconciler.cli.environments import SelectedEnvironment
from reconciler.fivetran.api import Connection
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN, declared_ids
from reconciler.health.unmanaged import declared_connection_names, is_ignored
from reconciler.model import commands


def select_connections(
    selected: SelectedEnvironment,
    connections: Sequence[Connection],
    patterns: Iterable[str],
    *,
    everything: bool,
    again: bool,
) -> list[Connection]:
    """Select connections, each once, in the order of the group.

    Args:
        selected: The environment.
        connections: All connections of its group.
        patterns: Names, ids, or patterns. A pattern skips declared and ignored connections; a name or id does not.
        everything: Whether to select all that are neither declared nor ignored.
        again: Whether a declared connection may be imported again.

    Raises:
        click.UsageError: A pattern matches nothing, or names a declared connection.
    """
    declared = declared_connection_names(selected.fleets_of_group)
    undeclared = [each for each in connections if each.schema not in declared]
    unmanaged = [each for each in undeclared if not is_ignored(each, selected.environment.ignore)]
    if everything:
        return unmanaged
    ids: set[str] = set()
    for pattern in patterns:
        exact = [each for each in connections if pattern in (each.id, each.schema)]
        found = exact or [each for each in unmanaged if fnmatchcase(each.schema, pattern)]
        if not found:
            raise click.UsageError(_no_match(pattern, connections, unmanaged, selected))
        for each in exact:
            if each.schema in declared and not again:
                file = _declaring_file(selected, each)
                raise click.UsageError(f"{each.schema} ({each.id}) is already declared: {file}")
        ids |= {each.id for each in found}
    return [each for each in connections if each.id in ids]


def select_datasets(
    selected: SelectedEnvironment, dataset_ids: Sequence[str], patterns: Iterable[str]
) -> tuple[str, ...]:
    """Select undeclared datasets of the project by name or pattern.

    Raises click.UsageError if a pattern matches nothing.
    """
    declared = declared_ids(selected.fleets_of_project)
    ignore = selected.environment.ignore
    undeclared = [name for name in dataset_ids if name not in declared]
    found: set[str] = set()
    for pattern in patterns:
        matches = [name for name in undeclared if name == pattern]
        matches = matches or [
            name
            for name in undeclared
            if fnmatchcase(name, pattern) and not ignore.dataset(name) and name != FIVETRANS_OWN
        ]
        if not matches:
            kind = "unmanaged dataset" if any(fnmatchcase(name, pattern) for name in dataset_ids) else "dataset"
            raise click.UsageError(f"no {kind} in {selected.environment.gcp_project} is called {pattern!r}")
        found |= set(matches)
    return tuple(sorted(found))


def _no_match(
    pattern: str, connections: Sequence[Connection], unmanaged: Sequence[Connection], selected: SelectedEnvironment
) -> str:
    if any(fnmatchcase(each.schema, pattern) for each in connections):
        return f"every connection called {pattern!r} is already declared, or ignored"
    near = get_close_matches(pattern, [each.schema for each in unmanaged], n=1)
    list_all = commands.reconciler("unmanaged", environment=selected.environment.name)
    hint = f"did you mean {near[0]}?" if near else f"run {list_all} to list the connections"
    return f"no connection in the group {selected.environment.group} is called {pattern!r}: {hint}"


def _declaring_file(selected: SelectedEnvironment, connection: Connection) -> str:
    units = (unit for fleet in selected.fleets_of_group for unit in fleet.units)
    return next(
        unit.file
        for unit in units
        if unit.connector is not None and unit.connector.destination.connection_name == connection.schema
    )
