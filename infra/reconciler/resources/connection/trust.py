"""The certificates and host keys that a file trusts: approved in Fivetran, and revoked.

A run revokes only approvals that state has and the file no longer declares. All others stay.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fivetran import public_keys
from reconciler.fivetran.api import Approval, ApprovalKind, Conflict, FivetranError, NotFound, Rejected
from reconciler.fivetran.config_diff import ABSENT, Difference
from reconciler.model import ANY
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)

#: By hash, what state holds of it.
_Declared = Mapping[str, Mapping[str, Any]]

_KINDS: tuple[ApprovalKind, ...] = ("certificates", "fingerprints")


@dataclass(frozen=True)
class _Missing:
    kind: ApprovalKind
    hash: str
    item: Mapping[str, Any]


def differences(props: Mapping[str, Any], connection_id: str) -> list[Difference]:
    """Return what the file declares and the live connection does not trust."""
    return [
        Difference(f"trust.{each.kind}", _named(each.kind, each.hash, each.item), ABSENT)
        for each in _missing(props, connection_id)
    ]


def reject_creating(props: Mapping[str, Any]) -> None:
    """Raise `OperationError` for a certificate with a hash alone: a new connection trusts none yet."""
    for hash_, item in _declared(props, "certificates").items():
        if "encoded_cert" not in item:
            raise _unknown(hash_, "the connection does not exist yet")


def apply(connection_id: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Approve what the file declares, then revoke what it declared before. Reads before it writes.

    Raises `OperationError` for a certificate that would have to be sent and is not known, and `FivetranError`.
    """
    for kind in _KINDS:
        now = _declared(news, kind)
        gone = {} if _is_any(news, kind) else {h: v for h, v in _declared(olds, kind).items() if h not in now}
        if not now and not gone:
            continue
        live = list(_list(kind, connection_id))
        for hash_, item in now.items():
            if _find(kind, hash_, item, live) is None:
                _approve(kind, connection_id, hash_, item)
                logger.info("%s: approved %s", news["file"], _named(kind, hash_, item))
        for hash_, item in gone.items():
            found = _find(kind, hash_, item, live)
            if found is not None:
                _revoke(kind, connection_id, found)
                logger.warning(
                    "%s: revoked %s, which the file no longer declares", news["file"], _named(kind, hash_, item)
                )


def as_file(props: Mapping[str, Any], connection_id: str) -> dict[str, Any]:
    """Return `trust` as the file would declare what is live; nothing if it declares none.

    Warns of what Fivetran trusts besides.
    """
    if "trust" not in props:
        return {}
    described: dict[str, Any] = {}
    for kind in _KINDS:
        if _is_any(props, kind):
            described[kind] = ANY
        elif now := _declared(props, kind):
            live = list(_list(kind, connection_id))
            described[kind] = {h: dict(item) for h, item in now.items() if _find(kind, h, item, live) is not None}
            for other in live:
                if not any(_is(kind, h, item, other) for h, item in now.items()):
                    _warn_of_undeclared(kind, other, props)
    return {"trust": described}


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether an update has something to approve or revoke, or to test again."""
    return bool(olds.get("trust", {}) != news.get("trust", {}))


def _missing(props: Mapping[str, Any], connection_id: str) -> Iterator[_Missing]:
    for kind in _KINDS:
        if now := _declared(props, kind):
            live = list(_list(kind, connection_id))
            yield from (_Missing(kind, h, item) for h, item in now.items() if _find(kind, h, item, live) is None)


def _declared(props: Mapping[str, Any], kind: ApprovalKind) -> _Declared:
    declared = props.get("trust", {}).get(kind, {})
    return {} if declared == ANY else declared


def _is_any(props: Mapping[str, Any], kind: ApprovalKind) -> bool:
    return bool(props.get("trust", {}).get(kind) == ANY)


def _list(kind: ApprovalKind, connection_id: str) -> Iterator[Approval]:
    return run.account.client().list_approvals(kind, connection_id)


def _find(kind: ApprovalKind, hash_: str, item: Mapping[str, Any], live: list[Approval]) -> Approval | None:
    return next((each for each in live if _is(kind, hash_, item, each)), None)


def _is(kind: ApprovalKind, hash_: str, item: Mapping[str, Any], approval: Approval) -> bool:
    """Return whether an approval is the declared one.

    Host keys are compared by their content, too.
    """
    if public_keys.same_hash(hash_, approval.hash):
        return True
    return kind == "fingerprints" and item["public_key"].split()[:2] == (approval.public_key or "").split()[:2]


def _approve(kind: ApprovalKind, connection_id: str, hash_: str, item: Mapping[str, Any]) -> None:
    if kind == "certificates" and "encoded_cert" not in item:
        raise _unknown(hash_, "Fivetran no longer trusts it")

    content = {key: item[key] for key in ("encoded_cert", "public_key") if key in item}

    def send() -> None:
        run.account.client().approve(kind, connection_id, hash_=hash_, **content)

    _send_unless_done(send, lambda: _find(kind, hash_, item, list(_list(kind, connection_id))) is not None)


def _send_unless_done(send: Callable[[], None], is_done: Callable[[], bool]) -> None:
    """Send a change; after an ambiguous failure, read whether it took effect."""
    try:
        send()
    except FivetranError as error:
        if not (error.may_have_taken_effect or isinstance(error, Conflict | Rejected)) or not is_done():
            raise


def _revoke(kind: ApprovalKind, connection_id: str, approval: Approval) -> None:
    with contextlib.suppress(NotFound):
        run.account.client().revoke(kind, connection_id, approval.id)


def _named(kind: ApprovalKind, hash_: str, item: Mapping[str, Any]) -> str:
    if kind == "fingerprints":
        return f"the host key {item['public_key'].split()[0]} {hash_}"
    subject, valid = item.get("subject"), item.get("valid")
    return f"the certificate {subject} ({valid}, hash {hash_})" if subject else f"the certificate {hash_}"


def _unknown(hash_: str, why: str) -> OperationError:
    return OperationError(
        f"the run cannot approve the certificate {hash_}: the file has only its hash, and {why}\n"
        "    Write the certificate itself, as `pem` or `file`.",
        at=("connector", "trust", "certificates"),
    )


def _warn_of_undeclared(kind: ApprovalKind, approval: Approval, props: Mapping[str, Any]) -> None:
    """Warn of an approval that the file does not declare. Its hash is shown only if it reads as one."""
    what = "a certificate" if kind == "certificates" else "a host key"
    hash_ = approval.hash if public_keys.is_hash(approval.hash) else "(its hash has an unknown form)"
    logger.warning(
        "%s: Fivetran trusts %s that the file does not declare: %s; declare it, or revoke it in Fivetran",
        props["file"],
        what,
        hash_,
    )
