"""A live config → the config that declares it: the same for the API, and nothing that is not the file's to say.

Left out are empty values, what Fivetran alone sets, the keys of the destination, and of a service that the catalogue
knows what it does not know of it. Each credential becomes `{held_by: fivetran}`, which holds at once and sends nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.drafts.destination import KEYS
from reconciler.drafts.draft import FILL_IN
from reconciler.model import FIVETRAN, DestinationSchema
from reconciler.projection import MASK, normalise
from reconciler.services import Field, Service
from reconciler.specs.document import Path
from reconciler.specs.rules.credentials import holds_credential
from reconciler.spelling import enumeration

_CONFIG: Final = ("connector", "config")
_NOTHING: Final = object()
#: What `load` reads a whole number as; a larger one would lose digits in some readers.
_LARGEST: Final = 2**53


class Config:
    """One config: `tree` as the file has it, `comments` with their paths in the file, and what was left out."""

    def __init__(
        self, live: Mapping[str, Any], service: Service | None, destination: DestinationSchema, unit: str
    ) -> None:
        self.comments: dict[Path, str] = {}
        self.left_out: list[str] = []
        self._unit = unit
        self._called: dict[Path, str] = {}
        named = set(KEYS) - ({"schema"} if destination.schema_prefix is not None else set())
        own = {key: value for key, value in live.items() if key not in named}
        known = None if service is None else Field("object", fields=service.config)
        tree = self._object(_CONFIG, own, known, closed=service is not None)
        self.tree: dict[str, Any] = {} if tree is _NOTHING else tree

    def _node(self, path: Path, value: Any, known: Field | None) -> Any:
        if value is None or value in ("", [], {}) or (known is not None and known.readonly):
            return _NOTHING
        if value == MASK or holds_credential(path, value, known):
            self._ask_for(path)
            return {"held_by": FIVETRAN}
        if isinstance(value, Mapping):
            closed = known is not None and bool(known.fields)
            return self._object(path, value, known, closed=closed) if _may_be(known, "object") else self._odd(path)
        if isinstance(value, list):
            return self._list(path, value, known) if _may_be(known, "list") else self._odd(path)
        found = _scalar(value, known)
        return self._odd(path) if found is _NOTHING else found

    def _object(self, path: Path, value: Mapping[str, Any], known: Field | None, *, closed: bool) -> Any:
        fields = {} if known is None else known.fields
        found: dict[str, Any] = {}
        for key, node in value.items():
            if closed and key not in fields:
                if node not in (None, "", [], {}):
                    self.left_out.append(_dotted((*path, key)))
                continue
            inner = self._node((*path, key), node, fields.get(key))
            if inner is not _NOTHING:
                found[key] = inner
        return found or _NOTHING

    def _list(self, path: Path, value: list[Any], known: Field | None) -> Any:
        """A list whole: Fivetran takes it as one, so that of one with an item that cannot be said nothing is."""
        for index, item in enumerate(value):
            if isinstance(item, Mapping) and isinstance(item.get("key"), str):
                self._called[*path, index] = item["key"]  # as in `secrets_list`
        items = [self._item((*path, index), item, known and known.items) for index, item in enumerate(value)]
        return self._odd(path) if any(item is _NOTHING for item in items) else items

    def _item(self, path: Path, value: Any, known: Field | None) -> Any:
        """An item of a list, which is there also when it says nothing."""
        if value in ("", [], {}) and (known is None or _says_nothing_in(known) == value):
            return value
        found = self._node(path, value, known)
        return {} if found is _NOTHING and isinstance(value, Mapping) else found

    def _odd(self, path: Path) -> Any:
        """A value that the catalogue has otherwise: the file cannot say it."""
        self.left_out.append(_dotted(path))
        return _NOTHING

    def _ask_for(self, path: Path) -> None:
        """Mark a credential, above the key that it stands under."""
        while not isinstance(path[-1], str):
            path = path[:-1]
        called = next((name for at, name in self._called.items() if path[: len(at)] == at), None)
        words = [self._unit, *([called] if called else (str(step) for step in path[len(_CONFIG) :] if step != 0))]
        name = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
        self.comments[path] = f"{FILL_IN} {{secret: fivetran-{name}, version: 1}}"


def _says_nothing_in(known: Field) -> Any:
    return {"list": [], "object": {}}.get(known.kind, "")


def _may_be(known: Field | None, kind: str) -> bool:
    return known is None or known.kind in (kind, "any")


def _scalar(value: Any, known: Field | None) -> Any:
    """A value of the type that the service takes; numbers and texts that say the same are the same to Fivetran."""
    found: Any = _NOTHING
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match known.kind if known is not None else "any":
        case "any":
            found = str(value) if isinstance(value, int) and abs(value) > _LARGEST else value
        case "string" if isinstance(value, str) or number:
            found = str(normalise(value))
        case "boolean":
            found = {"true": True, "false": False}.get(str(value).lower(), _NOTHING)
        case "integer" | "number" as kind:
            found = _number(value, whole=kind == "integer")
        case "choice" if known is not None:
            spelt = {enumeration(choice): choice for choice in known.choices}
            found = spelt.get(enumeration(str(value)), _NOTHING)
    return found


def _number(value: Any, *, whole: bool) -> Any:
    if isinstance(value, bool):
        return _NOTHING
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _NOTHING
    if number.is_integer() and abs(number) <= _LARGEST:
        return int(number)
    return _NOTHING if whole or abs(number) > _LARGEST else number


def _dotted(path: Path) -> str:
    """A path as messages have it, from `config` on: `config.files[0].table_name`."""
    said = ""
    for step in path[1:]:
        said += f"[{step}]" if isinstance(step, int) else f".{step}" if said else step
    return said
