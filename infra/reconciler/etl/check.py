"""Compare what a checkout of bigquery-etl names with the units.

Pure, except for looking up the lines of YAML files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal, TypeAlias

from reconciler.config.places import Places
from reconciler.etl.checkout import GENERATORS, EtlFile, Scan
from reconciler.etl.metadata import ANY, TASKS_KEY, FivetranTask
from reconciler.etl.reads import Read
from reconciler.lifecycle.airflow import variable_name
from reconciler.lifecycle.expiry import Expiries, Expiry, Stage, pause_reason
from reconciler.model import AirflowSchedule, Dataset, Fleet, Unit, commands
from reconciler.model.commands import count
from reconciler.model.policy import Retire

#: What a finding is about. The names are values in the JSON output.
Kind: TypeAlias = Literal[
    "task_without_unit",
    "task_without_variable",
    "task_without_dag",
    "task_of_another_environment",
    "unit_without_query",
    "wrong_project",
    "undeclared_dataset",
    "dataset_ends",
    "unused_exception",
    "unreadable",
]

#: Fivetran's own dataset in each destination, which no file declares.
_FIVETRANS_OWN = "fivetran_metadata"


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong at a place. The field names are keys of the JSON output."""

    file: str
    line: int
    column: int
    kind: Kind
    severity: Literal["failed", "warning", "notice"]
    message: str
    hint: str
    owners: tuple[str, ...] = ()
    """The owners of the unit that it is about."""


@dataclass(frozen=True)
class _Declared:
    """A dataset with its unit and environment."""

    fleet: Fleet
    unit: Unit
    dataset: Dataset


class CrossCheck:
    """Compare the units of all environments with the files of some checkouts."""

    def __init__(self, fleets: Sequence[Fleet], scan: Scan, places: Places, today: date) -> None:
        self._fleets = fleets
        self._scan = scan
        self._places = places
        self._lives = {fleet.environment.name: Expiries(fleet, today) for fleet in fleets}
        #: Exceptions that something needed: environment, key, index.
        self._used: set[tuple[str, str, int]] = set()

    def findings(self) -> list[Finding]:
        """Return everything that is wrong, sorted by place."""
        found = [finding for file in self._scan.files for finding in self._check_file(file)]
        found += self._check_pairs()
        found += self._check_units()
        found += self._check_exceptions()
        return sorted(set(found))

    def _check_file(self, file: EtlFile) -> Iterator[Finding]:
        for fault in file.faults:
            hint = "Correct the file: bigquery-etl cannot read it either."
            yield Finding(file.file, fault.line, fault.column, "unreadable", "failed", fault.message, hint)
        for task in file.tasks:
            yield from self._check_task(file, task)
        seen = set()
        for read in file.reads:
            # A query that joins many tables of one dataset has one finding.
            if (what := (read.project, read.dataset)) not in seen:
                seen.add(what)
                yield from self._check_read(file, read)

    def _check_task(self, file: EtlFile, task: FivetranTask) -> Iterator[Finding]:
        at = (file.file, task.line, task.column)
        if not _is_scheduled(file, task):
            message = f"`scheduling` has no `dag_name`: no DAG waits for {task.task_id} or starts it"
            yield Finding(
                *at, "task_without_dag", "warning", message, "Write the query's `dag_name`, or remove the task."
            )
        declared = self._tasks.get(task.task_id)
        if declared is None and (ANY in task.task_id or self._is_elsewhere(file, task.task_id)):
            return
        if declared is None:
            message = f"no unit has the task_id {task.task_id}"
            yield Finding(*at, "task_without_unit", "failed", message, self._suggest_task(file, task.task_id))
            return
        fleet, unit = declared
        lives, variable = self._lives[fleet.environment.name], variable_name(task.task_id)
        reason = pause_reason(unit, lives) or (unit.connector and unit.connector.paused)
        end = lives.connector_expiry(unit)
        if reason:
            message = f"{unit.file} is paused ({reason}): Airflow has no variable {variable}, and the DAG fails"
            hint = "Remove the task, or start the unit again."
            yield Finding(*at, "task_without_variable", "failed", message, hint, unit.owners)
        elif self._is_end_news(file, fleet, end):
            message = (
                f"{unit.file} expires on {end.last_day}: then the variable {variable} is deleted, and the DAG fails"
            )
            hint = self._extend(fleet)
            yield Finding(*at, "task_without_variable", "warning", message, hint, unit.owners)

    def _is_elsewhere(self, file: EtlFile, task_id: str) -> bool:
        """Return whether the connector of a task is managed elsewhere, as the query's environment declares."""
        for fleet in self._environments_of(file.project) or self._fleets:
            for index, each in enumerate(fleet.environment.bigquery_etl.tasks_elsewhere):
                if each.covers(task_id):
                    self._used.add((fleet.environment.name, "tasks_elsewhere", index))
                    return True
        return False

    def _suggest_task(self, file: EtlFile, task_id: str) -> str:
        """Suggest a task in place of an unknown one: above all that of a unit whose data the query reads."""
        for read in self._reads[file.query]:
            for declared in self._datasets.get((read.project, read.dataset or ""), ()):
                for unit in (declared.unit, *declared.fleet.writers_of(declared.dataset)):
                    if task := _task_of(unit):
                        return f"Write {task}, the task of {unit.file}, whose data the query reads."
        if near := get_close_matches(task_id, self._tasks, n=1, cutoff=0.8):
            return f"Did you mean {near[0]}?"
        # Where every unit expires, no query of production has its task.
        lasting = [fleet for fleet in self._fleets if not fleet.environment.policy.expiry.required]
        settings = (self._environments_of(file.project) or lasting or self._fleets)[0].environment
        return (
            f"Write `schedule: {{by: airflow, task_id: {task_id}}}` in the unit's file, or remove the task. If another "
            f"place manages its connector, name it under `bigquery_etl: {{tasks_elsewhere: […]}}` in {settings.file}."
        )

    def _check_read(self, file: EtlFile, read: Read) -> Iterator[Finding]:
        yield from self._check_project(file, read)
        if read.dataset is None or read.dataset == _FIVETRANS_OWN:
            return
        found = self._datasets.get((read.project, read.dataset), ())
        if not found:
            yield from self._check_undeclared(file, read, read.dataset)
        for declared in found[:1]:
            yield from self._check_end(file, read, declared)

    def _check_project(self, file: EtlFile, read: Read) -> Iterator[Finding]:
        if not self._is_wrong(file, read):
            return
        owners, others = self._environments_of(file.project), self._by_project[read.project]
        if self._use_exception(owners or self._fleets, file.query, f"{read.project}.{read.dataset or '*'}"):
            return
        names = ", ".join(fleet.environment.name for fleet in others)
        message = f"reads {_name(read)}, which belongs to {names}"
        if owners:
            message += f", but {file.project} belongs to {', '.join(fleet.environment.name for fleet in owners)}"
        else:
            message += ", where every unit expires"
        settings = (owners or [each for each in self._fleets if each not in others] or others)[0].environment
        exception = f"name the query under `bigquery_etl: {{reads_elsewhere: […]}}` in {settings.file}"
        hint = f"Read {settings.gcp_project}, or {exception}."
        yield Finding(file.file, read.line, read.column, "wrong_project", "failed", message, hint)

    def _is_wrong(self, file: EtlFile, read: Read) -> bool:
        owners, others = self._environments_of(file.project), self._by_project[read.project]
        if owners:
            return not any(fleet in owners for fleet in others)
        return all(fleet.environment.policy.expiry.required for fleet in others)

    def _check_undeclared(self, file: EtlFile, read: Read, dataset: str) -> Iterator[Finding]:
        fleets = self._by_project[read.project]
        if any(fleet.environment.ignore.dataset(dataset) for fleet in fleets):
            return
        elsewhere = [project for project, id_ in self._datasets if id_ == dataset]
        near = get_close_matches(dataset, [id_ for project, id_ in self._datasets if project == read.project], n=1)
        settings = fleets[0].environment
        if elsewhere:
            promote = commands.reconciler("promote")
            hint = f"Declare it there too, for example with {promote}, or read {elsewhere[0]}, which has it."
        elif near:
            hint = f"Did you mean {near[0]}?"
        else:
            hint = f"Declare it in a unit's file, or name it under `ignore: {{schemas: […]}}` in {settings.file}."
        message = f"reads {_name(read)}, which no file in {_folder(settings.file)} declares"
        yield Finding(file.file, read.line, read.column, "undeclared_dataset", "failed", message, hint)

    def _check_end(self, file: EtlFile, read: Read, declared: _Declared) -> Iterator[Finding]:
        fleet, unit, dataset = declared.fleet, declared.unit, declared.dataset
        kind: Kind = "dataset_ends"
        at = (file.file, read.line, read.column, kind)
        end = self._lives[fleet.environment.name].dataset_expiry(unit, dataset)
        if end.stage in (Stage.PAUSED, Stage.REMOVED):
            done = "was deleted" if end.stage is Stage.REMOVED else "gets no new data, and is deleted"
            message = (
                f"reads {_name(read)}, which expired on {end.last_day} and {done} on {end.removed_on}: {unit.file}"
            )
            yield Finding(*at, "failed", message, "Stop reading it, or extend the unit.", unit.owners)
        elif self._is_end_news(file, fleet, end):
            message = (
                f"reads {_name(read)}, which expires on {end.last_day} and is deleted on {end.removed_on}: {unit.file}"
            )
            yield Finding(*at, "warning", message, self._extend(fleet), unit.owners)
        if dataset in unit.former_datasets:
            message = f"reads {_name(read)}, which no connector writes any more: {unit.file} writes another schema"
            yield Finding(*at, "warning", message, "Read the new dataset.", unit.owners)
        for each in {each.name: each for each in (unit, *fleet.writers_of(dataset))}.values():
            if each.retire is not None:
                fate = _fate(each.retire, owns=each is unit)
                message = f"reads {_name(read)}, which is retired ({each.retire.ticket}) and {fate}: {each.file}"
                yield Finding(*at, "warning", message, "Stop reading it before the file is deleted.", each.owners)
        if dataset.default_table_expiration_ms is not None:
            after = timedelta(milliseconds=dataset.default_table_expiration_ms)
            days = count(after.days, "day") if after.days else str(after)
            message = f"reads {_name(read)}, whose tables are deleted {days} after they are created: {unit.file}"
            hint = "Make sure that the query needs no older table."
            yield Finding(*at, "notice", message, hint, unit.owners)

    def _check_pairs(self) -> Iterator[Finding]:
        """Find queries that wait for a sync of one environment, and read only another."""
        for file in self._scan.files:
            reads = self._reads[file.query]
            for task in file.tasks if reads else ():
                declared = self._tasks.get(task.task_id)
                if declared is None or any(declared[0] in self._by_project[read.project] for read in reads):
                    continue
                name, first = declared[0].environment.name, reads[0]
                message = f"waits for {task.task_id} of {name}, but reads only {_name(first)}"
                hint = f"Name the task of the unit that fills {_name(first)}."
                at = (file.file, task.line, task.column)
                yield Finding(*at, "task_of_another_environment", "failed", message, hint, declared[1].owners)

    def _check_units(self) -> Iterator[Finding]:
        """Find units whose task no query names."""
        used = {task.task_id for file in self._scan.files for task in file.tasks if _is_scheduled(file, task)}
        for fleet in self._fleets:
            by_hand = {dag.task_id: index for index, dag in enumerate(fleet.environment.bigquery_etl.dags_by_hand)}
            for unit in fleet.units:
                task = _task_of(unit)
                if task is None or any(fnmatchcase(task, each) for each in used):
                    continue
                if task in by_hand:
                    self._used.add((fleet.environment.name, "dags_by_hand", by_hand[task]))
                elif pause_reason(unit, self._lives[fleet.environment.name]) is None:
                    place = self._place(unit.file, "connector", "schedule", "task_id")
                    message = f"no query has {task} under `{TASKS_KEY}`: nothing starts its syncs"
                    hint = (
                        f"Add it to the metadata.yaml of a query that reads the data, or name the DAG under "
                        f"`bigquery_etl: {{dags_by_hand: […]}}` in {fleet.environment.file}."
                    )
                    yield Finding(*place, "unit_without_query", "warning", message, hint, unit.owners)

    def _check_exceptions(self) -> Iterator[Finding]:
        """Find exceptions that nothing needs."""
        for fleet in self._fleets:
            settings = fleet.environment
            tasks = {_task_of(unit) for unit in fleet.units}
            for index, dag in enumerate(settings.bigquery_etl.dags_by_hand):
                if (settings.name, "dags_by_hand", index) not in self._used:
                    reason = "a query names the task" if dag.task_id in tasks else f"no unit in {settings.name} has it"
                    yield self._unused(fleet, "dags_by_hand", index, f"{dag.task_id} needs no exception: {reason}")
            for index, task in enumerate(settings.bigquery_etl.tasks_elsewhere):
                if (settings.name, "tasks_elsewhere", index) not in self._used:
                    has_unit = any(task.covers(each) for each in self._tasks)
                    reason = "a unit has it" if has_unit else "no query names it"
                    yield self._unused(fleet, "tasks_elsewhere", index, f"{task.task_id} needs no exception: {reason}")
            for index, each in enumerate(settings.bigquery_etl.reads_elsewhere):
                if (settings.name, "reads_elsewhere", index) not in self._used:
                    what = f"no query {each.queries} reads {each.datasets} of another environment"
                    yield self._unused(fleet, "reads_elsewhere", index, what)

    def _unused(self, fleet: Fleet, key: str, index: int, message: str) -> Finding:
        place = self._place(fleet.environment.file, "bigquery_etl", key, index)
        return Finding(*place, "unused_exception", "warning", message, "Remove the exception.")

    def _use_exception(self, fleets: Sequence[Fleet], query: str, dataset: str) -> bool:
        for fleet in fleets:
            for index, each in enumerate(fleet.environment.bigquery_etl.reads_elsewhere):
                if each.covers(query, dataset):
                    self._used.add((fleet.environment.name, "reads_elsewhere", index))
                    return True
        return False

    def _is_end_news(self, file: EtlFile, fleet: Fleet, end: Expiry) -> bool:
        """Return whether an expiry needs attention: at once, or near its day where every unit expires anyway."""
        own = fleet in self._environments_of(file.project) and fleet.environment.policy.expiry.required
        return end.stage is Stage.WARNED or (end.stage is Stage.AHEAD and not own)

    def _environments_of(self, project: str) -> list[Fleet]:
        """Return the environments that a folder of queries belongs to; empty if no file says so."""
        return [
            fleet
            for fleet in self._fleets
            if project == fleet.environment.gcp_project
            or any(fnmatchcase(project, pattern) for pattern in fleet.environment.bigquery_etl.projects)
        ]

    def _extend(self, fleet: Fleet) -> str:
        policy = fleet.environment.policy.expiry
        kept = "`expires: {never: …}` with the reason" if policy.required else "no `expires`"
        return f"Stop reading it before that, or write a later date in the unit's file, or {kept}."

    def _place(self, file: str, *path: str | int) -> tuple[str, int, int]:
        place = self._places.find(file, *path).removeprefix(f"{file}:").split(":")
        return (file, int(place[0]), int(place[1])) if len(place) == 2 else (file, 1, 1)

    @cached_property
    def _reads(self) -> dict[str, list[Read]]:
        """What the files of a query read, by the query's name."""
        found: dict[str, list[Read]] = defaultdict(list)
        for file in self._scan.files:
            found[file.query] += file.reads
        return found

    @cached_property
    def _tasks(self) -> dict[str, tuple[Fleet, Unit]]:
        return {task: (fleet, unit) for fleet in self._fleets for unit in fleet.units if (task := _task_of(unit))}

    @cached_property
    def _by_project(self) -> dict[str, list[Fleet]]:
        fleets: dict[str, list[Fleet]] = defaultdict(list)
        for fleet in self._fleets:
            fleets[fleet.environment.gcp_project].append(fleet)
        return fleets

    @cached_property
    def _datasets(self) -> dict[tuple[str, str], list[_Declared]]:
        found: dict[tuple[str, str], list[_Declared]] = defaultdict(list)
        for fleet in self._fleets:
            for unit in fleet.units:
                for dataset in unit.all_datasets:
                    found[fleet.environment.gcp_project, dataset.id].append(_Declared(fleet, unit, dataset))
        return dict(found)


def _task_of(unit: Unit) -> str | None:
    schedule = unit.connector.schedule if unit.connector else None
    return schedule.task_id if isinstance(schedule, AirflowSchedule) else None


def _name(read: Read) -> str:
    return f"{read.project}.{read.dataset}" if read.dataset else read.project


def _folder(file: str) -> str:
    return file.rpartition("/")[0] or "the folder"


def _fate(retire: Retire, *, owns: bool) -> str:
    if retire.data == "delete" and owns:
        return "is deleted with its file"
    return "gets no new data"


def _is_scheduled(file: EtlFile, task: FivetranTask) -> bool:
    """Return whether a DAG has the task. What a generator writes around its template is not known."""
    return task.is_scheduled or file.project == GENERATORS
