"""Preflight: compare what an environment declares with the last run, before any change.

Every resource depends on it, so that a rejection here, in preview as in up, stops the run before its first change.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pulumi
import pulumi.runtime
from pulumi import ResourceOptions
from pulumi.dynamic import (
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from reconciler import secrets
from reconciler.config.places import Places
from reconciler.fivetran.api import FivetranError, Forbidden, Unauthorized
from reconciler.lifecycle import airflow
from reconciler.lifecycle.removal import Removals
from reconciler.model import Environment, commands
from reconciler.model.environment import LARGEST_QUOTA_LEFT
from reconciler.model.policy import DeleteGuard, Policy
from reconciler.model.today import today
from reconciler.plan import datasets, moves, permanent_keys, secret_versions
from reconciler.plan.creations import Creations, has_new_intents
from reconciler.plan.datasets import Findings
from reconciler.plan.environment_rules import RULES, environment_rules
from reconciler.plan.inventory import Declared
from reconciler.plan.rejections import Rejection, Rules, left_groups, rejections, replaced
from reconciler.resources.connection import api_fields, new_connections
from reconciler.resources.connection.new_connections import Declarations
from reconciler.resources.destination import groups, live_destination
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.run import checkpoints
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run

logger = logging.getLogger(__name__)

_UNRECORDED = (
    f"state does not record yet what this run changes, and with {checkpoints.SKIP} a killed run would lose it\n"
    "    Run with `--target '**reconciler:Preflight::**'` and with checkpoints first; `make apply` does."
)

#: The input that holds each unit in full, as JSON text: for `check` only, which keeps it out of state. As properties,
#: three processes would each copy tens of thousands of them.
_DECLARATIONS = "declarations"

#: The input that holds what was found in BigQuery: for `check` only, too.
_FOUND = "in_bigquery"

#: The input that holds the folder of this machine that file names are relative to: for `check` only, too.
_ROOT = "root"

#: The input that says whether this is a preview: for `check` only, too.
_PREVIEW = "preview"

#: The input that holds which connections the stack was about to create.
_INTENTS = "intents"

#: The input that holds every reference: which versions of secrets are known to be there, and whose values a text may
#: quote that a refresh comes across.
_REFERENCES = "references"


#: The input with the Airflow variables that other stacks hand over: for `check` only, too.
_ELSEWHERE = "variables_elsewhere"

#: The inputs with what files give to the environment's other stacks, and what those stacks have: for `check` only, too.
_DECLARED_ELSEWHERE, _RECORDED_ELSEWHERE = "declared_elsewhere", "recorded_elsewhere"

#: The input with the stack's name, where that is not the environment's.
_STACK = "stack"

#: The input with the inputs of the destination: for `check` only, too.
_DESTINATION = "destination"

#: The input, and output, with the Airflow variables that an earlier run handed over and that no unit has any more.
_FORMER = "former_variables"

#: The folder of the program, which file names are relative to where no program runs.
_PROGRAM = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class _CheckInputs:
    """The inputs that are for `check` only."""

    root: str | None
    is_preview: bool
    destination: Mapping[str, Any] | None
    declarations: Declarations
    in_bigquery: Findings
    variables_elsewhere: Collection[str]
    declared_elsewhere: Mapping[str, Any]
    recorded_elsewhere: Mapping[str, str]

    @classmethod
    def take(cls, news: dict[str, Any]) -> Self:
        """Take them out of the inputs, so that state does not have them."""
        return cls(
            root=news.pop(_ROOT, None),
            is_preview=bool(news.pop(_PREVIEW, False)),
            destination=news.pop(_DESTINATION, None),
            declarations=read_declarations(news.pop(_DECLARATIONS, "{}")),
            in_bigquery=Findings.of(news.pop(_FOUND)) if _FOUND in news else Findings(),
            variables_elsewhere=news.pop(_ELSEWHERE, []),
            declared_elsewhere=json.loads(news.pop(_DECLARED_ELSEWHERE, "{}")),
            recorded_elsewhere=news.pop(_RECORDED_ELSEWHERE, {}),
        )


class PreflightProvider(Provider):
    """Stores `units` in state and rejects, in `check`, changes to them that are not allowed."""

    @operation
    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        given = _CheckInputs.take(news)
        declarations = given.declarations
        if given.root:
            run.declare(places=Places(Path(given.root)))
            _leave_quota(Places(Path(given.root)), news)
        run.declare(is_preview=given.is_preview)
        secrets.remember_declared([declarations, news["units"]])
        news[_REFERENCES] = secret_versions.named_references(declarations)
        _remember_subfolders(news)
        before, after = _declared(olds.get("units", {})), _declared(news["units"])
        news[_FORMER] = _former_variables(olds.get(_FORMER, []), before, after, given.variables_elsewhere)
        rules = _rules(olds, news)
        run.declare(
            units={unit.connection: name for name, unit in after.items() if unit.connection},
            replaced=replaced(before, after, rules.groups),
            left_groups=left_groups(after, rules.groups),
            permanent_keys={unit.connection: unit.named_or_permanent for unit in after.values() if unit.connection},
        )
        _require_same_project(olds, news)
        stays = {name: unit for name, unit in before.items() if not moves.is_declared(unit, given.declared_elsewhere)}
        rejected = (
            *moves.moved_out(before, after, given.declared_elsewhere),
            *moves.moved_in(before, after, given.recorded_elsewhere, news.get(_STACK, news["environment"])),
            *rejections(stays, after, rules),
        )
        _raise_rejections(rejected, {olds.get("group", news["group"]), news["group"]})
        creations = Creations.of(olds.get(_INTENTS, {}), before, after, rules.groups)
        _reject_by_what_exists(olds, news, given, (before, after), creations)
        if not run.declared.is_preview and checkpoints.are_skipped() and _changes(olds, news):
            raise OperationError(_UNRECORDED)
        datasets.report_undeclared(given.in_bigquery, before, after, news)
        _report_former_variables(olds.get(_FORMER, []), before, news[_FORMER])
        return CheckResult(news, [])

    @operation
    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=_changes(olds, news))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["environment"], props)

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        # Connections that are asked for before this one are read by themselves, not ahead.
        _remember_subfolders(props)
        _leave_quota(Places(_PROGRAM), props)
        tables = {unit.connection: unit.tables for unit in _declared(props["units"]).values() if unit.connection}
        secrets.remember_declared([props["units"], props.get(_REFERENCES, [])])
        run.account.expect(tables, with_tables=[name for name, selected in tables.items() if selected])
        units = _declared(props["units"]).values()
        run.access_lists.expect(props["gcp_project"], [dataset for unit in units for dataset in unit.datasets])
        return found(id_, stored(props), stored(props))

    @operation
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(news)


@dataclass(frozen=True)
class Others:
    """What a run knows of the stacks beside its own."""

    stack: str
    """The name of its own stack."""
    variables: Collection[str] = ()
    """The Airflow variables that other stacks declare."""
    declared: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """By connection and dataset, the unit, stack and file by which files give it to another stack."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """By unit, another stack whose last run recorded it."""


class Preflight(Resource, module="reconciler", name="Preflight"):
    """The first resource of a stack.

    `units` maps unit names to the part that state stores, `declarations` to all that the files declare.

    `in_bigquery` is what the run has found in BigQuery. File names in messages are relative to the folder `root`.
    """

    former_variables: pulumi.Output[list[str]]
    """The Airflow variables that an earlier run handed over and that no unit has any more."""

    def __init__(
        self,
        environment: Environment,
        units: Mapping[str, Declared],
        declarations: Declarations,
        in_bigquery: Findings,
        *,
        root: Path,
        others: Others,
        opts: ResourceOptions | None = None,
    ) -> None:
        props = {
            "environment_file": environment.file,
            "environment": environment.name,
            # The rules are the environment's, so that the review of its own stack shows them, and no other.
            **({RULES: environment_rules(environment)} if others.stack == environment.name else {_STACK: others.stack}),
            "group": environment.group,
            **({"formerly": environment.formerly} if environment.formerly else {}),
            "gcp_project": environment.gcp_project,
            "policy": _policy_as_property(environment.policy),
            "units": {name: unit.as_property() for name, unit in units.items()},
            _DECLARATIONS: format_declarations(declarations),
            _FOUND: in_bigquery.as_text(),
            _ROOT: str(root.absolute()),
            _PREVIEW: pulumi.runtime.is_dry_run(),
            _DESTINATION: live_destination.inputs(environment),
            _ELSEWHERE: sorted(others.variables),
            _DECLARED_ELSEWHERE: json.dumps(others.declared),
            _RECORDED_ELSEWHERE: dict(others.recorded),
            _FORMER: None,
        }
        # What is recorded of a thousand units is a wall of text in `preview --diff`, and nothing to review.
        hidden = ResourceOptions(hide_diffs=["units", _INTENTS, _REFERENCES])
        super().__init__(PreflightProvider(), environment.name, props, ResourceOptions.merge(opts, hidden))


def format_declarations(declarations: Declarations) -> str:
    """Return units in full as JSON text."""
    return json.dumps(declarations, default=dict)


def read_declarations(text: str) -> dict[str, Any]:
    """Read units in full. A key without a value is left out, as the engine does."""
    read: dict[str, Any] = json.loads(text, object_hook=_without_none)
    return read


def _without_none(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value is not None}


def _leave_quota(places: Places, props: Mapping[str, Any]) -> None:
    """Leave to others the share of Fivetran's quota that the environment's file has now."""
    percent = places.read(props["environment_file"], "fivetran", "quota_left")
    run.account.leave_to_others(percent if isinstance(percent, int) and 0 <= percent <= LARGEST_QUOTA_LEFT else None)


def _require_same_project(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Raise `OperationError` where the environment moves to another project of Google's."""
    if olds.get("gcp_project", news["gcp_project"]) != news["gcp_project"]:
        raise OperationError(
            f"{run.declared.locate(news['environment_file'], 'gcp_project')}: gcp_project changed from "
            f"{olds['gcp_project']} to {news['gcp_project']}: this run would create every resource again\n"
            f"    Restore {olds['gcp_project']}, or create a new environment with its own folder and stack."
        )


def _reject_by_what_exists(
    olds: Mapping[str, Any],
    news: dict[str, Any],
    given: _CheckInputs,
    units: tuple[Mapping[str, Declared], Mapping[str, Declared]],
    creations: Creations,
) -> None:
    """Raise `OperationError` for differences between the files and what Fivetran or Google has.

    Records in `news` which connections the run is about to create. `units` are those of the last run and of this one.
    """
    before, after = units
    looked_for = {name: unit for name, unit in given.declarations.items() if name in creations.looked_for}
    in_place = {name: unit for name, unit in given.declarations.items() if name in creations.in_place}
    run.declare(
        intents=creations.recalled,
        not_looked_up={
            api_fields.connection_name(unit["connection"]): unit
            for name, unit in given.declarations.items()
            if name not in looked_for and name not in in_place
        },
    )
    unusable = secret_versions.rejections(given.declarations, olds.get(_REFERENCES, []))
    try:
        # Asked for only where the name is new to this environment.
        renames = "formerly" in news and olds.get("group") != news["group"]
        group, in_the_way = groups.check_rename(news) if renames else (news["group"], [])
        looked = new_connections.look_up(group, looked_for, creations.replaced)
        found_out = [
            *in_the_way,
            # Later, what state has of it is compared.
            *(live_destination.rejections(given.destination) if given.destination and not olds else []),
            *looked.rejections,
            *new_connections.missing_values(in_place),
            *permanent_keys.rejections(before, after, given.declarations, group),
            *datasets.rejections(news["gcp_project"], given.in_bigquery, before, group),
        ]
        news[_INTENTS] = creations.intents(looked.existing, applies=not run.declared.is_preview)
    except (Unauthorized, Forbidden) as error:
        found_out = [f"{news['environment_file']}: {error} This run changed nothing."]
    if found_out := [*unusable, *found_out]:
        raise OperationError("\n".join(sorted(found_out)))


def _raise_rejections(rejected: tuple[Rejection, ...], of_groups: set[str]) -> None:
    """Raise `OperationError` for rejected changes, with ids of connections in these groups."""
    if rejected:
        ids = _ids(of_groups, rejected)
        raise OperationError("\n".join(_with_id(rejection, ids) for rejection in rejected))


def _remember_subfolders(props: Mapping[str, Any]) -> None:
    """Remember the stack of the files, for commands in messages. Its files may be in several folders."""
    for unit in props["units"].values():
        if Path(unit["file"]).parent != Path(props["environment_file"]).parent:
            commands.remember_subfolder(unit["file"], props["environment"], props.get(_STACK, props["environment"]))


def _rules(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Rules:
    """Return the rules of the last run and of this one; the defaults if neither has a policy."""
    policies = [props["policy"] for props in (olds, news) if "policy" in props] or [_policy_as_property(Policy())]
    return Rules(
        today=today(),
        removals=Removals.from_environment(),
        removal=tuple(policy["removal"] for policy in policies),
        guards=tuple(DeleteGuard(policy["share"], policy["at_least"]) for policy in policies),
        groups=(news["group"] if groups.is_renamed(olds, news) else olds.get("group", news["group"]), news["group"]),
        environment_file=news["environment_file"],
    )


def _policy_as_property(policy: Policy) -> dict[str, Any]:
    guard = policy.delete_guard
    return {"removal": policy.removal, "share": guard.share, "at_least": guard.at_least}


def _declared(units: Mapping[str, Any]) -> dict[str, Declared]:
    return {name: Declared.of(unit) for name, unit in sorted(units.items())}


def _changes(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether state lacks something of what this run is to record."""
    intended = has_new_intents(olds.get(_INTENTS, {}), news.get(_INTENTS, {}))
    return intended or _known(olds) != _known(news) or _is_moved(olds, news)


def _known(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a refresh reads and a review compares, whichever file declares it.

    A renamed file changes nothing.
    """
    units = _declared(props.get("units", {})).values()
    return {
        "policy": props.get("policy"),
        RULES: props.get(RULES),
        "variables": sorted(_variables(_declared(props.get("units", {})))),
        _FORMER: props.get(_FORMER) or [],
        "connections": {
            unit.connection: (unit.service, unit.tables, unit.ending, unit.permanent, unit.fixed)
            for unit in units
            if unit.connection
        },
        "datasets": {
            dataset: (location, unit.ending_of(dataset), dataset in unit.sensitive)
            for unit in units
            for dataset, location in unit.datasets.items()
        },
    }


def _is_moved(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether another unit declares a dataset, and not the same one in a renamed file."""
    before, after = (
        {
            dataset: {name, unit.formerly} - {None}
            for name, unit in _declared(props.get("units", {})).items()
            for dataset in unit.datasets
        }
        for props in (olds, news)
    )
    return any(before[dataset].isdisjoint(names) for dataset, names in after.items() if dataset in before)


def _variables(units: Mapping[str, Declared]) -> dict[str, str]:
    """Return the file that declares each Airflow variable."""
    return {unit.variable: unit.file for unit in units.values() if unit.variable}


def _former_variables(
    former: Collection[str], before: Mapping[str, Declared], after: Mapping[str, Declared], elsewhere: Collection[str]
) -> list[str]:
    return sorted({*former, *_variables(before)} - {*_variables(after), *elsewhere})


def _report_former_variables(former: Collection[str], before: Mapping[str, Declared], now: Collection[str]) -> None:
    for variable, file in sorted(_variables(before).items()):
        if variable in now and variable not in former:
            logger.warning("%s: %s", file, airflow.format_deletion(variable, "no unit declares it"))


def _ids(names: Collection[str], rejected: tuple[Rejection, ...]) -> dict[str, str]:
    """Return the ids of the rejected connections, for messages.

    Without an answer the names have to do.
    """
    if not any(rejection.connection for rejection in rejected):
        return {}
    try:
        found = [group.id for name in names for group in run.account.groups(name)]
        live = (item for group_id in found for item in run.account.client().list_connections(group_id))
        return {item.schema: item.id for item in live}
    except (FivetranError, OperationError):
        return {}


def _with_id(rejection: Rejection, ids: Mapping[str, str]) -> str:
    name, reason = rejection.connection, _with_line(rejection)
    id_ = ids.get(name or "")
    return reason.replace(f"the connection {name}", f"the connection {name} ({id_})", 1) if id_ else reason


def _with_line(rejection: Rejection) -> str:
    """Return the reason with its line in place of the file's name."""
    place = run.declared.locate(rejection.file, *rejection.at) if rejection.at else rejection.file
    if place == rejection.file or not rejection.reason.startswith(rejection.file):
        return rejection.reason
    return f"{place}: {rejection.reason.removeprefix(rejection.file).removeprefix(':').lstrip()}"
