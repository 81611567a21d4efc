"""The schedule and the pause of a connection: from the file's keys to the API's fields and back. Pure.

`schedule` is a mapping as the file writes it: `{by: airflow, task_id}`, `{by: fivetran, every}` or
`{by: fivetran, daily_at}`; `paused` is the reason, absent where the connection runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import Difference
from reconciler.model import INTERVAL_NAMES, SYNC_INTERVALS


def by_airflow(schedule: Mapping[str, Any]) -> bool:
    """Return whether Airflow triggers the syncs.

    It then unpauses the connection where the file does not pause it.
    """
    return bool(schedule["by"] == "airflow")


def fields(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return the API's fields for a schedule (modify_connection)."""
    if schedule["by"] != "fivetran":
        return {"schedule_type": "manual"}
    if "daily_at" in schedule:
        return {"schedule_type": "auto", "sync_frequency": 1440, "daily_sync_time": schedule["daily_at"]}
    return {"schedule_type": "auto", "sync_frequency": _minutes(schedule["every"])}


def changed_fields(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that change a schedule from `olds` to `news`; none where both mean the same."""
    body: dict[str, Any] = {}
    if "schedule" not in olds or fields(olds["schedule"]) != fields(news["schedule"]):
        body.update(fields(news["schedule"]))
    if ("paused" in olds) != ("paused" in news):
        body["paused"] = "paused" in news
    return body


def differing_fields(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return the fields in which a live connection differs from the file. A pause by hand stays."""
    wanted = {**fields(props["schedule"]), **({"paused": True} if "paused" in props else {})}
    return {key: value for key, value in wanted.items() if not _same(key, value, getattr(live, key))}


def differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return where a live connection's schedule and pause differ. A pause by hand is not a difference."""
    found = []
    described = live_schedule(props["schedule"], live)
    if described != props["schedule"]:
        found.append(Difference("schedule", props["schedule"], described))
    if "paused" in props and live.paused is False:
        found.append(Difference("paused", props["paused"], "not paused"))
    return found


def as_file(props: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return `schedule` and `paused` as a file would declare what is live: those of `props` without drift.

    A `paused` in the file is authoritative, also where Airflow unpaused the connection. Where the file does not
    pause a connection, a pause by hand is not drift. Airflow's operator sets `schedule_type: manual`, so Fivetran's own
    schedule on a connection that a file leaves to Airflow is a change made by hand.
    """
    described = {key: props[key] for key in ("schedule", "paused") if key in props}
    if "schedule" in props:
        described["schedule"] = live_schedule(props["schedule"], live)
    if live.paused is False:
        described.pop("paused", None)
    return described


def live_schedule(declared: Mapping[str, Any], live: Connection) -> dict[str, Any]:
    """Return a live connection's schedule: `declared` if it is the same, else as a file would write it."""
    wanted = fields(declared)
    if all(getattr(live, key) is None or _same(key, value, getattr(live, key)) for key, value in wanted.items()):
        return dict(declared)
    if live.schedule_type == "manual":
        return {"by": "manual"}
    if live.sync_frequency in (None, 1440) and live.daily_sync_time:
        return {"by": "fivetran", "daily_at": live.daily_sync_time}
    if live.sync_frequency is None:
        return {"by": live.schedule_type or "unknown"}
    return {"by": "fivetran", "every": INTERVAL_NAMES.get(live.sync_frequency, f"{live.sync_frequency}m")}


def _same(key: str, wanted: object, live: object) -> bool:
    if key == "daily_sync_time":
        return str(wanted).split(":")[0].zfill(2) == str(live).split(":")[0].zfill(2)  # "04:00", "4:00", "04:00:00"
    return wanted == live


def _minutes(every: str) -> int:
    return SYNC_INTERVALS.get(every) or int(every.removesuffix("m"))
