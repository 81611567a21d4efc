"""The resources of a stack's state: their types, names, and what they refer to.

A state is what `pulumi stack export` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Resource = Mapping[str, Any]

DYNAMIC = "pulumi-python:dynamic/"

STACK = "pulumi:pulumi:Stack"
PREFLIGHT = f"{DYNAMIC}reconciler:Preflight"
OUTCOME = f"{DYNAMIC}reconciler:Outcome"

#: The types of a unit's resources, which are named after the unit.
OF_UNIT = tuple(f"{DYNAMIC}fivetran:{name}" for name in ("Package", "Connection", "Activation"))
#: Those of a dataset, named after the dataset.
OF_DATASET = ("gcp:bigquery/dataset:Dataset", f"{DYNAMIC}bigquery:DatasetAccess")
#: Those of a function that a unit calls, named after the function.
OF_FUNCTION = (
    "gcp:cloudfunctions/functionIamMember:FunctionIamMember",
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
)

#: The fields in which a resource names others that have to be in the same state.
REFERENCES = ("parent", "dependencies", "propertyDependencies", "deletedWith")
#: All fields that hold URNs.
_URNS = ("urn", "provider", "aliases", *REFERENCES)


def name_of(resource: Resource) -> str:
    """Return the name of a resource in its program. It may have `::` in it."""
    return str(resource["urn"]).split("::", 3)[3]


def prefix_of(urn: str) -> str:
    """Return the part of a URN that names the stack and the project."""
    return "::".join(urn.split("::")[:2]) + "::"


def references_of(resource: Resource) -> Iterator[str]:
    """Yield the URNs of what a resource depends on, its parent, and what it is deleted with."""
    for field in REFERENCES:
        yield from _texts(resource.get(field))


def change_urns(resource: Resource, change: Callable[[str, str], str | None]) -> dict[str, Any]:
    """Return a resource in which `change(field, urn)` replaces each URN; None removes it."""
    changed: dict[str, Any] = {}
    for field, value in resource.items():
        new = _changed(value, field, change) if field in _URNS else value
        if new is not None or value is None:
            changed[field] = new
    return changed


def _changed(node: Any, field: str, change: Callable[[str, str], str | None]) -> Any:
    if isinstance(node, Mapping):
        return {key: _changed(each, field, change) for key, each in node.items()}
    if isinstance(node, list):
        return [new for each in node if (new := _changed(each, field, change)) is not None]
    return change(field, node) if isinstance(node, str) else node


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping | list):
        for each in node.values() if isinstance(node, Mapping) else node:
            yield from _texts(each)
