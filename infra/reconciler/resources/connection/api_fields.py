"""From a connection's inputs, which have the file's keys, to the API's fields and back. Pure.

Inputs are plain JSON: `group_id`, `unit`, `file`, `service`, `destination`, `config`, `auth`, `settings`, `trust` and
`adopt`. Values are references there, never what they stand for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import Difference, changed_keys, differences, project
from reconciler.model import CONNECTION_SETTINGS, Connector, DestinationSchema, Unit
from reconciler.resources.connection.stored_forms import StoredForms, recall
from reconciler.resources.settings import default_settings, settings_field

#: What the API says of a connection's settings, for comparing them.
SETTINGS = settings_field(CONNECTION_SETTINGS)

#: The settings that no PATCH takes.
FIXED_SETTINGS = frozenset(name for name, setting in CONNECTION_SETTINGS.items() if setting.fixed)


def inputs(unit: Unit, connector: Connector) -> dict[str, Any]:
    """Return the inputs of a unit's connection, without the group."""
    found: dict[str, Any] = {
        "unit": unit.name,
        "file": unit.file,
        "service": connector.service,
        "destination": connector.destination.as_config(),
        "config": dict(connector.config),
        "auth": dict(connector.auth),
        "settings": dict(connector.settings) or None,
        "trust": connector.trust and connector.trust.as_property(),
        "adopt": connector.adopt
        and {"connection": connector.adopt.connection, "apply_changes": connector.adopt.apply_changes},
    }
    return {key: value for key, value in found.items() if value is not None}


def connection_name(props: Mapping[str, Any]) -> str:
    """Return the name by which Fivetran knows the connection within its group."""
    return DestinationSchema(**props["destination"]).connection_name


def create_fields(props: Mapping[str, Any], config: Mapping[str, Any], auth: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of create_connection; `config` and `auth` hold values.

    Paused: nothing syncs before its activation.
    """
    fields = {
        "group_id": props["group_id"],
        "service": props["service"],
        "config": {**props["destination"], **config},
        "paused": True,
    }
    if props.get("settings"):
        fields["settings"] = dict(props["settings"])
    return {**fields, "auth": dict(auth)} if auth else fields


def patch(olds: Mapping[str, Any], news: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of modify_connection that change `olds` into `news`, with references unresolved.

    `config` has only the top-level keys that changed. `auth` is sent whole, because Fivetran never returns it.
    """
    body: dict[str, Any] = {}
    config = changed_keys(olds.get("config", {}), news.get("config", {}))
    if config:
        body["config"] = config
    if changed_keys(olds.get("auth", {}), news.get("auth", {})):
        body["auth"] = news["auth"]
    settings = changed_keys(olds.get("settings", {}), news.get("settings", {}))
    if settings := {key: value for key, value in settings.items() if key not in FIXED_SETTINGS}:
        body["settings"] = settings
    return body


def is_tested(fields: Mapping[str, Any]) -> bool:
    """Return whether setup tests check what these fields of modify_connection change."""
    settings = fields.get("settings", {})
    return "config" in fields or "auth" in fields or any(CONNECTION_SETTINGS[key].tested for key in settings)


def live_settings(live: Connection) -> dict[str, Any]:
    """Return a connection's settings, with Fivetran's defaults where the answer leaves them out."""
    return {**default_settings(CONNECTION_SETTINGS), **live.settings}


def fixed_differences(props: Mapping[str, Any], live: Connection) -> list[Difference]:
    """Return the settings that a live connection has otherwise than the file, and that no PATCH takes."""
    declared = {name: value for name, value in props.get("settings", {}).items() if name in FIXED_SETTINGS}
    return list(differences(declared, live_settings(live), field=SETTINGS))


def fixed_setting(difference: Difference) -> str:
    """Return why such a setting is rejected, with what to do."""
    name, declared, live = difference.path, difference.declared, difference.live
    return (
        f"{name} is {declared} in the file and {live} in Fivetran, which cannot change it in an existing connection\n"
        f"    Write {live}, or declare another connector in another file."
    )


def as_file(props: Mapping[str, Any], live: Connection, forms: StoredForms) -> dict[str, Any]:
    """Return the inputs as a file would declare the live connection.

    They equal `props` when nothing drifted.

    `forms` is what Fivetran made of values that were sent.
    """
    field = catalog.config_of(props["service"])
    now = {**props, "config": project(props.get("config", {}), recall(live.config, forms, field), field)}
    if "settings" in props:
        now["settings"] = project(props["settings"], live_settings(live), SETTINGS)
    return now
