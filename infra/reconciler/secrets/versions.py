"""Whether what references name in Secret Manager can be used, from metadata alone: no value is read, or can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from reconciler.errors import ReconcilerError
from reconciler.model import Reference
from reconciler.secrets.findings import Finding

#: Questions under way at once.
_AT_ONCE = 16


def check_versions(references: Iterable[Reference]) -> Mapping[Reference, Finding]:
    """What is wrong with each reference, in the order given; references of which nothing is known to be are left out.

    Asks once a version, and gives up on one after some seconds. A finding that is not `certain` says why nobody could
    look (no permission `secretmanager.versions.get`, no credentials, no network), which is worth no more than a notice.
    """
    distinct = list(dict.fromkeys(reference for reference in references if reference.kind == "secret"))
    if not distinct:
        return {}
    from reconciler.secrets.secret_manager import Patience, connect  # noqa: PLC0415 (Google's library takes its time)

    try:
        manager = connect()
    except ReconcilerError as error:
        return dict.fromkeys(distinct, Finding("unknown", str(error)))
    patience = Patience(total_s=10.0, attempt_s=5.0)
    with ThreadPoolExecutor(min(_AT_ONCE, len(distinct)), thread_name_prefix="check-versions") as pool:
        found = pool.map(lambda reference: manager.state(reference, patience), distinct)
        return {reference: finding for reference, finding in zip(distinct, found, strict=True) if finding is not None}
