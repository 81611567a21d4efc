"""A connection exists once: found before it is made, found again when an answer is lost, adopted when it is there.

Fivetran has no idempotency key. What stands in for one is the connection's name, unique within a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from reconciler.client import Conflict, Connection, FivetranError, Rejected
from reconciler.provider import adoption, trust, wire
from reconciler.provider.held import refuse_creating_with_held
from reconciler.provider.operation import OperationError
from reconciler.provider.sending import to_send
from reconciler.provider.session import session
from reconciler.secrets import Resolver, resolvers

#: How often a create that left nothing behind is sent.
_ATTEMPTS = 3


class _LeftNothing(Exception):
    """A create that failed on the way and, as a look at the group shows, has made nothing."""

    def __init__(self, error: FivetranError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True)
class Wanted:
    """A connection as it should be: the inputs, with references where secrets stand."""

    props: Mapping[str, Any]
    resolvers: tuple[Resolver, ...] = field(default_factory=resolvers, repr=False)

    @property
    def name(self) -> str:
        return wire.connection_name(self.props)

    @property
    def config(self) -> Mapping[str, Any]:
        """The declared config."""
        return dict(self.props.get("config", {}))

    @property
    def auth(self) -> Mapping[str, Any]:
        """The declared auth."""
        return dict(self.props.get("auth", {}))

    def with_values(self, config: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """`config` and `auth` with values in place of references, fetched now that they are to be sent."""
        return dict(to_send({"config": config, "auth": auth}, self.props["file"], self.resolvers))


def ensure(wanted: Wanted) -> tuple[Connection, bool]:
    """Make the connection, or take over the one that is there.

    Returns it, and whether its config was written, so that it has to be tested. Raises `OperationError` when what is
    there must not be taken over.
    """
    found = session.known(wanted.props["group_id"], wanted.name)
    if found is not None:
        return _adopt(wanted, found)
    if "adopt" in wanted.props:
        raise OperationError(
            f"adopt names the connection {wanted.props['adopt']['connection']}, but the group has no connection "
            f"{wanted.name}: correct the destination, or take `adopt` out to make a new connection"
        )
    return _create(wanted)


def _create(wanted: Wanted) -> tuple[Connection, bool]:
    refuse_creating_with_held(wanted.props)
    trust.refuse_creating(wanted.props)
    fields = wire.create_fields(wanted.props, **wanted.with_values(wanted.config, wanted.auth))
    again = Retrying(
        retry=retry_if_exception_type(_LeftNothing),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=8),
        sleep=session.sleep,
        reraise=True,
    )
    try:
        return again(_create_or_find, wanted, fields)
    except _LeftNothing as last:
        raise last.error from None


def _create_or_find(wanted: Wanted, fields: Mapping[str, Any]) -> tuple[Connection, bool]:
    client = session.client()
    try:
        made = client.create_connection(**fields, run_setup_tests=False)
    except FivetranError as error:
        # An answer that was lost, or a name that is taken: only what is there now can tell.
        if not error.may_have_taken_effect and not isinstance(error, Conflict | Rejected):
            raise
        existing = session.live(wanted.props["group_id"], wanted.name)
        if existing:
            return _adopt(wanted, existing[0])
        if error.may_have_taken_effect:
            raise _LeftNothing(error) from None
        raise
    # The plugin process of a killed run lives on, and may have been writing when we looked: the older one stays.
    older = session.live(wanted.props["group_id"], wanted.name)[:1]
    if older and older[0].id != made.id:
        client.delete_connection(made.id)
        return _adopt(wanted, older[0])
    return made, True


def _adopt(wanted: Wanted, found: Connection) -> tuple[Connection, bool]:
    """Take over a connection. One that works is not written to, unless the file says so."""
    props, apply_changes = wanted.props, bool(wanted.props.get("adopt", {}).get("apply_changes"))
    adoption.refuse_another(props, found)
    live = session.client().get_connection(found.id)
    if adoption.never_worked(live):
        return _write(wanted, live, *adoption.to_send(props, live), pause=not live.paused), True
    differing = [*adoption.config_differences(props, live), *trust.differences(props, live.id)]
    if not differing:
        return live, apply_changes  # A run that was killed may have changed it; nobody has tested that then.
    if not apply_changes:
        raise OperationError(adoption.refusal(wanted.name, live, differing))
    return _write(wanted, live, *adoption.to_send(props, live)), True


def _write(
    wanted: Wanted, live: Connection, config: Mapping[str, Any], auth: Mapping[str, Any], *, pause: bool = False
) -> Connection:
    fields: dict[str, Any] = {key: values for key, values in wanted.with_values(config, auth).items() if values}
    if settings := adoption.settings_to_send(wanted.props, live):
        fields["settings"] = settings
    if pause:  # As a new one is made: nothing syncs before its tables are as declared.
        fields["paused"] = True
    return session.client().update_connection(live.id, **fields, run_setup_tests=False) if fields else live
