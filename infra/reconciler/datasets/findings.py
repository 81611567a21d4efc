"""What a run has found in BigQuery that its last run may not have known: for Fleet to judge, who knows that one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

from reconciler.datasets.expected import Expected
from reconciler.datasets.project import Undeclared


@dataclass(frozen=True)
class Findings:
    """What files declare of datasets, which of these exist, and the datasets of the project that are in no file."""

    declared: tuple[Expected, ...] = ()
    existing: frozenset[str] = frozenset()
    """The ids of the declared datasets that exist."""
    undeclared: tuple[Undeclared, ...] = ()
    forbidden: bool = False
    """Whether a dataset in no file is against the environment's policy."""
    unread: tuple[str, ...] = ()
    """The environments whose files have faults: what they declare is not known."""

    def as_text(self) -> str:
        """What they say, in JSON: of a thousand datasets that is one input for the engine and not tens of thousands."""
        said = {
            "declared": [expected.as_json() for expected in self.declared],
            "existing": sorted(self.existing),
            "undeclared": {each.id: each.written_by for each in self.undeclared},
            "forbidden": self.forbidden,
            "unread": self.unread,
        }
        return json.dumps(said)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read them back."""
        said = json.loads(text)
        return cls(
            tuple(Expected.of(expected) for expected in said["declared"]),
            frozenset(said["existing"]),
            tuple(Undeclared(id_, writer) for id_, writer in said["undeclared"].items()),
            said["forbidden"],
            tuple(said["unread"]),
        )
