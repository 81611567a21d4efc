"""What a host presented when a setup test failed: ready to be pasted into the unit's file.

Only what reads as a certificate or as a public key is shown, and as written here anew: details are Fivetran's text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.fivetran import public_keys
from reconciler.fivetran.api import SetupTest
from reconciler.model import Certificate, HostKey

#: Keys of details that a certificate or a host key is described by.
_OF_TRUST = frozenset({"encoded_cert", "public_key"})


def snippet(test: SetupTest) -> str:
    """Return the `trust` that approves what a test was shown; nothing if it was shown nothing."""
    lines: list[str] = []
    certificates = list(_certificates(test.details))
    if certificates:
        lines.append("  certificates:")
        for each in certificates:
            lines.append(f"    # {summary(each)}")
            lines.append("    - pem: |")
            lines += [f"        {line}" for line in public_keys.pem(each).splitlines()]
    keys = list(_host_keys(test.details))
    if keys:
        lines.append("  fingerprints:")
        for key, differs in keys:
            hash_ = f", hash: {key.hash}" if differs else ""
            lines.append(f"    - {{key: {key.public_key}{hash_}}}")
    return "\n".join(["trust:", *lines]) if lines else ""


def summaries(test: SetupTest) -> list[str]:
    """Describe each certificate or key that a setup test was shown, in a few words."""
    keys = [f"host key {key.public_key.split()[0]} {key.hash}" for key, _ in _host_keys(test.details)]
    return [*(f"certificate {each.subject} ({each.valid}, {each.hash})" for each in _certificates(test.details)), *keys]


def summary(certificate: Certificate) -> str:
    """Describe a certificate by its subject, its days and both spellings of its hash."""
    hash_ = certificate.hash
    return f"{certificate.subject}, valid {certificate.valid}, hash {hash_}, SHA-256 {public_keys.hex_of(hash_)}"


def other_details(test: SetupTest) -> str:
    """Return what the details say that is neither a certificate nor a key, in one line."""
    return "; ".join(
        str(value) if key == "message" else f"{key}: {value}"
        for each in test.details
        if not _OF_TRUST & each.keys()
        for key, value in each.items()
        if isinstance(value, str | int | float)
    )


def _certificates(details: Iterable[Mapping[str, object]]) -> Iterator[Certificate]:
    for each in details:
        encoded = each.get("encoded_cert")
        if isinstance(encoded, str):
            try:
                yield public_keys.read_certificate("".join(encoded.split()))
            except public_keys.Unusable:
                continue


def _host_keys(details: Iterable[Mapping[str, object]]) -> Iterator[tuple[HostKey, bool]]:
    """Yield each key by Fivetran's hash, and whether that differs from ours."""
    for each in details:
        public, hash_ = each.get("public_key"), each.get("hash")
        if "encoded_cert" in each or not isinstance(public, str):
            continue
        try:
            key = public_keys.read_host_keys(public)[0]
        except public_keys.Unusable:
            continue
        differs = isinstance(hash_, str) and public_keys.is_hash(hash_) and not public_keys.same_hash(hash_, key.hash)
        yield (HostKey(str(hash_), key.public_key) if differs else key), differs
