"""How the plugin compares: access lists as sets, maps by key. Paths are those of the engine's detailed diff."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping

from reconciler.simulator.gcp.access import PREDEFINED_ROLES
from reconciler.simulator.gcp.plugin import Change, Kind, is_unknown
from reconciler.simulator.gcp.state import Json


def _access_key(entry: Mapping[str, Json]) -> str:
    """What makes two entries the same to the plugin: role names by either name, e-mail addresses in any case."""
    same = {key: _without_empty(value) for key, value in entry.items() if value not in (None, "", [], {})}
    if "role" in same:
        same["role"] = PREDEFINED_ROLES.get(same["role"], same["role"])
    for key in ("userByEmail", "groupByEmail"):
        if key in same:
            same[key] = str(same[key]).lower()
    return json.dumps(same, sort_keys=True)


def _without_empty(value: Json) -> Json:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_empty(item) for key, item in value.items() if item not in (None, "", [], {})}


def in_set_order(entries: list[Json]) -> list[Json]:
    """The plugin answers a set in the order of hashes, not as it was written."""
    if isinstance(entries, str) or is_unknown(entries):
        return entries
    return sorted((dict(entry) for entry in entries), key=lambda entry: zlib.crc32(_access_key(entry).encode()))


def access_changes(olds: Json, news: Json) -> dict[str, Change]:
    """Entries that go (by their place in the state) and come (by their place in the inputs); order is no difference."""
    if isinstance(news, str):
        return {"accesses": Change(Kind.UPDATE)}
    before, after = {_access_key(old) for old in olds}, {_access_key(new) for new in news}
    removed = {f"accesses[{i}]": Change(Kind.DELETE) for i, old in enumerate(olds) if _access_key(old) not in after}
    added = {f"accesses[{i}]": Change(Kind.ADD) for i, new in enumerate(news) if _access_key(new) not in before}
    both = {path: Change(Kind.UPDATE) for path in removed.keys() & added.keys()}
    return {**removed, **added, **both}


def map_changes(name: str, olds: Mapping[str, Json], news: Mapping[str, Json]) -> dict[str, Change]:
    """Keys that come, go or change."""
    return {
        f'{name}["{key}"]' if re.search(r"[^\w-]", key) else f"{name}.{key}": Change(
            kind_of(key not in olds, key not in news)
        )
        for key in sorted({*olds, *news})
        if olds.get(key) != news.get(key)
    }


def kind_of(was_unset: bool, is_unset: bool) -> Kind:
    """The kind of a change of one value."""
    return Kind.ADD if was_unset else Kind.DELETE if is_unset else Kind.UPDATE
