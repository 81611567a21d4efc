"""Turn the certificates and host keys that Fivetran trusts into `trust` of a file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from reconciler.config.yaml.document import Path
from reconciler.fivetran import public_keys
from reconciler.fivetran.api import Approval, Connection
from reconciler.importer.draft import FILL_IN
from reconciler.model import Certificate, HostKey, Trust
from reconciler.secrets.masking import contains_secret

#: Keys of config with a host to which Fivetran may connect by TLS or SSH: `hosts`, `sftp_host`, `servers`.
_HOST = re.compile(r"(.*_)?(hosts?|servers?|endpoint|connection_string)(_.*)?")

#: The characters of a certificate's name that a comment shows.
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Approvals:
    """The approved certificates and host keys of a connection."""

    certificates: Sequence[Approval] = ()
    fingerprints: Sequence[Approval] = ()


def may_have_approvals(connection: Connection) -> bool:
    """Return whether a connection reaches its source by TLS or SSH, so that it can have approvals."""
    return any(value and _HOST.fullmatch(key) for key, value in connection.config.items())


def trust_of(approvals: Approvals, secrets: Collection[str]) -> tuple[Trust | None, dict[Path, str]]:
    """Return `trust` for a file, and comments above its entries.

    One comment counts approvals that were not read.

    A certificate's name is Fivetran's text: it is left out if it contains a value of `secrets`.
    """
    certificates = tuple(_certificates(approvals.certificates))
    keys = tuple(_host_keys(approvals.fingerprints))
    comments: dict[Path, str] = {}
    if certificates:
        comments["connector", "trust", "certificates"] = "\n".join(
            [
                "Known only by their hashes. Write the certificate itself (`pem` or `file`), so that a new connection "
                "gets it too.",
                *(f"- {each.hash}: {_name(approval, secrets)}" for each, approval in _by_hash(certificates, approvals)),
            ]
        )
    unread = len(approvals.certificates) + len(approvals.fingerprints) - len(certificates) - len(keys)
    if unread:
        comments["connector", "adopt"] = f"{FILL_IN} {unread} approved certificates or host keys could not be read"
    declared = Trust(certificates=certificates or None, fingerprints=keys or None)
    return (declared if certificates or keys else None), comments


def _certificates(approvals: Iterable[Approval]) -> list[Certificate]:
    found = {each.hash: Certificate(each.hash) for each in approvals if public_keys.is_hash(each.hash)}
    return list(found.values())


def _host_keys(approvals: Iterable[Approval]) -> list[HostKey]:
    found: dict[str, HostKey] = {}
    for each in approvals:
        try:
            [key] = public_keys.read_host_keys(each.public_key or "")
        except (public_keys.Unusable, ValueError):
            continue
        hash_ = (
            key.hash if public_keys.same_hash(key.hash, each.hash) or not public_keys.is_hash(each.hash) else each.hash
        )
        found[hash_] = HostKey(hash_, key.public_key)
    return list(found.values())


def _by_hash(certificates: Iterable[Certificate], approvals: Approvals) -> Iterable[tuple[Certificate, Approval]]:
    by_hash = {each.hash: each for each in approvals.certificates}
    return ((each, by_hash[each.hash]) for each in certificates)


def _name(approval: Approval, secrets: Collection[str]) -> str:
    name = " ".join((approval.name or "").split())
    return "without a name" if not name or contains_secret(name, secrets) else name[:_LONGEST_NAME]
