"""Connection: one Fivetran connection, in state as its file declares it, with references where secrets stand."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, ResourceOptions
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)
from pulumi.output import Unknown

from reconciler import client as fivetran
from reconciler.model import Unit
from reconciler.projection import normalise
from reconciler.provider import wire
from reconciler.provider.existence import Wanted, ensure
from reconciler.provider.fleet import removals_allowed
from reconciler.provider.operation import OperationError, Provider, found, operation, stored
from reconciler.provider.session import session
from reconciler.provider.setup_tests import report_failures
from reconciler.secrets import EnvironmentResolver, resolve

#: What cannot change in a connection that exists; `Fleet` refuses it first, this is for a run that died after it.
_FIXED = ("group_id", "service", "destination")

#: In state when a refresh found a config that no test has passed; the next update tests it.
_NEEDS_TEST = "needs_test"

_OUTPUTS = ("setup_state", _NEEDS_TEST)


class ConnectionProvider(Provider):
    """Creates or adopts, patches only what changed, reads what the file manages, and deletes only when allowed."""

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        refused = [
            f"{news['file']}: {key} changed from {olds[key]} to {news[key]}: Fivetran cannot change it. A new "
            "connection would be made, with a new id, and sync its whole history again"
            for key in _FIXED
            if key in olds and not isinstance(news.get(key), Unknown) and olds[key] != news.get(key)
        ]
        if refused:
            raise OperationError("\n".join(refused))
        return CheckResult(news, [])

    @operation
    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if "adopt" in news and news["adopt"]["connection"] != id_:
            raise OperationError(f"adopt names {news['adopt']['connection']}, but the connection is {id_}: correct it")
        pending = bool(olds.get(_NEEDS_TEST))
        return DiffResult(changes=pending or bool(wire.patch(normalise(olds), normalise(news))))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        props = normalise(props)
        secrets = {"config": props.get("config", {}), "auth": props.get("auth", {})}
        live = ensure(Wanted(props, resolve(secrets, [EnvironmentResolver()])))
        return CreateResult(live.id, _outputs(props, live))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        props = normalise(props)
        try:
            live = session.read(props["group_id"], id_)
        except fivetran.NotFound:
            return ReadResult(None, {})
        now = wire.as_file(_inputs(props), live)
        outputs = _outputs(now, live)
        # A config that is not what the last good run left, in a connection that does not work: an update whose tests
        # failed. State would match the file now, and nobody would test it again.
        changed = now["config"] != props.get("config", {})
        if live.setup_state != "connected" and (changed or props.get(_NEEDS_TEST)):
            outputs[_NEEDS_TEST] = True
        return found(id_, _inputs(props), now, outputs)

    @operation
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        news = normalise(news)
        fields = resolve(wire.patch(normalise(olds), news), [EnvironmentResolver()]).tree
        tested = "config" in fields or "auth" in fields
        client = session.client()
        try:
            if fields:
                live = client.update_connection(id_, **fields, run_setup_tests=tested)
            if not fields or (olds.get(_NEEDS_TEST) and not tested):
                tested, live = True, client.test_connection(id_)
        except fivetran.NotFound:
            raise OperationError(
                f"the connection {wire.connection_name(news)} ({id_}) was deleted in Fivetran; "
                "`pulumi up --refresh` makes it again and syncs its whole history"
            ) from None
        if tested:
            report_failures(f"connection {id_} ({news['service']})", live.setup_tests)
        return UpdateResult(_outputs(news, live))

    @operation
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        name = wire.connection_name(props)
        if session.declarer(name) is not None:
            return  # A file of this run declares it, under another name: this resource only lets go of it.
        if not removals_allowed():
            raise OperationError(
                f"this run would delete the connection {name} ({id_}); "
                "to do that on purpose run with RECONCILER_REMOVALS=allow"
            )
        with contextlib.suppress(fivetran.NotFound):
            session.client().delete_connection(id_)


class Connection(Resource, module="fivetran", name="Connection"):
    """A unit's connection. Its id is Fivetran's; `setup_state` is what the last run saw."""

    setup_state: pulumi.Output[str]

    def __init__(self, unit: Unit, group_id: Input[str], opts: ResourceOptions | None = None) -> None:
        if unit.connector is None:
            raise ValueError(f"{unit.name} has no connector")
        props = {**wire.inputs(unit, unit.connector), "group_id": group_id, "setup_state": None}
        super().__init__(ConnectionProvider(), unit.name, props, opts)


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored(props).items() if key not in _OUTPUTS}


def _outputs(props: Mapping[str, Any], live: fivetran.Connection) -> dict[str, Any]:
    return {**_inputs(props), "setup_state": live.setup_state}
