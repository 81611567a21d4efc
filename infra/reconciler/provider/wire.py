"""Between a connection's inputs, which are in the file's words, and the API's fields. Pure.

Inputs are plain JSON: `group_id`, `unit`, `file`, `service`, `destination`, `config`, `auth`, `schedule`, `paused`
(the reason) and `adopt`. Values are references there, never what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.client import Connection
from reconciler.model import SYNC_INTERVALS, AirflowSchedule, Connector, DestinationSchema, FivetranSchedule, Unit
from reconciler.projection import changed_keys, project

_WORDS = {minutes: word for word, minutes in SYNC_INTERVALS.items()}


def inputs(unit: Unit, connector: Connector) -> dict[str, Any]:
    """The inputs of a unit's connection, all but the group."""
    said = {
        "unit": unit.name,
        "file": unit.file,
        "service": connector.service,
        "destination": connector.destination.as_config(),
        "config": dict(connector.config),
        "auth": dict(connector.auth),
        "schedule": schedule_inputs(connector.schedule),
        "paused": connector.paused,
        "adopt": connector.adopt
        and {"connection": connector.adopt.connection, "apply_changes": connector.adopt.apply_changes},
    }
    return {key: value for key, value in said.items() if value is not None}


def schedule_inputs(schedule: AirflowSchedule | FivetranSchedule) -> dict[str, Any]:
    """A schedule as the file writes it."""
    if isinstance(schedule, AirflowSchedule):
        return {"by": "airflow", "task_id": schedule.task_id}
    if schedule.daily_at is not None:
        return {"by": "fivetran", "daily_at": schedule.daily_at}
    return {"by": "fivetran", "every": _WORDS[schedule.every_minutes]}


def connection_name(props: Mapping[str, Any]) -> str:
    """The name by which Fivetran knows the connection within its group."""
    return DestinationSchema(**props["destination"]).connection_name


def by_airflow(props: Mapping[str, Any]) -> bool:
    """Whether Airflow triggers the syncs, and with them owns `paused` and `schedule_type` at run time."""
    return bool(props["schedule"]["by"] == "airflow")


def schedule_fields(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """The API's fields for a schedule (create_connection, modify_connection)."""
    if schedule["by"] != "fivetran":
        return {"schedule_type": "manual"}
    if "daily_at" in schedule:
        return {"schedule_type": "auto", "sync_frequency": 1440, "daily_sync_time": schedule["daily_at"]}
    return {"schedule_type": "auto", "sync_frequency": _minutes(schedule["every"])}


def create_fields(props: Mapping[str, Any], config: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of create_connection; `config` and `auth` hold values."""
    fields = {
        "group_id": props["group_id"],
        "service": props["service"],
        "config": {**props["destination"], **config},
        "paused": "paused" in props,
        **schedule_fields(props["schedule"]),
    }
    return {**fields, "auth": dict(auth)} if auth else fields


def patch(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of modify_connection that bring `olds` to `news`, with references still in place.

    `config` holds only the top-level keys that changed, `auth` is sent whole: Fivetran never shows what it holds.
    """
    body: dict[str, Any] = {}
    config = changed_keys(olds.get("config", {}), news.get("config", {}))
    if config:
        body["config"] = config
    if changed_keys(olds.get("auth", {}), news.get("auth", {})):
        body["auth"] = news["auth"]
    if schedule_fields(olds["schedule"]) != schedule_fields(news["schedule"]):
        body.update(schedule_fields(news["schedule"]))
    if ("paused" in olds) != ("paused" in news):
        body["paused"] = "paused" in news
    return body


def differing_fields(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """The fields for schedule and pause that a live connection has otherwise, whoever changes them later."""
    wanted = {"paused": "paused" in props, **schedule_fields(props["schedule"])}
    return {key: value for key, value in wanted.items() if not _same(key, value, getattr(live, key))}


def as_file(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """The inputs as the file would have them to describe the live connection: equal to `props` when nothing drifted.

    A pause by hand is an incident and stays; what Airflow changes at run time is never drift.
    """
    found = dict(props)
    found["config"] = project(props.get("config", {}), live.config)
    if not by_airflow(props):
        found["schedule"] = _live_schedule(props["schedule"], live)
        if live.paused is False:
            found.pop("paused", None)
    return found


def _live_schedule(declared: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    wanted = schedule_fields(declared)
    if all(getattr(live, key) is None or _same(key, value, getattr(live, key)) for key, value in wanted.items()):
        return dict(declared)
    if live.schedule_type == "manual":
        return {"by": "manual"}
    if live.sync_frequency in (None, 1440) and live.daily_sync_time:
        return {"by": "fivetran", "daily_at": live.daily_sync_time}
    if live.sync_frequency is None:
        return {"by": live.schedule_type or "unknown"}
    return {"by": "fivetran", "every": _WORDS.get(live.sync_frequency, f"{live.sync_frequency}m")}


def _same(key: str, wanted: object, live: object) -> bool:
    if key == "daily_sync_time":
        return str(wanted).split(":")[0].zfill(2) == str(live).split(":")[0].zfill(2)  # "04:00", "4:00", "04:00:00"
    return wanted == live


def _minutes(every: str) -> int:
    return SYNC_INTERVALS.get(every) or int(every.removesuffix("m"))
