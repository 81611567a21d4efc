"""Compare units that are new to an environment with what exists in Fivetran, before any change.

One list of the group, and one read of each connection that a new unit would adopt. Previews do it too, so that a pull
request shows the adoption diff.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import Difference
from reconciler.resources.activation.steps import activation_differences
from reconciler.resources.adoption import in_lines
from reconciler.resources.connection import adoption, api_fields, trust
from reconciler.resources.connection.secret_values import reject_creating_with_kept
from reconciler.resources.operation import mask_own_text, printed
from reconciler.resources.run.account import READERS, look_ahead
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.secrets import known_values

logger = logging.getLogger(__name__)

#: What a unit declares of its connection (`wire.inputs`) and of its activation, by the unit's name.
Declarations = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class LookUp:
    """What Fivetran has of the connections that this run declares and the last run did not."""

    rejections: tuple[str, ...] = ()
    """One text for each existing connection that is not adopted: the place in its file, and the reason."""
    existing: frozenset[str] = frozenset()
    """The names of the connections that exist: they are adopted, and not created."""


def look_up(group: str, units: Declarations, replacing: Mapping[str, str] | None) -> LookUp:
    """Look for the connections of units in a group.

    Where Fivetran does not answer, nothing is rejected: an apply asks again before it writes. Raises `Unauthorized`
    and `Forbidden`, since with such a key every unit would fail.

    Args:
        group: The name of the group.
        units: The units that are new, and those whose connection moves to another name or group.
        replacing: The connections that are deleted for those that move, by the unit's name.
    """
    if not units:
        return LookUp()
    replaced = dict(replacing or {})

    def ask() -> LookUp:
        found = _existing(group, units)
        with ThreadPoolExecutor(READERS) as pool:
            texts = list(pool.map(lambda name: _rejection(units[name], found[name], replaced.get(name)), found))
        rejected = [text for text in texts if text]
        rejected += missing_values({name: unit for name, unit in units.items() if name not in found})
        return LookUp(tuple(sorted(rejected)), frozenset(each.schema for each in found.values()))

    return look_ahead("whether a connection exists for each new unit", ask, LookUp())


def look_up_again(group_id: str, name: str) -> None:
    """Look for a connection that an earlier run was to create, and did not.

    A preview would create it.

    `Preflight` does not see which connections state has, and takes that one for made. Raises `OperationError` where an
    apply would, `Unauthorized` and `Forbidden`.
    """
    unit, intent = run.declared.not_looked_up.get(name), run.declared.intents.get(name)
    if unit is None:
        return
    declared = unit

    def ask() -> str | None:
        listed = run.account.find(group_id, name)
        if listed is None or (intent is not None and intent.covers(run.account.client().get_connection(listed.id))):
            return None
        return _rejection(declared, listed, None)

    if rejected := look_ahead(f"whether the connection {name} exists", ask, None):
        raise OperationError(rejected)


def missing_values(units: Declarations) -> list[str]:
    """Return one text for each connection that needs a value that only Fivetran has."""
    rejected = []
    for unit in units.values():
        try:
            reject_creating_with_kept(unit["connection"])
            trust.reject_creating(unit["connection"])
        except OperationError as error:
            rejected.append(printed(error, unit["connection"]["file"]))
    return rejected


def _existing(group: str, units: Declarations) -> dict[str, Connection]:
    """Return the connections that have the names of these units, by unit."""
    found: dict[str, Connection] = {}
    for each in run.account.groups(group):
        for name, unit in units.items():
            known = run.account.find(each.id, api_fields.connection_name(unit["connection"]))
            if known is not None:
                found[name] = known
    return found


def _rejection(unit: Mapping[str, Any], listed: Connection, replaces: str | None) -> str | None:
    props = unit["connection"]
    try:
        adoption.reject_another(props, listed)
        if replaces is not None and "adopt" not in props:
            raise _name_taken(api_fields.connection_name(props), listed, replaces)
        _preview_adoption(unit, run.account.client().get_connection(listed.id))
    except OperationError as rejected:
        return printed(rejected, props["file"])
    return None


def _name_taken(name: str, listed: Connection, replaces: str) -> OperationError:
    return OperationError(
        f"this run would delete the connection {replaces} and use the existing connection {name} ({listed.id}) "
        f"instead\n    Write `adopt: {{connection: {listed.id}}}` to adopt it, choose another "
        "destination, or delete it in Fivetran.",
        at=("connector", "destination"),
    )


def _preview_adoption(unit: Mapping[str, Any], live: Connection) -> None:
    """Log what adopting a connection means. Raises `OperationError` where it is rejected."""
    props, activation = unit["connection"], unit["activation"]
    decision = adoption.decide(props, live, _differences(unit, live))
    decision.raise_if_rejected()
    name, differing = decision.name, decision.differences
    place = run.declared.locate(props["file"], "connector", "destination")
    starts = _describe_start(activation, live) if decision.may_change else ""
    if not differing and not starts:
        logger.warning("%s: adopts the connection %s (%s) as it is%s", place, name, live.id, _describe_set_up(live))
    else:
        known = known_values([props], ask=False)
        shown = mask_own_text("".join(f"\n    {line}" for line in in_lines(props["file"], differing)), known)
        logger.warning("%s: adopts the connection %s (%s) and changes it:%s%s", place, name, live.id, shown, starts)


def _differences(unit: Mapping[str, Any], live: Connection) -> Iterator[Difference]:
    """Yield every difference between a connection and its unit's file."""
    props = unit["connection"]
    yield from adoption.package_differences(unit.get("package"), live)
    yield from adoption.config_differences(props, live)
    yield from trust.differences(props, live.id)
    yield from activation_differences(unit["activation"], live)


def _describe_set_up(live: Connection) -> str:
    """Say that a connection which is adopted as it is does not work."""
    if adoption.is_connected(live):
        return ""
    return f"\n    Its setup state is {live.setup_state}: the run neither tests nor starts it."


def _describe_start(runs: Mapping[str, Any], live: Connection) -> str:
    """Say that a connection which may be changed and has never synced is started, as a new one is."""
    if live.succeeded_at is not None or "paused" in runs:
        return ""
    return "\n    It has never synced: the run tests it, and starts it if the tests pass."
