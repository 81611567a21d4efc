"""Activation: the last resource of a unit.

It tests the connection, selects its tables and starts its schedule.

A failed test is an outcome in state, not an error: the connection exists, and the next run tests again.
`Outcome` fails the run at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input, ResourceOptions
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from reconciler.fivetran import api as fivetran
from reconciler.fivetran import tables
from reconciler.model import Connector, Unit, commands, references
from reconciler.resources.activation import steps
from reconciler.resources.operation import Provider, found, hide_secrets, is_unknown, operation, stored
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

#: What state holds besides the inputs.
_OUTPUTS = ("outcome", "reason", "tests", "tasks", "tested", "activated", "pending", "messages", "was_connected")


class ActivationProvider(Provider):
    """Tests and starts a connection, and keeps its schedule, pause and tables as declared."""

    about = ("connector",)

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if is_unknown(news.get("connection_id")) or is_unknown(news.get("revision")):
            return DiffResult(changes=True)
        return DiffResult(changes=steps.is_pending(olds, news))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["connection_id"], steps.activate({}, props))

    @operation
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if olds["connection_id"] != news["connection_id"]:
            olds = {}
        try:
            return UpdateResult(steps.activate(olds, news))
        except fivetran.NotFound:
            up = commands.up(commands.stack_of(news["file"]), refresh=True)
            raise OperationError(
                f"the connection {news['connection_id']} was deleted in Fivetran; {up} creates it again and syncs its "
                "whole history"
            ) from None

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        try:
            live = run.account.read(props["group_id"], props["connection_id"], reader="activation")
        except fivetran.NotFound:
            return ReadResult(None, {})
        before = _inputs(props)
        kept = {key: value for key, value in before.items() if key not in steps.APPLIED}
        now = hide_secrets(before, {**kept, **steps.as_file(props, live)})
        return found(id_, before, now, steps.outcome_after_refresh(props, live))

    @operation
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Do nothing: Fivetran deletes tables and schedule with the connection."""


class Activation(Resource, module="fivetran", name="Activation"):
    """A unit's connection at work.

    `outcome` is `connected`, `failed`, `testing`, `awaiting`, `broken`, `ended` or `refused`:
    docs/reference/outputs.md.

    `datasets` are the only ones that it may write, where the environment forbids others.
    """

    outcome: pulumi.Output[str]
    pending: pulumi.Output[Mapping[str, Any] | None]
    messages: pulumi.Output[Sequence[str] | None]
    """Why it failed: the setup tests that failed, or Fivetran's tasks for a broken connection."""

    def __init__(
        self,
        unit: Unit,
        group_id: Input[str],
        connection_id: Input[str],
        revision: Input[int],
        *,
        datasets: Collection[str] | None = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        if unit.connector is None:
            raise ValueError(f"{unit.name} has no connector")
        props = {
            **declared(unit, unit.connector),
            "group_id": group_id,
            "connection_id": connection_id,
            "revision": revision,
            **({} if datasets is None else {"datasets": sorted(datasets)}),
            **dict.fromkeys(_OUTPUTS),
        }
        super().__init__(ActivationProvider(), unit.name, props, opts)


def declared(unit: Unit, connector: Connector) -> dict[str, Any]:
    """Return what a unit's file declares of its activation: all inputs except those from other resources."""
    secrets = connector.trees
    inputs = {
        "unit": unit.name,
        "file": unit.file,
        "service": connector.service,
        "name": connector.destination.connection_name,
        "schedule": connector.schedule.as_property(),
        "paused": connector.paused,
        "ended": connector.ended or None,
        "consent": connector.needs_consent or None,
        "trusts_unseen": (connector.trust and list(connector.trust.kinds_trusting_any)) or None,
        "awaiting": connector.awaiting and {"what": connector.awaiting.what, "until": connector.awaiting.until},
        "sync": connector.sync and tables.inputs(connector.sync),
        "apply_changes": bool(connector.adopt and connector.adopt.apply_changes) or None,
        # The values that a vendor's message is searched for before it is shown.
        "references": {path: reference.as_node() for path, reference in references(secrets)} or None,
    }
    return {key: value for key, value in inputs.items() if value is not None}


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stored(props).items() if key not in _OUTPUTS}
