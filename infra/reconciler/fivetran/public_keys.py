"""Read and write certificates and SSH public keys. Pure.

A text with a private key is rejected before any other check, and no message quotes it. `cryptography` is imported on
first use, because few files need it and the import takes a tenth of a second.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from datetime import UTC, date, datetime

from reconciler.model import Certificate, HostKey

#: The types of SSH keys that hosts have. Others are rejected.
KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")

#: How private keys begin: in PEM, OpenSSH's and PuTTY's formats, and the last two in Base64 alone.
_PRIVATE = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|b3BlbnNzaC1rZXktdjE|openssh-key-v1", re.IGNORECASE)
#: Base64 has no hyphen, so what follows a first line is read once, and not again from each first line in it.
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----([^-]*)-----END \1-----")
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE")
_LINE = 64


class Unusable(Exception):
    """A text without a certificate or key to trust: the problem and the hint."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def read_certificates(text: str) -> list[Certificate]:
    """Read every certificate of a text in PEM, and ignore the text between them. Raises `Unusable`."""
    reject_private_key(text)
    blocks = _BLOCK.findall(text)
    if not blocks:
        hint = "give it in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
        raise Unusable("no certificate in PEM", f"{hint}; convert a binary file with `openssl x509 -inform der`")
    for label, _ in blocks:
        if label not in _CERTIFICATE:
            raise Unusable(f"a {label.lower()} in place of a certificate", "remove it")
    return [_certificate("".join(content.split())) for _, content in blocks]


def read_certificate(encoded: str) -> Certificate:
    """Read a certificate from its DER in Base64. Raises `Unusable`."""
    return _certificate(encoded)


def read_host_keys(text: str) -> list[HostKey]:
    """Read every public key of a text: one per line, as in a `.pub` file or as `ssh-keyscan` prints them.

    Raises `Unusable`.
    """
    reject_private_key(text)
    lines = [line.strip() for line in text.splitlines()]
    keys = [_host_key(line) for line in lines if line and not line.startswith("#")]
    if not keys:
        raise Unusable("no SSH public key", "give a line such as `ssh-ed25519 AAAA…`")
    return keys


def pem(certificate: Certificate) -> str:
    """Return a certificate's content in PEM. Raises ValueError if only its hash is known."""
    if certificate.encoded is None:
        raise ValueError(f"the content of {certificate.hash} is not known")
    lines = (certificate.encoded[at : at + _LINE] for at in range(0, len(certificate.encoded), _LINE))
    return "".join(f"{line}\n" for line in ("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"))


def is_hash(text: str) -> bool:
    """Return whether a text is a SHA-256 in Base64."""
    try:
        return len(base64.b64decode(text, validate=True)) == hashlib.sha256().digest_size
    except (ValueError, binascii.Error):
        return False


def same_hash(one: str, other: str) -> bool:
    """Return whether two hashes are equal, in any alphabet and padding of Base64."""
    return _plain(one) == _plain(other)


def out_of_date(certificate: Certificate, day: date) -> str | None:
    """Return why a certificate is not valid on a day; None if it is."""
    if not certificate.valid:
        return None
    since, _, until = certificate.valid.partition(" to ")
    if day < date.fromisoformat(since):
        return f"is not valid before {since}"
    return f"expired after {until}" if day > date.fromisoformat(until) else None


def hex_of(hash_: str) -> str:
    """Format a hash as `openssl x509 -fingerprint -sha256` prints it."""
    return base64.b64decode(hash_).hex(":").upper() if is_hash(hash_) else hash_


def reject_private_key(text: str) -> None:
    """Raise `Unusable` for a text that contains a private key."""
    if _PRIVATE.search(text):
        raise Unusable(
            "a PRIVATE key, which must not be in a file of this repository",
            "remove it, replace the key pair, because git keeps this one, and write the public key",
        )


def _certificate(encoded: str) -> Certificate:
    from cryptography import x509  # noqa: PLC0415
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.utils import CryptographyDeprecationWarning  # noqa: PLC0415

    try:
        der = base64.b64decode(encoded, validate=True)
        # The library warns about oddities that do not matter here, and raises for an unreadable certificate.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            warnings.simplefilter("ignore", UserWarning)
            certificate = x509.load_der_x509_certificate(der)
            subject = certificate.subject.rfc4514_string()
            content = certificate.public_bytes(serialization.Encoding.DER)
            certificate.public_key()
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        raise Unusable("no certificate that can be read", "copy the whole of it, unchanged") from None
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Certificate(
        hash=_sha256(content),
        encoded=base64.b64encode(content).decode(),
        subject=subject or f"serial number {certificate.serial_number:x}",
        valid=f"{_day(since)} to {_day(until)}",
    )


def _host_key(line: str) -> HostKey:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    words = line.split()
    if words[0].startswith("@"):
        raise Unusable("a line with a marker of known_hosts", "give the host's own public key")
    at = next((index for index, word in enumerate(words[:2]) if word in KEY_TYPES), None)
    if at is None or at + 1 >= len(words):
        raise Unusable("no SSH public key of a known type", f"a line begins with one of {', '.join(KEY_TYPES)}")
    type_, blob = words[at], words[at + 1]
    try:
        key = serialization.load_ssh_public_key(f"{type_} {blob}".encode())
        public = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    except (ValueError, TypeError, UnicodeError, UnsupportedAlgorithm):
        raise Unusable(f"no {type_} key that can be read", "copy the whole line, unchanged") from None
    return HostKey(_sha256(base64.b64decode(public.split()[1])), public)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _plain(hash_: str) -> str:
    return hash_.rstrip("=").replace("-", "+").replace("_", "/")
