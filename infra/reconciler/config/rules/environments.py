"""Check environments against each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from reconciler.config.specs import Specs
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model.errors import Problem

_DESTINATION = ("fivetran", "destination")
_GROUP = ("fivetran", "group")
_FORMERLY = ("fivetran", "formerly")


def check_shared_groups(specs: Specs) -> Iterator[Problem]:
    """Check that environments with one group declare the same destination and project."""
    by_group: dict[str, list[Document]] = defaultdict(list)
    for name, document in specs.environments.items():
        by_group[specs.group(name)].append(document)
    for group, (first, *others) in by_group.items():
        for other in others:
            for path in (
                ("gcp_project",),
                *((*_DESTINATION, key) for key in ("location", "region", "time_zone_offset")),
            ):
                yield from _same(group, first, other, path)


def check_former_groups(specs: Specs) -> Iterator[Problem]:
    """Find environments that call a group by the name that another one says it had."""
    for document in specs.environments.values():
        old = document.at(*_FORMERLY)
        if not isinstance(old, str):
            continue
        for other in specs.environments.values():
            if other.at(*_GROUP) == old and other is document:
                yield document.on_value(_FORMERLY, "`formerly` is the group's current name", "remove it")
            elif other.at(*_GROUP) == old:
                message = f"the group {shown(old)} has another name in {document.where(_GROUP)}"
                yield other.on_value(_GROUP, message, "write the new name here too: a group has one name")


def _same(group: str, first: Document, other: Document, path: Path) -> Iterator[Problem]:
    one, two = first.at(*path), other.at(*path)
    if isinstance(one, str) and isinstance(two, str) and one.lower() != two.lower():
        for document, counterpart in ((first, other), (other, first)):
            message = f"the group {shown(group)} has another {shown(path[-1])} in {counterpart.where(path)}"
            yield document.on_value(
                path, message, "write the same value in both files: a Fivetran group has one destination"
            )
