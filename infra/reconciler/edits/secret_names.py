"""The names that an environment gives to its secrets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reconciler.model import Fleet, references

_DEFAULT = "fivetran-"


def secret_prefix(fleets: Iterable[Fleet]) -> str:
    """Return the prefix of most secrets named after their unit; `fivetran-` if none is."""
    found: Counter[str] = Counter()
    for fleet in fleets:
        for unit in fleet.units:
            for tree in unit.connector.trees.values() if unit.connector is not None else ():
                for path, reference in references(tree):
                    tail = secret_name("", unit.name, path)
                    if reference.kind == "secret" and reference.name.endswith(tail):
                        found[reference.name.removesuffix(tail)] += 1
    return found.most_common(1)[0][0] if found else _DEFAULT


def secret_name(prefix: str, unit: str, path: str) -> str:
    """Return the name of a unit's secret for the value at a dotted path: `fivetran-shop-api-key`."""
    key = path.rpartition(".")[2]
    return f"{prefix}{unit}-{key}".replace("_", "-")
