"""The step from what the last run declared to what this one does, compared before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from reconciler.lifecycle.removal import ALLOW, VARIABLE, Ending, Removals
from reconciler.model.policy import DeleteGuard, Removal
from reconciler.plan import resync
from reconciler.plan.inventory import Declared

Units = Mapping[str, Declared]


@dataclass(frozen=True)
class Rules:
    """What the step is judged by.

    Where a rule changed with this run, the stricter one holds: no single change takes a guard away and uses that.
    """

    today: date
    removals: Removals = field(default_factory=Removals)
    removal: tuple[Removal, ...] = ("file",)
    guards: tuple[DeleteGuard, ...] = (DeleteGuard(),)
    groups: tuple[str, str] = ("", "")
    """The Fivetran group of the last run and of this one."""
    environment_file: str = "environment.yaml"


@dataclass(frozen=True)
class Rejection:
    """Why a step is rejected, and which connection it is about.

    `reason` begins with a file's name; `at` is the path of the key in that file, unless the file is gone.
    """

    reason: str
    connection: str | None = None
    file: str = ""
    at: tuple[str, ...] = ()


#: How many removals are named where the delete guard stops a run.
_NAMED = 20


@dataclass(frozen=True)
class _Removed:
    """A connection or dataset that the last run had and this one does not declare."""

    kind: Literal["connection", "dataset"]
    id: str
    removal: str
    """What this run would delete, and which file causes that."""
    ending: Ending
    unit: str
    after: Declared | None
    """What this run declares of the unit."""
    file: str = ""
    at: tuple[str, ...] = ()
    """The key that it is about, unless the file is gone."""


def rejections(before: Units, after: Units, rules: Rules) -> tuple[Rejection, ...]:
    """Return everything that stops a run: from the units by name in the last run and in this one."""
    replacing = dict(_replacements(before, after, rules.groups))
    removed = [*_removed_connections(before, after), *_removed_datasets(before, after, replacing)]
    counted = [each for each in removed if _is_counted(each, rules)]
    stopped = _describe_excess(counted, before, rules.guards)
    expected = f"{ALLOW}:{len(counted)}" if stopped else ALLOW
    return (
        *_reject_taken(before, after),
        *(rejection for rejection in replacing.values() if rejection is not None),
        *(rejection for each in removed if (rejection := _reject_removal(each, rules, expected))),
        *_reject_moved(before, after),
        *(_reject_by_guard(stopped, counted, rules) if stopped else ()),
    )


def replaced(before: Units, after: Units, groups: tuple[str, str]) -> frozenset[str]:
    """Return the connections that files allow a new one to replace.

    Those that this run replaces, and those that `allow_resync` names: a killed run may not have replaced them yet.
    """
    holders = _holders(after)
    now = {before[name].connection for name, rejection in _replacements(before, after, groups) if rejection is None}
    named = {unit.replaceable for name, unit in after.items() if holders.get(unit.replaceable or "", name) == name}
    return frozenset(name for name in now | named if name)


def recreated(before: Units, after: Units, groups: tuple[str, str]) -> dict[str, str]:
    """Return the units whose connection this step replaces, as files allow.

    With the connection that is deleted for each.
    """
    successors = _successors(before, after)
    replacements = [name for name, rejection in _replacements(before, after, groups) if rejection is None]
    return {successors[name]: str(before[name].connection) for name in replacements}


def left_groups(after: Units, groups: tuple[str, str]) -> frozenset[str]:
    """Return the Fivetran groups that the environment may leave for another.

    All its files allow that, or it has none yet.

    The group that this run leaves, and those that `allow_resync` names: a killed run may not have left them yet.
    """
    named = {unit.resync["group"][0] for unit in after.values() if "group" in unit.resync}
    return frozenset(named | {groups[0]}) - {groups[1]}


def _holders(units: Units) -> dict[str, str]:
    """Return the units by the name of their connection."""
    return {unit.connection: name for name, unit in units.items() if unit.connection}


def _successors(before: Units, after: Units) -> dict[str, str]:
    """Return what each unit of the last run is called now."""
    renamed = {unit.formerly: name for name, unit in after.items() if unit.formerly}
    return {name: renamed.get(name, name) for name in before}


def _replacements(before: Units, after: Units, groups: tuple[str, str]) -> Iterator[tuple[str, Rejection | None]]:
    """Yield units whose connection would be replaced, with the rejection unless their file allows it."""
    holders = _holders(after)
    for name, now in _successors(before, after).items():
        old, unit = before[name], after.get(now)
        if old.connection is None or unit is None or unit.connection is None:
            continue
        if holders.get(old.connection, now) != now:
            continue  # it is in another file: `_reject_taken`
        if changed := resync.changes(old, unit, groups):
            reason = resync.rejection(old, unit, changed)
            at = resync.place(unit, changed)
            yield name, None if reason is None else Rejection(reason, old.connection, unit.file, at)


def _reject_taken(before: Units, after: Units) -> Iterator[Rejection]:
    """Yield connections that another file claims without `formerly`."""
    holders = _holders(after)
    for name, now in _successors(before, after).items():
        old = before[name]
        if old.connection is not None and holders.get(old.connection, now) != now:
            file = after[holders[old.connection]].file
            yield Rejection(
                f"{file}: the connection {old.connection} belongs to {old.file}\n    Write `formerly: {name}` in this "
                "file if it replaces that one; otherwise choose another destination.",
                old.connection,
                file,
                ("connector", "destination"),
            )


def _removed_connections(before: Units, after: Units) -> Iterator[_Removed]:
    holders = _holders(after)
    for name, now in _successors(before, after).items():
        old, unit = before[name], after.get(now)
        if old.connection is None or old.connection in holders or (unit is not None and unit.connection is not None):
            continue
        if unit is None:
            removal = f"{old.file} is missing: this run would delete the connection {old.connection}"
        elif unit.expired:
            removal = f"{unit.file} expired on {unit.expired}: this run would delete the connection {old.connection}"
        else:
            removal = f"{unit.file} no longer has a connector: this run would delete the connection {old.connection}"
        yield _Removed("connection", old.connection, removal, old.ending, name, unit, *_key(unit, "connector"))


def _removed_datasets(before: Units, after: Units, replacing: Mapping[str, Rejection | None]) -> Iterator[_Removed]:
    declared = {dataset for unit in after.values() for dataset in unit.datasets}
    for name, now in _successors(before, after).items():
        old, unit = before[name], after.get(now)
        if replacing.get(name) is not None:
            continue  # rejected already, and its datasets with it
        for dataset in old.datasets:
            if dataset in declared:
                continue
            if unit is not None and unit.expired:
                removal = f"{unit.file} expired on {unit.expired}: this run would delete the dataset {dataset}"
            else:
                file = unit.file if unit is not None else old.file
                removal = f"{file} no longer declares the dataset {dataset}: this run would delete it"
            yield _Removed(
                "dataset",
                dataset,
                removal,
                old.ending_of(dataset),
                name,
                unit,
                *_key(unit, "dataset"),
            )


def _key(unit: Declared | None, key: str) -> tuple[str, tuple[str, ...]]:
    """Return the file that causes a removal and its key for that; none where the file is gone."""
    return ("", ()) if unit is None else (unit.file, ("expires",) if unit.expired else (key,))


def _advice(removed: _Removed, expected: str) -> str:
    """Return what to do about a removal, by what may have caused it."""
    if removed.after is None:
        return (
            f"Run with {VARIABLE}={expected} to delete it, or write `formerly: {removed.unit}` in the new file if it "
            "was renamed, or update this branch if the file is on the main branch."
        )
    if removed.after.expired:
        return f"Write a later date in `expires` to keep it, or run with {VARIABLE}={expected}."
    return f"Run with {VARIABLE}={expected} to delete it, or update this branch if the main branch declares it."


def _reject_removal(removed: _Removed, rules: Rules, expected: str) -> Rejection | None:
    connection = removed.id if removed.kind == "connection" else None
    if removed.ending.has_expired(rules.today):
        return None
    if not removed.ending.retired and _is_guarded(removed, rules):
        advice = "Restore the file with `retire: {ticket: …}`, run, and delete the file afterwards."
        if removed.after is not None and removed.after.expired:
            advice = "Write a day in `expires` that is not over, and run: a later run removes it after that day."
        return Rejection(f"{removed.removal}\n    {advice}", connection, removed.file, removed.at)
    if rules.removals.allowed:
        return None
    return Rejection(f"{removed.removal}\n    {_advice(removed, expected)}", connection, removed.file, removed.at)


def _is_guarded(removed: _Removed, rules: Rules) -> bool:
    return removed.ending.guarded or "retire" in rules.removal


def _is_counted(removed: _Removed, rules: Rules) -> bool:
    """Return whether no expiry or retirement that an older run recorded announces the removal."""
    announced = removed.ending.retired or removed.ending.has_expired(rules.today)
    return not announced and not _is_guarded(removed, rules)


def _reject_moved(before: Units, after: Units) -> Iterator[Rejection]:
    declared = {name: (unit.file, where) for unit in after.values() for name, where in unit.datasets.items()}
    for old in before.values():
        for dataset, location in old.datasets.items():
            file, now = declared.get(dataset, (old.file, location))
            if now.casefold() != location.casefold():
                yield Rejection(
                    f"{file}: the location of the dataset {dataset} changed from {location} to {now}, and BigQuery "
                    f"cannot move it\n    Restore {location}, or declare another dataset in {now} and copy the data.",
                    file=file,
                    at=("dataset", "location"),
                )


def _describe_excess(counted: list[_Removed], before: Units, guards: tuple[DeleteGuard, ...]) -> str | None:
    """Describe what exceeds the delete guard, separately for connections and datasets."""
    existing = {
        "connection": sum(unit.connection is not None for unit in before.values()),
        "dataset": sum(len(unit.datasets) for unit in before.values()),
    }
    exceeded = []
    for kind, exist in existing.items():
        going = sum(each.kind == kind for each in counted)
        most = min(max(guard.at_least, exist * guard.share // 100) for guard in guards)
        if going > most:
            exceeded.append(f"{going} of {exist} {kind}s (`delete_guard` allows {most})")
    return " and ".join(exceeded) or None


def _reject_by_guard(stopped: str, counted: list[_Removed], rules: Rules) -> tuple[Rejection, ...]:
    if rules.removals.expected is not None and rules.removals.expected >= len(counted):
        return ()
    named = [f"{each.kind} {each.id}" for each in counted[:_NAMED]]
    more = [f"{len(counted) - _NAMED} more"] if len(counted) > _NAMED else []
    return (
        Rejection(
            f"{rules.environment_file}: this run would remove {stopped} without `expires` or `retire`: "
            f"{', '.join([*named, *more])}\n"
            f"    Restore the files, or run once with {VARIABLE}={ALLOW}:{len(counted)}.",
            file=rules.environment_file,
            at=("policy", "delete_guard"),
        ),
    )
