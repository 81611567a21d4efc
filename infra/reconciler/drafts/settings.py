"""What a live connection has besides `config` → what its file says of it: all that is not Fivetran's default."""

from __future__ import annotations

from typing import Any

from reconciler.client import Connection
from reconciler.model import CONNECTION_SETTINGS
from reconciler.specs import schemas


def settings_of(connection: Connection) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that a file declares, and as `name: value` those that no file can say."""
    said: dict[str, Any] = {}
    unsayable: list[str] = []
    for name, setting in CONNECTION_SETTINGS.items():
        value = connection.settings.get(name)
        if value in (None, "", {}) or value == setting.default:
            continue
        if schemas.takes("unit", ("$defs", "connector", "properties", name), value):
            said[name] = value
        else:
            unsayable.append(f"{name}: {value}")
    return said, unsayable
