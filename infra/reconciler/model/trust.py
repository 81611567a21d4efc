"""The TLS certificates and SSH host keys that a connector's file declares as trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from reconciler.model.reference import Json

#: Instead of certificates or keys: trust any that the source presents during setup tests.
ANY: Final = "any"


@dataclass(frozen=True)
class Certificate:
    """A TLS certificate.

    Without its content, Fivetran must have it: runs only check that it is still approved.
    """

    hash: str
    """SHA-256 of its DER in Base64, by which Fivetran identifies it."""
    encoded: str | None = None
    """Its DER in Base64."""
    subject: str = field(default="", compare=False)
    valid: str = field(default="", compare=False)
    """`<first day> to <last day>`."""

    def as_property(self) -> dict[str, Json]:
        """Return the form for state, which previews show."""
        fields = {"subject": self.subject, "valid": self.valid, "encoded_cert": self.encoded}
        return {key: value for key, value in fields.items() if value}


@dataclass(frozen=True)
class HostKey:
    """The public key of an SSH host, as in a `.pub` file without a comment."""

    hash: str
    """SHA-256 of the key's blob in Base64, unless the file has another hash."""
    public_key: str

    def as_property(self) -> dict[str, Json]:
        """Return the form for state."""
        return {"public_key": self.public_key}


@dataclass(frozen=True)
class Trust:
    """Trusted certificates and host keys, by the API's names. With None, runs do not change the approvals."""

    certificates: tuple[Certificate, ...] | Literal["any"] | None = None
    fingerprints: tuple[HostKey, ...] | Literal["any"] | None = None

    @property
    def kinds_trusting_any(self) -> tuple[str, ...]:
        """The kinds (certificates, fingerprints) of which setup tests accept whatever is presented."""
        kinds: Mapping[str, object] = {"certificates": self.certificates, "fingerprints": self.fingerprints}
        return tuple(kind for kind, declared in kinds.items() if declared == ANY)

    def as_property(self) -> dict[str, Json]:
        """Return the form for state: by kind and hash, or `any`."""
        kinds = {"certificates": self.certificates, "fingerprints": self.fingerprints}
        return {
            kind: ANY if isinstance(declared, str) else {each.hash: each.as_property() for each in declared}
            for kind, declared in kinds.items()
            if declared is not None
        }
