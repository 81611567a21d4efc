"""What every resolver is."""

from __future__ import annotations

from typing import Protocol

from reconciler.model import Reference


class Resolver(Protocol):
    """One place where secrets are kept. `kind` is the key that a reference has in YAML."""

    kind: str

    def resolve(self, reference: Reference) -> str:
        """The secret's value; raises `LookupError` saying what is missing and what to do, never a value."""
