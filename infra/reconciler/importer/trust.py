"""What Fivetran trusts of a connection's source → `trust` of its file."""

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

#: Keys of config that name a host to which Fivetran may connect by TLS or SSH: `hosts`, `sftp_host`, `servers`.
_HOST = re.compile(r"(.*_)?(hosts?|servers?|endpoint|connection_string)(_.*)?")

#: What a comment shows of a certificate's name.
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Approvals:
    """The certificates and host keys that are approved for a connection."""

    certificates: Sequence[Approval] = ()
    fingerprints: Sequence[Approval] = ()


def may_have_approvals(connection: Connection) -> bool:
    """Whether a connection reaches its source in a way for which something can be approved."""
    return any(value and _HOST.fullmatch(key) for key, value in connection.config.items())


def trust_of(approvals: Approvals, secrets: Collection[str] = ()) -> tuple[Trust | None, dict[Path, str]]:
    """What a file says of it, and the comments above its entries. What cannot be read is named in one.

    A certificate's name is Fivetran's text: one that holds a value of `secrets` is not shown.
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
