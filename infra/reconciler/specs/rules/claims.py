"""Things that only one place may claim. Both places are told: either may be the wrong one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.specs.document import Document, Path

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Claim(Generic[Key]):
    """One place in one file, and what it claims."""

    key: Key
    document: Document
    path: Path

    @property
    def where(self) -> str:
        """`file:line`."""
        return self.document.where(self.path)


def conflicts(claims: Iterable[Claim[Key]]) -> Iterator[tuple[Claim[Key], Claim[Key]]]:
    """Every claim that is not alone, with the first other one of the same key."""
    by_key: dict[Key, list[Claim[Key]]] = defaultdict(list)
    for claim in claims:
        by_key[claim.key].append(claim)
    for same in by_key.values():
        if len(same) > 1:
            first, second, *_ = same
            yield from ((claim, second if claim is first else first) for claim in same)
