"""Find the destination of an environment for a subfolder's stack, and never write it.

The environment's own stack has it as `Destination`, and creates, changes and deletes it.
"""

from __future__ import annotations

from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.fivetran.api import NotFound
from reconciler.model import Environment, commands
from reconciler.resources.destination import groups, live_destination
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run


class SharedDestinationProvider(Provider):
    """Finds the group with its destination by name."""

    about = ("fivetran",)

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if olds["group"] != news["group"] and not groups.is_renamed(olds, news):
            return DiffResult(changes=True, replaces=["group"])
        return DiffResult(changes=olds["group"] != news["group"])

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(_find(props), dict(props))

    @operation
    def update(self, id_: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if _find(news) != id_:
            raise OperationError(f"the group {news['group']} is not {id_} any more\n    {_step(news)}")
        return UpdateResult(dict(news))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        run.account.begin_refresh(id_)
        try:
            run.account.client().get_destination(id_)
        except NotFound:
            return ReadResult(None, {})
        return found(id_, stored(props), stored(props))

    @operation
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: it belongs to the environment's own stack."""


class SharedDestination(Resource, module="fivetran", name="SharedDestination"):
    """One for each stack of a subfolder. Its id is the group's id."""

    def __init__(self, environment: Environment, opts: ResourceOptions | None = None) -> None:
        super().__init__(SharedDestinationProvider(), environment.name, live_destination.inputs(environment), opts)


def _find(props: dict[str, Any]) -> str:
    """Return the group's id.

    Raises `OperationError` where it has no destination, or another one than the file says.
    """
    run.account.forget_groups()
    named = run.account.groups(props["group"])
    if len(named) != 1:
        many = f"{len(named)} groups are called" if named else "Fivetran has no group"
        raise OperationError(f"{many} {props['group']}\n    {_step(props)}", at=("fivetran", "group"))
    try:
        live = run.account.client().get_destination(named[0].id)
    except NotFound:
        raise OperationError(
            f"the group {props['group']} has no destination\n    {_step(props)}", at=("fivetran", "destination")
        ) from None
    if rejected := live_destination.rejection(live, props):
        raise OperationError(rejected)
    return str(named[0].id)


def _step(props: dict[str, Any]) -> str:
    return f"Run {commands.up(commands.environment_of(props['file']))} first: the environment's own stack has it."
