"""Who has access to the datasets of a project, one row for each way. Pure.

    files' access lists + the live lists + the roles on the project, its folders and the organisation → grants

Without live readings the files alone are the source. Roles on single tables, views and rows are not in any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, TypeAlias

from reconciler.config.places import Places
from reconciler.google.bigquery.access import (
    AccessEntry,
    DeclaredEntry,
    MemberNames,
    effective_entries,
    foreign_entries,
    format_member,
    locate_entries,
    parse_entry,
    parse_until,
    predefined_role,
    to_place,
)
from reconciler.google.bigquery.declared_dataset import dataset_path
from reconciler.google.iam import roles
from reconciler.google.iam.policies import PolicyHolder
from reconciler.health.inherited_access import inherited_access
from reconciler.model import Dataset, Environment, Fleet, Unit

#: Where a grant is made. `file`: the unit's own list; `automation` and `default`: the environment's; `fivetran`: the
#: writer of a connector; `owner`: BigQuery's own owner of a list without one; `by_hand`: the live list alone;
#: `authorised`: a view, routine or dataset that reads on behalf of its own readers; the rest: a role on that.
Source: TypeAlias = Literal[
    "file", "automation", "default", "fivetran", "owner", "by_hand", "authorised", "project", "folder", "organisation"
]

#: `declared`: a file says so, and nothing live was read; `granted`: it is live; `pending`: a file says so, and it is
#: not live; `undeclared`: it is live, and no file says so.
State: TypeAlias = Literal["declared", "granted", "pending", "undeclared"]

#: The writer of a connector, whose address is known only once its group exists.
FIVETRANS_ACCOUNT = "Fivetran's service account"

#: How the addresses of Fivetran's service accounts end.
_FIVETRANS_DOMAIN = "@fivetran-production.iam.gserviceaccount.com"

_WORDS: Mapping[str, str] = {
    "file": "its own list",
    "automation": "the environment's automation",
    "default": "the environment's default access",
    "fivetran": "the connector that writes it",
    "owner": "owners of the project",
    "by_hand": "the live list, in no file",
    "authorised": "authorised in the live list",
}
_ORDER: Sequence[Source] = (
    *("file", "default", "by_hand", "authorised", "project", "folder", "organisation"),
    *("automation", "fivetran", "owner"),
)


@dataclass(frozen=True)
class AccessGrant:
    """One way by which a member has access to a dataset. The field names are keys of the JSON output."""

    environment: str
    project: str
    dataset: str
    member: str
    """As files write members; the name of a view, routine or dataset that is authorised."""
    role: str
    source: Source
    where: str
    """The source as words: `its own list`, `project dev-fivetran`."""
    state: State
    place: str | None = None
    """`file:line:col` of the declaration."""
    until: str | None = None
    """The last day, as an ISO date."""
    ticket: str | None = None
    condition: str | None = None
    """A condition that is not a last day."""
    reads: bool | None = True
    """Whether the role reads tables; None if that is not known."""


@dataclass(frozen=True)
class LiveAccess:
    """What was read from Google about one project."""

    lists: Mapping[str, Sequence[Mapping[str, Any]] | None] = field(default_factory=dict)
    """The access lists by dataset; None for one that cannot be read. A dataset that is missing does not exist."""
    holders: Sequence[PolicyHolder] = ()
    permissions: Callable[[str], Collection[str] | None] = lambda _: None
    """Returns the permissions of a role; None if they cannot be read."""


def list_grants(fleets: Sequence[Fleet], places: Places, day: date, live: LiveAccess | None) -> list[AccessGrant]:
    """Return every grant on the datasets of one project, sorted by dataset and source.

    Args:
        fleets: The environments whose datasets are in the project.
        places: The lines of their files.
        day: The date; grants whose last day was before it are left out.
        live: What was read from Google; None if nothing was.
    """
    grants = [
        each
        for fleet in fleets
        for unit in fleet.units
        for dataset in unit.all_datasets
        for each in _DatasetGrants(fleet, unit, dataset, places, day, live).grants()
    ]
    known = {dataset.id for fleet in fleets for unit in fleet.units for dataset in unit.all_datasets}
    undeclared = {} if live is None else {id_: list_ for id_, list_ in live.lists.items() if id_ not in known}
    environment = fleets[0].environment
    for id_, entries in undeclared.items():
        grants += _live_only(environment, id_, entries or (), day)
    grants += _by_project(fleets, [*known, *undeclared], places, live)
    return sorted(grants, key=lambda each: (each.dataset, _ORDER.index(each.source), each.role, each.member))


class _DatasetGrants:
    """The grants of one declared dataset's own list."""

    def __init__(  # noqa: PLR0917 (what a declared dataset is, and what is known of it)
        self, fleet: Fleet, unit: Unit, dataset: Dataset, places: Places, day: date, live: LiveAccess | None
    ) -> None:
        access = tuple(grant for grant in dataset.access if grant.until is None or grant.until >= day)
        self._fleet, self._unit, self._dataset = fleet, unit, replace(dataset, access=access)
        self._numbers = [number for number, grant in enumerate(dataset.access) if grant in access]
        self._path = dataset_path(unit, dataset)
        self._places, self._day = places, day
        self._live: tuple[AccessEntry, ...] | None = None
        self._foreign: Sequence[Mapping[str, Any]] = ()
        if live is not None and (entries := live.lists.get(dataset.id, ())) is not None:
            self._live = effective_entries(filter(None, map(parse_entry, entries)), day)
            self._foreign = foreign_entries(entries)

    def grants(self) -> Iterator[AccessGrant]:
        """Yield what is declared, then what only the live list has."""
        environment = self._fleet.environment
        declared = locate_entries(environment, self._dataset, self._unit.file, self._path)
        spelled = MemberNames(environment.workgroups, {each.entry.at: each.member for each in declared})
        for each in declared:
            yield self._declared(each)
        known = {each.entry for each in declared}
        others = [entry for entry in self._live or () if entry not in known]
        writer = next((entry for entry in others if self._is_fivetrans(entry)), None)
        if self._fleet.is_written(self._dataset):
            yield self._writer(writer)
        for entry in others:
            if entry is not writer:
                yield _undeclared(environment, self._dataset.id, entry, spelled)
        yield from _authorised(environment, self._dataset.id, self._foreign)

    def _declared(self, each: DeclaredEntry) -> AccessGrant:
        source: Source = "file"
        if each.file == self._fleet.environment.file:
            source = "automation" if each.path.startswith("automation") else "default"
        elif each.path == self._path:
            source = "owner"
        path = each.path
        if source == "file":  # the places are those of the whole file, with the grants that ended
            number, _, rest = path.removeprefix(f"{self._path}.access[").partition("]")
            path = f"{self._path}.access[{self._numbers[int(number)]}]{rest}"
        return AccessGrant(
            **_dataset_fields(self._fleet.environment, self._dataset.id),
            **_entry_fields(each.entry),
            member=each.member,
            source=source,
            where=_WORDS[source],
            state=self._state(each.entry),
            place=self._places.find(each.file, path),
            ticket=each.ticket,
        )

    def _writer(self, live: AccessEntry | None) -> AccessGrant:
        state: State = "declared" if self._live is None else "granted" if live is not None else "pending"
        return AccessGrant(
            **_dataset_fields(self._fleet.environment, self._dataset.id),
            member=FIVETRANS_ACCOUNT if live is None else format_member(live.at, None),
            role="roles/bigquery.dataEditor",
            source="fivetran",
            where=_WORDS["fivetran"],
            state=state,
            place=self._places.find(self._unit.file, "connector" if self._unit.connector else self._path),
        )

    def _state(self, entry: AccessEntry) -> State:
        if self._live is None:
            return "declared"
        return "granted" if entry in self._live else "pending"

    def _is_fivetrans(self, entry: AccessEntry) -> bool:
        return entry.role == "WRITER" and entry.condition is None and entry.member.endswith(_FIVETRANS_DOMAIN)


def _live_only(
    environment: Environment, dataset: str, entries: Sequence[Mapping[str, Any]], day: date
) -> Iterator[AccessGrant]:
    """Yield the grants of a dataset that no file declares."""
    names = MemberNames(environment.workgroups)
    for entry in effective_entries(filter(None, map(parse_entry, entries)), day):
        yield _undeclared(environment, dataset, entry, names)
    yield from _authorised(environment, dataset, foreign_entries(entries))


def _undeclared(environment: Environment, dataset: str, entry: AccessEntry, names: MemberNames) -> AccessGrant:
    day = parse_until(entry.condition)
    return AccessGrant(
        **_dataset_fields(environment, dataset),
        **_entry_fields(entry),
        member=names.spell(entry.at),
        source="by_hand",
        where=_WORDS["by_hand"],
        state="undeclared",
        ticket=entry.condition.description if day is not None and entry.condition is not None else None,
    )


def _authorised(environment: Environment, dataset: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[AccessGrant]:
    """Yield what reads a dataset for its own readers: authorised views, routines and datasets."""
    for entry in entries:
        kind = next((kind for kind in ("view", "routine", "dataset") if kind in entry), None)
        if kind is None:
            continue
        named = entry[kind].get("dataset", {}) if kind == "dataset" else entry[kind]
        parts = (named.get(part) for part in ("projectId", "datasetId", "tableId", "routineId"))
        yield AccessGrant(
            **_dataset_fields(environment, dataset),
            member=f"{kind}:{'.'.join(str(part) for part in parts if part)}",
            role=f"authorised {kind}",
            source="authorised",
            where=_WORDS["authorised"],
            state="granted",
        )


def _by_project(
    fleets: Sequence[Fleet], datasets: Sequence[str], places: Places, live: LiveAccess | None
) -> Iterator[AccessGrant]:
    """Yield the grants by roles on the project and above; from files if the project is not read."""
    environments = {
        dataset.id: fleet.environment for fleet in fleets for unit in fleet.units for dataset in unit.all_datasets
    }
    read = live is not None and any(holder.bindings is not None for holder in live.holders)
    lines = _project_lines(fleets, places)
    if live is not None and read:
        lists = {id_: live.lists.get(id_, ()) for id_ in datasets}
        for binding in inherited_access(live.holders, live.permissions, lists, ()):
            kind: Source = "project" if binding.where.startswith("project ") else "organisation"
            kind = "folder" if binding.where.startswith("folder ") else kind
            for member in binding.members:
                for id_ in binding.datasets:
                    environment = environments.get(id_, fleets[0].environment)
                    at = to_place(member, None) or ("iamMember", member)
                    yield AccessGrant(
                        **_dataset_fields(environment, id_),
                        member=format_member(at, environment.workgroups),
                        role=binding.role,
                        source=kind,
                        where=f"a role on the {binding.where}",
                        state="granted",
                        place=lines.get((at, binding.role)) if kind == "project" else None,
                        condition=binding.condition,
                        reads=True if binding.certain else None,
                    )
        return
    for fleet in fleets:
        for grant in fleet.environment.project_access:
            for member in grant.members:
                place = to_place(member, fleet.environment.workgroups)
                reads = _reads(grant.role)
                if place is None or reads is False:
                    continue
                for id_ in datasets:
                    yield AccessGrant(
                        **_dataset_fields(environments.get(id_, fleet.environment), id_),
                        member=member,
                        role=grant.role,
                        source="project",
                        where=f"a role on the project {fleet.environment.gcp_project}",
                        state="declared",
                        place=lines.get((place, grant.role)),
                        ticket=grant.ticket,
                        condition=grant.condition.expression if grant.condition else None,
                        reads=reads,
                    )


def _project_lines(fleets: Sequence[Fleet], places: Places) -> dict[tuple[tuple[str, str], str], str]:
    """Return the lines that declare roles on the project, by member and role."""
    found = {}
    for fleet in fleets:
        for number, grant in enumerate(fleet.environment.project_access):
            for index, member in enumerate(grant.members):
                if (at := to_place(member, fleet.environment.workgroups)) is not None:
                    path = f"project_access[{number}].members[{index}]"
                    found[at, grant.role] = places.find(fleet.environment.file, path)
    return found


def _dataset_fields(environment: Environment, dataset: str) -> dict[str, Any]:
    return {"environment": environment.name, "project": environment.gcp_project, "dataset": dataset}


def _entry_fields(entry: AccessEntry) -> dict[str, Any]:
    day = parse_until(entry.condition)
    condition = entry.condition.expression if entry.condition is not None and day is None else None
    role = predefined_role(entry.role)
    return {"role": role, "until": None if day is None else str(day), "condition": condition, "reads": _reads(role)}


def _reads(role: str) -> bool | None:
    return True if role in roles.BASIC else roles.role_reads_data(role)
