"""What changes of the group and its destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.review.connection_settings import ROUTE
from reconciler.review.consequence import Consequence, Severity
from reconciler.review.context import Context
from reconciler.review.preview import Step


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
    "bucket": ("stop", "any reader of the new bucket can read the data that all connections stage there"),
    "time_zone_offset": ("note", "every sync with `daily_at` moves to another time zone"),
    "daylight_saving_time_enabled": ("note", "every sync with `daily_at` moves by an hour for part of the year"),
    "support_json_type": ("note", "all connections store JSON in columns of another type"),
}
_WAY = "Fivetran reaches BigQuery by another network route, for all connections"


def _destination_settings(context: Context, step: Step, name: str) -> Iterator[Consequence]:
    """Return the settings of the destination that change, one by one."""
    old, new = ({**inputs, **(inputs.get("settings") or {})} for inputs in (step.old, step.new))
    for key in sorted({*old, *new} - {"settings"}):
        if key.startswith("__") or old.get(key) == new.get(key):
            continue
        severity, text = _DESTINATION_SETTINGS.get(key, ("stop", _WAY) if key in ROUTE else ("note", ""))
        to = f" to UTC{new.get(key)}" if key == "time_zone_offset" else ""
        text = f"changes `{key}` of the {name}{to}{f': {text}' if text else ''}"
        place = context.environment_place("fivetran", "destination", key)
        if key in ("group", "formerly"):
            severity, place = "note", context.environment_place("fivetran", key)
            text = f"renames the group {old.get('group')} to {new.get('group')}" if key == "group" else ""
        if text:
            yield Consequence(severity, "destination_changed", text, f"{name}: {key}", place=place, value=new.get(key))
