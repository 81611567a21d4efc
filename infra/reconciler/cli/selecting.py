"""Which live connections are meant: by name, by id, by a pattern, or all that are in no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import click

from reconciler.cli.environments import Chosen
from reconciler.cli.unmanaged import declared_names, is_left_out
from reconciler.fivetran.api import Connection
from reconciler.model import commands


def select(
    chosen: Chosen, connections: Sequence[Connection], patterns: Iterable[str], *, everything: bool, again: bool
) -> list[Connection]:
    """The connections that are meant, each once, in the order of the group.

    --all and patterns pass over what a file declares, what `ignore` names and Fivetran's own; by name or id it is
    meant. What a file declares is refused unless it may be imported `again`. Raises click.UsageError.
    """
    declared = declared_names(chosen.of_the_group)
    free = [each for each in connections if each.schema not in declared]
    wanted = [each for each in free if not is_left_out(each, chosen.environment.ignore)]
    if everything:
        return wanted
    meant: set[str] = set()
    for pattern in patterns:
        exact = [each for each in connections if pattern in (each.id, each.schema)]
        found = exact or [each for each in wanted if fnmatchcase(each.schema, pattern)]
        if not found:
            raise click.UsageError(
                _nothing(pattern, connections, wanted, chosen.environment.group, chosen.environment.name)
            )
        for each in exact:
            if each.schema in declared and not again:
                raise click.UsageError(f"{each.schema} ({each.id}) is in a file already: {_file(chosen, each)}")
        meant |= {each.id for each in found}
    return [each for each in connections if each.id in meant]


def _nothing(
    pattern: str, connections: Sequence[Connection], wanted: Sequence[Connection], group: str, environment: str
) -> str:
    if any(fnmatchcase(each.schema, pattern) for each in connections):
        return f"all that {pattern!r} fits is in a file already, or ignored"
    names = [each.schema for each in wanted]
    near = get_close_matches(pattern, names, n=1)
    unmanaged = commands.reconciler("unmanaged", environment=environment)
    hint = f"did you mean {near[0]}?" if near else f"{unmanaged} lists what there is"
    return f"nothing in the group {group} is called {pattern!r}: {hint}"


def _file(chosen: Chosen, connection: Connection) -> str:
    units = (unit for fleet in chosen.of_the_group for unit in fleet.units)
    return next(
        unit.file
        for unit in units
        if unit.connector is not None and unit.connector.destination.connection_name == connection.schema
    )
