"""Certificates and SSH keys for tests, made on the spot; none of them opens anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

FROM, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Authority:
    """A certificate with its private key, which can issue others."""

    certificate: x509.Certificate
    key: ed25519.Ed25519PrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str, since: datetime = FROM, until: datetime = UNTIL) -> Authority:
        """A certificate that this one signs."""
        return _made(name, since, until, self)


def authority(name: str = "Example CA", since: datetime = FROM, until: datetime = UNTIL) -> Authority:
    """A self-signed certificate."""
    return _made(name, since, until, None)


def private_key() -> str:
    """A private key, in PEM."""
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def host_key() -> str:
    """An SSH public key without a comment."""
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _made(name: str, since: datetime, until: datetime, issuer: Authority | None) -> Authority:
    key = ed25519.Ed25519PrivateKey.generate()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(issuer.key if issuer else key, None)
    )
    return Authority(certificate, key)
