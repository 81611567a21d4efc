"""References of the form `{pulumi_config: KEY}`: the stack's own config, as `pulumi config set --secret` fills it.

The engine hands the whole config, decrypted, to a dynamic provider's `configure`, and keeps it encrypted in state as
the provider's inputs: that is the price of this kind, and nothing further of it is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler import commands
from reconciler.model import Reference


class PulumiConfigResolver:
    """Reads the config that this process was configured with. A key without a namespace is the project's."""

    kind = "pulumi_config"

    #: The process's; every provider of a run is configured with the same.
    _get: Callable[[str], Any] | None = None

    @classmethod
    def use(cls, get: Callable[[str], Any]) -> None:
        """Take values from `get`, which answers None for a key that is not set."""
        cls._get = staticmethod(get)

    def resolve(self, reference: Reference) -> str:
        """The key's value. Raises `LookupError` with what to do when it is not set, or not a text."""
        if self._get is None:
            raise LookupError(f"the stack's config, which has {reference.name}, is not at hand here")
        value = self._get(reference.name)
        if not isinstance(value, str) or not value:
            what = "is not set" if value in (None, "") else "is not a text"
            raise LookupError(
                f"{reference.name} {what} in the stack's config: "
                f"{commands.shell('pulumi', 'config', 'set', '--secret', reference.name)}, with --stack and the "
                "environment's name where another stack is selected"
            )
        return value
