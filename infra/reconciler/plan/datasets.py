"""Compare datasets that exist and are new to an environment with their files, before any change.

Previews do it too, so that a pull request shows the adoption diff. Only these are read: state knows the others.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

from reconciler.google.bigquery.adoption import compare_dataset
from reconciler.google.bigquery.api import LiveDataset
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.google.bigquery.undeclared import UndeclaredDataset
from reconciler.model import commands
from reconciler.model.errors import RemoteError
from reconciler.model.today import today
from reconciler.plan.inventory import Declared
from reconciler.resources.run.access_lists import READS_AT_ONCE
from reconciler.resources.run.account import look_ahead
from reconciler.resources.run.run import run
from reconciler.secrets import known_values_of_run, show


@dataclass(frozen=True)
class Findings:
    """What files declare of datasets, which of these exist, and the project's undeclared datasets."""

    declared: tuple[DatasetDeclaration, ...] = ()
    existing: frozenset[str] = frozenset()
    """The ids of the declared datasets that exist."""
    undeclared: tuple[UndeclaredDataset, ...] = ()
    forbidden: bool = False
    """Whether a dataset in no file is against the environment's policy."""
    unread: tuple[str, ...] = ()
    """The environments whose files have problems: what they declare is not known."""

    def as_text(self) -> str:
        """Return the findings as JSON text.

        For a thousand datasets that is one input for the engine and not tens of thousands.
        """
        found = {
            "declared": [expected.as_json() for expected in self.declared],
            "existing": sorted(self.existing),
            "undeclared": {each.id: each.written_by for each in self.undeclared},
            "forbidden": self.forbidden,
            "unread": self.unread,
        }
        return json.dumps(found)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read findings from JSON text."""
        found = json.loads(text)
        return cls(
            tuple(DatasetDeclaration.from_json(expected) for expected in found["declared"]),
            frozenset(found["existing"]),
            tuple(UndeclaredDataset(id_, writer) for id_, writer in found["undeclared"].items()),
            found["forbidden"],
            tuple(found["unread"]),
        )


logger = logging.getLogger(__name__)


def rejections(project: str, found: Findings, before: Mapping[str, Declared], group: str) -> list[str]:
    """Return one text for each existing dataset that is not adopted, with the reason. Log adoptions.

    `before` is what the last run declared. A dataset in it is ours, even if that run was killed before it was in state.
    """
    known = {dataset for unit in before.values() for dataset in unit.datasets}
    existing = [expected for expected in found.declared if expected.id in found.existing]
    new = [expected for expected in existing if expected.id not in known]
    live, failed = _read(project, new)
    diffs = [compare_dataset(each, live[each.id], today()) for each in new if each.id in live]
    writer = _writer(group) if any(diff.needs_writer for diff in diffs) else None
    lists = {each.id: live[each.id].access if each.id in live else None for each in existing}
    run.declare(datasets={each.id: each for each in found.declared}, access_lists=dict(lists), writer=writer)
    decisions = [diff.decide(writer, run.declared.locate) for diff in diffs]
    for decision in decisions:
        for notice in decision.notices:
            logger.warning("%s", notice)
    return [*failed, *(decision.rejection for decision in decisions if decision.rejection is not None)]


def _read(project: str, new: list[DatasetDeclaration]) -> tuple[dict[str, LiveDataset], list[str]]:
    """Return the datasets by id, and a text for each reason why some cannot be read."""

    def one(expected: DatasetDeclaration) -> LiveDataset | RemoteError | None:
        try:
            return run.access_lists.datasets(project).get(expected.id)
        except RemoteError as error:
            return error

    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        answers = dict(zip((each.id for each in new), pool.map(one, new), strict=True))
    live = {id_: answer for id_, answer in answers.items() if isinstance(answer, LiveDataset)}
    failed = [(each, error) for each in new if isinstance(error := answers[each.id], RemoteError)]
    return live, list(_group_by_reason(failed))


def _group_by_reason(failed: list[tuple[DatasetDeclaration, RemoteError]]) -> Iterator[str]:
    """Return a text for each reason why datasets cannot be read, with all lines that it is about."""
    if not failed:
        return
    known = known_values_of_run(ask=False)
    by_reason: dict[str, list[tuple[str, DatasetDeclaration, str]]] = defaultdict(list)
    for each, error in failed:
        text = error.saying(show(error.unmasked_message, known, speaker=error.speaker))
        reason = re.sub(rf"(?<!\w){re.escape(each.id)}(?!\w)", "…", text)
        by_reason[reason].append((run.declared.locate(each.file, each.path), each, text))
    for reason, about in by_reason.items():
        place, _, text = about[0]
        if len(about) == 1:
            yield f"{place}: {text}"
            continue
        others = "".join(f"\n    {place}: the dataset {each.id}" for place, each, _ in about)
        # Google quotes each dataset's name, so that only the texts without them are the same.
        yield f"{place}: {len(about)} datasets have the same error: {reason}{others}"


def _writer(group: str) -> str | None:
    """Return the address of Fivetran's service account; empty without a group, None without an answer.

    Raises `Unauthorized` and `Forbidden`.
    """

    def ask() -> str | None:
        groups = run.account.groups(group)
        return run.account.service_account(groups[0].id) if groups else ""

    return look_ahead("Fivetran's service account", ask, None, warns_without_key=False)


#: How many are named; `reconciler unmanaged` names all.
_MOST = 20


def report_undeclared(
    found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared], news: Mapping[str, Any]
) -> None:
    """Log the undeclared datasets, or record them as a breach. `news` are Preflight's inputs."""
    project, file = news["gcp_project"], news["environment_file"]
    log = run.outcomes.breach if found.forbidden else _warn
    names = list(_names(found, before, after))
    if not names:
        return
    environment, first = news["environment"], next(iter(_ids(found, before, after)))
    unmanaged = commands.reconciler("unmanaged", environment=environment)
    further = f"; and {len(names) - _MOST} more (list them with {unmanaged})" if len(names) > _MOST else ""
    if found.unread:
        further += f" (the files of {', '.join(found.unread)} have problems, so their datasets are listed too)"
    write = commands.reconciler("import", "--datasets", first, environment=environment)
    log(
        file,
        f"{project} has undeclared datasets: {'; '.join(names[:_MOST])}{further}. By default all viewers and editors "
        f"of the project can read them\n    Write a file for each, for example with {write}, or add it to "
        "`ignore: {schemas: […]}`.",
    )


def _ids(found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared]) -> Iterator[str]:
    """Yield the datasets that `_names` names."""
    return (name.partition(",")[0] for name in _names(found, before, after))


def _names(found: Findings, before: Mapping[str, Declared], after: Mapping[str, Declared]) -> Iterator[str]:
    declared = {dataset for unit in after.values() for dataset in unit.datasets}
    leaving = {dataset: unit for unit in before.values() for dataset in unit.datasets if dataset not in declared}
    for each in found.undeclared:
        unit = leaving.get(each.id)
        if unit is None:
            yield str(each)
        elif unit.ending_of(each.id).kept:
            yield f"{each.id}, kept by `retire` in {unit.file}"


def _warn(file: str, text: str) -> None:
    logger.warning("%s: %s", file, text)
