"""Whether a connection's last successful sync is older than its schedule allows. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from reconciler.fivetran.api import Connection
from reconciler.model import INTERVAL_NAMES, Connector, FivetranSchedule
from reconciler.model.commands import count

#: A sync may take this long before the next one counts as missed, however short the interval.
_SLACK = timedelta(hours=3)
#: After this time without a success a connection that Airflow starts is reported: no file has its DAG's schedule.
_QUIET = timedelta(days=7)


def describe_lateness(connector: Connector, live: Connection, now: datetime) -> str | None:
    """Return why a connection is late, None if it is not.

    Two intervals may pass after a success: one until the next sync, and one for that sync. A connection that Airflow
    starts, that is paused or that is still in its first sync has no due time; Fivetran may report its data as delayed.
    """
    if live.paused is not False or live.setup_state != "connected":
        return None
    last, schedule = _last_success(live, now), connector.schedule
    if isinstance(schedule, FivetranSchedule) and not _is_in_first_sync(live):
        interval = timedelta(minutes=24 * 60 if schedule.daily_at else schedule.every_minutes)
        since = parse_time(live.succeeded_at or live.created_at)
        if since is not None and now - since > interval + max(interval, _SLACK):
            return f"it is late: {last}, and it syncs {format_interval(schedule)}{_next_sync(live)}"
    if live.update_state == "delayed":
        return f"Fivetran reports its data as delayed: {last}{_next_sync(live)}"
    return None


def describe_silence(connector: Connector, live: Connection, now: datetime) -> str | None:
    """Describe a connection that Airflow starts and that had no success for a week; None for others."""
    if isinstance(connector.schedule, FivetranSchedule) or live.paused is not False or live.setup_state != "connected":
        return None
    since = parse_time(live.succeeded_at or live.created_at)
    if since is None or now - since <= _QUIET:
        return None
    last = _last_success(live, now)
    return f"{last}; Airflow's task {connector.schedule.task_id} starts it, and no file says how often"


def parse_time(moment: str | None) -> datetime | None:
    """Parse one of Fivetran's ISO times; None if it is none."""
    try:
        found = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def format_ago(moment: str, now: datetime) -> str | None:
    """Return how long ago one of Fivetran's times is, such as `3 h ago`; None for what is not a time."""
    then = parse_time(moment)
    if then is None:
        return None
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    hours, days = minutes // 60, minutes // (24 * 60)
    return f"{count(days, 'day')} ago" if days > 1 else f"{hours} h ago" if hours else f"{minutes} min ago"


def format_time(moment: str) -> str:
    """Return one of Fivetran's ISO times, in UTC, as `2026-11-24 18:00`."""
    return moment[:16].replace("T", " ")


def format_interval(schedule: FivetranSchedule) -> str:
    """Return when Fivetran starts syncs: `every 6h`, `daily at 03:00`."""
    return f"daily at {schedule.daily_at}" if schedule.daily_at else f"every {INTERVAL_NAMES[schedule.every_minutes]}"


def format_age(age: timedelta) -> str:
    """Return an age in whole days, or in hours if it is less than two days."""
    hours = max(int(age.total_seconds() // 3600), 0)
    return count(hours // 24, "day") if hours >= 48 else count(hours, "hour")


def _last_success(live: Connection, now: datetime) -> str:
    succeeded, created = parse_time(live.succeeded_at), parse_time(live.created_at)
    if succeeded is not None:
        return (
            f"its last successful sync was at {format_time(str(live.succeeded_at))}, {format_age(now - succeeded)} ago"
        )
    return "it has had no successful sync" + (f" in {format_age(now - created)}" if created else "")


def _is_in_first_sync(live: Connection) -> bool:
    return live.is_historical_sync is True and live.sync_state == "syncing"


def _next_sync(live: Connection) -> str:
    words = {"syncing": "; a sync is running", "rescheduled": "; Fivetran has postponed the next sync"}
    return words.get(live.sync_state or "", "")
