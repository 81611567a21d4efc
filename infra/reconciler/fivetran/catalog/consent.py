"""Whether a person has to authorise a connection in a browser: one line of a service's file, kept by hand.

    never
    always
    unless auth
    unless auth or api_token
    unless auth or auth_type = ServiceAccount

`auth` stands for the connector's whole `auth`, any other name for a dotted path in `config`: that it is there, or that
it has a value. The API's metadata does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from reconciler.fivetran.enum_spelling import enumeration

_UNLESS = "unless "
_CONDITION = re.compile(r"(?P<path>[^\s=]+)(?: = (?P<value>\S+))?")


@dataclass(frozen=True)
class Condition:
    """A path that is there, or that has a value."""

    path: str
    value: str | None = None

    def holds(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Whether it does for this connection."""
        if self.path == "auth" and self.value is None:
            return has_auth
        found: object = config
        for step in self.path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if self.value is None:
            return found not in (None, "", [], {})
        return isinstance(found, str) and enumeration(found) == enumeration(self.value)

    def __str__(self) -> str:
        return self.path if self.value is None else f"{self.path} = {self.value}"


@dataclass(frozen=True)
class Consent:
    """Needed unless one of the conditions holds; without any, always or never."""

    by_default: bool
    unless: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the line. Raises ValueError with what is wrong."""
        if text in ("never", "always"):
            return cls(text == "always")
        parts = text.removeprefix(_UNLESS).split(" or ") if text.startswith(_UNLESS) else []
        found = [_CONDITION.fullmatch(part) for part in parts]
        if not found or None in found:
            raise ValueError("`consent`: never, always or unless …, as in: unless auth or auth_type = ServiceAccount")
        return cls(True, tuple(Condition(match["path"], match["value"]) for match in found if match))

    def needed(self, config: Mapping[str, object], has_auth: bool) -> bool:
        """Whether a person has to give it. A reference in `config` counts as a value that is there."""
        return self.by_default and not any(condition.holds(config, has_auth) for condition in self.unless)

    def __str__(self) -> str:
        if not self.unless:
            return "always" if self.by_default else "never"
        return _UNLESS + " or ".join(str(condition) for condition in self.unless)
