"""A dataset's access list in the plugin: a set of entries, each with all fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from simulator.google.access import PREDEFINED_ROLES
from simulator.google.plugin import UNKNOWN, Change, Kind, Properties
from simulator.google.state import Json

_TEXTS = ("domain", "groupByEmail", "iamMember", "role", "specialGroup", "userByEmail")
#: The blocks of an entry: the fields of each, and the plugin's names of its required fields.
_BLOCKS: Mapping[str, Mapping[str, str | None]] = {
    "condition": {"expression": "expression", "title": None, "description": None, "location": None},
    "dataset": {"dataset": "dataset", "targetTypes": "target_types"},
    "routine": {"projectId": "project_id", "datasetId": "dataset_id", "routineId": "routine_id"},
    "view": {"projectId": "project_id", "datasetId": "dataset_id", "tableId": "table_id"},
}
#: All fields, in the order of the plugin's names, by which sets are sorted.
_FIELDS = (
    "condition",
    "dataset",
    "domain",
    "groupByEmail",
    "iamMember",
    "role",
    "routine",
    "specialGroup",
    "userByEmail",
    "view",
)
_ADDRESSES = ("userByEmail", "groupByEmail")


def planned_set(old: Json, new: Json) -> Json:
    """Return the set in state after a write of the entries `new`, before BigQuery's own changes.

    Entries that differ in spelling only change nothing. Otherwise, the unset texts of new entries are empty, and those
    of other entries are null.
    """
    if old is None:
        return in_set_order(_filled(entry, "") for entry in new)
    before = {key_of(entry) for entry in old}
    if before == {key_of(entry) for entry in new}:
        return kept_set(old)
    return in_set_order(_filled(entry, None if key_of(entry) in before else "") for entry in new)


def kept_set(entries: Iterable[Mapping[str, Json]]) -> list[Json]:
    """Return the set in state with its nulls, which the wire format drops."""
    return [_filled(entry, None) for entry in entries]


def live_set(access: Iterable[Mapping[str, Json]]) -> list[Json]:
    """Return the set in state after a read: addresses in lower case."""
    return in_set_order(_filled(sent(entry), "") for entry in access)


def sent(entry: Mapping[str, Json]) -> Properties:
    """Return an entry for a request: without empty fields, addresses in lower case."""
    given = {key: _without_empty(value) for key, value in entry.items() if value not in (None, "", [], {})}
    return {key: value.lower() if key in _ADDRESSES else value for key, value in given.items()}


def imported(entry: Mapping[str, Json]) -> Properties:
    """Return the set fields of an entry, for an import."""
    return sent(entry)


def set_changes(path: str, olds: Iterable[Mapping[str, Json]], news: Iterable[Mapping[str, Json]]) -> dict[str, Change]:
    """Return the difference of two sets: of the whole set if an entry is new, else by place in state.

    The bridge looks for each new entry in the inputs. It compares all fields, and inputs lack the empty ones, so it
    never finds one.
    """
    olds = list(olds)
    before, after = {key_of(old) for old in olds}, {key_of(new) for new in news}
    if after - before:
        return {path: Change(Kind.UPDATE)}
    return {f"{path}[{place}]": Change(Kind.DELETE) for place, old in enumerate(olds) if key_of(old) not in after}


def key_of(entry: Mapping[str, Json]) -> str:
    """Return a key for equal entries: roles by either name, e-mail addresses in any case."""
    same = sent(entry)
    if "role" in same:
        same["role"] = PREDEFINED_ROLES.get(same["role"], same["role"])
    return json.dumps(same, sort_keys=True)


def in_set_order(entries: Iterable[Mapping[str, Json]]) -> list[Json]:
    """Sort entries as the bridge does, by their fields."""
    return sorted(entries, key=lambda entry: [_rank(entry.get(name), name in _BLOCKS) for name in _FIELDS])


def matched(inputs: list[Json], outputs: list[Json]) -> list[Json]:
    """Return inputs after a refresh: each entry with the values of the most similar live one."""
    scored = [(-_in_common(old, new), at, place) for at, old in enumerate(inputs) for place, new in enumerate(outputs)]
    places: dict[int, int] = {}
    for _, at, place in sorted(scored):
        if at not in places and place not in places.values():
            places[at] = place
    return [{key: outputs[places[at]].get(key) for key in entry} for at, entry in enumerate(inputs) if at in places]


def lacking(entries: Json) -> Iterator[tuple[str, str]]:
    """Yield missing required fields, by the plugin's name and by Pulumi's path."""
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        for block, fields in _BLOCKS.items():
            given = entry.get(block) if isinstance(entry, Mapping) else None
            if isinstance(given, Mapping):
                for field, name in fields.items():
                    if name is not None and given.get(field) is None:
                        yield f"access.{number}.{block}.0.{name}", f"accesses[{number}].{block}.{field}"


def has_unknown_key(entries: Json) -> bool:
    """Return whether an entry has an unknown field."""
    return any(
        key not in _FIELDS or (isinstance(value, Mapping) and not {*value} <= {*_BLOCKS.get(key, ())})
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, Mapping)
        for key, value in entry.items()
    )


def _filled(entry: Mapping[str, Json], unset: str | None) -> Properties:
    """Return an entry with all fields: missing texts are `unset`, those of a condition empty."""
    given = {name: value for name, value in entry.items() if value is not None}
    if isinstance(given.get("condition"), Mapping):
        given["condition"] = {**dict.fromkeys(_BLOCKS["condition"], ""), **given["condition"]}
    return {**dict.fromkeys(_FIELDS), **dict.fromkeys(_TEXTS, unset), **given}


def _rank(value: Json, is_block: bool) -> tuple[int, str]:
    """Sort present blocks before missing ones, and texts before nulls."""
    if is_block:
        return (1, "") if value is None else (0, json.dumps(value, sort_keys=True))
    return (1, "") if value is None else (0, str(value))


def _in_common(old: Mapping[str, Json], new: Mapping[str, Json]) -> int:
    return sum(1 + 2 * (old[key] == new[key]) for key in old if key in new)


def _without_empty(value: Json) -> Json:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_empty(item) for key, item in value.items() if item not in (None, "", [], {})}


def is_known(entries: Json) -> bool:
    """Return whether the number of entries is known."""
    return bool(entries != UNKNOWN)
