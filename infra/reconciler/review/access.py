"""Who gains and who loses access to datasets, projects and functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from reconciler.google.bigquery.access import (
    AccessEntry,
    format_member,
    locate_entries,
    parse_entry,
    parse_until,
    predefined_role,
    to_place,
)
from reconciler.google.bigquery.declared_dataset import dataset_path
from reconciler.review.connection_settings import digest_new_connection
from reconciler.review.consequence import Consequence, Several, Severity
from reconciler.review.context import Context
from reconciler.review.preview import Step

#: Who writes the dataset of a connector. Its address is known only once the group exists.
WRITER, _WRITER_ROLE = "Fivetran's service account", "roles/bigquery.dataEditor"

#: How the path of a grant begins that the environment makes on its datasets.
_DEFAULT = "default_access"

#: How a member begins that the environment's pattern turns into a group.
WORKGROUP = "workgroup:"

#: Members that stand for more people than a group.
_EVERYONE = {
    "allUsers": "everyone on the internet",
    "allAuthenticatedUsers": "everyone with a Google account",
    "projectOwners": "everyone with the role Owner on the project",
    "projectWriters": "everyone with the role Editor on the project",
    "projectReaders": "everyone with the role Viewer on the project",
}

#: The fields of members that stand for several people.
_SEVERAL_PEOPLE = frozenset({"groupByEmail", "domain", "specialGroup", "iamMember"})


def dataset_access(context: Context) -> Iterator[Consequence]:
    """Return the grants and revocations on datasets. Those of a new dataset are one consequence."""
    for step in context.preview.of_type("DatasetAccess"):
        if step.operation in ("create", "adopt", "replace"):
            yield _new_list(context, step)
        elif step.operation == "update":
            yield from _ListChange(context, step).consequences()


def sensitivity(context: Context) -> Iterator[Consequence]:
    """Return the datasets whose sensitivity changes, also where their access stays the same today."""
    for name, after in context.after.items():
        for dataset in sorted(after.datasets):
            before = context.recorded_of(dataset)
            is_new = dataset in after.sensitive
            if before is None or is_new == (dataset in before.sensitive):
                continue
            rule = "the environment's `default_access`"
            verb, rest = "no longer treats ", f" as sensitive: {rule} applies to it, now and after any change"
            if is_new:
                verb, rest = "treats ", f" as sensitive: {rule} does not apply to it"
            text, several = f"{verb}dataset {dataset}{rest}", Several("dataset", dataset, verb, rest)
            place = context.dataset_place(dataset, *(["sensitive"] if is_new else []))
            kind = "sensitive_set" if is_new else "sensitive_removed"
            severity: Severity = "note" if is_new else "stop"
            yield Consequence(severity, kind, text, f"dataset {dataset}", name, place, several=several)


def _entries(inputs: Mapping[str, Any]) -> dict[tuple[str, str, str], list[AccessEntry]]:
    found: dict[tuple[str, str, str], list[AccessEntry]] = {}
    for each in (inputs.get("entries") or {}).values():
        entry = parse_entry(each) if isinstance(each, dict) else None
        if entry is not None:
            found.setdefault((entry.role, entry.field, entry.member), []).append(entry)
    return found


def _new_list(context: Context, step: Step) -> Consequence:
    dataset = str(step.new.get("dataset", step.name))
    entries = [entry for same in _entries(step.new).values() for entry in same]
    holders = [_describe(context, entry) for entry in entries]
    if "writer" in step.new:
        holders.append(f"{_WRITER_ROLE} to {WRITER}")
    people = "; ".join(sorted(holders))
    unit = context.unit_of(dataset)
    adopted = {each.new.get("datasetId") for each in context.preview.of_type("Dataset") if each.operation == "adopt"}
    which = "adopted" if dataset in adopted else "new"
    sensitive = _sensitive(context, dataset)
    declared = context.datasets.get(dataset)
    revokes = None
    if which == "adopted" and declared is not None and declared[1].adopt.apply_changes:
        revokes = sorted(declared[1].adopt.revokes)
        people += ". Revokes the access of all others to it"
        if revokes:
            people += f", also of {' and '.join(revokes)}"
    return Consequence(
        "stop",
        "dataset_shared",
        f"gives access to the {which} dataset {dataset}{sensitive}: {people}",
        f"dataset {dataset}",
        unit,
        context.dataset_place(dataset),
        [
            which,
            *sorted((entry.as_property() for entry in entries), key=str),
            *(["writer"] if "writer" in step.new else []),
            *(["sensitive"] if sensitive else []),
            *([{"revokes": revokes}] if revokes is not None else []),
            *_filled_by(context, unit),
        ],
        several=Several("dataset", dataset, "gives access to ", f", all {which}{sensitive}: {people}"),
    )


def _filled_by(context: Context, unit: str) -> list[str]:
    """Return the source of a new connection that fills a dataset: readers of the dataset can read that."""
    found = digest_new_connection(context, unit)
    return [] if found is None else [found]


class _ListChange:
    """One dataset's list, before and after."""

    def __init__(self, context: Context, step: Step) -> None:
        self.context = context
        self.dataset = str(step.new.get("dataset", step.name))
        self.unit = context.unit_of(self.dataset)
        self.before, self.after = _entries(step.old), _entries(step.new)
        self.is_sensitive = bool(_sensitive(context, self.dataset))
        self.writes = "writer" in step.old, "writer" in step.new
        self.lines = self._lines()

    def consequences(self) -> Iterator[Consequence]:
        """Return one consequence for each member and role, and one for Fivetran's service account."""
        if self.writes[0] != self.writes[1]:
            yield self._writer(is_new=self.writes[1])
        for key in sorted({*self.before, *self.after}):
            old, new = self.before.get(key, []), self.after.get(key, [])
            for entry in (entry for entry in new if entry not in old):
                yield self._granted(entry, old)
            if not new:
                yield from (self._revoked(entry) for entry in old)

    def _writer(self, *, is_new: bool) -> Consequence:
        verb, preposition = ("grants", "to") if is_new else ("revokes", "from")
        text = f"{verb} {_WRITER_ROLE} on dataset {self.dataset} {preposition} {WRITER}"
        several = Several("dataset", self.dataset, f"{verb} {_WRITER_ROLE} on ", f" {preposition} {WRITER}")
        at = f"dataset {self.dataset}: {_WRITER_ROLE} for {WRITER}"
        place = self.context.dataset_place(self.dataset)
        if is_new:
            value = ["writer", *_filled_by(self.context, self.unit)]
            return Consequence("stop", "access_granted", text, at, self.unit, place, value, several=several)
        return Consequence("note", "access_revoked", text, at, self.unit, place, several=several)

    def _granted(self, entry: AccessEntry, old: list[AccessEntry]) -> Consequence:
        if not old:
            parts = f"grants {_role(entry)} on ", f" to {self._member(entry)}{_breadth(entry)}{_new_condition(entry)}"
            people = self._people(grows=True) if _is_person(entry) else ""
            return self._consequence("stop", "access_granted", parts, entry, people=people)
        until, before = parse_until(entry.condition), _latest(old)
        is_narrower = until is not None and (before is None or until <= before) and _are_dates(old)
        severity: Severity = "note" if is_narrower and not self.is_sensitive else "stop"
        return self._consequence(severity, "access_changed", self._change(entry, old), entry)

    def _change(self, entry: AccessEntry, old: list[AccessEntry]) -> tuple[str, str]:
        """Return how a grant that stays is changed: the words before and after the dataset."""
        until, before = parse_until(entry.condition), _latest(old)
        role, member = f"{_role(entry)} on ", f" for {self._member(entry)}"
        ticket = f" ({entry.condition.description})" if entry.condition and entry.condition.description else ""
        if not _are_dates([entry, *old]):
            conditions = [_condition(each) or " without a condition" for each in (entry, *old)]
            earlier = " and".join(conditions[1:])
            if earlier == conditions[0]:
                earlier = " under one with the same title and another expression or description"
            if entry.condition is not None:
                conditions[0] += f" `{entry.condition.expression}`"
            return f"changes {role}", f"{member}: it applies{conditions[0]}, instead of{earlier}"
        if until is None:
            return f"makes {role}", f"{member} permanent, instead of until {before}"
        if before is None:
            return f"ends {role}", f"{member} on {until}{ticket}, instead of never"
        if until == before:
            return f"keeps {role}", f"{member} until {until}, now for this reason: {ticket.strip(' ()') or 'none'}"
        return f"{'extends' if until > before else 'shortens'} {role}", f"{member} from {before} to {until}{ticket}"

    def _revoked(self, entry: AccessEntry) -> Consequence:
        until = parse_until(entry.condition)
        lapsed = until is not None and until < self.context.active.expiries.today
        verb, ended = ("removes the lapsed", f", which ended on {until}") if lapsed else ("revokes", "")
        rest = "" if lapsed else self._remaining(entry)
        past = None if lapsed else self._past_grant(entry)
        if past is not None:
            ended = f": the file says that its last day was {past[0]}"
        parts = f"{verb} {_role(entry)} on ", f" from {self._member(entry)}{ended}{rest}"
        severity: Severity = "stop" if self.is_sensitive and not lapsed else "note"
        people = self._people(grows=False) if _is_person(entry) and not lapsed else ""
        return self._consequence(severity, "access_revoked", parts, entry, people=people, is_scheduled=lapsed)

    def _remaining(self, revoked: AccessEntry) -> str:
        """Return by what else a member has access: by another role, or by a group that may include it."""
        is_person = _is_person(revoked)
        roles: dict[str, list[str]] = {"keeps": [], "then has": []}
        for key, entries in sorted(self.after.items()):
            if key[1:] == revoked.at:
                roles["keeps" if key in self.before else "then has"].append(_role(entries[0]))
        if found := [f"{verb} {' and '.join(names)}" for verb, names in roles.items() if names]:
            return f", {'who' if is_person else 'which'} {' and '.join(found)}"
        wider = _SEVERAL_PEOPLE if is_person else _SEVERAL_PEOPLE - {"groupByEmail"}
        if not is_person and revoked.field != "groupByEmail":
            return ""
        members = sorted({self._member(each[0]) for key, each in self.after.items() if key[1] in wider})
        return f". Members of {' and '.join(members)} have access" if members else ""

    def _consequence(
        self,
        severity: Severity,
        kind: str,
        parts: tuple[str, str],
        entry: AccessEntry,
        *,
        people: str = "",
        is_scheduled: bool = False,
    ) -> Consequence:
        """Return a consequence with the words before and after the dataset."""
        (before, after), sensitive = parts, " (sensitive)" if self.is_sensitive else ""
        text = f"{before}dataset {self.dataset}{sensitive}{after}{people}"
        several = Several("dataset", self.dataset, before, f"{sensitive}{after}")
        value = None if kind == "access_revoked" else entry.as_property()
        at = f"dataset {self.dataset}: {entry.role} for {entry.field}:{entry.member}"
        return Consequence(
            severity,
            kind,
            text,
            at,
            self.unit,
            self._place(entry),
            value,
            is_scheduled=is_scheduled,
            several=several,
        )

    def _member(self, entry: AccessEntry) -> str:
        """Return the member as files write it, with its address where the same text was another group."""
        name = format_member(entry.at, self.context.environment.workgroups)
        is_another = self.context.former_workgroups is not None and name.startswith(WORKGROUP)
        return f"{name} ({entry.member})" if is_another else name

    def _people(self, *, grows: bool) -> str:
        """Return the number of people before and after, where it changes as the line says."""
        before, after = _count_people(self.before), _count_people(self.after)
        changes = after > before if grows else after < before
        return f" (people named in the list: {before} → {after})" if changes else ""

    def _past_grant(self, revoked: AccessEntry) -> tuple[date, str] | None:
        """Return the last day that the file has for a member, if it is over, and the path of the line."""
        if self.dataset not in self.context.datasets:
            return None
        unit, dataset = self.context.datasets[self.dataset]
        for number, grant in enumerate(dataset.access):
            is_past = grant.until is not None and grant.until < self.context.active.expiries.today
            for index, member in enumerate(grant.members if is_past else ()):
                same = to_place(member, self.context.environment.workgroups) == revoked.at
                if same and grant.until is not None and grant.role == _role(revoked):
                    return grant.until, f"{dataset_path(unit, dataset)}.access[{number}].members[{index}]"
        return None

    def _place(self, entry: AccessEntry) -> str:
        if (former := self.context.former_workgroups) is not None:
            names = [format_member(entry.at, each) for each in (former, self.context.environment.workgroups)]
            if any(name.startswith(WORKGROUP) for name in names):
                return self.context.environment_place("workgroups")
        file, path = self.lines.get(entry, ("", ""))
        past = None if file else self._past_grant(entry)
        if past is not None:
            return self.context.loaded.places.find(self.context.datasets[self.dataset][0].file, past[1])
        is_default = path.startswith(_DEFAULT) and file == self.context.environment.file
        if is_default and path.removeprefix(_DEFAULT) in self.context.unchanged_defaults:
            return self.context.dataset_place(self.dataset)  # The dataset no longer excludes the default access.
        if file:
            return self.context.loaded.places.find(file, path)
        if (role_of_member := f"{_role(entry)} {self._member(entry)}") in self.context.dropped_grants:
            return self.context.environment_place(self.context.dropped_grants[role_of_member])
        return self.context.dataset_place(self.dataset, "access")

    def _lines(self) -> dict[AccessEntry, tuple[str, str]]:
        if self.dataset not in self.context.datasets:
            return {}
        unit, dataset = self.context.datasets[self.dataset]
        located = locate_entries(self.context.environment, dataset, unit.file, dataset_path(unit, dataset))
        return {each.entry: (each.file, each.path) for each in located}


def _describe(context: Context, entry: AccessEntry) -> str:
    member = format_member(entry.at, context.environment.workgroups)
    return f"{_role(entry)} to {member}{_breadth(entry)}{_new_condition(entry)}"


def _breadth(entry: AccessEntry) -> str:
    """Return who a member is that stands for more people than a group."""
    if entry.field == "domain":
        return f" (everyone with an account of {entry.member})"
    return f" ({_EVERYONE[entry.member]})" if entry.member in _EVERYONE else ""


def _role(entry: AccessEntry) -> str:
    return predefined_role(entry.role)


def _condition(entry: AccessEntry) -> str:
    if entry.condition is None:
        return ""
    until = parse_until(entry.condition)
    ticket = f" ({entry.condition.description})" if entry.condition.description else ""
    return f" until {until}{ticket}" if until else f" under the condition {entry.condition.title!r}"


def _new_condition(entry: AccessEntry) -> str:
    """Return the condition of a grant with its expression: a title can say anything."""
    if entry.condition is None or parse_until(entry.condition):
        return _condition(entry)
    return f"{_condition(entry)}, which is `{entry.condition.expression}`"


def _latest(entries: list[AccessEntry]) -> date | None:
    """Return the last day of the longest of these grants; None for a permanent one."""
    days = [parse_until(entry.condition) for entry in entries]
    return None if None in days else max(day for day in days if day is not None)


def _are_dates(entries: list[AccessEntry]) -> bool:
    return all(entry.condition is None or parse_until(entry.condition) is not None for entry in entries)


def _is_person(entry: AccessEntry) -> bool:
    return entry.field == "userByEmail" and "gserviceaccount.com" not in entry.member


def _count_people(entries: Mapping[tuple[str, str, str], list[AccessEntry]]) -> int:
    return len({same[0].member for same in entries.values() if _is_person(same[0])})


def _sensitive(context: Context, dataset: str) -> str:
    declared = context.datasets.get(dataset)
    return " (sensitive)" if declared and declared[1].sensitive else ""
