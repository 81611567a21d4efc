"""Read from Google who has access to the datasets of a project: their lists, and the roles above them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from reconciler.cli import masked_output
from reconciler.estate.access import LiveAccess
from reconciler.google.bigquery.api import Datasets
from reconciler.google.iam import roles
from reconciler.google.iam.policies import Iam, PolicyHolder
from reconciler.model.commands import format_names
from reconciler.model.errors import RemoteError

#: How many access lists are read at a time.
_AT_A_TIME = 8


@dataclass(frozen=True)
class ReadAccess:
    """What was read about a project, and what could not be."""

    access: LiveAccess = field(default_factory=LiveAccess)
    gaps: tuple[str, ...] = ()
    """Sentences about what the credentials may not see."""
    failures: tuple[str, ...] = ()
    """Sentences about what failed, so that the answer is not complete."""


def read_access(project: str, datasets: Iterable[str] | None) -> ReadAccess:
    """Read the access lists of datasets, and the IAM policies of the project and what is above it.

    Args:
        project: The GCP project.
        datasets: The datasets' ids; None for all of the project.

    Raises:
        RemoteError: Google's credentials do not work, or the list of datasets cannot be read.
    """
    gaps: list[str] = []
    failures: list[str] = []
    with Datasets(project) as client:
        wanted = sorted({each.id for each in client.all()} if datasets is None else set(datasets))
        lists, denied = _read_lists(client, wanted)
    for reason, ids in denied.items():
        failures.append(f"the access list of {format_names(ids)}: {reason}")
    holders: tuple[PolicyHolder, ...] = ()
    permissions: dict[str, frozenset[str] | None] = {}
    try:
        with Iam(project) as iam:
            holders = iam.holders()
            for role in sorted({binding.role for holder in holders for binding in holder.bindings or ()}):
                if role not in roles.BASIC and roles.role_reads_data(role) is None:
                    permissions[role] = iam.permissions(role)
    except RemoteError as error:
        failures.append(f"the roles on the project {project} and above it: {masked_output.format_error(error)}")
    gaps += [f"the IAM policy of the {each}: {each.denied}" for each in holders if each.bindings is None]
    return ReadAccess(LiveAccess(lists, holders, permissions.get), tuple(gaps), tuple(failures))


def _read_lists(
    client: Datasets, wanted: Sequence[str]
) -> tuple[Mapping[str, Sequence[Mapping[str, Any]] | None], Mapping[str, list[str]]]:
    """Return the lists of the datasets that exist, and those that cannot be read by the reason."""

    def read(id_: str) -> tuple[str, Sequence[Mapping[str, Any]] | None, str | None]:
        try:
            found = client.get(id_)
        except RemoteError as error:
            return id_, None, masked_output.format_error(error)
        return id_, None if found is None else found.access, None

    lists: dict[str, Sequence[Mapping[str, Any]] | None] = {}
    denied: dict[str, list[str]] = {}
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for id_, access, reason in pool.map(read, wanted):
            if reason is not None:
                lists[id_] = None
                denied.setdefault(re.sub(rf"\b{re.escape(id_)}\b", "…", reason), []).append(id_)
            elif access is not None:
                lists[id_] = access
    return lists, denied
