"""What becomes of connections: created, deleted, replaced, started, paused, other secrets, other tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.model import commands, references
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Step

#: How much of a column arrives in BigQuery, the least first.
_COLUMN = {"excluded": 0, "hashed": 1, "included": 2}

#: How much arrives without a line in the file, the least first.
_NEW = {"block_all": 0, "allow_columns": 1, "allow_all": 2}


def connections(context: Context) -> Iterator[Consequence]:
    """Return what becomes of the connections themselves, and of what they are sent."""
    for step in context.preview.of_type("Connection"):
        unit, service = step.name, str((step.new or step.old).get("service", ""))
        name = f"connection {_name(context, unit, step.new or step.old)}"
        place = context.place(unit, "connector")
        match step.operation:
            case "create":
                text = f"creates the {name} ({service}), which starts once its setup tests pass"
                yield Consequence("note", "connection_created", text, name, unit, place)
                yield from _awaiting(context, unit, name)
            case "delete":
                yield _deleted(context, step, name, unit, place)
            case "replace":
                text = f"replaces the {name} by a new one, which syncs its whole history again"
                place = context.place(unit, "connector", "allow_resync")
                value = [service, step.new.get("destination")]
                yield Consequence("stop", "connection_replaced", text, name, unit, place, value)
            case _:
                yield from _sent(context, step, name, unit)


def _deleted(context: Context, step: Step, name: str, unit: str, place: str) -> Consequence:
    recorded = context.before.get(unit)
    is_due = recorded is not None and context.has_come(recorded.ending)
    text = f"takes the {name} out of state, and leaves it in Fivetran" if step.is_kept else f"deletes the {name}"
    due = ", as its expiry says" if is_due else ""
    return Consequence("stop", "connection_deleted", text + due, name, unit, place, is_scheduled=is_due)


def _name(context: Context, unit: str, inputs: Mapping[str, Any]) -> str:
    """Return the name of a unit's connection in Fivetran: `google_sheets.budget` where it has a table."""
    connector = context.units[unit].connector if unit in context.units else None
    recorded = context.before.get(unit)
    if connector is not None:
        return connector.destination.connection_name
    return (recorded and recorded.connection) or str(inputs.get("name") or unit)


def _sent(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the settings and secrets that are sent. Values are not shown: they may come from Fivetran."""
    parts = ("config", "auth")
    before, after = (dict(references({key: inputs.get(key) or {} for key in parts})) for inputs in (step.old, step.new))
    for path, reference in sorted(after.items()):
        if before.get(path) != reference:
            so_far = f", so far {before[path]}" if path in before else ""
            text = f"sends {reference} as `{path}` of the {name}{so_far}, and tests the connection"
            place = context.place(unit, "connector", path)
            yield Consequence("note", "secret_changed", text, f"{name}: {path}", unit, place, str(reference))
    paths = {
        f"{part}.{key}"
        for part in parts
        for key in {*(step.old.get(part) or {}), *(step.new.get(part) or {})}
        if (step.old.get(part) or {}).get(key) != (step.new.get(part) or {}).get(key)
    }
    plain = sorted(path for path in paths if not any(each.startswith(path) for each in {*before, *after}))
    others = sorted(
        key
        for key in {*step.old, *step.new} - {*parts, "file", "ending", "group_id", "package_id", "unit"}
        if not key.startswith("__") and step.old.get(key) != step.new.get(key)
    )
    for path in [*plain, *others]:
        text = f"changes `{path}` of the {name}"
        place = context.place(unit, "connector", path)
        yield Consequence("note", "config_changed", text, f"{name}: {path}", unit, place)


def _awaiting(context: Context, unit: str, name: str) -> Iterator[Consequence]:
    connector = context.units[unit].connector if unit in context.units else None
    if connector is not None and connector.awaiting is not None:
        text = f"waits until {connector.awaiting.until} for this before the {name} runs: {connector.awaiting.what}"
        place = context.place(unit, "connector", "awaiting")
        day = date.fromisoformat(connector.awaiting.until)
        yield Consequence("note", "pending", text, name, unit, place, effective=day)
    elif connector is not None and connector.needs_consent:
        command = commands.reconciler("authorise", unit, environment=context.environment.name)
        text = f"waits for a person to authorise the {name}: after the merge, run {command}"
        yield Consequence("note", "pending", text, name, unit, context.place(unit, "connector"))


def activations(context: Context) -> Iterator[Consequence]:
    """Return which connections pause or start, and what of their schedules and tables changes."""
    for step in context.preview.of_type("Activation"):
        if step.operation not in ("update", "replace"):
            continue
        unit, name = step.name, f"connection {_name(context, step.name, step.new)}"
        was_paused, paused = step.old.get("paused"), step.new.get("paused")
        place = context.place(unit, "connector", "paused")
        if paused and not was_paused:
            text = f"pauses the {name} ({paused})"
            yield Consequence("note", "connection_paused", text, name, unit, place, str(paused))
        elif was_paused and not paused:
            yield Consequence("note", "connection_started", f"starts the {name} again", name, unit, place)
        if step.old.get("schedule") != step.new.get("schedule"):
            text = f"changes the schedule of the {name} from {_words(step.old)} to {_words(step.new)}"
            at = context.place(unit, "connector", "schedule")
            yield Consequence("note", "schedule_changed", text, name, unit, at)
        if step.old.get("awaiting") != step.new.get("awaiting"):
            yield from _awaiting(context, unit, name)
        yield from _tables(context, step, name, unit)


def _words(inputs: Mapping[str, Any]) -> str:
    schedule = inputs.get("schedule")
    if not isinstance(schedule, dict):
        return "none"
    return ", ".join(f"{key} {value}" for key, value in schedule.items())


def _tables(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return what arrives in BigQuery that did not, as a stop; the rest of a change as a note."""
    old, new = step.old.get("sync"), step.new.get("sync")
    if old == new:
        return
    before, after = _flatten(old or {}), _flatten(new or {})
    for path in sorted({*before, *after}):
        was, now = before.get(path, _default(path)), after.get(path, _default(path))
        if was == now:
            continue
        more = _amount(path, now) > _amount(path, was)
        value = {"new": "new tables and columns"}.get(path, path)
        text = f"changes {value} of the {name} from {was} to {now}"
        at = context.place(unit, "connector", "sync")
        if more:
            yield Consequence("stop", "tables_widened", text, f"{name}: {path}", unit, at, now)
        else:
            yield Consequence("note", "tables_narrowed", text, f"{name}: {path}", unit, at, now)


def _default(path: str) -> str:
    return "included" if path not in ("new", "others") else "allow_all" if path == "new" else "keep"


def _amount(path: str, word: str) -> int:
    return _NEW.get(word, 2) if path == "new" else _COLUMN.get(word, 2)


def _flatten(node: object, path: str = "") -> dict[str, str]:
    """Return each choice by its path without the words of the file's structure: `shop.customer.email`."""
    if not isinstance(node, dict):
        return {path: str(node)}
    found: dict[str, str] = {}
    for key, value in node.items():
        inner = path if key in ("schemas", "tables", "columns") else f"{path}.{key}".removeprefix(".")
        found |= _flatten(value, inner)
    return found


def packages(context: Context) -> Iterator[Consequence]:
    """Return the code that is uploaded."""
    for step in context.preview.of_type("Package"):
        if step.operation != "delete":
            text = f"uploads the code of {step.name} to Fivetran"
            place = context.place(step.name, "connector", "package")
            yield Consequence("note", "code_uploaded", text, f"package {step.name}", step.name, place)


def destinations(context: Context) -> Iterator[Consequence]:
    """Return what changes of the group and its destination."""
    for step in context.preview.of_type("Destination"):
        name = f"destination of {context.environment.group}"
        place = context.environment_place("fivetran")
        if step.operation == "create":
            text = f"creates or adopts the group {context.environment.group} and its BigQuery destination"
            yield Consequence("note", "destination_created", text, name, place=place)
        elif step.operation == "replace":
            text = f"replaces the {name}: every connection syncs again"
            yield Consequence("stop", "destination_replaced", text, name, place=place)
        elif step.operation == "delete":
            yield Consequence("stop", "destination_deleted", f"deletes the {name}", name, place=place)
        else:
            keys = ", ".join(sorted(key for key in step.new if step.old.get(key) != step.new.get(key)))
            yield Consequence("note", "destination_changed", f"changes the {name}: {keys}", name, place=place)
