"""The Google service account with which Fivetran writes a group's data."""

from __future__ import annotations

from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource

from reconciler.fivetran.api import NotFound
from reconciler.model import Environment
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.run.run import run


class ServiceAccountProvider(Provider):
    """Reads the service account that Fivetran made for a group; there is nothing to make or to delete."""

    about = ("fivetran",)

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        moved = olds.get("group_id") != news.get("group_id")
        return DiffResult(changes=moved, replaces=["group_id"] if moved else [])

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(run.account.client().group_service_account(props["group_id"]), dict(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        try:
            id_ = run.account.client().group_service_account(props["group_id"])
        except NotFound:
            return ReadResult(None, {})
        return found(id_, stored(props), stored(props))


class ServiceAccount(Resource, module="fivetran", name="ServiceAccount"):
    """Fivetran's service account; its id is the e-mail address.

    A resource of its own, so that no change elsewhere makes it look unknown.
    """

    def __init__(self, environment: Environment, group_id: Input[str], opts: ResourceOptions | None = None) -> None:
        super().__init__(
            ServiceAccountProvider(), environment.name, {"file": environment.file, "group_id": group_id}, opts
        )
