"""What an IAM policy says, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Binding:
    """A role, who has it, and the title of the condition under which they do, if there is one."""

    role: str
    members: tuple[str, ...]
    condition: str | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Read a Binding (IAM v1)."""
        condition = data.get("condition")
        title = str(condition.get("title") or condition.get("expression", "")) if condition else None
        return cls(str(data["role"]), tuple(map(str, data.get("members", ()))), title)


@dataclass(frozen=True)
class Holder:
    """A project, folder or organisation with its bindings. None: nobody with these credentials may see them."""

    name: str
    """`projects/<id>`, `folders/<number>` or `organizations/<number>`."""
    display_name: str
    bindings: tuple[Binding, ...] | None
    denied: str = ""
    """Why the bindings may not be seen, in our own words."""
    unmasked_denial: str = ""
    """What Google said about it. It may quote a secret: only what masks it first may show it."""

    def __str__(self) -> str:
        kind, _, id_ = self.name.partition("/")
        said = f" ({self.display_name})" if self.display_name not in ("", id_) else ""
        return f"{'organisation' if kind == 'organizations' else kind.removesuffix('s')} {id_}{said}"
