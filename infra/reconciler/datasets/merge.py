"""The access list to write: what is declared, and what of the live list stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.access import Entry, foreign_entries, with_owner
from reconciler.datasets.entries import key, normal


def merged(
    declared: Iterable[Entry], live: Iterable[Mapping[str, Any]], kept_as: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the list that a dataset is to have, its entries in the order of the live one where they are there.

    Args:
        declared: The people, groups and service accounts that are to have access.
        live: The list as BigQuery answers it; of it the authorised views, routines and datasets stay.
        kept_as: By `key` of an entry the one that BigQuery made of it when it was sent (a group's other address).
    """
    live = list(live)
    there = {key(entry) for entry in live}
    wanted: dict[str, dict[str, Any]] = {}
    for entry in with_owner(declared):
        kept = kept_as.get(key(entry))
        chosen = kept if kept is not None and key(entry) not in there and key(kept) in there else entry
        wanted[key(chosen)] = normal(chosen)
    wanted |= {key(entry): entry for entry in foreign_entries(live)}
    in_order = [each for each in (key(entry) for entry in live) if each in wanted]
    return [wanted[each] for each in dict.fromkeys([*in_order, *wanted])]
