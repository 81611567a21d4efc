"""Describe what a run does to connections.

Created, deleted, replaced, started, paused, other secrets, other tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.model import Reference, commands, references
from reconciler.review.consequence import Consequence, Several
from reconciler.review.context import Context
from reconciler.review.lifecycle import has_expired_as_recorded
from reconciler.review.preview import Step
from reconciler.review.requests import requests_of

#: How much of a source arrives in BigQuery by a word of `sync`.
_AMOUNTS = {"excluded": 0, "block_all": 0, "hashed": 1, "allow_columns": 1, "included": 2, "allow_all": 2}

#: The choice of a table of which the file names columns or the mode.
_PARTLY = "included in part"

#: The inputs that hold what Fivetran is sent, with references to secrets.
_SENT = ("config", "auth")

#: The inputs of a connection that are no setting of it.
_NO_SETTINGS = frozenset({*_SENT, "settings", "file", "ending", "group_id", "package_id", "unit"})


def connections(context: Context) -> Iterator[Consequence]:
    """Return what becomes of the connections themselves, and of what they are sent."""
    for step in context.preview.of_type("Connection"):
        unit, service = step.name, str((step.new or step.old).get("service", ""))
        name = f"connection {_name(context, unit, step.new or step.old)}"
        place = context.place(unit, "connector")
        match step.operation:
            case "create":
                yield _created(context, unit, name, service, place)
                yield from _awaiting(context, unit, name)
            case "delete":
                yield _deleted(context, step, name, unit, place)
            case "replace":
                cost = f"about {requests_of(step)} requests to Fivetran"
                new, recorded = _name(context, unit, step.new), context.before.get(unit)
                old = (recorded and recorded.connection) or new
                by = "a new one" if old == new else f"the new connection {new}"
                text = f"replaces the connection {old} by {by}, which syncs its whole history again ({cost})"
                place = context.place(unit, "connector", "allow_resync")
                after = context.after.get(unit)
                declared = [dict(after.permanent), dict(after.fixed)] if after else []
                value = [service, context.environment.group, step.new.get("destination"), *declared]
                yield Consequence("stop", "connection_replaced", text, name, unit, place, value)
            case _:
                yield from _sent(context, step, name, unit)


def _several(connection: str, before: str, after: str) -> Several:
    return Several("connection", connection.removeprefix("connection "), before, after)


def _created(context: Context, unit: str, name: str, service: str, place: str) -> Consequence:
    connector = context.units[unit].connector if unit in context.units else None
    adopt = connector.adopt if connector else None
    if adopt is None:
        text = f"creates the {name} ({service}), which starts once its setup tests pass"
        several = _several(name, "creates ", f" of the service {service}, which start once their setup tests pass")
        return Consequence("note", "connection_created", text, name, unit, place, several=several)
    how = "changes it to match the file" if adopt.apply_changes else "changes nothing in it"
    text = f"adopts the {name} ({service}) that is {adopt.connection} in Fivetran, and {how}"
    return Consequence("note", "connection_adopted", text, name, unit, context.place(unit, "connector", "adopt"))


def _deleted(context: Context, step: Step, name: str, unit: str, place: str) -> Consequence:
    recorded = context.before.get(unit)
    is_due = recorded is not None and context.has_come(recorded.ending)
    text = f"takes the {name} out of state, and leaves it in Fivetran" if step.is_kept else f"deletes the {name}"
    due = ", as its expiry says" if is_due else ""
    value = "kept in Fivetran" if step.is_kept else None
    return Consequence("stop", "connection_deleted", text + due, name, unit, place, value, is_scheduled=is_due)


def _name(context: Context, unit: str, inputs: Mapping[str, Any]) -> str:
    """Return the name of a unit's connection in Fivetran: `google_sheets.budget` where it has a table."""
    connector = context.units[unit].connector if unit in context.units else None
    recorded = context.before.get(unit)
    if connector is not None:
        return connector.destination.connection_name
    return (recorded and recorded.connection) or str(inputs.get("name") or unit)


def _sent(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the settings and secrets that are sent. Values are not shown: they may come from Fivetran."""
    before, after = (
        dict(references({part: inputs.get(part) or {} for part in _SENT})) for inputs in (step.old, step.new)
    )
    for path in sorted({*before, *after}):
        if before.get(path) == after.get(path):
            continue
        so_far = f", so far {_format_reference(before[path], after.get(path))}" if path in before else ""
        sent = _format_reference(after[path]) if path in after else ""
        text = f"sends {sent} as `{path}` of the {name}{so_far}, and tests the connection"
        if path not in after:
            text = f"no longer sends `{path}` of the {name}{so_far}"
        several = _several(name, f"sends {sent} as `{path}` of ", f"{so_far}, and tests them") if sent else None
        place = context.place(unit, "connector", path)
        value = str(after[path]) if path in after else None
        yield Consequence("note", "secret_changed", text, f"{name}: {path}", unit, place, value, several=several)
    for path in _changed_settings(step):
        is_tested = path.startswith(_SENT)
        text = f"changes `{path}` of the {name}{', and tests the connection' if is_tested else ''}"
        place = context.place(unit, "connector", path)
        several = _several(name, f"changes `{path}` of ", ", and tests them" if is_tested else "")
        yield Consequence("note", "config_changed", text, f"{name}: {path}", unit, place, several=several)


_KINDS = {"secret": "the secret", "env": "the environment variable", "pulumi_config": "the stack's config key"}


def _format_reference(reference: Reference, other: Reference | None = None) -> str:
    """Return `version 2 of the secret NAME`; `version 2` alone beside a version of the same secret."""
    if reference.held:
        return "the value that Fivetran keeps"
    version = "the latest version" if reference.version is None else f"version {reference.version}"
    if other is not None and (other.kind, other.name, other.project) == (
        reference.kind,
        reference.name,
        reference.project,
    ):
        return version
    project = f" in project {reference.project}" if reference.project else ""
    return f"{version} of {_KINDS[reference.kind]} {reference.name}{project}"


def _changed_settings(step: Step) -> list[str]:
    """Return the settings that change, without references: `config.host`, `networking_method`."""
    found = []
    for part in _SENT:
        old, new = (_without_references(inputs.get(part) or {}) for inputs in (step.old, step.new))
        found += [f"{part}.{key}" for key in {*old, *new} if old.get(key) != new.get(key)]
    old, new = ({**inputs, **(inputs.get("settings") or {})} for inputs in (step.old, step.new))
    for key in {*old, *new} - _NO_SETTINGS:
        if not key.startswith("__") and old.get(key) != new.get(key):
            found.append(key)
    return sorted(found)


def _without_references(node: Any) -> Any:
    if Reference.parse(node) is not None:
        return None
    if isinstance(node, dict):
        return {key: _without_references(value) for key, value in node.items()}
    return [_without_references(each) for each in node] if isinstance(node, list) else node


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
            is_due = _ends_as_recorded(context, unit)
            several = _several(name, "pauses ", f" ({paused})")
            kind, value = "connection_paused", str(paused)
            yield Consequence("note", kind, text, name, unit, place, value, is_scheduled=is_due, several=several)
        elif was_paused and not paused:
            text = f"starts the {name} again, which syncs {_words(step.new)}"
            several = _several(name, "starts ", f" again, which sync {_words(step.new)}")
            yield Consequence("note", "connection_started", text, name, unit, place, several=several)
        if step.old.get("schedule") != step.new.get("schedule"):
            times = f"{_words(step.new)}, so far {_words(step.old)}"
            at, several = (
                context.place(unit, "connector", "schedule"),
                _several(name, "changes when ", f" sync: {times}"),
            )
            text = f"changes when the {name} syncs: {times}"
            yield Consequence("note", "schedule_changed", text, name, unit, at, several=several)
        if step.old.get("awaiting") != step.new.get("awaiting"):
            yield from _awaiting(context, unit, name)
        yield from _tables(context, step, name, unit)
    yield from _undeclared_tables(context)


def _undeclared_tables(context: Context) -> Iterator[Consequence]:
    """Return the connections whose file no longer selects tables, which changes nothing in this run."""
    listed = {step.name for step in context.preview.of_type("Activation") if step.operation in ("update", "replace")}
    for unit, after in context.after.items():
        before = context.before.get(unit)
        if unit in listed or before is None or not before.tables or after.tables or after.connection is None:
            continue
        name = f"connection {after.connection}"
        text = f"no longer declares the tables and columns of the {name}: a user can change in Fivetran what is synced"
        yield Consequence("stop", "tables_undeclared", text, name, unit, context.place(unit, "connector"))


def _ends_as_recorded(context: Context, unit: str) -> bool:
    """Return whether a unit has expired or is retired, and the last run had recorded that it would."""
    if unit not in context.units:
        return False
    recorded = context.before.get(unit)
    is_retired = context.units[unit].retire is not None and (recorded is None or recorded.ending.retired)
    return is_retired or has_expired_as_recorded(context, context.units[unit])


def _words(inputs: Mapping[str, Any]) -> str:
    """Return when a connection syncs: `daily at 18:00`, `every 1h`, `when Airflow starts it`."""
    schedule = inputs.get("schedule")
    match schedule:
        case {"by": "airflow"}:
            return "when Airflow starts it"
        case {"daily_at": str(time)}:
            return f"daily at {time}"
        case {"every": every}:
            return f"every {every}"
    return "at a time that is not declared"


def _tables(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return what arrives in BigQuery that did not, as a stop; the rest of a change as a note."""
    sync = step.new.get("sync") or {}
    old, new = _choices(_in_new_schema(context, unit, step.old.get("sync") or {})), _choices(sync)
    for choice in sorted({*old, *new}):
        (was, _), (now, path) = old.get(choice, (None, ())), new.get(choice, (None, ()))
        if was == now or {was, now} == {None, _PARTLY}:  # The lines of the table's columns show that.
            continue
        text = f"changes {choice} of the {name} from {was} to {now}"
        if now is None:
            text = f"no longer declares {choice} of the {name}, so far {was}: {_undeclared(choice, sync)}"
        elif was is None:
            text = f"declares {choice} of the {name} as {now}"
        if now == "excluded":
            text += ": nothing more arrives, and what is in BigQuery stays"
        at = context.place(unit, "connector", "sync", *path)
        if _amount(now) > _amount(was):
            yield Consequence("stop", "tables_widened", text, f"{name}: {choice}", unit, at, now)
        else:
            yield Consequence("note", "tables_narrowed", text, f"{name}: {choice}", unit, at, now)


def _in_new_schema(context: Context, unit: str, sync: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the last run's `sync` under the schema of the replacement, so that the two compare."""
    for step in context.preview.of_type("Connection"):
        if step.name == unit and step.operation == "replace":
            old, new = ((inputs.get("destination") or {}).get("schema") for inputs in (step.old, step.new))
            schemas = sync.get("schemas") or {}
            return {**sync, "schemas": {new if name == old else name: node for name, node in schemas.items()}}
    return sync


def _undeclared(choice: str, sync: Mapping[str, Any]) -> str:
    """Return what decides about a choice that is no longer declared."""
    others = sync.get("others", "keep")
    if others == "keep" or choice.startswith("`sync."):
        return "it stays so until a user changes it in Fivetran"
    return f"it is {others} from now on, by `others`"


def _amount(word: str | None) -> int:
    """Return how much arrives by a choice; what no file declares may arrive whole."""
    return _AMOUNTS.get(word or "", max(_AMOUNTS.values()))


def _choices(sync: Mapping[str, Any]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return each choice of `sync`, with its path, by its name.

    Such as the column `email` of `shop.customer`.
    """
    found: dict[str, tuple[str, tuple[str, ...]]] = {
        f"`sync.{key}`": (str(sync[key]), (key,)) for key in ("new", "others") if key in sync
    }
    for schema, node in (sync.get("schemas") or {}).items():
        at: tuple[str, ...] = ("schemas", schema)
        if not isinstance(node, dict):
            found[f"the schema `{schema}`"] = str(node), at
            continue
        for table, choice in (node.get("tables") or {}).items():
            name, below = f"`{schema}.{table}`", (*at, "tables", table)
            if not isinstance(choice, dict):
                found[f"the table {name}"] = str(choice), below
                continue
            found[f"the table {name}"] = _PARTLY, below
            if "mode" in choice:
                found[f"the mode of the table {name}"] = str(choice["mode"]), (*below, "mode")
            for column, word in (choice.get("columns") or {}).items():
                found[f"the column `{column}` of {name}"] = str(word), (*below, "columns", column)
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
            value = {key: step.new.get(key) for key in ("gcp_project", "location", "region")}
            yield Consequence("stop", "destination_replaced", text, name, place=place, value=value)
        elif step.operation == "delete":
            yield Consequence("stop", "destination_deleted", f"deletes the {name}", name, place=place)
        else:
            keys = ", ".join(sorted(key for key in step.new if step.old.get(key) != step.new.get(key)))
            yield Consequence("note", "destination_changed", f"changes the {name}: {keys}", name, place=place)
