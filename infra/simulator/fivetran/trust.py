"""Keep TLS certificates and SSH host keys.

Those that hosts present, and those approved for a connection or destination.

An unknown host presents a certificate of a public authority, and its host key is not checked. The admin API sets what
other hosts present: `{"certificates": [PEM, …], "host_key": "ssh-ed25519 AAAA…"}`, with the server's certificate first.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.fivetran.errors import invalid, not_found, required
from simulator.fivetran.state import Connection, Destination, FivetranState, Json

Owner: TypeAlias = Connection | Destination
Kind: TypeAlias = Literal["certificates", "fingerprints"]

#: Fields of an approved certificate that answers lack.
_HIDDEN = "encoded_cert"

#: The field of a request with the content, and the name in messages.
_FIELDS: Mapping[Kind, str] = {"certificates": "encoded_cert", "fingerprints": "public_key"}
_WORDS: Mapping[Kind, str] = {"certificates": "Certificate", "fingerprints": "Fingerprint"}


def items(owner: Owner, kind: Kind) -> list[Json]:
    """Return the approvals of a connection or destination, oldest first."""
    return owner.certificates if kind == "certificates" else owner.fingerprints


def shown(item: Mapping[str, Any]) -> Json:
    """Return an approved certificate or fingerprint for an answer."""
    return {name: value for name, value in item.items() if name != _HIDDEN}


def find(owner: Owner, kind: Kind, hash_: str) -> Json:
    """Find an approval by its hash, or by its id, which is the hash in Base64URL; 404."""
    for item in items(owner, kind):
        if hash_ in (item["id"], item["hash"]):
            return item
    raise not_found("NotFound", f"{_WORDS[kind]} with hash '{hash_}' not found")


def approve(state: FivetranState, owner: Owner, kind: Kind, body: Mapping[str, Any], by: str) -> Json:
    """Approve a certificate or key. A repetition changes only the user and time. 400 for a missing field."""
    for name in ("hash", _FIELDS[kind]):
        if not isinstance(body.get(name), str) or not body[name]:
            raise required(name)
    if kind == "fingerprints":
        return _keep(state, owner, kind, {"hash": body["hash"], "public_key": body["public_key"]}, by)
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(body["encoded_cert"], validate=True))
    except (ValueError, binascii.Error):
        raise invalid("Invalid value of field 'encoded_cert'") from None
    if body["hash"] != hash_of(_der(certificate)):
        raise invalid("The hash is not that of the certificate")
    return _keep(state, owner, kind, _described(certificate), by)


def revoke(owner: Owner, kind: Kind, hash_: str) -> None:
    """Revoke an approval; 404."""
    items(owner, kind).remove(find(owner, kind, hash_))


def hash_of(content: bytes) -> str:
    """Return the API's hash of a certificate (of its DER) or a host key (of its blob)."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def check_host(definition: Mapping[str, Any]) -> None:
    """Raise `ValueError` for content that no host can present."""
    if not {"certificates", "host_key"} >= definition.keys():
        raise ValueError("a host presents certificates and a host_key")
    for pem in definition.get("certificates", ()):
        x509.load_pem_x509_certificate(str(pem).encode())
    if "host_key" in definition:
        _key(definition["host_key"])


def tests(state: FivetranState, owner: Owner, config: Mapping[str, Any], flags: Mapping[str, Any]) -> Iterator[Json]:
    """Return the setup tests of the connection to the source, in order, up to the first failure.

    With the flags to trust, they approve what the host presents.
    """
    host, through = str(config.get("host")), str(config.get("tunnel_host"))
    tunnels = "SshTunnel" in (config.get("connection_type"), owner.networking_method)
    if host not in state.hosts and not (tunnels and through in state.hosts):
        return
    host_key = state.hosts.get(through, {}).get("host_key") if tunnels else None
    if host_key is not None and not _key_is_trusted(owner, host_key):
        if not flags.get("trust_fingerprints"):
            yield _result("SSH Tunnel Connection", "FAILED", "The ssh key might have changed", _key_details(host_key))
            return
        _keep(state, owner, "fingerprints", {"hash": _key_hash(host_key), "public_key": host_key}, "setup_tests")
    yield _result("SSH Tunnel Connection", "PASSED" if tunnels else "SKIPPED")
    yield _result("Host Connection", "PASSED")
    chain = [x509.load_pem_x509_certificate(pem.encode()) for pem in state.hosts.get(host, {}).get("certificates", ())]
    if config.get("always_encrypted") is False:
        yield _result("Validate Certificate", "SKIPPED")
        return
    if chain and not _is_trusted(owner, chain):
        if not flags.get("trust_certificates"):
            details = [_described(each) for each in chain]
            yield _result("Validate Certificate", "FAILED", "No trust anchors for this connection", details)
            return
        for each in chain:
            _keep(state, owner, "certificates", _described(each), "setup_tests")
    yield _result("Validate Certificate", "PASSED")


def _keep(state: FivetranState, owner: Owner, kind: Kind, values: Json, by: str) -> Json:
    kept = items(owner, kind)
    kept[:] = [item for item in kept if item["hash"] != values["hash"]]
    id_ = base64.urlsafe_b64encode(values["hash"].encode()).decode().rstrip("=")
    item = {"id": id_, **values, "validated_date": state.moment(), "validated_by": by}
    kept.append(item)
    return item


def _is_trusted(owner: Owner, chain: Sequence[x509.Certificate]) -> bool:
    """Return whether the chain from the server's certificate has an approved one."""
    anchors = [
        x509.load_der_x509_certificate(base64.b64decode(item["encoded_cert"]))
        for item in owner.certificates
        if "encoded_cert" in item
    ]
    current, others = chain[0], list(chain[1:])
    while current not in anchors:
        if any(_issued(current, anchor) for anchor in anchors):
            return True
        above = next((each for each in others if _issued(current, each)), None)
        if above is None:
            return False
        others.remove(above)
        current = above
    return True


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _described(certificate: x509.Certificate) -> Json:
    """Return the fields of a certificate in the details of a failed test, and in an approval."""
    der = _der(certificate)
    return {
        "hash": hash_of(der),
        "name": certificate.subject.rfc4514_string(),
        "type": "TLS",
        "public_key": _java(certificate),
        "sha1": hashlib.sha1(der).hexdigest(),  # noqa: S324 (what the API shows)
        "sha256": hashlib.sha256(der).hexdigest(),
        "encoded_cert": base64.b64encode(der).decode(),
    }


def _java(certificate: x509.Certificate) -> str:
    """Format a public key like the API."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return f"Sun RSA public key, {key.key_size} bits params: null modulus: {numbers.n} public exponent: {numbers.e}"
    return type(key).__name__


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _key(line: str) -> tuple[str, str]:
    """Return the type and the blob of a host key. Raises `ValueError` for another text."""
    parts = line.split()
    serialization.load_ssh_public_key(line.encode())
    return parts[0], parts[1]


def _key_hash(line: str) -> str:
    return hash_of(base64.b64decode(_key(line)[1]))


def _key_is_trusted(owner: Owner, line: str) -> bool:
    return any(item["public_key"].split()[:2] == line.split()[:2] for item in owner.fingerprints)


def _key_details(line: str) -> Json:
    type_, _ = _key(line)
    return {"hash": _key_hash(line), "public_key": line, "type": type_, "name": " ".join(line.split()[2:])}


def _result(title: str, status: str, message: str = "", details: Any = None) -> Json:
    result = {"title": title, "status": status, "message": message}
    return result if details is None else {**result, "details": details}
