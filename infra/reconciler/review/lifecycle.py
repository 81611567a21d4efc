"""Dates that move, retirements, and Airflow variables that come and go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler.lifecycle import airflow
from reconciler.lifecycle.expiry import Stage
from reconciler.lifecycle.removal import Ending, retirement
from reconciler.model import Unit
from reconciler.plan.inventory import Declared
from reconciler.review.consequence import Consequence, Several, Severity
from reconciler.review.context import Context


def endings(context: Context) -> Iterator[Consequence]:
    """Return the units whose removal moves to another day, and those that retire."""
    for name, after in context.after.items():
        before = context.before.get(name)
        yield from _retirement(context, name, before, after)
        moved: dict[tuple[date | None, date | None, bool], list[str]] = {}
        for object_, old, new, is_new in _objects(context, before, after):
            if _day(old) != _day(new):
                moved.setdefault((_day(old), _day(new), is_new), []).append(object_)
        for (old_day, new_day, is_new), found in moved.items():
            objects = sorted(found)  # a fingerprint has them
            is_sooner = new_day is not None and (old_day is None or new_day < old_day) and not is_new
            text = _describe_move(objects, old_day, new_day) + _expiry(context, name, new_day)
            severity: Severity = "stop" if is_sooner else "note"
            place = context.place(name, "expires")  # it reads the file again
            several = _several(name, objects, old_day, new_day, _expiry(context, name, new_day))
            at = ", ".join(objects)
            yield Consequence(severity, "removal_moved", text, at, name, place, effective=new_day, several=several)


def _objects(context: Context, before: Declared | None, after: Declared) -> Iterator[tuple[str, Ending, Ending, bool]]:
    """Return what a unit has, with the ends before and after, and whether the unit has it only now."""
    if after.connection:
        old = before.ending if before and before.connection else None
        yield f"connection {after.connection}", old or Ending(), after.ending, old is None
    for dataset in after.datasets:
        recorded = context.recorded_of(dataset)
        old = recorded.ending_of(dataset) if recorded else Ending()
        yield f"dataset {dataset}", old, after.ending_of(dataset), recorded is None


def _day(ending: Ending) -> date | None:
    return date.fromisoformat(ending.removed_on) if ending.removed_on else None


def _describe_move(objects: list[str], old: date | None, new: date | None) -> str:
    connections = [f"the {each}" for each in objects if not each.startswith("dataset ")]
    names = [each.removeprefix("dataset ") for each in objects if each.startswith("dataset ")]
    datasets = [f"the dataset{'s' if len(names) > 1 else ''} {', '.join(names)}"] if names else []
    what = " and ".join([*connections, *datasets])
    with_data = f" with {'their' if len(names) > 1 else 'its'} data" if names else ""
    if new is None:
        return f"no longer removes {what} on {old}"
    if old is None:
        return f"removes {what}{with_data} on {new}, unless the file is changed before"
    return f"moves the removal of {what}{with_data} from {old} to {new}"


def _several(unit: str, objects: list[str], old: date | None, new: date | None, expiry: str) -> Several:
    with_data = " with their data" if any(each.startswith("dataset ") for each in objects) else ""
    expiry = expiry.replace("the connection is", "a connection is")
    if new is None:
        return Several("unit", unit, "no longer removes ", f" on {old}")
    if old is None:
        return Several("unit", unit, "removes ", f"{with_data} on {new}, unless their files are changed before{expiry}")
    return Several("unit", unit, "moves the removal of ", f"{with_data} from {old} to {new}{expiry}")


def _expiry(context: Context, unit: str, removed: date | None) -> str:
    """Return the last day of a unit that has a connection, which is paused after it."""
    declared = context.units.get(unit)
    if declared is None or declared.connector is None or removed is None:
        return ""
    last_day = context.active.expiries.unit_expiry(declared).last_day
    is_paused = last_day is not None and last_day < removed
    return f"; the connection is paused after its last day, {last_day}" if is_paused else ""


def _retirement(context: Context, name: str, before: Declared | None, after: Declared) -> Iterator[Consequence]:
    """Return that a unit retires, that it no longer does, and what its retirement now does with its data."""
    ends = {
        dataset: (recorded.ending_of(dataset), after.ending_of(dataset))
        for dataset in after.datasets
        if (recorded := context.recorded_of(dataset))
    }
    is_new = not ((before and before.ending.retired) or any(old.retired for old, _ in ends.values()))
    is_retired = after.ending.retired or (not after.connection and any(new.retired for _, new in ends.values()))
    if is_retired and is_new:
        yield _retired(context, name, after)
        return
    for dataset, (old, new) in ends.items():
        if (old.retired, old.kept) == (new.retired, new.kept):
            continue
        place, at = context.place(name, "retire"), f"dataset {dataset}"  # it reads the file again
        if old.retired and not new.retired:
            text = f"no longer retires the dataset {dataset}"
            yield Consequence("note", "retirement_changed", text, at, name, place)
        elif new.retired and not old.retired:
            yield _retired_dataset(context, name, dataset, kept=new.kept)
        elif old.kept != new.kept:
            text = f"keeps the data of the dataset {dataset} when its unit's file is deleted, instead of deleting it"
            if not new.kept:
                text = (
                    f"deletes the data of the dataset {dataset} when its unit's file is deleted, instead of keeping it"
                )
            severity: Severity = "note" if new.kept else "stop"
            value = "keep" if new.kept else "delete"
            yield Consequence(severity, "retirement_changed", text, at, name, place, value)
    if before and before.ending.retired and after.connection and not after.ending.retired and not ends:
        text = f"no longer retires the connection {after.connection}"
        yield Consequence(
            "note", "retirement_changed", text, f"connection {after.connection}", name, context.place(name)
        )


def _retired_dataset(context: Context, unit: str, dataset: str, *, kept: bool) -> Consequence:
    """Return that a dataset retires, of a unit that stays: one that a re-sync leaves behind."""
    path: tuple[str, ...] = ("retire",)
    after = "once its unit's file is deleted"
    declared, ticket = context.datasets.get(dataset), ""
    if declared is not None and (retire := retirement(*declared)) is not None:
        ticket = f" ({retire.ticket})"
    if unit in context.units and dataset in {each.id for each in context.units[unit].former_datasets}:
        path, after = ("connector", "allow_resync", "retire"), "once `allow_resync` is removed"
    end = "no longer manages it, and its data stays in BigQuery" if kept else "deletes it with its data"
    text = f"retires the dataset {dataset}{ticket}: {after}, a run {end}"
    value = "keep" if kept else "delete"
    return Consequence("stop", "retired", text, f"dataset {dataset}", unit, context.place(unit, *path), value)


def units(context: Context) -> Iterator[Consequence]:
    """Return the units that are in a file of another name, and those with other owners."""
    recorded = context.preview.outputs.get("units")
    recorded = recorded if isinstance(recorded, dict) else {}
    for name, unit in sorted(context.units.items()):
        is_renamed = unit.formerly in recorded and name not in recorded
        if is_renamed:
            kept = (
                "its connection, its datasets and their data stay"
                if unit.connector
                else "its dataset and its data stay"
            )
            if any(each.name == name and each.operation == "replace" for each in context.preview.of_type("Connection")):
                kept = "its datasets and their data stay, and its connection is replaced"
            text = f"renames the unit {unit.formerly} to {name}: {kept}"
            yield Consequence("note", "unit_renamed", text, name, name, context.place(name, "formerly"))
        before = recorded.get(unit.formerly if is_renamed else name)
        owners = before.get("owners") if isinstance(before, dict) else None
        if isinstance(owners, list) and {*map(str, owners)} != {*unit.owners}:
            new, old = ", ".join(unit.owners), ", ".join(map(str, owners))
            text = f"changes the owners of {name} from {old} to {new}"
            several = Several("unit", name, "changes the owners of ", f" from {old} to {new}")
            place = context.place(name, "owners")
            yield Consequence("note", "owners_changed", text, name, name, place, several=several)


def _retired(context: Context, unit: str, after: Declared) -> Consequence:
    retire = context.units[unit].retire if unit in context.units else None
    ticket = f" ({retire.ticket})" if retire else ""
    kept = retire is not None and retire.data == "keep"
    data = "leaves its data in BigQuery" if kept else "deletes its data"
    ends = [*(["deletes the connection"] if after.connection else []), *([data] if after.datasets else [])]
    paused = "its connection is paused. Once" if after.connection else "once"
    text = f"retires {unit}{ticket}: {paused} its file is deleted, a run {' and '.join(ends)}"
    return Consequence("stop", "retired", text, unit, unit, context.place(unit, "retire"), "keep" if kept else "delete")


def airflow_variables(context: Context) -> Iterator[Consequence]:
    """Return the Airflow variables that come, and those that a DAG will no longer find."""
    fleet = context.active.fleet
    before = context.preview.outputs.get("airflow_variables") or {}
    after = airflow.variables(fleet, {unit.name: unit.name for unit in fleet.units})
    for variable in sorted(after.keys() - before.keys()):
        name = after[variable]
        place = context.place(name, "connector", "schedule", "task_id")
        text = f"adds the Airflow variable {variable}"
        several = Several("Airflow variable", variable, "adds ")
        yield Consequence("note", "variable_added", text, variable, name, place, several=several)
    for variable in sorted(before.keys() - after.keys()):
        yield _removed(context, variable)
    for variable in sorted(before.keys() & after.keys()):
        yield from _changed_id(context, variable, after[variable], str(before[variable]))


def _changed_id(context: Context, variable: str, name: str, old_id: str) -> Iterator[Consequence]:
    """Return that a variable names another connection: a replacement, or that of another unit."""
    recorded = context.preview.outputs.get("units")
    recorded = recorded if isinstance(recorded, dict) else {}
    former = next((unit for unit, each in recorded.items() if _connection_id(each) == old_id), None)
    place = context.place(name, "connector", "schedule", "task_id")
    made = context.preview.of_type("Connection")
    if any(each.name == name and each.operation in ("create", "replace") for each in made):
        text = f"changes the Airflow variable {variable} to the id of the new connection: its DAG fails until "
        text += "the variable is pushed"
        yield Consequence("note", "variable_changed", text, variable, name, place)
    elif former is not None and former not in (name, context.units[name].formerly):
        text = f"changes the Airflow variable {variable}: its DAG then starts the connection of {name}, and no longer "
        text += f"that of {former}"
        yield Consequence("stop", "variable_moved", text, variable, name, place, name)


def _connection_id(unit: object) -> object:
    return unit.get("connection_id") if isinstance(unit, dict) else None


def _removed(context: Context, variable: str) -> Consequence:
    unit = context.variables.get(variable)
    recorded = next((name for name, each in context.before.items() if each.variable == variable), "")
    name = unit.name if unit else recorded
    is_due = unit is not None and has_expired_as_recorded(context, unit)
    why = ", as its expiry says" if is_due else ""
    text = f"removes the Airflow variable {variable}{why}: a DAG that reads it fails"
    place = context.place(name, "connector", "schedule", "task_id")
    several = Several("Airflow variable", variable, "removes ", f"{why}: a DAG that reads one fails")
    return Consequence("stop", "variable_removed", text, variable, name, place, is_scheduled=is_due, several=several)


def has_expired_as_recorded(context: Context, unit: Unit) -> bool:
    """Return whether a unit's last day is over that the last run had recorded, and no file moved it since."""
    expiry = context.active.expiries.connector_expiry(unit)
    recorded = context.before.get(unit.name)
    is_recorded = recorded is None or _day(recorded.ending) == expiry.removed_on
    return is_recorded and expiry.stage in (Stage.PAUSED, Stage.REMOVED)
