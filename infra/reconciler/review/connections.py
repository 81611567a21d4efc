"""Describe what a run does to connections.

Created, deleted, replaced, started, paused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.lifecycle.expiry import Stage
from reconciler.model import commands
from reconciler.review.connection_settings import describe_secrets, digest_source, sent_values
from reconciler.review.consequence import Consequence, several_connections
from reconciler.review.context import Context
from reconciler.review.datasets import deleted_datasets
from reconciler.review.lifecycle import has_expired_as_recorded
from reconciler.review.preview import Step
from reconciler.review.requests import requests_of
from reconciler.review.tables import tables, undeclared_tables


def connections(context: Context) -> Iterator[Consequence]:
    """Return what becomes of the connections themselves, and of what they are sent."""
    for step in context.preview.of_type("Connection"):
        unit, service = step.name, str((step.new or step.old).get("service", ""))
        name = f"connection {_name(context, unit, step.new or step.old)}"
        place = context.place(unit, "connector")
        match step.operation:
            case "create":
                yield _created(context, step, name, service, place)
                yield from _awaiting(context, unit, name)
            case "delete":
                yield _deleted(context, step, name, unit, place)
            case "replace":
                yield _replaced(context, step, name, unit)
                yield from sent_values(context, step, name, unit)
            case _:
                yield from sent_values(context, step, name, unit)


def _created(context: Context, step: Step, name: str, service: str, place: str) -> Consequence:
    unit = step.name
    connector = context.units[unit].connector if unit in context.units else None
    adopt = connector.adopt if connector else None
    if adopt is None:
        (one, many), secrets = _start(context, unit), describe_secrets(step)
        sent, each = (f", and sends {to} {secrets}" if secrets else "" for to in ("it", "each"))
        text = f"creates the {name} ({service}), which {one}{sent}"
        several = several_connections(name, "creates ", f" of the service {service}, which {many}{each}")
        if context.connection_of_last_run(unit) is not None:
            text = text.replace(f"({service})", f"({service}) again", 1)
            text += ". The one of the last run no longer exists in Fivetran, so its whole history syncs again"
            return Consequence("note", "connection_created", text, name, unit, place)
        return Consequence("note", "connection_created", text, name, unit, place, several=several)
    text = f"adopts the {name} ({service}) that is {adopt.connection} in Fivetran, and "
    place = context.place(unit, "connector", "adopt")
    if not adopt.apply_changes:
        return Consequence("note", "connection_adopted", f"{text}changes nothing in it", name, unit, place)
    text += "changes it to match the file. This can change which source is read, and which tables arrive"
    tables = [each.new.get("sync") for each in context.preview.of_type("Activation") if each.name == unit]
    value = [adopt.connection, digest_source(step), tables]
    return Consequence("stop", "adopted_connection_changed", text, name, unit, place, value)


def _start(context: Context, unit: str) -> tuple[str, str]:
    """Return whether a new connection starts, in words for one connection and for several."""
    paused = next((each.new.get("paused") for each in context.preview.of_type("Activation") if each.name == unit), None)
    if paused:
        return f"stays paused ({paused})", f"stay paused ({paused})"
    connector = context.units[unit].connector if unit in context.units else None
    if connector is not None and (connector.awaiting is not None or connector.needs_consent):
        return "does not start yet", "do not start yet"
    return "starts once its setup tests pass", "start once their setup tests pass"


def _deleted(context: Context, step: Step, name: str, unit: str, place: str) -> Consequence:
    recorded = context.before.get(unit)
    is_due = recorded is not None and context.has_come(recorded.ending)
    text = f"keeps the {name} in Fivetran, and no longer manages it" if step.is_kept else f"deletes the {name}"
    due = ", as its expiry says" if is_due else ""
    if unit in context.units and not is_due:
        expiry = context.active.expiries.connector_expiry(context.units[unit])
        if expiry.stage is Stage.REMOVED:
            due, place = context.describe_past_expiry(expiry), context.place(unit, "expires")
    dataset = name.removeprefix("connection ").partition(".")[0]
    if not step.is_kept and dataset in context.datasets and dataset not in deleted_datasets(context.preview):
        due += f". The dataset {dataset} stays, with its data"
    value = "kept in Fivetran" if step.is_kept else None
    return Consequence("stop", "connection_deleted", text + due, name, unit, place, value, is_scheduled=is_due)


def _replaced(context: Context, step: Step, name: str, unit: str) -> Consequence:
    new, recorded, after = _name(context, unit, step.new), context.before.get(unit), context.after.get(unit)
    old = (recorded and recorded.connection) or new
    by = "a new one" if old == new else f"the new connection {new}"
    services = step.old.get("service"), step.new.get("service")
    if services[0] != services[1]:
        by += f" of the service {services[1]}, instead of {services[0]}"
    schemas = [(inputs.get("destination") or {}).get("schema") for inputs in (step.old, step.new)]
    stays = ""
    if after and schemas[0] != schemas[1] and schemas[0] in after.datasets:
        stays = f". The dataset {schemas[0]} stays, with its data"
    cost = f"about {requests_of(step)} requests to Fivetran"
    text = f"replaces the connection {old} with {by}, which syncs its whole history again ({cost}){stays}"
    declared = [dict(after.permanent), dict(after.fixed)] if after else []
    value = [str(services[1] or ""), context.environment.group, step.new.get("destination"), *declared]
    place = context.place(unit, "connector", "allow_resync")
    return Consequence("stop", "connection_replaced", text, name, unit, place, value)


def _name(context: Context, unit: str, inputs: Mapping[str, Any]) -> str:
    """Return the name of a unit's connection in Fivetran: `google_sheets.budget` where it has a table."""
    connector = context.units[unit].connector if unit in context.units else None
    recorded = context.before.get(unit)
    if connector is not None:
        return connector.destination.connection_name
    return (recorded and recorded.connection) or str(inputs.get("name") or unit)


def _awaiting(context: Context, unit: str, name: str) -> Iterator[Consequence]:
    connector = context.units[unit].connector if unit in context.units else None
    if connector is not None and connector.awaiting is not None:
        text = f"does not start the {name} until this is done, by {connector.awaiting.until}: {connector.awaiting.what}"
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
            several = several_connections(name, "pauses ", f" ({paused})")
            kind, value = "connection_paused", str(paused)
            yield Consequence("note", kind, text, name, unit, place, value, is_scheduled=is_due, several=several)
        elif was_paused and not paused:
            text = f"starts the {name} again, which syncs {_words(step.new)}"
            several = several_connections(name, "starts ", f" again, which sync {_words(step.new)}")
            yield Consequence("note", "connection_started", text, name, unit, place, several=several)
        elif paused != was_paused:
            text = f"keeps the {name} paused, now for this reason: {paused}"
            yield Consequence("detail", "pause_explained", text, name, unit, place, str(paused))
        if step.old.get("schedule") != step.new.get("schedule"):
            times = f"{_words(step.new)}, instead of {_words(step.old)}"
            if step.old.get("schedule", {}).get("by") == "airflow" == step.new.get("schedule", {}).get("by"):
                times = f"when the Airflow task {step.new['schedule'].get('task_id')} starts it, instead of the task "
                times += str(step.old["schedule"].get("task_id"))
            at, once = context.place(unit, "connector", "schedule"), ""
            if paused:
                once = " once it is no longer paused"
            several = several_connections(name, "changes when ", f" sync{once.replace('it is', 'they are')}: {times}")
            text = f"changes when the {name} syncs{once}: {times}"
            yield Consequence("note", "schedule_changed", text, name, unit, at, several=several)
        if step.old.get("awaiting") != step.new.get("awaiting"):
            if step.new.get("awaiting"):
                yield from _awaiting(context, unit, name)
            else:
                text = f"no longer waits for what `awaiting` named before it starts the {name}"
                yield Consequence("note", "pending", text, name, unit, context.place(unit, "connector"))
        yield from tables(context, step, name, unit)
    yield from undeclared_tables(context)


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


def packages(context: Context) -> Iterator[Consequence]:
    """Return the code that is uploaded."""
    for step in context.preview.of_type("Package"):
        if step.operation != "delete":
            text = f"uploads the code of {step.name} to Fivetran, which runs it with the connection's secrets"
            place = context.place(step.name, "connector", "package")
            value = step.new.get("sha256")
            yield Consequence("stop", "code_uploaded", text, f"package {step.name}", step.name, place, value)
