"""Datasets of the project that no file declares: told by every run, and against the policy where that forbids them.

Fleet does it, because it knows what the last run had: what this run removes is no surprise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler import commands
from reconciler.datasets import Findings
from reconciler.provider.session import session
from reconciler.removal import Declared

logger = logging.getLogger(__name__)

#: How many are named; `reconciler unmanaged` names all.
_MOST = 20


def report(
    found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared], news: Mapping[str, Any]
) -> None:
    """Tell what is in no file; `news` are Fleet's inputs."""
    project, file = news["gcp_project"], news["environment_file"]
    tell = session.breaks_policy if found.forbidden else _warn
    names = list(_names(found, before, after))
    if not names:
        return
    environment, first = news["environment"], next(iter(_ids(found, before, after)))
    unmanaged = commands.reconciler("unmanaged", environment=environment)
    further = f", and {len(names) - _MOST} more, which {unmanaged} names" if len(names) > _MOST else ""
    if found.unread:
        further += f" (the files of {', '.join(found.unread)} have faults: what those declare is not known)"
    write = commands.reconciler("import", "--datasets", first, environment=environment)
    tell(
        file,
        f"{project} has datasets that no file declares: {'; '.join(names[:_MOST])}{further}. Unless somebody narrowed "
        "that, BigQuery lets in whoever may view or edit the project. Write a file with "
        f"{write}, or name it under `ignore: {{schemas: […]}}`",
    )


def _ids(found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared]) -> Iterator[str]:
    """The datasets that `_names` names."""
    return (name.partition(",")[0] for name in _names(found, before, after))


def _names(found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared]) -> Iterator[str]:
    declared = {dataset for unit in after.values() for dataset in unit.datasets}
    leaving = {dataset: unit for unit in before.values() for dataset in unit.datasets if dataset not in declared}
    for each in found.undeclared:
        unit = leaving.get(each.id)
        if unit is None:
            yield str(each)
        elif unit.ending_of(each.id).kept:
            yield f"{each.id}, which {unit.file} leaves behind (`retire` with `data: keep`)"


def _warn(file: str, text: str) -> None:
    logger.warning("%s: %s", file, text)
