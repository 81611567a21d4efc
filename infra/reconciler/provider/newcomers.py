"""Units that are new to an environment, held against what lives in Fivetran already, before anything is touched.

One list of the group, and one read of each connection that a new unit would take over. Previews do it too, so that a
pull request shows what adopting would meet.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reconciler.client import Connection
from reconciler.provider import adoption, trust, wire
from reconciler.provider.foreseeing import foresee
from reconciler.provider.held import refuse_creating_with_held
from reconciler.provider.operation import OperationError, own_words
from reconciler.provider.session import READERS, session
from reconciler.secrets import known_values

logger = logging.getLogger(__name__)

#: What a unit declares of its connection (`wire.inputs`) and of its activation, by the unit's name.
Declarations = Mapping[str, Mapping[str, Any]]


def refusals(group: str, units: Declarations) -> list[str]:
    """Why connections that exist are not taken over, a text a unit, under its file's name.

    Where Fivetran cannot be asked, nothing is refused: an apply looks again before it writes. Raises `Unauthorized` and
    `Forbidden`, since with such a key every unit would fail.
    """
    if not units:
        return []

    def ask() -> list[str]:
        found = _existing(group, units)
        with ThreadPoolExecutor(READERS) as pool:
            texts = list(pool.map(lambda name: _refusal(units[name], found[name]), found))
        texts += [_wants(units[name]) for name in units if name not in found]
        return sorted(text for text in texts if text)

    return foresee("whether a new unit's connection exists already", ask, [])


def _existing(group: str, units: Declarations) -> dict[str, Connection]:
    """The connections that have the names of these units, by unit."""
    found: dict[str, Connection] = {}
    for each in session.client().list_groups():
        if each.name == group:
            for name, unit in units.items():
                known = session.known(each.id, wire.connection_name(unit["connection"]))
                if known is not None:
                    found[name] = known
    return found


def _wants(unit: Mapping[str, Any]) -> str | None:
    """Why a connection that is not there cannot be made."""
    try:
        refuse_creating_with_held(unit["connection"])
        trust.refuse_creating(unit["connection"])
    except OperationError as refused:
        return f"{unit['connection']['file']}: {refused}"
    return None


def _refusal(unit: Mapping[str, Any], listed: Connection) -> str | None:
    props, runs = unit["connection"], unit["activation"]
    try:
        adoption.refuse_another(props, listed)
    except OperationError as refused:
        return f"{props['file']}: {refused}"
    live = session.client().get_connection(listed.id)
    changes = adoption.never_worked(live) or bool(props.get("adopt", {}).get("apply_changes"))
    try:
        if changes:
            adoption.to_send(props, live)
    except OperationError as refused:
        return f"{props['file']}: {refused}"
    if adoption.never_worked(live):
        return None
    name = wire.connection_name(props)
    differing = [
        *adoption.package_differences(unit.get("package"), live),
        *adoption.config_differences(props, live),
        *trust.differences(props, live.id),
        *adoption.activation_differences(runs, live),
    ]
    known = known_values([props], ask=False)
    if not differing:
        logger.warning("%s: takes over the connection %s (%s) as it is", props["file"], name, live.id)
    elif changes:
        lines = own_words("".join(f"\n    {difference}" for difference in differing), known)
        logger.warning("%s: takes over the connection %s (%s) and changes it:%s", props["file"], name, live.id, lines)
    else:
        return f"{props['file']}: {adoption.refusal(name, live, differing)}"
    return None
