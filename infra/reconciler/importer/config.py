"""Turn a live config into the config of a file, which the API takes as equal.

The file lacks empty values, values that only Fivetran sets, and the keys of the destination. For a service in the
catalogue, it also lacks keys that the catalogue does not have. Each credential becomes `{held_by: fivetran}`, for which
runs send nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from reconciler.config.plain_credentials import holds_credential
from reconciler.config.rules import references
from reconciler.config.rules.secrets import is_reference_as_text
from reconciler.config.yaml.document import Path
from reconciler.fivetran.catalog import Field, Service
from reconciler.fivetran.config_diff import MASK, normalise
from reconciler.fivetran.enum_spelling import choice_of
from reconciler.importer.draft import FILL_IN
from reconciler.importer.writable import is_writable, is_writable_key
from reconciler.model import DESTINATION_KEYS, FIVETRAN, REFERENCE_KEYS, DestinationSchema
from reconciler.secrets.masking import contains_secret
from reconciler.yaml_text.scalars import LARGEST_INTEGER, explain_ambiguity

_CONFIG: Final = ("connector", "config")
_NOTHING: Final = object()
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,400}")
_NUMBER: Final = re.compile(r"[-+]?([0-9]{1,400}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
#: Of the 50 levels that a file may have, the config gets these.
_DEEPEST: Final = 40


class Config:
    """A config for a file: `tree`, `comments` by their paths in the file, and the paths `left_out`."""

    def __init__(
        self,
        live: Mapping[str, Any],
        service: Service | None,
        destination: DestinationSchema,
        unit: str,
        secrets: Collection[str] = (),
    ) -> None:
        self.comments: dict[Path, str] = {}
        self.left_out: list[str] = []
        self._unit = unit
        self._secrets = secrets
        self._item_names: dict[Path, str] = {}
        named = set(DESTINATION_KEYS) - ({"schema"} if destination.schema_prefix is not None else set())
        own = {key: value for key, value in live.items() if key not in named}
        known = None if service is None else Field("object", fields=service.config)
        tree = self._object(_CONFIG, own, known, closed=service is not None)
        self.tree: dict[str, Any] = {} if tree is _NOTHING else tree
        if references.is_whole_tree(self.tree):
            # Readers would take the whole config for a reference.
            self.left_out += [_dotted((*_CONFIG, key)) for key in self.tree if key in REFERENCE_KEYS]
            self.tree = {key: node for key, node in self.tree.items() if key not in REFERENCE_KEYS}

    def _node(self, path: Path, value: Any, known: Field | None) -> Any:
        if value is None or value in ("", [], {}) or (known is not None and known.readonly):
            return _NOTHING
        if value == MASK or holds_credential(path, value, known) or self._holds_secret(value):
            self._mark_credential(path)
            return {"held_by": FIVETRAN}
        if isinstance(value, Mapping | list):
            return self._tree(path, value, known)
        found = _scalar(value, known)
        if isinstance(found, str) and (not is_writable(found) or is_reference_as_text(found)):
            return self._leave_out(path)
        return self._leave_out(path) if found is _NOTHING else found

    def _tree(self, path: Path, value: Mapping[str, Any] | list[Any], known: Field | None) -> Any:
        if len(path) > _DEEPEST:
            return self._leave_out(path)
        if isinstance(value, list):
            return self._list(path, value, known) if _accepts(known, "list") else self._leave_out(path)
        if not _accepts(known, "object"):
            return self._leave_out(path)
        found = self._object(path, value, known, closed=known is not None and bool(known.fields))
        # Readers would take a mapping with the keys of a reference for one.
        return self._leave_out(path) if isinstance(found, dict) and references.find_kind(found) is not None else found

    def _object(self, path: Path, value: Mapping[str, Any], known: Field | None, *, closed: bool) -> Any:
        fields = {} if known is None else known.fields
        found: dict[str, Any] = {}
        for key, node in value.items():
            if closed and key not in fields:
                if node not in (None, "", [], {}):
                    self.left_out.append(_dotted((*path, key)))
                continue
            if not is_writable_key(key):
                self._leave_out((*path, key))
                continue
            inner = self._node((*path, key), node, fields.get(key))
            if inner is not _NOTHING:
                found[key] = inner
        return found or _NOTHING

    def _list(self, path: Path, value: list[Any], known: Field | None) -> Any:
        """Return a list, or nothing if a file cannot hold one of its items.

        Fivetran replaces lists as a whole.
        """
        for index, item in enumerate(value):
            if isinstance(item, Mapping) and isinstance(item.get("key"), str):
                self._item_names[*path, index] = item["key"]  # as in `secrets_list`
        items = [self._item((*path, index), item, known and known.items) for index, item in enumerate(value)]
        return self._leave_out(path) if any(item is _NOTHING for item in items) else items

    def _item(self, path: Path, value: Any, known: Field | None) -> Any:
        """Return an item of a list, which stays even if it is empty."""
        if value in ("", [], {}) and (known is None or _empty_value(known) == value):
            return value
        found = self._node(path, value, known)
        is_object = isinstance(value, Mapping) and _accepts(known, "object")
        return {} if found is _NOTHING and is_object else found

    def _leave_out(self, path: Path) -> Any:
        """Record a value that no file can have."""
        self.left_out.append(_dotted(path))
        return _NOTHING

    def _holds_secret(self, value: Any) -> bool:
        return isinstance(value, str) and contains_secret(value, self._secrets)

    def _mark_credential(self, path: Path) -> None:
        """Add a comment to fill in a credential, at the nearest key above it."""
        while not isinstance(path[-1], str):
            path = path[:-1]
        called = next((name for at, name in self._item_names.items() if path[: len(at)] == at), None)
        words = [self._unit, *([called] if called else (str(step) for step in path[len(_CONFIG) :] if step != 0))]
        name = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")
        self.comments[path] = f"{FILL_IN} {{secret: fivetran-{name}, version: 1}}"


def _empty_value(known: Field) -> Any:
    return {"list": [], "object": {}}.get(known.kind, "")


def _accepts(known: Field | None, kind: str) -> bool:
    return known is None or known.kind in (kind, "any")


def _scalar(value: Any, known: Field | None) -> Any:
    """Return a value with the type of its field: Fivetran takes `443` and `"443"` as equal."""
    found: Any = _NOTHING
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match known.kind if known is not None else "any":
        case "any":
            found = _untyped_value(value)
        case "string" if isinstance(value, str) or number:
            found = str(normalise(value))
        case "boolean":
            found = {"true": True, "false": False}.get(str(value).lower(), _NOTHING)
        case "integer" | "number" as kind:
            found = _number(value, whole=kind == "integer")
        case "choice" if known is not None:
            choice = choice_of(str(value), known.choices)
            found = choice if choice in known.choices else _NOTHING
    return found


def _untyped_value(value: Any) -> Any:
    """Return a value of unknown type.

    A number that YAML cannot hold exactly becomes text, which Fivetran takes too.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return _NOTHING
    plain = normalise(value)
    return str(plain) if abs(plain) > LARGEST_INTEGER or explain_ambiguity(repr(plain)) is not None else plain


def _number(value: Any, *, whole: bool) -> Any:
    text = str(value)
    if isinstance(value, bool) or _NUMBER.fullmatch(text) is None:
        return _NOTHING
    # As a double, a whole number beyond 2^53 would lose digits.
    number = int(text) if _WHOLE.fullmatch(text) else float(text)
    if not math.isfinite(number):
        return _NOTHING
    if number == int(number) and abs(number) <= LARGEST_INTEGER:
        return int(number)
    return _NOTHING if whole or abs(number) > LARGEST_INTEGER else number


def _dotted(path: Path) -> str:
    """Format a path for messages, from `config` on: `config.files[0].table_name`."""
    text = ""
    for step in path[1:]:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
