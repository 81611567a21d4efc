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

from reconciler import client as fivetran
from reconciler import commands
from reconciler.model import DESTINATION_SETTINGS, Environment
from reconciler.projection import changed_keys, project
from reconciler.projection import differences as settings_differences
from reconciler.provider import groups
from reconciler.provider.left_keys import settings_warning
from reconciler.provider.lines import lines
from reconciler.provider.operation import OperationError, Provider, found, hide_secrets, operation, stored
from reconciler.provider.session import session
from reconciler.removal import removals_allowed
from reconciler.services import Field

logger = logging.getLogger(__name__)

#: The input that holds what the file says by the API's names.
_SETTINGS = "settings"

#: What the API says of them, for comparing.
_FIELDS = Field(
    "object",
    fields={
        name: Field("choice", choices=each.choices) if each.choices else Field("any")
        for name, each in DESTINATION_SETTINGS.items()
    },
)

#: Fivetran adds this connection to every destination by itself, and lets none be deleted that has it.
_FIVETRANS_OWN = "fivetran_metadata"

#: What cannot change once the destination exists, and why.
_FIXED = {
    "group": "write the old name beside it as `formerly` to rename the group in Fivetran, or make a new environment",
    "gcp_project": "every connection would write somewhere else: make a new environment",
    "location": "Fivetran fixes it when the destination is made: make a new environment",
    "region": "Fivetran fixes it when the destination is made: make a new environment",
}


#: Where those stand in the environment's file.
_KEYS = {
    "group": ("fivetran", "group"),
    "gcp_project": ("gcp_project",),
    "location": ("fivetran", "destination", "location"),
    "region": ("fivetran", "destination", "region"),
}


class DestinationProvider(Provider):
    """Finds the group by its name, or makes it; finds its destination, or makes it. Adopting writes nothing."""

    about = ("fivetran",)

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        refused = [
            f"{lines.locate(news['file'], *_KEYS[key])}: {key} is {news[key]} in the file and {olds[key]} in Fivetran: "
            f"{why}"
            for key, why in _FIXED.items()
            if key in olds and not _same(key, olds[key], news[key]) and not _may_change(key, olds, news)
        ]
        if refused:
            raise OperationError("\n".join(refused))
        return CheckResult(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        if olds["group"] != news["group"]:
            return DiffResult(changes=True, replaces=[] if groups.is_renamed(olds, news) else ["group"])
        left = olds.get(_SETTINGS, {}).keys() - news.get(_SETTINGS, {}).keys()
        for name in sorted(left):
            at = ("fivetran", "destination")
            logger.warning("%s", settings_warning(news["file"], at, name, DESTINATION_SETTINGS[name].default))
        return DiffResult(changes=bool(left or _changed_fields(olds, news)))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        group = groups.find(props) or groups.make(props["group"])
        try:
            there = session.client().get_destination(group.id)
        except fivetran.NotFound:
            _make_destination(group.id, props)
        else:
            _adopt(there, props)
        return CreateResult(group.id, dict(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        session.refreshes(id_)
        try:
            session.client().get_group(id_)
            live = session.client().get_destination(id_)
        except fivetran.NotFound:
            return ReadResult(None, {})
        now = stored(props)
        for key, value in _live_values(live).items():
            if not _same(key, now.get(key), value):
                now[key] = value
        if _SETTINGS in now:
            now[_SETTINGS] = project(now[_SETTINGS], _live_settings(live), _FIELDS)
        return found(id_, stored(props), hide_secrets(stored(props), now))

    @operation
    def update(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        if olds["group"] != news["group"]:
            groups.rename(id_, news)
        if fields := _changed_fields(olds, news):
            # The API requires the offset in each change.
            fields = {"time_zone_offset": news["time_zone_offset"], **fields}
            session.client().update_destination(id_, **fields, run_setup_tests=False)
        return UpdateResult(dict(news))

    @operation
    def delete(self, id_: str, props: dict[str, Any]) -> None:
        if session.may_leave(props["group"]):
            logger.warning("group %s (%s) stays in Fivetran: delete it there when nobody needs it", props["group"], id_)
            return
        if not removals_allowed():
            raise OperationError(
                f"this run would delete the group {props['group']} ({id_}) with its destination; "
                "to do that on purpose run with RECONCILER_REMOVALS=allow"
            )
        client = session.client()
        left: dict[str, str] = {}
        with contextlib.suppress(fivetran.NotFound):
            left = {item.id: item.schema for item in client.list_connections(id_)}
        if others := [f"{name} ({each})" for each, name in left.items() if name != _FIVETRANS_OWN]:
            raise OperationError(
                f"the destination {id_} still has connections that no file declares: {', '.join(sorted(others))}; "
                "delete them in Fivetran, or leave everything there and forget the stack by "
                f"{commands.pulumi('stack rm', '--force', environment=commands.environment_of(props['file']))}"
            )
        for connection_id in left:
            with contextlib.suppress(fivetran.NotFound):
                client.delete_connection(connection_id)
        with contextlib.suppress(fivetran.NotFound):
            client.delete_destination(id_)
        with contextlib.suppress(fivetran.NotFound):
            client.delete_group(id_)


class Destination(Resource, module="fivetran", name="Destination"):
    """One per environment. Its id is the group's id; nothing else of it is for others to depend on."""

    def __init__(self, environment: Environment, opts: ResourceOptions | None = None) -> None:
        props = {
            "file": environment.file,
            "group": environment.group,
            **({"formerly": environment.formerly} if environment.formerly else {}),
            "gcp_project": environment.gcp_project,
            "location": environment.destination.location,
            "region": environment.destination.region,
            "time_zone_offset": environment.destination.time_zone_offset,
            **({_SETTINGS: dict(environment.destination.settings)} if environment.destination.settings else {}),
        }
        super().__init__(DestinationProvider(), environment.name, props, opts)


def _may_change(key: str, olds: dict[str, Any], news: dict[str, Any]) -> bool:
    """Whether the group is renamed, or left for another as the files allow: then every connection is made anew."""
    return key == "group" and (groups.is_renamed(olds, news) or session.may_leave(olds["group"]))


def _changed_fields(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """The fields of modify_destination that bring `olds` to `news`."""
    fields = _as_fields(changed_keys(olds.get(_SETTINGS, {}), news.get(_SETTINGS, {})))
    if not _same("time_zone_offset", olds.get("time_zone_offset"), news["time_zone_offset"]):
        fields["time_zone_offset"] = news["time_zone_offset"]
    return fields


def _as_fields(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the API takes them: some stand in `config`."""
    config = {name: value for name, value in settings.items() if DESTINATION_SETTINGS[name].in_config}
    others = {name: value for name, value in settings.items() if name not in config}
    return {**({"config": config} if config else {}), **({"settings": others} if others else {})}


def _live_settings(live: fivetran.Destination) -> dict[str, Any]:
    """The settings that a destination has, with Fivetran's defaults where the answer leaves them out."""
    defaults = {name: each.default for name, each in DESTINATION_SETTINGS.items() if each.default is not None}
    in_config = {
        name: live.config[name] for name, each in DESTINATION_SETTINGS.items() if each.in_config and name in live.config
    }
    return {**defaults, **live.settings, **in_config}


def _make_destination(group_id: str, props: dict[str, Any]) -> None:
    client = session.client()
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
    differences = [
        f"{key}: the file says {props[key]}, Fivetran has {value}"
        for key, value in _live_values(found).items()
        if not _same(key, props[key], value)
    ]
    settings = props.get(_SETTINGS, {})
    differences += [str(each) for each in settings_differences(settings, _live_settings(found), field=_FIELDS)]
    if found.service not in ("", "big_query"):
        differences.insert(0, f"it is of service {found.service}, not big_query")
    if differences:
        raise OperationError(
            f"the destination of group {props['group']} ({found.id}) exists and differs: {'; '.join(differences)}. "
            "Adopting writes nothing: make the file match"
        )


def _live_values(live: fivetran.Destination) -> dict[str, str]:
    values = {
        "gcp_project": live.config.get("project_id"),
        "location": live.config.get("data_set_location"),
        "region": live.region,
        "time_zone_offset": live.time_zone_offset,
    }
    return {key: str(value) for key, value in values.items() if value is not None}


def _same(key: str, declared: object, live: object) -> bool:
    if key == "time_zone_offset":
        return _offset(declared) == _offset(live)
    return str(declared).casefold() == str(live).casefold() if key in {"location", "region"} else declared == live


def _offset(value: object) -> int | str:
    """`"0"`, `"+0"` and `0` are one offset; what is no number stays as it is."""
    try:
        return int(float(str(value)))
    except ValueError:
        return str(value)
