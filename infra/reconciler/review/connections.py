"""Describe what a run does to connections.

Created, deleted, replaced, started, paused, other secrets, other tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.model import ANY, Reference, commands, references
from reconciler.review.consequence import Consequence, Several, Severity
from reconciler.review.context import Context
from reconciler.review.lifecycle import has_expired_as_recorded
from reconciler.review.preview import Step
from reconciler.review.requests import requests_of
from reconciler.review.source_fields import ROUTE, may_name_source

#: How much of a source arrives in BigQuery by a word of `sync`.
_AMOUNTS = {"excluded": 0, "block_all": 0, "hashed": 1, "allow_columns": 1, "included": 2, "allow_all": 2}

#: The default of `sync.others`, which changes nothing.
_KEEP = "keep"

#: The choice of a table of which the file names columns or the mode.
_PARTLY = "included in part"

#: The inputs that hold what Fivetran is sent, with references to secrets.
_SENT = ("config", "auth")

#: The inputs of a connection that are no setting of it.
_NO_SETTINGS = frozenset(
    {*_SENT, "settings", "file", "ending", "group_id", "package_id", "unit", "trust", "pending", "adopt"}
)


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
        is_another = path in after and not after[path].held and not _is_rotation(before.get(path), after[path])
        warning = ". Another credential can open another account" if is_another else ""
        text = f"sends {sent} as `{path}` of the {name}{so_far}, and tests the connection{warning}"
        if path not in after:
            text = f"no longer sends `{path}` of the {name}{so_far}"
        rest = f"{so_far}, and tests them{warning}"
        several = _several(name, f"sends {sent} as `{path}` of ", rest) if sent else None
        place = context.place(unit, "connector", path)
        value = str(after[path]) if path in after else None
        severity: Severity = "stop" if is_another else "note"
        yield Consequence(severity, "secret_changed", text, f"{name}: {path}", unit, place, value, several=several)
    yield from _settings(context, step, name, unit)
    yield from _trust(context, step, name, unit)


def _is_rotation(before: Reference | None, after: Reference) -> bool:
    """Return whether a reference is to the same secret as before: another version at most."""
    return before is not None and (before.kind, before.name, before.project) == (after.kind, after.name, after.project)


def _settings(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the settings that change: those that may name the source together, and each of the others."""
    paths = _changed_settings(step)
    if sources := [path for path in paths if may_name_source(path)]:
        keys = " and ".join(f"`{path}`" for path in sources)
        warning = (
            ". That can change what is read: data of another source then joins the rows that are there, and Fivetran "
            "does not sync the history again by itself"
        )
        is_tested = any(path.startswith(_SENT) for path in sources)
        text = f"changes {keys} of the {name}{', and tests the connection' if is_tested else ''}{warning}"
        value = _digest({path: _value_at(step.new, path) for path in sources})
        several = _several(name, f"changes {keys} of ", warning)
        place = context.place(unit, "connector", sources[0])
        yield Consequence("stop", "source_changed", text, f"{name}: source", unit, place, value, several=several)
    for path in paths:
        if may_name_source(path):
            continue
        is_tested = path.startswith(_SENT)
        text = f"changes `{path}` of the {name}{', and tests the connection' if is_tested else ''}"
        place = context.place(unit, "connector", path)
        several = _several(name, f"changes `{path}` of ", ", and tests them" if is_tested else "")
        yield Consequence("note", "config_changed", text, f"{name}: {path}", unit, place, several=several)


def _value_at(inputs: Mapping[str, Any], path: str) -> Any:
    """Return the new value of a setting, for a fingerprint: references stand for secrets."""
    part, _, key = path.partition(".")
    return (inputs.get(part) or {}).get(key) if key else {**inputs, **(inputs.get("settings") or {})}.get(part)


def _digest(values: Mapping[str, Any]) -> str:
    """Return a hash of values: a fingerprint needs them, and they are not to be printed by mistake."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


_TRUSTED = {"certificates": ("certificate", "SHA-256"), "fingerprints": ("host key", "SHA-256")}


def _trust(context: Context, step: Step, name: str, unit: str) -> Iterator[Consequence]:
    """Return the certificates and host keys by which Fivetran knows the source, as far as they change."""
    for kind, (noun, hashed) in _TRUSTED.items():
        old, new = ((inputs.get("trust") or {}).get(kind) or {} for inputs in (step.old, step.new))
        place = context.place(unit, "connector", "trust", kind)
        if ANY in (old, new) and old != new:
            verb = f"trusts any {noun} that the source of the {name} presents, which can then be another one"
            text = verb if new == ANY else f"no longer trusts any {noun} that the source of the {name} presents"
            severity: Severity = "stop" if new == ANY else "note"
            yield Consequence(severity, "trust_changed", text, f"{name}: {kind}", unit, place, str(new == ANY))
        before, after = ({} if each == ANY else each for each in (old, new))
        for each in sorted({*before} ^ {*after}):
            verb = "trusts another" if each in after else "no longer trusts a"
            subject = (after.get(each) or before.get(each) or {}).get("subject")
            text = f"{verb} {noun} for the source of the {name}: {f'{subject}, ' if subject else ''}{hashed} {each}"
            severity = "stop" if each in after else "note"
            yield Consequence(severity, "trust_changed", text, f"{name}: {kind} {each}", unit, place, each in after)


_KINDS = {"secret": "the secret", "env": "the environment variable", "pulumi_config": "the stack's config key"}


def _format_reference(reference: Reference, other: Reference | None = None) -> str:
    """Return `version 2 of the secret NAME`; `version 2` alone beside a version of the same secret."""
    if reference.held:
        return "the value that Fivetran keeps"
    version = "the latest version" if reference.version is None else f"version {reference.version}"
    exact = ", byte by byte" if reference.exact else ""
    if other is not None and (other.kind, other.name, other.project) == (
        reference.kind,
        reference.name,
        reference.project,
    ):
        return f"{version}{exact}"
    project = f" in project {reference.project}" if reference.project else ""
    return f"{version} of {_KINDS[reference.kind]} {reference.name}{project}{exact}"


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
        elif paused != was_paused:
            text = f"keeps the {name} paused, now for this reason: {paused}"
            yield Consequence("detail", "pause_explained", text, name, unit, place, str(paused))
        if step.old.get("schedule") != step.new.get("schedule"):
            times = f"{_words(step.new)}, so far {_words(step.old)}"
            if step.old.get("schedule", {}).get("by") == "airflow" == step.new.get("schedule", {}).get("by"):
                times = f"when the Airflow task {step.new['schedule'].get('task_id')} starts it, so far the task "
                times += str(step.old["schedule"].get("task_id"))
            at, several = (
                context.place(unit, "connector", "schedule"),
                _several(name, "changes when ", f" sync: {times}"),
            )
            text = f"changes when the {name} syncs: {times}"
            yield Consequence("note", "schedule_changed", text, name, unit, at, several=several)
        if step.old.get("awaiting") != step.new.get("awaiting"):
            if step.new.get("awaiting"):
                yield from _awaiting(context, unit, name)
            else:
                text, at = f"no longer waits before the {name} runs", context.place(unit, "connector")
                yield Consequence("note", "pending", text, name, unit, at)
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
        if choice == "`sync.others`" and {was, now} <= {None, _KEEP}:
            continue
        text = f"changes {choice} of the {name} from {was} to {now}"
        if now is None:
            text = f"no longer declares {choice} of the {name}, so far {was}: {_undeclared(choice, sync)}"
        elif was is None:
            text = f"declares {choice} of the {name} as {now}"
        if now == "excluded":
            text += ": nothing more arrives, and what is in BigQuery stays"
        at = context.place(unit, "connector", "sync", *path)
        is_reset = choice == "`sync.others`" and now == "reset"
        if is_reset:
            text += f": what no file names is brought to `new: {sync.get('new')}`, whatever was chosen in Fivetran"
        if _amount(now) > _amount(was) or (is_reset and _amount(sync.get("new")) > 0):
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
    others = sync.get("others", _KEEP)
    if others == _KEEP or choice.startswith("`sync."):
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
            text = f"uploads the code of {step.name} to Fivetran, which runs it with the connection's secrets"
            place = context.place(step.name, "connector", "package")
            value = step.new.get("sha256")
            yield Consequence("stop", "code_uploaded", text, f"package {step.name}", step.name, place, value)


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
            yield from _destination_settings(context, step, name)


#: What the settings of a destination mean, by their names in the file: the class, and the words.
_DESTINATION_SETTINGS: Mapping[str, tuple[Severity, str]] = {
    "bucket": ("stop", "who reads the new bucket can read the data that all connections stage there"),
    "time_zone_offset": ("note", "every sync with `daily_at` moves to another time zone"),
    "daylight_saving_time_enabled": ("note", "every sync with `daily_at` moves by an hour in a part of the year"),
    "support_json_type": ("note", "all connections store JSON in columns of another type"),
}
_WAY = "Fivetran reaches BigQuery by another way for all connections"


def _destination_settings(context: Context, step: Step, name: str) -> Iterator[Consequence]:
    """Return the settings of the destination that change, one by one."""
    old, new = ({**inputs, **(inputs.get("settings") or {})} for inputs in (step.old, step.new))
    for key in sorted({*old, *new} - {"settings"}):
        if key.startswith("__") or old.get(key) == new.get(key):
            continue
        severity, text = _DESTINATION_SETTINGS.get(key, ("stop", _WAY) if key in ROUTE else ("note", ""))
        text = f"changes `{key}` of the {name}{f': {text}' if text else ''}"
        place = context.environment_place("fivetran", "destination", key)
        if key in ("group", "formerly"):
            severity, place = "note", context.environment_place("fivetran", key)
            text = f"renames the group {old.get('group')} to {new.get('group')}" if key == "group" else ""
        if text:
            yield Consequence(severity, "destination_changed", text, f"{name}: {key}", place=place, value=new.get(key))
