"""What a run has found in BigQuery that its last run may not have known: for Fleet to judge, who knows that one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

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
    unread: tuple[str, ...] = ()
    """The environments whose files have faults: what they declare is not known."""

    def as_text(self) -> str:
        """What they say, in JSON: of a thousand datasets that is one input for the engine and not tens of thousands."""
        said = {
            "meetings": [meeting.as_json() for meeting in self.meetings],
            "undeclared": {each.id: each.written_by for each in self.undeclared},
            "unlisted": self.unlisted,
            "forbidden": self.forbidden,
            "unread": self.unread,
        }
        return json.dumps(said)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read them back."""
        said = json.loads(text)
        return cls(
            tuple(Meeting.of(meeting) for meeting in said["meetings"]),
            tuple(Undeclared(id_, writer) for id_, writer in said["undeclared"].items()),
            said["unlisted"],
            said["forbidden"],
            tuple(said["unread"]),
        )
