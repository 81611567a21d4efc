"""What a run has found in BigQuery that its last run may not have known: for Fleet to judge, who knows that one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.datasets.project import Undeclared
from reconciler.datasets.takeover import Meeting


@dataclass(frozen=True)
class Findings:
    """The datasets that exist and are declared, and those of the project that are in no file."""

    meetings: tuple[Meeting, ...] = ()
    undeclared: tuple[Undeclared, ...] = ()
    unlisted: str | None = None
    """Why the project's datasets could not be listed."""
    forbidden: bool = False
    """Whether a dataset in no file is against the environment's policy."""

    def as_property(self) -> dict[str, Any]:
        """What they say, as JSON."""
        return {
            "meetings": [meeting.as_property() for meeting in self.meetings],
            "undeclared": {each.id: each.written_by or "" for each in self.undeclared},
            "unlisted": self.unlisted or "",
            "forbidden": self.forbidden,
        }

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read them back."""
        undeclared = said.get("undeclared", {}).items()
        return cls(
            tuple(Meeting.of(meeting) for meeting in said.get("meetings", ())),
            tuple(Undeclared(id_, writer or None) for id_, writer in undeclared),
            said.get("unlisted") or None,
            bool(said.get("forbidden")),
        )
