"""What a file manages of a live config, and what differs: the pure half of the provider's diff.

The rules, each with a test:

- Only keys that the file declares are looked at, at any depth: defaults that Fivetran fills in are never a difference.
- A reference is never compared: Fivetran masks what it stands for. Its own version is what shows a change.
- What only Fivetran holds (`{held_by: fivetran}`) never changes: it takes the place of any reference, and is not sent.
- A masked value (`******`) never differs, also inside lists of objects.
- A declared key that is gone in Fivetran is a difference; an empty value and an absent one are the same.
- Scalars compare as the catalogue knows their field: a choice across spellings (`AllApps`, `ALL_APPS`, `all_apps`), a
  boolean without regard to case, a number by its value. Every other text compares exactly: `RAW` and `Raw` may be two
  databases. A number or boolean and its text (`443`, `"443"`) are one value in any field.
- Lists of scalars compare without order; lists of objects are matched by the field that names an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from reconciler.fivetran.catalog import Field
from reconciler.fivetran.enum_spelling import choice_of
from reconciler.model import Reference, references

#: What the API answers in place of every config property of `format: password` (GET connection).
MASK: Final = "******"

#: The fields by which Fivetran's lists of objects name their items, most specific first.
_NAMING_FIELDS: Final = ("key", "table_name", "table", "name", "id")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


#: Stands for a declared value that Fivetran does not have.
ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """One value that differs. `path` is dotted, as in the file; a side is `ABSENT` where it has nothing."""

    path: str
    declared: Any
    live: Any

    def __str__(self) -> str:
        return f"{self.path}: the file says {_shown(self.declared)}, Fivetran has {_shown(self.live)}"


def normalise(value: Any) -> Any:
    """Undo what the engine's wire format does to JSON: whole numbers come back as floats (5 → 5.0)."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: normalise(node) for key, node in value.items() if node is not None}
    if isinstance(value, list | tuple):
        return [normalise(node) for node in value]
    return value


def project(declared: Any, live: Any, field: Field | None = None) -> Any:
    """The live value in the words of the file: equal to `declared` exactly when nothing that it manages differs.

    Args:
        declared: A plain JSON tree (`normalise`d), as the file has it.
        live: The same, as Fivetran has it.
        field: What the catalogue knows of the value; of a whole config, an object of its fields. None is nothing.

    Returns:
        The tree; `ABSENT` where Fivetran lacks a declared value.
    """
    if Reference.parse(declared) is not None or live == MASK:
        return declared
    if live is None or live is ABSENT:
        return declared if says_nothing(declared) or _hides(declared) else ABSENT
    if isinstance(declared, Mapping):
        return _project_mapping(declared, live, field)
    if isinstance(declared, list):
        return _project_list(declared, live, field.items if field else None)
    return declared if _same_scalar(declared, live, field) else live


def differences(declared: Any, live: Any, path: str = "", *, field: Field | None = None) -> Iterator[Difference]:
    """Every managed value that differs between a declared tree and the live one, leaf by leaf, in the file's order."""
    projected = project(declared, live, field)
    if projected == declared:
        return
    if not isinstance(declared, Mapping) or not isinstance(projected, Mapping):
        yield Difference(path, declared, projected)
        return
    for key, node in declared.items():
        inner = live.get(key, ABSENT) if isinstance(live, Mapping) else ABSENT
        yield from differences(node, inner, f"{path}.{key}" if path else key, field=_inner(field, key))


def says_nothing(declared: Any) -> bool:
    """An empty value, or a switch that is off: what Fivetran may leave out of an answer."""
    return declared is False or declared in ("", [], {})


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The top-level keys of `new` whose value is not the one in `old`: what a minimal PATCH has to send.

    PATCH merges config by top-level key and takes lists whole (operation modify_connection). A key that left the
    file is not sent: the file no longer manages it, and whether it may be null is the service's secret. Nor is one
    that Fivetran holds; deeper down one can be in a value that changed around it.
    """
    return {
        key: value
        for key, value in new.items()
        if not _is_held(value) and (key not in old or not _same_to_send(old[key], value))
    }


def _hides(declared: Any) -> bool:
    """A subtree with a secret in it may be left out of an answer whole."""
    return isinstance(declared, Mapping | list) and any(True for _ in references(declared))


def _inner(field: Field | None, key: str) -> Field | None:
    return field.fields.get(key) if field else None


def _project_mapping(declared: Mapping[str, Any], live: Any, field: Field | None) -> Any:
    if not isinstance(live, Mapping):
        return live
    projected = ((key, project(node, live.get(key, ABSENT), _inner(field, key))) for key, node in declared.items())
    return {key: node for key, node in projected if node is not ABSENT}


def _project_list(declared: list[Any], live: Any, items: Field | None) -> Any:
    if not isinstance(live, list):
        return live
    if all(isinstance(item, Mapping) and Reference.parse(item) is None for item in declared):
        projected = _project_objects(declared, live, items)
    elif len(declared) == len(live) and (
        [project(item, other, items) for item, other in zip(declared, live, strict=True)] == declared
        or _same_members(declared, live, items)
    ):
        projected = declared
    else:
        projected = live
    # Fivetran masks what is secret; something else may not, and what is live goes into state.
    return _masked(projected, but=declared) if _hides(declared) else projected


def _masked(projected: list[Any], *, but: list[Any]) -> list[Any]:
    return [item if item in but else _mask_values(item) for item in projected]


def _mask_values(node: Any) -> Any:
    if isinstance(node, Mapping):
        named = {key: value if key in _NAMING_FIELDS else _mask_values(value) for key, value in node.items()}
        return node if Reference.parse(node) is not None else named
    return [_mask_values(item) for item in node] if isinstance(node, list) else MASK


def _project_objects(declared: list[Any], live: list[Any], items: Field | None) -> list[Any]:
    naming = _naming_field(declared, live)
    rest = list(live)
    projected = []
    for index, item in enumerate(declared):
        found = _counterpart(item, rest, naming, items)
        if found is ABSENT and naming is None and len(live) == len(declared):
            found = live[index] if live[index] in rest else ABSENT
        if found is not ABSENT:
            rest.remove(found)
            projected.append(project(item, found, items))
    return [item for item in projected if item is not ABSENT] + rest


def _counterpart(item: Mapping[str, Any], live: list[Any], naming: str | None, items: Field | None) -> Any:
    """The live item that has the same name; without names, the first that does not differ."""
    if naming is not None:
        return next((other for other in live if str(other[naming]) == str(item[naming])), ABSENT)
    return next((other for other in live if project(item, other, items) == item), ABSENT)


def _naming_field(declared: list[Any], live: list[Any]) -> str | None:
    """The first field that names every item on both sides, each by another name."""

    def names(items: list[Any], field: str) -> list[str]:
        values = [item.get(field) for item in items if isinstance(item, Mapping)]
        return [str(value) for value in values if isinstance(value, str | int) and value != MASK]

    for field in _NAMING_FIELDS:
        if all(len(set(names(items, field))) == len(items) for items in (declared, live)):
            return field
    return None


def _same_members(declared: Sequence[Any], live: Sequence[Any], items: Field | None) -> bool:
    rest = list(live)
    for item in declared:
        found = next((other for other in rest if _same_scalar(item, other, items)), ABSENT)
        if found is ABSENT:
            return False
        rest.remove(found)
    return True


def _same_scalar(declared: Any, live: Any, field: Field | None) -> bool:
    if declared == live and isinstance(declared, bool) == isinstance(live, bool):
        return True
    ours, theirs = _json_text(declared), _json_text(live)
    match field.kind if field else "any":
        case "choice" if field is not None:
            return choice_of(ours, field.choices) == choice_of(theirs, field.choices)
        case "boolean":
            return ours.casefold() == theirs.casefold()
        case "integer" | "number":
            return _number(ours) == _number(theirs)
        case _:
            return ours == theirs


def _json_text(value: Any) -> str:
    """A scalar as JSON writes it, a text without its quotes: `443.0` is `443`, True is `true`."""
    return str(value).lower() if isinstance(value, bool) else str(normalise(value))


def _number(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _is_held(value: Any) -> bool:
    reference = Reference.parse(value)
    return reference is not None and reference.held


def _same_to_send(old: Any, new: Any) -> bool:
    """Whether two values are equal, where one that Fivetran holds is equal to any reference that was there."""
    if _is_held(new):
        return Reference.parse(old) is not None
    if isinstance(new, Mapping) and isinstance(old, Mapping) and Reference.parse(new) is None:
        old, new = normalise(old), normalise(new)  # which leaves out what is null
        return old.keys() == new.keys() and all(_same_to_send(old[key], value) for key, value in new.items())
    if isinstance(new, list) and isinstance(old, list):
        return len(old) == len(new) and all(map(_same_to_send, old, new))
    return bool(normalise(old) == normalise(new))


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    return repr(value) if isinstance(value, str) else _inline(value)


def _inline(value: Any) -> str:
    """A mapping as people write it in YAML; keys in an order of their own, since the engine's mappings have none."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(node)}" for key, node in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
