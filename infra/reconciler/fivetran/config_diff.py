"""Compare a declared config with the live one. Pure.

The rules, each with a test:

- Only declared keys are compared, at any depth: Fivetran's defaults are never a difference.
- References are never compared, because Fivetran masks their values. A new version in the reference is the change.
- A value that Fivetran keeps (`{held_by: fivetran}`) never differs: it equals any earlier reference, and is not sent.
- A masked value (`******`) never differs, also inside lists of objects.
- A declared key that Fivetran lacks is a difference. Empty and absent values are equal.
- Scalars are compared by the kind of their field: a choice in any spelling (`AllApps`, `ALL_APPS`, `all_apps`), a
  boolean in any case, a number by its value. Other texts must be identical: `RAW` and `Raw` may be two databases. In
  every field, a number or boolean equals its text (`443`, `"443"`).
- Lists of scalars have no order. Objects in lists are matched by the field that names them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from reconciler.fivetran.catalog import Field
from reconciler.fivetran.enum_spelling import choice_of
from reconciler.model import Reference, references

#: The API's answer for each config property of `format: password` (GET connection).
MASK: Final = "******"

#: The fields that name an object in Fivetran's lists, most specific first.
_NAMING_FIELDS: Final = ("key", "table_name", "table", "name", "id")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


#: Marks a value that one side lacks.
ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """A value that differs, with its dotted path. A side without a value is `ABSENT`."""

    path: str
    declared: Any
    live: Any

    def __str__(self) -> str:
        return f"{self.path}: the file says {_shown(self.declared)}, Fivetran has {_shown(self.live)}"


def normalise(value: Any) -> Any:
    """Turn floats back into whole numbers (5.0 → 5), because the engine's wire format has floats only."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: normalise(node) for key, node in value.items() if node is not None}
    if isinstance(value, list | tuple):
        return [normalise(node) for node in value]
    return value


def project(declared: Any, live: Any, field: Field | None = None) -> Any:
    """Return the live value as the file would declare it.

    It equals `declared` if no managed value differs.

    Args:
        declared: The declared tree of plain JSON, `normalise`d.
        live: Fivetran's tree, likewise.
        field: The field in the catalogue; for a whole config, an object of its fields. None if unknown.

    Returns:
        The tree, or `ABSENT` if Fivetran lacks the value.
    """
    if Reference.parse(declared) is not None or live == MASK:
        return declared
    if live is None or live is ABSENT:
        return declared if may_be_left_out(declared) or _hides(declared) else ABSENT
    if isinstance(declared, Mapping):
        return _project_mapping(declared, live, field)
    if isinstance(declared, list):
        return _project_list(declared, live, field.items if field else None)
    return declared if _same_scalar(declared, live, field) else live


def differences(declared: Any, live: Any, path: str = "", *, field: Field | None = None) -> Iterator[Difference]:
    """Return every managed leaf in which the live tree differs from the declared one, in its order."""
    projected = project(declared, live, field)
    if projected == declared:
        return
    if not isinstance(declared, Mapping) or not isinstance(projected, Mapping):
        yield Difference(path, declared, projected)
        return
    for key, node in declared.items():
        inner = live.get(key, ABSENT) if isinstance(live, Mapping) else ABSENT
        yield from differences(node, inner, f"{path}.{key}" if path else key, field=_inner(field, key))


def may_be_left_out(declared: Any) -> bool:
    """Return whether Fivetran may leave a value out of its answers: an empty value, or False."""
    return declared is False or declared in ("", [], {})


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the top-level keys of `new` with another value in `old`, for a minimal PATCH.

    PATCH merges config by top-level key and replaces lists (operation modify_connection). A key that was removed from
    the file is not sent: the file no longer manages it, and not every key accepts null. A key whose value Fivetran
    keeps is not sent either, but a changed value may have one inside.
    """
    return {
        key: value
        for key, value in new.items()
        if not _is_held(value) and (key not in old or not _same_to_send(old[key], value))
    }


def _hides(declared: Any) -> bool:
    """Return whether an answer may leave out a whole subtree, because it contains a secret."""
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
    # Other servers may not mask secrets, and live values are stored in state.
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
    """Return the live item with the same name; without names, the first equal item."""
    if naming is not None:
        return next((other for other in live if str(other[naming]) == str(item[naming])), ABSENT)
    return next((other for other in live if project(item, other, items) == item), ABSENT)


def _naming_field(declared: list[Any], live: list[Any]) -> str | None:
    """Return the first field that has a different text in each item, on both sides."""

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
    """Write a scalar as JSON, without quotes: `443.0` is `443`, True is `true`."""
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
    """Return whether two values are equal. `held_by: fivetran` equals any earlier reference."""
    if _is_held(new):
        return Reference.parse(old) is not None
    if isinstance(new, Mapping) and isinstance(old, Mapping) and Reference.parse(new) is None:
        old, new = normalise(old), normalise(new)  # without null
        return old.keys() == new.keys() and all(_same_to_send(old[key], value) for key, value in new.items())
    if isinstance(new, list) and isinstance(old, list):
        return len(old) == len(new) and all(map(_same_to_send, old, new))
    return bool(normalise(old) == normalise(new))


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    return repr(value) if isinstance(value, str) else _inline(value)


def _inline(value: Any) -> str:
    """Write a mapping on one line of YAML, sorted by key, because the engine's mappings have no order."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(node)}" for key, node in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
