"""Whether something that exists is adopted, and how its differences from the file are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.fivetran.config_diff import Difference
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run


class ConnectionDiffers(OperationError):
    """A connection that exists, differs from the file, and may not be changed.

    `str` names no lines: state has it.
    """

    def __init__(self, name: str, live: Connection, differing: Iterable[Difference]) -> None:
        self._name, self._id, self._differing = name, live.id, tuple(differing)
        super().__init__(self._text(map(str, self._differing)), at=("connector", "destination"))

    def shown(self, file: str) -> str:
        """Return the text with the line of each difference."""
        return self._text(in_lines(file, self._differing))

    def _text(self, differing: Iterable[str]) -> str:
        return (
            f"the connection {self._name} exists ({self._id}) and differs from the file:"
            + "".join(f"\n    {difference}" for difference in differing)
            + "\n    Adopting writes nothing. Make the file match, or write "
            f"`adopt: {{connection: {self._id}, apply_changes: true}}` to change the connection."
        )


@dataclass(frozen=True)
class AdoptionDecision:
    """Whether a connection that exists is adopted, and what of its unit's file is then written into it."""

    name: str
    live: Connection
    differences: tuple[Difference, ...]
    """What the connection has otherwise than the file, as far as the caller compared it."""
    may_change: bool
    """Whether the file allows that the connection is changed to match it."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """What of `config` is sent. References stand where secrets do."""
    auth: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    pauses: bool = False
    """Whether the connection is paused, as a new one is created: nothing syncs before its tables are as declared."""

    @property
    def is_rejected(self) -> bool:
        """Whether the connection differs, and the file does not allow to change it."""
        return bool(self.differences) and not self.may_change

    def raise_if_rejected(self) -> None:
        """Raise `ConnectionDiffers` where the connection is not adopted."""
        if self.is_rejected:
            raise ConnectionDiffers(self.name, self.live, self.differences)


def in_lines(file: str, differing: Iterable[Difference]) -> list[str]:
    """Return each difference with its place in the unit's file, where that is known."""
    return [run.declared.at_line(str(each), file, "connector", each.path) for each in differing]
