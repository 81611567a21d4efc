"""Create a connection exactly once.

Look it up before, look it up again after a lost reply, adopt it where it exists.

Fivetran has no idempotency key. The connection's name stands in for one: it is unique within a group. A recorded intent
(`intent`) says whether one that is found is ours, never what the connection looks like.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from reconciler.fivetran.api import Conflict, Connection, FivetranError, NotFound, Rejected
from reconciler.fivetran.config_diff import Difference
from reconciler.resources.adoption import AdoptionDecision
from reconciler.resources.connection import adoption, api_fields, trust
from reconciler.resources.connection.secret_values import reject_creating_with_kept, resolve_values
from reconciler.resources.run.intent import Intent
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.secrets import Resolver, resolvers

#: How often a create that left nothing behind is sent.
_ATTEMPTS = 3


class _NothingCreated(Exception):
    """A create whose answer was lost and that, as the group's listing shows, created nothing."""

    def __init__(self, error: FivetranError) -> None:
        super().__init__()
        self.error = error


@dataclass(frozen=True)
class DeclaredConnection:
    """A connection as it should be: the inputs, with references where secrets stand."""

    props: Mapping[str, Any]
    resolvers: tuple[Resolver, ...] = field(default_factory=resolvers, repr=False)

    @property
    def name(self) -> str:
        return api_fields.connection_name(self.props)

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
        return dict(resolve_values({"config": config, "auth": auth}, self.props["file"], self.resolvers))


def ensure(wanted: DeclaredConnection) -> tuple[Connection, bool]:
    """Create the connection, finish the one that an earlier run began, or adopt an existing one.

    Returns:
        The connection, and whether its config was written, so that it has to be tested.

    Raises:
        OperationError: what exists must not be adopted.
    """
    live = _find(wanted)
    if live is not None:
        intent = run.declared.intents.get(wanted.name)
        return _continue(wanted, live) if intent is not None and intent.covers(live) else _adopt(wanted, live)
    if "adopt" in wanted.props:
        raise OperationError(
            f"`adopt` names {wanted.props['adopt']['connection']}, but the group has no connection {wanted.name}\n"
            "    Correct the destination, or remove `adopt` to create a connection.",
            at=("connector", "adopt"),
        )
    return _create(wanted)


def fields_for_set_up(props: Mapping[str, Any], id_: str) -> dict[str, Any]:
    """Return what is written into an adopted connection once its file allows changes.

    Nothing where it works. References stand where secrets do. Raises `OperationError` where something would have to be
    sent that only Fivetran has.
    """
    live = run.account.client().get_connection(id_)
    if adoption.is_connected(live):
        return {}
    config, auth = adoption.to_send(props, live, with_secrets=True)
    fields: dict[str, Any] = {key: values for key, values in (("config", config), ("auth", auth)) if values}
    return {**fields, "paused": True} if live.succeeded_at is None and not live.paused else fields


def _find(wanted: DeclaredConnection) -> Connection | None:
    """Return the connection of the name in full.

    One that was deleted since the group was listed is looked for again.
    """
    listed = run.account.find(wanted.props["group_id"], wanted.name)
    if listed is None:
        return None
    try:
        return run.account.client().get_connection(listed.id)
    except NotFound:
        return _find_now(wanted)


def _find_now(wanted: DeclaredConnection) -> Connection | None:
    existing = run.account.find_now(wanted.props["group_id"], wanted.name)
    return run.account.client().get_connection(existing[0].id) if existing else None


def _create(wanted: DeclaredConnection) -> tuple[Connection, bool]:
    reject_creating_with_kept(wanted.props)
    trust.reject_creating(wanted.props)
    fields = api_fields.create_fields(wanted.props, **wanted.with_values(wanted.config, wanted.auth))
    again = Retrying(
        retry=retry_if_exception_type(_NothingCreated),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=8),
        sleep=run.sleep,
        reraise=True,
    )
    try:
        return again(_create_or_find, wanted, fields, run.account.now())
    except _NothingCreated as last:
        raise last.error from None


def _create_or_find(wanted: DeclaredConnection, fields: Mapping[str, Any], began: datetime) -> tuple[Connection, bool]:
    client = run.account.client()
    try:
        made = client.create_connection(**fields, run_setup_tests=False)
    except FivetranError as error:
        # A lost reply, or a name that is taken: read what exists now.
        if not error.may_have_taken_effect and not isinstance(error, Conflict | Rejected):
            raise
        existing = _find_now(wanted)
        if existing is not None:
            return _continue_or_adopt(wanted, existing, began)
        if error.may_have_taken_effect:
            raise _NothingCreated(error) from None
        raise
    # The plugin process of a killed run may have created one at the same time: the older one stays.
    older = run.account.find_now(wanted.props["group_id"], wanted.name)[:1]
    if older and older[0].id != made.id:
        client.delete_connection(made.id)
        return _continue_or_adopt(wanted, client.get_connection(older[0].id), began)
    return made, True


def _continue_or_adopt(wanted: DeclaredConnection, live: Connection, began: datetime) -> tuple[Connection, bool]:
    """Decide on a connection that appeared while this run was creating it: ours if our key created it."""
    ours = Intent(began, run.account.creator()), run.declared.intents.get(wanted.name)
    covered = any(intent is not None and intent.covers(live) for intent in ours)
    return _continue(wanted, live) if covered else _adopt(wanted, live)


def _continue(wanted: DeclaredConnection, live: Connection) -> tuple[Connection, bool]:
    """Finish a connection of ours whose creation was interrupted.

    Like a new one, it is paused and not tested.
    """
    return _write(wanted, adoption.decide_continuation(wanted.props, live)), True


def _adopt(wanted: DeclaredConnection, live: Connection) -> tuple[Connection, bool]:
    """Adopt a connection of others.

    Nothing is written to it, in whatever state it is, unless the file says so.
    """
    decision = adoption.decide(wanted.props, live, _differences(wanted.props, live))
    decision.raise_if_rejected()
    # Tested even where nothing was sent: a run that was killed may have changed it.
    return (_write(wanted, decision), True) if decision.may_change else (live, False)


def _differences(props: Mapping[str, Any], live: Connection) -> Iterator[Difference]:
    """Yield the differences between a connection and its file, where they decide anything."""
    if not adoption.may_change(props):
        yield from adoption.config_differences(props, live)
        yield from trust.differences(props, live.id)


def _write(wanted: DeclaredConnection, decision: AdoptionDecision) -> Connection:
    values = wanted.with_values(decision.config, decision.auth)
    fields: dict[str, Any] = {key: value for key, value in values.items() if value}
    if decision.settings:
        fields["settings"] = decision.settings
    if decision.pauses:
        fields["paused"] = True
    live = decision.live
    return run.account.client().update_connection(live.id, **fields, run_setup_tests=False) if fields else live
