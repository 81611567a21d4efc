"""What a check of `reconciler doctor` found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: `failed`: something does not work. `warning`: it needs attention, or could not be checked.
Level = Literal["ok", "warning", "failed"]

#: Whose token or credentials see the policies that a check needs.
NEEDS_REVIEWER = "run this with roles/iam.securityReviewer there"


@dataclass(frozen=True)
class Check:
    """What one check found."""

    check: str
    level: Level
    text: str
    to_do: str | None = None
    reading: Mapping[str, object] | None = None
    """The access that a check found, as the JSON output has it."""
    unanswered: bool = False
    """Whether Fivetran or Google failed, so that the check has no result."""

    @property
    def record(self) -> Mapping[str, object]:
        """The result as the JSON output has it."""
        return {
            "check": self.check,
            "level": self.level,
            "text": self.text,
            "to_do": self.to_do,
            "reading": self.reading,
        }
