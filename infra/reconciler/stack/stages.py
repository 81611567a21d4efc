"""Register the resources of a stack, a function for each stage, in the order of the calls.

Preflight → destination, its service account, roles on the project and tests → datasets, each with its access list →
units, each with its package, connection and activation → outcome → outputs. Everything depends on the preflight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pulumi

from reconciler.config import Loaded
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration, build_declaration
from reconciler.google.bigquery.undeclared import find_undeclared
from reconciler.lifecycle import airflow
from reconciler.lifecycle.expiry import ActiveFleet
from reconciler.lifecycle.removal import DeletionRules, deletion_rules, removals_allowed
from reconciler.model import Connector, Dataset, Environment, Fleet, Unit
from reconciler.plan.applied import AppliedFiles
from reconciler.plan.datasets import Findings
from reconciler.plan.inventory import Declared, declarations
from reconciler.plan.outcome import Outcome
from reconciler.plan.preflight import Others, Preflight
from reconciler.plan.sources import find_sources
from reconciler.resources import iam
from reconciler.resources.access.resource import DatasetAccess
from reconciler.resources.activation import resource as activation_resource
from reconciler.resources.activation.resource import Activation
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.resource import Connection
from reconciler.resources.dataset.listing import Listed
from reconciler.resources.dataset.resource import DATASET, Deletion, dataset_resource, deletion_hook, losses_hook
from reconciler.resources.destination.resource import Destination
from reconciler.resources.destination.service_account import ServiceAccount
from reconciler.resources.destination.shared import SharedDestination
from reconciler.resources.destination.tests import DestinationTests
from reconciler.resources.failures import FailureHook
from reconciler.resources.group_access.resource import GroupAccess
from reconciler.resources.package.resource import Package
from reconciler.stack.siblings import STACKS, declared_elsewhere

#: Datasets that are registered before the access list of an earlier one is done.
DATASETS_AHEAD = 4


@dataclass(frozen=True)
class Stack:
    """The units of a stack, the files that declare them, and what Preflight records of them."""

    name: str
    staged: ActiveFleet
    loaded: Loaded
    inventory: Mapping[str, Declared]
    """By unit, also of units that expired."""
    variables_elsewhere: frozenset[str]
    """The Airflow variables that other stacks declare: one Airflow serves them all."""
    recorded_elsewhere: Mapping[str, str]
    """By unit, another stack of the environment whose last run recorded it."""
    failures: FailureHook

    @classmethod
    def of(cls, staged: ActiveFleet, loaded: Loaded, name: str, recorded_elsewhere: Mapping[str, str]) -> Self:
        """Collect them."""
        variables = _variables_elsewhere(loaded, name)
        hook = FailureHook(loaded.places)
        return cls(name, staged, loaded, declarations(staged), variables, recorded_elsewhere, hook)

    @property
    def is_subfolder(self) -> bool:
        """Whether it is the stack of a subfolder, which shares what the environment's own stack has."""
        return self.name != self.environment.name

    @property
    def whole(self) -> Fleet:
        """The environment with the units of all its stacks, also of those that expired."""
        return self.loaded.fleet(self.environment.name)

    @property
    def fleet(self) -> Fleet:
        """The units without what expired."""
        return self.staged.fleet

    @property
    def environment(self) -> Environment:
        """The environment of the stack."""
        return self.fleet.environment


@dataclass(frozen=True)
class DeclaredDataset:
    """A dataset as its unit declares it."""

    unit: Unit
    dataset: Dataset
    rules: DeletionRules
    expected: DatasetDeclaration
    live: Listed | None
    """The dataset in BigQuery; None where it does not exist."""


@dataclass(frozen=True)
class Foundation:
    """What datasets and units are built upon: the preflight, and the Fivetran group with its destination."""

    preflight: Preflight
    group_id: pulumi.Output[str]
    account: pulumi.Output[str]
    """The e-mail address of Fivetran's service account."""
    tests: DestinationTests
    access: GroupAccess | None = None
    """Who has a role in the group, where the file declares that."""


@dataclass(frozen=True)
class DatasetHooks:
    """What the engine asks before it deletes or updates a dataset."""

    deletion: pulumi.ResourceHook
    losses: pulumi.ResourceHook


@dataclass(frozen=True)
class DatasetResources:
    """A dataset and its access list."""

    dataset: pulumi.Resource
    access: DatasetAccess
    unit: Unit
    """The unit that declares it."""


@dataclass(frozen=True)
class UnitResources:
    """A unit and what was registered for its connector, if it has one."""

    unit: Unit
    connection: Connection | None = None
    activation: Activation | None = None


def after(preflight: Preflight) -> pulumi.ResourceOptions:
    """Return the options of a resource that depends on nothing but the preflight."""
    return pulumi.ResourceOptions(depends_on=[preflight])


def declare_datasets(stack: Stack, listed: Mapping[str, Listed]) -> list[DeclaredDataset]:
    """Return what the files say of each dataset, beside what BigQuery lists. Registers nothing."""
    return [
        _declared_dataset(stack, unit, dataset, listed.get(dataset.id))
        for unit in stack.fleet.units
        for dataset in unit.all_datasets
    ]


def _declared_dataset(stack: Stack, unit: Unit, dataset: Dataset, live: Listed | None) -> DeclaredDataset:
    ending = stack.inventory[unit.name].ending_of(dataset.id)
    rules = deletion_rules(stack.environment.policy, ending)
    expected = build_declaration(stack.environment, unit, dataset, rules, is_written=stack.fleet.is_written(dataset))
    return DeclaredDataset(unit, dataset, rules, expected, live)


def preflight(stack: Stack, declared: Sequence[DeclaredDataset], listed: Mapping[str, Listed]) -> Preflight:
    """Register the resource that rejects a run before anything is changed."""
    return Preflight(
        stack.environment,
        stack.inventory,
        {unit.name: _declaration(unit, unit.connector) for unit in stack.fleet.units if unit.connector is not None},
        _findings(stack, declared, listed),
        root=stack.loaded.places.root,
        others=Others(
            stack.name,
            stack.variables_elsewhere,
            declared_elsewhere(stack.whole, stack.name),
            stack.recorded_elsewhere,
        ),
    )


def _declaration(unit: Unit, connector: Connector) -> dict[str, Any]:
    """Return what a unit declares of its connection, its activation and its package."""
    return {
        "connection": api_fields.inputs(unit, connector),
        "activation": activation_resource.declared(unit, connector),
        **({"package": connector.package.as_property()} if connector.package else {}),
    }


def _findings(stack: Stack, declared: Iterable[DeclaredDataset], listed: Mapping[str, Listed]) -> Findings:
    """Return what BigQuery has, for the preflight.

    Datasets of units that expired count as declared: they are about to be deleted, and no finding. The environment's
    own stack reports what no file declares, for all its stacks.
    """
    environment, loaded = stack.environment, stack.loaded
    fleets = [each for each in loaded.fleets.values() if each.environment.gcp_project == environment.gcp_project]
    undeclared = [] if stack.is_subfolder else find_undeclared(listed, fleets, environment.ignore)
    return Findings(
        declared=tuple(each.expected for each in declared),
        existing=frozenset(each.dataset.id for each in declared if each.live is not None),
        undeclared=tuple(undeclared),
        forbidden=environment.policy.undeclared_datasets == "forbidden",
        unread=tuple(name for name in loaded.environments if name not in loaded.fleets),
    )


def destination(stack: Stack, preflight: Preflight) -> Foundation:
    """Register the destination, its group's members, roles on the project, and the tests.

    The tests need those.
    """
    environment, options = stack.environment, after(preflight)
    made = Destination(environment, options)
    account = ServiceAccount(environment, made.id, options)
    iam.project_access(environment, stack.failures, options)
    writing = iam.fivetran_access(environment, account.id, stack.failures, options)
    tests = DestinationTests(environment, made.id, account.id, pulumi.ResourceOptions(depends_on=[preflight, writing]))
    access = None
    if environment.fivetran_access is not None:
        access = GroupAccess(environment, made.id, stack.staged.expiries.today, options)
    return Foundation(preflight, made.id, account.id, tests, access)


def shared_destination(stack: Stack, preflight: Preflight) -> Foundation:
    """Register the destination that the environment's own stack has, as a subfolder's stack finds it."""
    environment, options = stack.environment, after(preflight)
    found = SharedDestination(environment, options)
    account = ServiceAccount(environment, found.id, options)
    return Foundation(preflight, found.id, account.id, DestinationTests(environment, found.id, account.id, options))


async def units(
    stack: Stack,
    registered: Iterable[Unit],
    declared: Iterable[DeclaredDataset],
    foundation: Foundation,
    invokers: Mapping[str, Sequence[pulumi.Resource]],
) -> tuple[dict[str, DatasetResources], list[UnitResources]]:
    """Register units with their datasets; return the datasets by id, and the units.

    Few datasets are registered before their access lists are done, so state has the two side by side. A refresh reads
    in the order of state, and BigQuery's quota holds for both (`google.bigquery.pace`, decision 51).

    Args:
        stack: What every stage needs.
        registered: The units.
        declared: Their datasets.
        foundation: What they are built upon.
        invokers: By unit, the grants by which Fivetran may call its function.
    """
    hooks = DatasetHooks(
        deletion_hook(stack.staged.expiries.today, removals_allowed=removals_allowed()),
        losses_hook(stack.environment, stack.fleet.units, stack.loaded.places),
    )
    missing = {each.dataset.id: each for each in declared}
    datasets: dict[str, DatasetResources] = {}
    ahead: deque[DatasetAccess] = deque()
    made: list[UnitResources] = []
    for each in registered:
        for dataset in (*each.all_datasets, *stack.fleet.datasets_of(each)):
            if dataset.id not in missing:
                continue
            if len(ahead) == DATASETS_AHEAD:
                await asyncio.gather(ahead.popleft().urn.future(), return_exceptions=True)
            datasets[dataset.id] = _dataset(stack, missing.pop(dataset.id), foundation, hooks)
            ahead.append(datasets[dataset.id].access)
        made.append(_unit(stack, each, foundation, datasets, invokers))
    return datasets, made


def _dataset(stack: Stack, declared: DeclaredDataset, foundation: Foundation, hooks: DatasetHooks) -> DatasetResources:
    """Register a dataset and its access list. A connection that writes the dataset depends on both."""
    id_, expected = declared.dataset.id, declared.expected
    located = stack.failures.options(
        DATASET, id_, file=declared.unit.file, path=expected.path, what=f"the dataset {id_}"
    )
    made = dataset_resource(
        stack.environment,
        declared.dataset,
        live=declared.live,
        deletion=Deletion(declared.rules, hooks.deletion),
        losses=hooks.losses,
        opts=pulumi.ResourceOptions.merge(after(foundation.preflight), located),
    )
    access = DatasetAccess(
        stack.environment.gcp_project,
        expected,
        foundation.account if expected.is_written else None,
        pulumi.ResourceOptions(depends_on=[foundation.preflight, made]),
    )
    return DatasetResources(made, access, declared.unit)


def _unit(
    stack: Stack,
    unit: Unit,
    foundation: Foundation,
    datasets: Mapping[str, DatasetResources],
    invokers: Mapping[str, Sequence[pulumi.Resource]],
) -> UnitResources:
    """Register a unit's package, connection and activation. A unit of datasets alone has none of these.

    Args:
        stack: What every stage needs.
        unit: The unit.
        foundation: What it is built upon.
        datasets: All datasets by id, its own among them.
        invokers: By unit, the grants by which Fivetran may call its function.
    """
    connector = unit.connector
    if connector is None:
        return UnitResources(unit)
    package = None
    if connector.package is not None:
        options = _options(unit, foundation.preflight, foundation.tests)
        name = connector.destination.connection_name
        package = Package(unit, connector.package, name, foundation.group_id, options)
    access = [datasets[dataset.id].access for dataset in stack.fleet.datasets_of(unit)]
    declared = stack.inventory[unit.name]
    connection = Connection(
        unit,
        foundation.group_id,
        declared.ending,
        package_id=None if package is None else package.id,
        opts=pulumi.ResourceOptions.merge(
            _options(unit, foundation.preflight, foundation.tests, *access, *invokers.get(unit.name, ())),
            pulumi.ResourceOptions(protect=declared.is_protected),
        ),
    )
    activation = Activation(
        unit,
        foundation.group_id,
        connection.id,
        connection.revision,
        datasets=_only_datasets(stack.fleet, unit),
        opts=_options(unit, foundation.preflight, connection),
    )
    return UnitResources(unit, connection, activation)


def _options(unit: Unit, *dependencies: pulumi.Resource) -> pulumi.ResourceOptions:
    aliases: list[pulumi.Alias | str] = [pulumi.Alias(name=unit.formerly)] if unit.formerly else []
    return pulumi.ResourceOptions(depends_on=list(dependencies), aliases=aliases)


def _only_datasets(fleet: Fleet, unit: Unit) -> list[str] | None:
    """Return the only datasets that a connector may write.

    Where it could create others, and the environment forbids that.
    """
    connector, policy = unit.connector, fleet.environment.policy
    could = connector is not None and connector.destination.schema_prefix is not None
    return [dataset.id for dataset in unit.datasets] if could and policy.undeclared_datasets == "forbidden" else None


async def outcome(
    stack: Stack, datasets: Mapping[str, DatasetResources], units: Iterable[UnitResources], foundation: Foundation
) -> None:
    """Register the record of the files and the outcome, once all else is done or has failed."""
    made: dict[pulumi.Resource, Unit | None] = {}
    for dataset in datasets.values():
        made |= {dataset.dataset: dataset.unit, dataset.access: dataset.unit}
    made |= {each.activation: each.unit for each in units if each.activation is not None}
    made |= {foundation.access: None} if foundation.access is not None else {}
    # Not by `depends_on`, which state would keep: the engine deletes nothing on which a failed step depended, so one
    # failed unit would keep all that has expired.
    results = await asyncio.gather(*(each.urn.future() for each in made), return_exceptions=True)
    failed = {
        unit.name
        for unit, result in zip(made.values(), results, strict=True)
        if unit is not None and isinstance(result, BaseException)
    }
    sources = find_sources(stack.loaded, stack.name).without(failed)
    recorded = AppliedFiles(stack.environment, sources, after(foundation.preflight))
    # The engine may take nothing more once the outcome has failed.
    await asyncio.gather(recorded.urn.future(), return_exceptions=True)
    Outcome(stack.environment, after(foundation.preflight))


def outputs(stack: Stack, units: Sequence[UnitResources], preflight: Preflight) -> dict[str, pulumi.Input[Any]]:
    """Return the stack's outputs, and log each Airflow variable that a unit gives up with this run."""
    withdrawn = airflow.find_obsolete_variables(stack.staged.expiries.fleet, stack.fleet)
    for each in withdrawn:
        place = stack.loaded.places.find(each.file, "connector", "schedule", "task_id")
        pulumi.log.warn(f"{place}: {each}")
    ids = {each.unit.name: each.connection.id for each in units if each.connection is not None}
    elsewhere = stack.variables_elsewhere
    subfolders = [] if stack.is_subfolder else sorted(stack.environment.stacks)
    return {
        **({STACKS: subfolders} if subfolders else {}),
        "units": {each.unit.name: _unit_outputs(stack.fleet, each) for each in units},
        "airflow_variables": airflow.variables(stack.fleet, ids),
        "airflow_deletions": preflight.former_variables.apply(lambda former: _deletions(withdrawn, former, elsewhere)),
    }


def _unit_outputs(fleet: Fleet, resources: UnitResources) -> Mapping[str, Any]:
    unit, connection, activation = resources.unit, resources.connection, resources.activation
    written: tuple[Dataset, ...] = fleet.datasets_of(unit) or unit.datasets
    found: dict[str, Any] = {"datasets": [dataset.id for dataset in written], "owners": list(unit.owners)}
    if connection is not None and activation is not None:
        found |= {"connection_id": connection.id, "outcome": activation.outcome}
        found |= {"pending": activation.pending, "messages": activation.messages}
    return found


def _variables_elsewhere(loaded: Loaded, stack: str) -> frozenset[str]:
    fleets = loaded.fleets.values()
    connectors = (unit.connector for fleet in fleets for unit in fleet.units if fleet.stack_of(unit) != stack)
    return frozenset(variable for each in connectors if each and (variable := airflow.variable_of(each)))


def _deletions(
    withdrawn: Iterable[airflow.ObsoleteVariable], former: Iterable[str] | None, elsewhere: frozenset[str]
) -> list[str]:
    return sorted({*(each.variable for each in withdrawn), *(former or ())} - elsewhere)
