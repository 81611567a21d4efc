"""Resolve references of each kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from reconciler.model import Reference, commands
from reconciler.model.errors import ReconcilerError


class Resolver(Protocol):
    """A place where secrets are kept. `kind` is the reference's key in YAML."""

    kind: str

    def resolve(self, reference: Reference) -> str:
        """Return the secret's value. Raises `LookupError` with what is missing and what to do, never a value."""


class EnvironmentResolver:
    """Read environment variables. The user raises the version when the value changes."""

    kind = "env"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def resolve(self, reference: Reference) -> str:
        """Return the variable's value.

        Raises `LookupError` with what to do when it is unset, empty, or no text.
        """
        value = self._environ.get(reference.name, "")
        if not value:
            raise LookupError(f"the environment variable {reference.name} is not set")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise LookupError(f"the environment variable {reference.name} is not UTF-8 text") from None
        return value


class PulumiConfigResolver:
    """Read the config that this process was configured with. A key without a namespace is the project's."""

    kind = "pulumi_config"

    #: The process's; every provider of a run is configured with the same.
    _get: Callable[[str], Any] | None = None

    @classmethod
    def use(cls, get: Callable[[str], Any]) -> None:
        """Take values from `get`, which answers None for a key that is not set."""
        cls._get = staticmethod(get)

    def resolve(self, reference: Reference) -> str:
        """Return the key's value. Raises `LookupError` with what to do when it is not set, or not a text."""
        if self._get is None:
            raise LookupError(f"the stack's config, which has {reference.name}, is not available here")
        value = self._get(reference.name)
        if not isinstance(value, str) or not value:
            what = "is not set" if value in (None, "") else "is not text"
            raise LookupError(
                f"{reference.name} {what} in the stack's config: "
                f"{commands.shell('pulumi', 'config', 'set', '--secret', reference.name)}, with --stack and the "
                "environment's name where another stack is selected"
            )
        return value


class SecretManagerResolver:
    """Read Google Secret Manager.

    Used for one operation, in which it fetches each version once.
    """

    kind = "secret"

    def __init__(self) -> None:
        self._values: dict[Reference, str] = {}

    def resolve(self, reference: Reference) -> str:
        """Return the version's value. Raises `LookupError` saying what is wrong and what to do."""
        if reference not in self._values:
            self._values[reference] = self._fetch(reference)
        return self._values[reference]

    def _fetch(self, reference: Reference) -> str:
        from reconciler.secrets.secret_manager import connect  # noqa: PLC0415 (Google's library takes its time)

        try:
            return connect().value(reference)
        except ReconcilerError as error:
            raise LookupError(str(error)) from None


class KeptByFivetranResolver:
    """Reject `{held_by: fivetran}` where a value is needed: only Fivetran has it."""

    kind = "held_by"

    def resolve(self, reference: Reference) -> str:
        """Raise `LookupError`, which says where the value is."""
        raise LookupError(
            f"only {reference.name} has this value: write a reference instead, such as {{secret: NAME, version: N}}"
        )


def resolvers() -> tuple[Resolver, ...]:
    """Return one resolver for each kind of reference, for one operation."""
    return SecretManagerResolver(), EnvironmentResolver(), PulumiConfigResolver(), KeptByFivetranResolver()
