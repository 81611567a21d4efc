"""Collect the data for the page of an estate, from files, the last run, Fivetran and Google."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from reconciler.cli import masked_output
from reconciler.cli.environments import SelectedEnvironment, select_environment
from reconciler.cli.live_access import ReadAccess, read_access
from reconciler.cli.output import Entry
from reconciler.cli.report_sections import HEADINGS, LiveReport, build_sections, read_live
from reconciler.config import load
from reconciler.estate.access import list_grants
from reconciler.estate.units import Attention, Coverage, Estate, UnitRow, build_rows, find_endings
from reconciler.health.last_run import Recorded
from reconciler.model.commands import count, environment_of
from reconciler.model.errors import RemoteError

#: Sections whose messages end with what to do.
_WITH_STEP = ("ends", "access")

_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_SERVER = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?")


@dataclass(frozen=True)
class Collected:
    """The estate, and whether everything was read."""

    estate: Estate
    is_complete: bool


def collect_estate(
    specs: Path, environment: str | None, day: date, last: Mapping[str, Recorded] | None, *, offline: bool
) -> Collected:
    """Read the estate of one environment, or of all.

    If Fivetran or Google fails, their data is left out, and the page says so.

    Args:
        specs: The folder with a folder for each environment.
        environment: The environment; None for all.
        day: The date to use as today.
        last: What the last run of the environment recorded, if known.
        offline: Whether to read only the files.

    Raises:
        InvalidSpecs: A file of any environment has a problem.
    """
    names: list[str | None] = [environment]
    if environment is None:
        names = [*load(specs, Path.cwd(), day).environments] or [None]
    found = [_Environment(select_environment(specs, name, day), day, last, offline) for name in names]
    estate = Estate(
        day=day,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        rows=tuple(row for each in found for row in each.rows()),
        attention=tuple(item for each in found for item in each.attention()),
        readings=tuple(each.reading() for each in found),
        endings=tuple(
            sorted(
                (end for each in found for end in find_endings(each.selected.fleet, day)),
                key=lambda end: (end.day, end.environment, end.unit, end.text),
            )
        ),
        trials=frozenset(
            each.selected.environment.name for each in found if each.selected.environment.policy.expiry.required
        ),
        source=_source(),
    )
    return Collected(estate, not any(each.failures for each in found))


class _Environment:
    """One environment: what was read, and what could not be."""

    def __init__(
        self, selected: SelectedEnvironment, day: date, last: Mapping[str, Recorded] | None, offline: bool
    ) -> None:
        self.selected, self._day, self._last, self._offline = selected, day, last, offline
        self.failures: list[str] = []
        self._live: LiveReport | None = None
        self._access: ReadAccess | None = None
        if offline:
            return
        try:
            self._live = read_live(selected, day, last or {})
        except RemoteError as error:
            self.failures.append(masked_output.format_error(error))
        try:
            self._access = read_access(selected.environment.gcp_project, self._datasets())
            self.failures += self._access.failures
        except RemoteError as error:
            self.failures.append(masked_output.format_error(error))

    def rows(self) -> Iterator[UnitRow]:
        """Yield the units."""
        fleets = (self.selected.fleet,)
        live = self._access.access if self._access is not None else None
        grants = list_grants(fleets, self.selected.places, self._day, live)
        return build_rows(self.selected.fleet, self._day, grants, self._live.statuses if self._live else None)

    def attention(self) -> Iterator[Attention]:
        """Yield what needs attention: the report's entries without expiries that are still ahead."""
        sections = build_sections(self.selected, self._day, self._live)
        for key, entries in sections.items():
            for entry in entries:
                if entry.level != "ok" or key != "ends":
                    yield self._attention(key, entry)

    def reading(self) -> Coverage:
        """Return what was read, and what was not."""
        environment = self.selected.environment
        units = self.selected.fleet.units
        read = [f"{count(len(units), 'file')}"]
        if self._live is not None:
            read.append(f"Fivetran's list of connections, for {count(len(self._live.statuses), 'unit')}")
        if self._last is not None:
            read.append(f"what the last run recorded about {count(len(self._last), 'unit')}")
        gaps = list(self.failures)
        if self._access is not None:
            lists = sum(each is not None for each in self._access.access.lists.values())
            policies = [str(each) for each in self._access.access.holders if each.bindings is not None]
            read += [count(lists, "access list"), *(f"the IAM policy of the {each}" for each in policies)]
            gaps += self._access.gaps
        if self._offline:
            gaps += ["Fivetran: set-up, syncs, unmanaged connections", "Google: live access lists and roles"]
        if self._last is None:
            gaps.append("the last run's record, which names failed setup tests: give it with `--from-outputs`")
        gaps.append("roles on single tables, views and rows; who is in a group")
        return Coverage(environment.name, environment.gcp_project, environment.group, tuple(read), tuple(gaps))

    def _datasets(self) -> Sequence[str]:
        return [each.id for unit in self.selected.fleet.units for each in unit.all_datasets]

    def _attention(self, key: str, entry: Entry) -> Attention:
        text, step = entry.text, "; ".join(entry.details)
        if key in _WITH_STEP and not step:
            text, _, step = entry.text.rpartition("; ")
        level: Literal["failed", "warning", "notice"] = "warning"
        if entry.level != "warning":
            level = "failed" if entry.level == "failed" else "notice"
        unit = Path(entry.file).stem if entry.file else ""
        environment = environment_of(entry.file) if entry.file else self.selected.environment.name
        heading = HEADINGS[key]
        return Attention(
            heading, text or step, step if text else "", level, environment, unit, entry.file or "", entry.owners
        )


def _source() -> str:
    """Return the address of the files of this commit on GitHub, in its Actions; otherwise nothing."""
    server, repository, commit = (os.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    valid = _SERVER.fullmatch(server) and _REPOSITORY.fullmatch(repository) and re.fullmatch(r"[0-9a-f]{40}", commit)
    return f"{server}/{quote(repository)}/blob/{commit}/" if valid else ""
