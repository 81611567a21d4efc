"""The environment's Fivetran group with its BigQuery destination.

A group and its destination are one to one and share an id (operation create_destination).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from reconciler.fivetran import api as fivetran
from reconciler.fivetran.config_diff import changed_keys, project
from reconciler.google.bigquery.undeclared import FIVETRANS_OWN
from reconciler.lifecycle.removal import removals_allowed
from reconciler.model import DESTINATION_SETTINGS, Environment, commands
from reconciler.resources.destination import groups, live_destination
from reconciler.resources.destination.live_destination import is_same
from reconciler.resources.operation import Provider, found, hide_secrets, operation, stored
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run
from reconciler.resources.settings import left_setting_warning

logger = logging.getLogger(__name__)

#: The input that holds what the file says by the API's names.
_SETTINGS = live_destination.SETTINGS

#: Fivetran adds this connection to every destination by itself, and lets none be deleted that has it.

_FIXED_BY_FIVETRAN = (
    ", which cannot change it in an existing destination",
    "Write {old}, or create a new environment.",
)

#: What cannot change once the destination exists: why, and what to do.
_FIXED = {
    "group": (
        "",
        "Write `formerly: {old}` beside it to rename the group in Fivetran, or create a new environment.",
    ),
    "gcp_project": (": every connection would write to another project", "Write {old}, or create a new environment."),
    "location": _FIXED_BY_FIVETRAN,
    "region": _FIXED_BY_FIVETRAN,
}


class DestinationProvider(Provider):
    """Finds the group by its name, or makes it; finds its destination, or makes it.

    Adopting writes nothing.
    """

    about = ("fivetran",)

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        rejected = [
            f"{run.declared.locate(news['file'], *live_destination.KEYS[key])}: {key} is {news[key]} in the file and "
            f"{olds[key]} in Fivetran{why}\n    {advice.format(old=olds[key])}"
            for key, (why, advice) in _FIXED.items()
            if key in olds and not is_same(key, olds[key], news[key]) and not _may_change(key, olds, news)
        ]
        if rejected:
            raise OperationError("\n".join(rejected))
        if not olds and run.declared.is_preview and (there := live_destination.rejections(news)):
            raise OperationError("\n".join(there))
        return CheckResult(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if olds["group"] != news["group"]:
            return DiffResult(changes=True, replaces=[] if groups.is_renamed(olds, news) else ["group"])
        left = olds.get(_SETTINGS, {}).keys() - news.get(_SETTINGS, {}).keys()
        for name in sorted(left):
            at, default = ("fivetran", "destination"), DESTINATION_SETTINGS[name].default
            if default is None or olds[_SETTINGS][name] != default:
                logger.warning("%s", left_setting_warning(news["file"], at, name, default))
        return DiffResult(changes=bool(left or _changed_fields(olds, news)))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        group = groups.find(props) or groups.make(props["group"])
        try:
            there = run.account.client().get_destination(group.id)
        except fivetran.NotFound:
            _make_destination(group.id, props)
        else:
            _adopt(there, props)
        return CreateResult(group.id, dict(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        run.account.begin_refresh(id_)
        try:
            run.account.client().get_group(id_)
            live = run.account.client().get_destination(id_)
        except fivetran.NotFound:
            return ReadResult(None, {})
        now = stored(props)
        for key, value in live_destination.values(live).items():
            if not is_same(key, now.get(key), value):
                now[key] = value
        if _SETTINGS in now:
            now[_SETTINGS] = project(now[_SETTINGS], live_destination.settings(live), live_destination.FIELD)
        return found(id_, stored(props), hide_secrets(stored(props), now))

    @operation
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if olds["group"] != news["group"]:
            groups.rename(id_, news)
        if fields := _changed_fields(olds, news):
            # The API requires the offset in each change.
            fields = {"time_zone_offset": news["time_zone_offset"], **fields}
            run.account.client().update_destination(id_, **fields, run_setup_tests=False)
        return UpdateResult(dict(news))

    @operation
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        if props["group"] in run.declared.left_groups:
            logger.warning(
                "group %s (%s) stays in Fivetran\n    Delete it there when nothing needs it.", props["group"], id_
            )
            return
        if not removals_allowed():
            raise OperationError(
                f"this run would delete the group {props['group']} ({id_}) with its destination\n"
                "    Run with RECONCILER_REMOVALS=allow to delete it."
            )
        client = run.account.client()
        left: dict[str, str] = {}
        with contextlib.suppress(fivetran.NotFound):
            left = {item.id: item.schema for item in client.list_connections(id_)}
        if others := [f"{name} ({each})" for each, name in left.items() if name != FIVETRANS_OWN]:
            raise OperationError(
                f"the destination {id_} still has connections that no file declares: {', '.join(sorted(others))}\n"
                "    Delete them in Fivetran, or run "
                f"{commands.pulumi('stack rm', '--force', environment=commands.environment_of(props['file']))} "
                "to drop only the stack's state."
            )
        for connection_id in left:
            with contextlib.suppress(fivetran.NotFound):
                client.delete_connection(connection_id)
        with contextlib.suppress(fivetran.NotFound):
            client.delete_destination(id_)
        with contextlib.suppress(fivetran.NotFound):
            client.delete_group(id_)


class Destination(Resource, module="fivetran", name="Destination"):
    """The destination of an environment. Its id is the group's id; others depend on nothing else of it."""

    def __init__(self, environment: Environment, opts: ResourceOptions | None = None) -> None:
        super().__init__(DestinationProvider(), environment.name, live_destination.inputs(environment), opts)


def _may_change(key: str, olds: dict[str, Any], news: dict[str, Any]) -> bool:
    """Return whether the group is renamed, or left for another as the files allow.

    In the second case every connection is made anew.
    """
    return key == "group" and (groups.is_renamed(olds, news) or olds["group"] in run.declared.left_groups)


def _changed_fields(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of modify_destination that bring `olds` to `news`."""
    fields = _as_fields(changed_keys(olds.get(_SETTINGS, {}), news.get(_SETTINGS, {})))
    if not is_same("time_zone_offset", olds.get("time_zone_offset"), news["time_zone_offset"]):
        fields["time_zone_offset"] = news["time_zone_offset"]
    return fields


def _as_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as the API takes them: some are in `config`."""
    config = {name: value for name, value in settings.items() if DESTINATION_SETTINGS[name].in_config}
    others = {name: value for name, value in settings.items() if name not in config}
    return {**({"config": config} if config else {}), **({"settings": others} if others else {})}


def _make_destination(group_id: str, props: dict[str, Any]) -> None:
    client = run.account.client()
    fields = _as_fields(props.get(_SETTINGS, {}))
    try:
        client.create_destination(
            group_id=group_id,
            service="big_query",
            region=props["region"],
            time_zone_offset=props["time_zone_offset"],
            config={
                "project_id": props["gcp_project"],
                "data_set_location": props["location"],
                **fields.get("config", {}),
            },
            settings=fields.get("settings"),
            # Fivetran's service account may not write yet: `DestinationTests` tests once it may.
            run_setup_tests=False,
        )
    except fivetran.FivetranError as error:
        try:
            _adopt(client.get_destination(group_id), props)
        except fivetran.NotFound:
            raise error from None


def _adopt(found: fivetran.Destination, props: dict[str, Any]) -> None:
    """Adopt a destination as it is. Raises `OperationError` where it differs from the file."""
    if rejected := live_destination.rejection(found, props):
        raise OperationError(rejected)
    live_destination.report_undeclared(found, props)
