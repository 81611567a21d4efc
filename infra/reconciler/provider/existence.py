"""A connection exists once: found before it is made, found again when an answer is lost, adopted when it is there.

Fivetran has no idempotency key. What stands in for one is the connection's name, unique within a group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from reconciler.client import Conflict, Connection, FivetranError, Rejected
from reconciler.model import references
from reconciler.projection import Difference, differences
from reconciler.provider import wire
from reconciler.provider.operation import OperationError
from reconciler.provider.session import session
from reconciler.provider.setup_tests import report_failures
from reconciler.secrets import Resolved

#: How often a create that left nothing behind is sent.
_ATTEMPTS = 3


class _LeftNothing(OperationError):
    """A create that failed on the way and, as a look at the group shows, has made nothing."""


@dataclass(frozen=True)
class Wanted:
    """A connection as it should be: the inputs, and the same with values in place of references."""

    props: Mapping[str, Any]
    resolved: Resolved

    @property
    def name(self) -> str:
        return wire.connection_name(self.props)

    @property
    def config(self) -> Mapping[str, Any]:
        """The declared config with values in place of references."""
        return dict(self.resolved.tree["config"])

    @property
    def auth(self) -> Mapping[str, Any]:
        """The declared auth with values in place of references."""
        return dict(self.resolved.tree["auth"])


def ensure(wanted: Wanted) -> Connection:
    """Make the connection, or take over the one that is there. Returns it as it is in the end.

    Raises `OperationError` when a setup test fails, or when what is there must not be taken over.
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


def _create(wanted: Wanted) -> Connection:
    fields = wire.create_fields(wanted.props, wanted.config, wanted.auth)
    again = Retrying(
        retry=retry_if_exception_type(_LeftNothing),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.5, max=8),
        sleep=session.sleep,
        reraise=True,
    )
    return again(_create_or_find, wanted, fields)


def _create_or_find(wanted: Wanted, fields: Mapping[str, Any]) -> Connection:
    client = session.client()
    try:
        made = client.create_connection(**fields, run_setup_tests=True)
    except FivetranError as error:
        # An answer that was lost, or a name that is taken: only what is there now can tell.
        if not error.may_have_taken_effect and not isinstance(error, Conflict | Rejected):
            raise
        existing = session.live(wanted.props["group_id"], wanted.name)
        if existing:
            return _adopt(wanted, existing[0])
        if error.may_have_taken_effect:
            raise _LeftNothing(str(error)) from None
        raise
    # The plugin process of a killed run lives on, and may have been writing when we looked: the older one stays.
    older = session.live(wanted.props["group_id"], wanted.name)[:1]
    if older and older[0].id != made.id:
        client.delete_connection(made.id)
        return _adopt(wanted, older[0])
    report_failures(_subject(made), made.setup_tests)
    return made


def _adopt(wanted: Wanted, found: Connection) -> Connection:
    """Take over a connection. One that works is not written to, unless the file says so."""
    props, adopt = wanted.props, wanted.props.get("adopt", {})
    if found.service != props["service"]:
        raise OperationError(
            f"the group has a connection {wanted.name} already ({found.id}), of service {found.service}: "
            f"correct `service: {props['service']}`, or choose another destination"
        )
    if adopt and adopt["connection"] != found.id:
        raise OperationError(
            f"adopt names the connection {adopt['connection']}, but {wanted.name} is {found.id}: correct it"
        )
    live = session.client().get_connection(found.id)
    differing = sorted(_differences(props, live), key=lambda difference: difference.path)
    keys = {difference.path.split(".")[1] for difference in differing if difference.path.startswith("config.")}
    if _never_worked(live):
        # A secret that is there may not be the file's. What is equal is not sent: some keys may not be in a PATCH.
        hidden = {path.split(".")[0].split("[")[0] for path, _ in references(props.get("config", {}))}
        changed = {key: value for key, value in wanted.config.items() if key in keys | hidden}
        return _write(wanted, live, changed, wanted.auth, test=True)
    if not differing:
        return live
    if not adopt.get("apply_changes"):
        raise OperationError(_refusal(wanted, live, differing))
    changed = {key: value for key, value in wanted.config.items() if key in keys}
    return _write(wanted, live, changed, {}, test=bool(changed))


def _write(
    wanted: Wanted, live: Connection, config: Mapping[str, Any], auth: Mapping[str, Any], *, test: bool
) -> Connection:
    """Bring a connection to the file's schedule and pause, and to these values; run its setup tests if told to."""
    fields = wire.differing_fields(wanted.props, live)
    if config:
        fields["config"] = dict(config)
    if auth:
        fields["auth"] = dict(auth)
    if fields:
        live = session.client().update_connection(live.id, **fields, run_setup_tests=test)
    elif test:
        live = session.client().test_connection(live.id)
    if test:
        report_failures(_subject(live), live.setup_tests)
    return live


def _never_worked(live: Connection) -> bool:
    """Nothing is lost by writing to it: it has neither passed its tests nor synced. A failed create leaves that."""
    return live.setup_state != "connected" and live.succeeded_at is None


def _differences(props: Mapping[str, Any], live: Connection) -> Iterable[Difference]:
    yield from differences(props.get("config", {}), live.config, "config")
    described = wire.as_file(props, live)
    if described["schedule"] != props["schedule"]:
        yield Difference("schedule", props["schedule"], described["schedule"])
    if "paused" in props and "paused" not in described:
        yield Difference("paused", props["paused"], "not paused")


def _refusal(wanted: Wanted, live: Connection, differing: Iterable[Difference]) -> str:
    lines = "".join(f"\n    {difference}" for difference in differing)
    return (
        f"the connection {wanted.name} exists ({live.id}) and differs from the file:{lines}\n"
        "    Adopting writes nothing. Make the file match, or write "
        f"`adopt: {{connection: {live.id}, apply_changes: true}}` to change the connection."
    )


def _subject(live: Connection) -> str:
    return f"connection {live.id} ({live.service})"
