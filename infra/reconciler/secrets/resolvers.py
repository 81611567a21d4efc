"""Every place that a reference can name."""

from __future__ import annotations

from reconciler.errors import ReconcilerError
from reconciler.model import Reference
from reconciler.secrets.environment import EnvironmentResolver
from reconciler.secrets.pulumi_config import PulumiConfigResolver
from reconciler.secrets.resolver import Resolver


class SecretManagerResolver:
    """References of the form `{secret: NAME, version: N, project: P}`: Google Secret Manager.

    Lives as long as the operation that needs values, and fetches each once.
    """

    kind = "secret"

    def __init__(self) -> None:
        self._values: dict[Reference, str] = {}

    def resolve(self, reference: Reference) -> str:
        """The version's value. Raises `LookupError` saying what is wrong and what to do."""
        if reference not in self._values:
            self._values[reference] = self._fetch(reference)
        return self._values[reference]

    def _fetch(self, reference: Reference) -> str:
        from reconciler.secrets.secret_manager import connect  # noqa: PLC0415 (Google's library takes its time)

        try:
            return connect().value(reference)
        except ReconcilerError as error:
            raise LookupError(str(error)) from None


class HeldResolver:
    """References of the form `{held_by: fivetran}`, which stand for nothing that could be sent."""

    kind = "held_by"

    def resolve(self, reference: Reference) -> str:
        """Raises `LookupError`: whoever needs the value has to be told where it is."""
        raise LookupError(f"only {reference.name} has this value: write where it is kept, {{secret: NAME, version: N}}")


def resolvers() -> tuple[Resolver, ...]:
    """One resolver for each kind of reference, for one operation."""
    return SecretManagerResolver(), EnvironmentResolver(), PulumiConfigResolver(), HeldResolver()
