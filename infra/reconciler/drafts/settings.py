"""What a live connection has besides `config` → what its file says of it: all that is not Fivetran's default."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from reconciler.client import Connection
from reconciler.masking import holds_secret
from reconciler.model import CONNECTION_SETTINGS
from reconciler.specs import schemas


def settings_of(connection: Connection, secrets: Collection[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that a file declares, and as `name: value` those that no file can say.

    Of one that holds a value of `secrets`, only the name.
    """
    said: dict[str, Any] = {}
    unsayable: list[str] = []
    for name, setting in CONNECTION_SETTINGS.items():
        value = connection.settings.get(name)
        if value in (None, "", {}) or value == setting.default:
            continue
        if holds_secret(str(value), secrets):
            unsayable.append(name)
        elif schemas.takes("unit", ("$defs", "connector", "properties", name), value):
            said[name] = value
        else:
            unsayable.append(f"{name}: {value}")
    return said, unsayable
