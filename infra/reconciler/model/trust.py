"""What Fivetran is to trust of a source: TLS certificates and SSH host keys, as a connector's file declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from reconciler.model.reference import Json

#: In place of what is trusted: whatever the source presents while it is tested.
ANY: Final = "any"


@dataclass(frozen=True)
class Certificate:
    """A TLS certificate. Without its content, Fivetran has it already: only that it stays approved is looked at."""

    hash: str
    """SHA-256 of its DER in Base64: Fivetran's name for it."""
    encoded: str | None = None
    """Its DER in Base64."""
    subject: str = field(default="", compare=False)
    valid: str = field(default="", compare=False)
    """`<first day> to <last day>`."""

    def as_property(self) -> dict[str, Json]:
        """What state holds of it, in words a preview shows."""
        said = {"subject": self.subject, "valid": self.valid, "encoded_cert": self.encoded}
        return {key: value for key, value in said.items() if value}


@dataclass(frozen=True)
class HostKey:
    """The public key of an SSH host, as in a `.pub` file and without a comment."""

    hash: str
    """SHA-256 of the key's blob in Base64, unless the file says otherwise."""
    public_key: str

    def as_property(self) -> dict[str, Json]:
        """What state holds of it."""
        return {"public_key": self.public_key}


@dataclass(frozen=True)
class Trust:
    """What is trusted, by the words of the API. None leaves to Fivetran what is approved there."""

    certificates: tuple[Certificate, ...] | Literal["any"] | None = None
    fingerprints: tuple[HostKey, ...] | Literal["any"] | None = None

    @property
    def whatever_is_presented(self) -> tuple[str, ...]:
        """The kinds of which setup tests take anything for genuine."""
        kinds: Mapping[str, object] = {"certificates": self.certificates, "fingerprints": self.fingerprints}
        return tuple(kind for kind, declared in kinds.items() if declared == ANY)

    def as_property(self) -> dict[str, Json]:
        """What state holds: by kind and hash, or `any`."""
        kinds = {"certificates": self.certificates, "fingerprints": self.fingerprints}
        return {
            kind: ANY if isinstance(declared, str) else {each.hash: each.as_property() for each in declared}
            for kind, declared in kinds.items()
            if declared is not None
        }
