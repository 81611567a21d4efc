"""Extend, pause, resume and retire a unit."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from reconciler.edits.source import Edited, EditRejected, Source
from reconciler.edits.splices import order_below, remove, set_value
from reconciler.model import Environment, commands

#: How long a unit stays where the policy has no limit.
_USUAL = timedelta(days=90)
_PAUSED = ("connector", "paused")


def extend(
    source: Source, environment: Environment, name: str, today: date, *, by: timedelta | None, to: date | None
) -> Edited:
    """Move the last day of a unit to a later one.

    Args:
        source: The unit's file.
        environment: Its environment, whose policy limits the time.
        name: The unit.
        today: The current date.
        by: How much later than the current last day; than today, if the unit has expired.
        to: The new last day, in place of `by`.
    """
    policy, current = environment.policy.expiry, _last_day(source)
    if current is None:
        raise EditRejected(
            f"{source.where('expires')}: {name} has no last day\n    {_no_last_day(source, environment)}"
        )
    try:
        day = to if to is not None else max(current, today) + (by or timedelta())
    except OverflowError:
        raise EditRejected(
            f"{source.where('expires')}: {by.days if by else 0} days later is after the year 9999\n    Name a date."
        ) from None
    latest = None if policy.longest is None else today + policy.longest
    if latest is not None and day > latest:
        step = (
            f"Extend it to that day: {commands.reconciler('extend', name, str(latest), environment=environment.name)}."
            if latest > current
            else "It has the latest last day that is allowed today."
        )
        raise EditRejected(
            f"{source.where('expires')}: {day} is later than {latest}, the last day that the policy allows today "
            f"({environment.file}: at most {policy.longest.days if policy.longest else 0}d ahead)\n    {step}"
        )
    if day < current or day < today:
        limit = max(current, today)
        raise EditRejected(
            f"{source.where('expires')}: {day} is earlier than {limit}\n"
            f"    Name a later day. To end the unit sooner, write the day into the file."
        )
    notes = [f"{name} expires on {day}" + (f", {(day - current).days} days later than before" if day > current else "")]
    if current + policy.grace < today:
        notes.append(f"it expired on {current}: a daily run may have removed its connection and data already")
    return Edited(set_value(source, ("expires",), str(day)), f"Extend {name} to {day}", tuple(notes))


def pause(source: Source, name: str, reason: str) -> Edited:
    """Stop the syncs of a connector, with a reason."""
    _require_connector(source, name)
    edited = set_value(source, _PAUSED, reason, order=order_below("connector"))
    notes = ["the next run pauses it, and reports that its Airflow variable is obsolete"] if _task_id(source) else []
    return Edited(edited, f"Pause {name}: {reason}", tuple(notes))


def resume(source: Source, name: str, today: date) -> Edited:
    """Remove the reason why a connector is paused."""
    _require_connector(source, name)
    if source.find(_PAUSED) is None:
        raise EditRejected(
            f"{source.where('connector')}: its file does not pause {name}\n    There is nothing to resume."
        )
    current = _last_day(source)
    notes = (
        ["the comment above the line stays: check that it is still true"] if source.has_comment_above(_PAUSED) else []
    )
    if source.find(("retire",)) is not None:
        notes.append(f"{name} stays paused, since its file says `retire`")
    elif current is not None and current < today:
        notes.append(f"{name} stays paused, since it expired on {current}")
    elif _task_id(source):
        notes.append("a run publishes its Airflow variable again")
    return Edited(remove(source, _PAUSED), f"Resume {name}", tuple(notes))


def retire(
    source: Source, environment: Environment, name: str, ticket: str, data: Literal["keep", "delete"] | None
) -> Edited:
    """Announce that a unit will be removed: its connector stops, and its file may be deleted after a run."""
    current = _last_day(source)
    if current is not None:
        raise EditRejected(
            f"{source.where('expires')}: {name} expires on {current}, with its data\n"
            "    Write an earlier day to end it sooner, or remove `expires` before you retire it."
        )
    if source.find(("retire",)) is not None:
        edited = set_value(source, ("retire", "ticket"), ticket)
        edited = edited if data is None else set_value(edited, ("retire", "data"), data)
    else:
        content = {"ticket": ticket} | ({} if data is None else {"data": data})
        edited = set_value(source, ("retire",), content, order=order_below())
    notes = [f"apply this change, then delete {source.file} in a second change"]
    if task_id := _task_id(source):
        notes.append(f"check that no DAG starts the task {task_id} any more")
    if environment.policy.undeclared_datasets == "forbidden" and data != "delete":
        notes.append(f"its dataset stays: name it under `ignore` in {environment.file} in the second change")
    return Edited(edited, f"Retire {name} ({ticket})", tuple(notes))


def first_last_day(environment: Environment, today: date) -> date | None:
    """Return the last day that an environment demands of a new unit, by its policy; None without a demand."""
    policy = environment.policy.expiry
    if policy.forbidden or not policy.required:
        return None
    return today + (policy.longest or _USUAL)


def _require_connector(source: Source, name: str) -> None:
    if not isinstance(source.at("connector"), dict):
        raise EditRejected(f"{source.file}:1:1: {name} declares only a dataset\n    Name a unit with a connector.")


def _last_day(source: Source) -> date | None:
    declared = source.at("expires")
    try:
        return date.fromisoformat(declared) if isinstance(declared, str) else None
    except ValueError:
        return None


def _no_last_day(source: Source, environment: Environment) -> str:
    if environment.policy.expiry.forbidden:
        return f"Nothing expires in {environment.name}: there is nothing to extend."
    if source.at("expires") is not None:
        return "It never expires: there is nothing to extend."
    return "Add `expires` to the file to give it one."


def _task_id(source: Source) -> str | None:
    declared = source.at("connector", "schedule", "task_id")
    return declared if isinstance(declared, str) else None
