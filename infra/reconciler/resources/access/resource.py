"""DatasetAccess: who may do what with a dataset.

The whole list, but for what other automation authorised.

A resource of its own beside the dataset, since the gcp plugin replaces the list without an etag, and fails a whole unit
for one member that Google does not know. This one writes with the etag, keeps others' views, routines and datasets,
leaves out what Google denies, and lets the run fail for that in the end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pulumi import Input, ResourceOptions
from pulumi.dynamic import CheckResult as Checked
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.google.bigquery.access import AccessEntry, MemberNames, parse_entry, to_place, writer_entry
from reconciler.google.bigquery.access.changes import access_changes, find_deleted_members
from reconciler.google.bigquery.access.live_entries import (
    AnyEntry,
    as_entry,
    entry_key,
    format_entry,
    is_foreign,
    missing_entries,
    normalise_entry,
    writer_address,
)
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.resources.operation import Provider, found, is_unknown, operation, stored
from reconciler.resources.run.access_lists import Written
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)

#: What state holds besides the inputs.
_OUTPUTS = ("denied", "kept_as")

_REMEDY = "Remove or correct the member; if the account is new, run again. The run wrote all other entries."


class DatasetAccessProvider(Provider):
    """Keeps a dataset's access list as declared.

    State holds the declared entries, by how people read them.
    """

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> Checked:
        if run.declared.is_preview and not olds:
            declared = _Declared(news)
            declared.log_changes(run.declared.access_lists.get(declared.dataset) or (), declared.entries)
        return Checked(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        before, after = _Declared(olds), _Declared(news)
        denied = olds.get("denied") or {}
        changes = after.is_unknown or _keys(before.entries) != _keys(after.entries) or bool(denied)
        if run.declared.is_preview and changes:
            after.log_changes(_without(before.entries, denied.values()), after.entries)
            for text, each in denied.items():
                entry = parse_entry(each)
                if entry is not None and entry in after.entries:
                    logger.warning("%s: the last run could not grant %s\n    %s", after.locate(entry), text, _REMEDY)
        return DiffResult(changes=changes)

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        id_ = f"{props['project']}/{props['dataset']}"
        return CreateResult(id_, _write(props, {}))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        live = run.access_lists.read(props["project"], props["dataset"])
        if live is None:
            return ReadResult(None, {})
        before = {name: value for name, value in stored(props).items() if name not in _OUTPUTS}
        outputs = {name: props[name] for name in _OUTPUTS if name in props}
        return found(id_, before, _Declared(props).as_live(before, live.entries), outputs)

    @operation
    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_write(news, olds))

    @operation
    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Do nothing: BigQuery deletes the list with its dataset."""


class DatasetAccess(Resource, module="bigquery", name="DatasetAccess"):
    """The access list of one dataset, named like it.

    `writer` is Fivetran's service account where that writes it.
    """

    def __init__(
        self, project: str, expected: DatasetDeclaration, writer: Input[str] | None, opts: ResourceOptions | None = None
    ) -> None:
        props = {**inputs(project, expected, writer), **dict.fromkeys(_OUTPUTS)}
        super().__init__(DatasetAccessProvider(), expected.id, props, opts)


def inputs(project: str, expected: DatasetDeclaration, writer: Input[str] | None) -> dict[str, Any]:
    """Return the inputs that declare a dataset's list."""
    entries: dict[str, dict[str, Any]] = {}
    for each in expected.entries:
        entries[_unique(str(expected.format(each)), each.entry, entries)] = each.entry.as_property()
    return {
        "file": expected.file,
        "path": expected.path,
        "project": project,
        "dataset": expected.id,
        "entries": entries,
        **({"workgroups": expected.workgroups} if expected.workgroups else {}),
        **({"writer": writer} if writer is not None else {}),
    }


class _Declared:
    """The inputs of one dataset's list, with the lines that `Preflight` was given. State holds no lines."""

    def __init__(self, props: Mapping[str, Any]) -> None:
        self.file, self.path = str(props["file"]), str(props["path"])
        self.dataset = str(props["dataset"])
        self.is_unknown = "writer" in props and is_unknown(props["writer"])
        account = run.declared.writer if self.is_unknown else props.get("writer")
        self.is_incomplete = self.is_unknown and not account
        expected = run.declared.datasets.get(self.dataset)
        self.places = {each.entry: each for each in expected.entries} if expected else {}
        self.names = expected.names if expected else MemberNames(props.get("workgroups"))
        entries = [parse_entry(each) or each for each in props["entries"].values()]
        self.writer = writer_entry(account) if account else None
        self.entries: tuple[AnyEntry, ...] = (*entries, *([self.writer] if self.writer else []))
        self.kept_as: dict[str, Mapping[str, Any]] = dict(props.get("kept_as") or {})

    def locate(self, entry: AccessEntry | None) -> str:
        """Return the line that brings an entry; that of the dataset's access for one that no line brings."""
        brought = self.places.get(entry) if entry else None
        return run.declared.locate(*((brought.file, brought.path) if brought else (self.file, f"{self.path}.access")))

    def locate_member(self, member: str) -> Iterator[str]:
        """Return each line that names a member, which is written as IAM does."""
        at = to_place(member, None)
        for each in self.places.values():
            if each.entry.at == at:
                yield run.declared.locate(each.file, each.path)

    def log_changes(self, before: Iterable[AnyEntry], after: Iterable[AnyEntry]) -> None:
        """Log each grant and each loss between two lists, and in a preview what it cannot know."""
        before = list(before)
        if self.is_incomplete:
            writers = [each for each in before if (entry := as_entry(each)) is not None and writer_address(entry)]
            before = [each for each in before if each not in writers]
            self._log_incomplete(writers)
        for change in access_changes(before, after):
            entry = parse_entry(change.entry)
            brought = self.places.get(entry) if entry else None
            text = change.describe(self.dataset, self.names, brought.ticket if brought else None)
            # What is left of a loss is what a line brings.
            left = next((each for each in change.others if not change.is_grant and each in self.places), entry)
            logger.warning("%s: %s", self.locate(left), text)
        if not run.declared.is_preview:
            return
        for shown, member in find_deleted_members(before):
            for where in self.locate_member(member):
                logger.warning(
                    "%s: the account of %s is deleted in Google (the dataset %s lists it as %s), so Google would deny "
                    "a new grant\n    Remove the member, unless a new account has this name.",
                    where,
                    member,
                    self.dataset,
                    shown,
                )

    def _log_incomplete(self, writers: list[AnyEntry]) -> None:
        accounts = ", ".join(
            f"serviceAccount:{entry.member}" for each in writers if (entry := as_entry(each)) is not None
        )
        maybe = f". It revokes that role from {accounts}, unless that is the same account" if accounts else ""
        logger.warning(
            "%s: this preview is incomplete: the run also grants roles/bigquery.dataEditor on dataset %s to Fivetran's "
            "service account, which Fivetran creates with the group%s",
            run.declared.locate(self.file, self.path),
            self.dataset,
            maybe,
        )

    def as_live(self, before: Mapping[str, Any], live: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the inputs as the live list has them: equal to `before` where nothing that is ours differs."""
        live = [each for each in live if not is_foreign(each)]
        ours, there = _keys(self.entries), _keys(live)
        # By what BigQuery made of an entry the one that was sent.
        stand_ins = {
            entry_key(kept): sent
            for sent, kept in self.kept_as.items()
            if sent in ours and sent not in there and entry_key(kept) in there
        }
        there |= {*stand_ins.values()}
        entries = {text: each for text, each in before["entries"].items() if entry_key(each) in there}
        for each in live:
            if entry_key(each) not in ours and entry_key(each) not in stand_ins:
                entries[_unique(str(format_entry(each, self.names)), parse_entry(each), entries)] = normalise_entry(
                    each
                )
        now = {**before, "entries": entries}
        if self.writer is not None and entry_key(self.writer) not in there:
            del now["writer"]
        return now


def _write(props: Mapping[str, Any], olds: Mapping[str, Any]) -> dict[str, Any]:
    """Write the list, log the changes and what Google denies, and return the state."""
    declared = _Declared(props)
    kept_as = _Declared(olds).kept_as if olds else {}
    wanted = [each for each in declared.entries if isinstance(each, AccessEntry)]
    is_newborn = declared.writer is not None and olds.get("writer") != props["writer"]
    written = run.access_lists.write(
        props["project"], declared.dataset, wanted, kept_as, newborn=declared.writer if is_newborn else None
    )
    # BigQuery's default access to a new dataset is not reported as revoked: the dataset was empty.
    is_new = not olds and declared.dataset not in run.declared.access_lists
    declared.log_changes(() if is_new else written.before, written.after)
    _log_other_addresses(declared, written, kept_as)
    denied: dict[str, dict[str, Any]] = {}
    for entry, reason in written.denied.items():
        text = str(format_entry(entry, declared.names))
        denied[f"{text}: {reason}"] = entry.as_property()
        _fail(declared, entry, text, reason)
    declares = {name: value for name, value in stored(props).items() if name not in _OUTPUTS}
    used = {each: kept for each, kept in written.kept_as.items() if each in _keys(declared.entries)}
    return {**declares, **({"denied": denied} if denied else {}), **({"kept_as": used} if used else {})}


def _log_other_addresses(declared: _Declared, written: Written, known: Mapping[str, Any]) -> None:
    for entry in declared.entries:
        kept = written.kept_as.get(entry_key(entry))
        if kept is not None and entry_key(entry) not in known and isinstance(entry, AccessEntry):
            logger.warning(
                "%s: BigQuery stores %s on dataset %s as %s; no action is needed",
                declared.locate(entry),
                format_entry(entry, declared.names),
                declared.dataset,
                format_entry(kept, declared.names).who,
            )


def _fail(declared: _Declared, entry: AccessEntry, text: str, reason: str) -> None:
    """Record one failure for a line, also where several datasets share it."""
    file = declared.places[entry].file if entry in declared.places else declared.file
    others = run.outcomes.deny(file, text, declared.dataset)
    on = f"dataset {declared.dataset}" if len(others) == 1 else f"{len(others)} datasets ({', '.join(others[:20])})"
    run.outcomes.fail(file, f"{declared.locate(entry)}: Google denies {text} on {on}: {reason}\n    {_REMEDY}", text)


def _keys(entries: Iterable[AnyEntry]) -> set[str]:
    return {entry_key(entry) for entry in entries}


def _without(entries: Iterable[AnyEntry], others: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return missing_entries(entries, list(others))


def _unique(text: str, entry: AccessEntry | None, taken: Mapping[str, Any]) -> str:
    """Return a text that no other entry has: conditions may differ in their titles alone."""
    if text in taken and entry is not None and entry.condition is not None:
        text += f" ({entry.condition.title})"
    while text in taken:
        text += " (again)"
    return text
