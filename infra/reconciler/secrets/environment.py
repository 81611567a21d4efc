"""References of the form `{env: NAME, version: N}`: the value of an environment variable of the running process."""

from __future__ import annotations

import os
from collections.abc import Mapping

from reconciler.model import Reference


class EnvironmentResolver:
    """Reads environment variables. The version is the user's own count: raising it says that the value changed."""

    kind = "env"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def resolve(self, reference: Reference) -> str:
        """The variable's value. Raises `LookupError` with what to do when it is unset, empty, or no text."""
        value = self._environ.get(reference.name, "")
        if not value:
            raise LookupError(f"the environment variable {reference.name} is not set")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise LookupError(f"the environment variable {reference.name} is no text in UTF-8") from None
        return value
