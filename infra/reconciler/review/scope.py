"""What a quick review looks at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """What a quick review looks at, and what it leaves to the full one."""

    looked_at: tuple[str, ...]
    """Units that changed, were added, renamed or removed; sorted."""
    not_looked_at: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it looks at every unit, by the keys of `plan.sources.REASONS`; empty where it looks only at changed ones."""
