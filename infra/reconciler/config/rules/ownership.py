"""Find two files that claim one thing; check `formerly`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.config.specs import Specs
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.model.errors import Problem, printable

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Claim(Generic[Key]):
    """What one place in a file claims."""

    key: Key
    document: Document
    path: Path

    @property
    def where(self) -> str:
        """`file:line`."""
        return self.document.where(self.path)


def find_conflicts(claims: Iterable[Claim[Key]]) -> Iterator[tuple[Claim[Key], Claim[Key]]]:
    """Yield every claim that shares its key, each with another one of the same key."""
    by_key: dict[Key, list[Claim[Key]]] = defaultdict(list)
    for claim in claims:
        by_key[claim.key].append(claim)
    for same in by_key.values():
        if len(same) > 1:
            first, second, *_ = same
            yield from ((claim, second if claim is first else first) for claim in same)


_FORMERLY = ("formerly",)


def check_former_names(specs: Specs) -> Iterator[Problem]:
    """Check that one file has what the former unit made, and that no file still has the former name."""
    claims = []
    for unit in specs.all_units():
        former = unit.at(*_FORMERLY)
        if not isinstance(former, str):
            continue
        if former == unit.name:
            yield unit.on_value(_FORMERLY, f"{shown(former)} is the unit's current name", "remove `formerly`")
        elif not unit.has("connector") and unit.at("dataset", "id") is None:
            message = "without a connector the file's stem is the dataset's id, and BigQuery cannot rename a dataset"
            yield unit.on_key(_FORMERLY, message, f"keep the id: `dataset: {{id: {printable(former)[:60]}}}`")
        elif former in specs.names[unit.environment]:
            message = f"the unit {shown(former)} still exists in {unit.environment}"
            yield unit.on_value(_FORMERLY, message, "delete that unit's file, or remove `formerly`")
        else:
            claims.append(Claim((unit.environment, former), unit, _FORMERLY))
    for claim, other in find_conflicts(claims):
        message = f"another unit has `formerly: {printable(claim.key[1])[:60]}` too: {other.where}"
        yield claim.document.on_value(_FORMERLY, message, "remove `formerly` from one of the two files")
