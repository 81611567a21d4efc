"""The Pulumi program: an environment's fleet as resources, in the order that keeps what exists safe.

Preflight (rejects) → Destination → roles on the project → its tests, datasets → their access → connections →
activations → Outcome.
Stack outputs: `units`, `airflow_variables`, `airflow_deletions`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from reconciler import secrets
from reconciler.config import Loaded, load
from reconciler.google.bigquery.declared_dataset import Expected, expect
from reconciler.google.bigquery.undeclared import undeclared
from reconciler.lifecycle import airflow, expiry
from reconciler.lifecycle.expiry import Staged
from reconciler.lifecycle.removal import deletion_rules, removals_allowed
from reconciler.model import Dataset, Environment, Fleet, Unit
from reconciler.model.errors import InvalidSpecs, ReconcilerError
from reconciler.model.today import today
from reconciler.plan.datasets import Findings
from reconciler.plan.inventory import declarations
from reconciler.plan.outcome import Outcome
from reconciler.plan.preflight import Preflight
from reconciler.resources import iam
from reconciler.resources.access.resource import DatasetAccess
from reconciler.resources.activation import resource
from reconciler.resources.activation.resource import Activation
from reconciler.resources.connection import api_fields
from reconciler.resources.connection.resource import Connection
from reconciler.resources.dataset.failures import FailureHook
from reconciler.resources.dataset.listing import Listed, list_datasets, refuse_moves
from reconciler.resources.dataset.resource import DATASET, Deletion, dataset_resource, deletion_hook, losses_hook
from reconciler.resources.destination.resource import Destination
from reconciler.resources.destination.service_account import ServiceAccount
from reconciler.resources.destination.tests import DestinationTests
from reconciler.resources.package.resource import Package


@dataclass(frozen=True)
class Settings:
    """What a run is told from outside: its environment, where the specs are, what file names are relative to."""

    environment: str
    specs: Path
    display_root: Path

    @classmethod
    def from_environment(cls, *, root: Path) -> Settings:
        """The stack is the environment; `RECONCILER_SPECS` is the folder of specs, relative to `root`."""
        return cls(pulumi.get_stack(), root / (os.environ.get("RECONCILER_SPECS") or "connectors"), root)


async def main(settings: Settings) -> dict[str, pulumi.Input[Any]]:
    """Build the stack's environment. On invalid specs the run ends with every fault, before any resource."""
    last = {} if pulumi.runtime.is_dry_run() else await _keep_outputs()
    try:
        day = today()
        loaded = load(settings.specs, settings.display_root, day)
        fleet = loaded.fleet(settings.environment)
        for notice in loaded.notices_of(settings.environment):
            pulumi.log.warn(str(notice))
        outputs = await build(expiry.stage(fleet, day), loaded)
        return outputs if pulumi.runtime.is_dry_run() else await _known_or_last(outputs, last)
    except InvalidSpecs as error:
        for problem in error.problems:
            pulumi.log.error(str(problem))
        count = len(error.problems)
        faults = f"{count} fault{'s' if count != 1 else ''} in the files above"
        raise pulumi.RunError(f"{faults}: nothing was touched") from None
    except ReconcilerError as error:
        raise pulumi.RunError(str(error)) from None


async def _keep_outputs() -> Mapping[str, Any]:
    """Register the stack's last outputs, so that a refused run does not print each of them as deleted; return them.

    The engine ends the program when the first resource is refused, so nothing can be registered then. A run that comes
    to its end registers its own outputs over these (decision 23).
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    stack = pulumi.runtime.get_root_resource()
    try:
        last = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": name})
    except Exception as error:  # Errors of invokes have no class of their own.
        pulumi.log.debug(f"the last outputs of {name} could not be read ({type(error).__name__})")
        return {}
    outputs = dict((last or {}).get("outputs") or {})
    if isinstance(stack, pulumi.ComponentResource) and outputs:
        stack.register_outputs(outputs)
    return outputs


async def _known_or_last(outputs: Mapping[str, Any], last: Any) -> dict[str, Any]:
    """Return outputs without what this run could not know, since a step failed that it comes from.

    The engine would store a text of its own in their place, and Airflow get that as a connection's id. What the last
    run stored stays; what is new is left out.
    """
    there = last if isinstance(last, Mapping) else {}
    settled: dict[str, Any] = {}
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            settled[name] = await _known_or_last(value, there.get(name))
        elif not isinstance(value, pulumi.Output) or await value.is_known():
            settled[name] = value
        elif name in there:
            settled[name] = there[name]
    return settled


async def build(staged: Staged, loaded: Loaded) -> dict[str, pulumi.Input[Any]]:
    """Register every resource of a fleet and return the stack's outputs. `loaded` are the specs it is from."""
    fleet, environment = staged.fleet, staged.fleet.environment
    connectors = [unit.connector for unit in fleet.units if unit.connector is not None]
    secrets.declare({"config": each.config, "auth": each.auth} for each in connectors)
    listed = await list_datasets(environment, loaded.root)
    refuse_moves(environment, fleet.units, listed, loaded.root)

    declared = declarations(staged)
    contents = {
        unit.name: {
            "connection": api_fields.inputs(unit, unit.connector),
            "activation": resource.declared(unit, unit.connector),
            **({"package": unit.connector.package.as_property()} if unit.connector.package else {}),
        }
        for unit in fleet.units
        if unit.connector is not None
    }
    rules = {
        dataset.id: deletion_rules(environment.policy, unit, dataset, declared[unit.name].ending_of(dataset.id))
        for unit in fleet.units
        for dataset in unit.all_datasets
    }
    expected = {
        dataset.id: expect(environment, unit, dataset, rules[dataset.id], is_written=fleet.is_written(dataset))
        for unit in fleet.units
        for dataset in unit.all_datasets
    }
    elsewhere = _variables_elsewhere(loaded, environment)
    guard = Preflight(
        environment,
        declared,
        contents,
        _found(staged, loaded, listed, expected.values()),
        root=loaded.root,
        variables_elsewhere=elsewhere,
    )
    after_guard = pulumi.ResourceOptions(depends_on=[guard])
    destination = Destination(environment, after_guard)
    account = ServiceAccount(environment, destination.id, after_guard)
    failures = FailureHook(loaded.root)
    iam.declared(environment, failures, after_guard)
    writing = iam.fivetrans(environment, account.id, failures, after_guard)
    tested = DestinationTests(
        environment, destination.id, account.id, pulumi.ResourceOptions(depends_on=[guard, writing])
    )

    hook = deletion_hook(staged.lives.today, removals_allowed=removals_allowed())
    losses = losses_hook(environment, fleet.units, loaded.root)
    made: dict[str, pulumi.Resource] = {
        dataset.id: dataset_resource(
            environment,
            dataset,
            live=listed.get(dataset.id),
            deletion=Deletion(rules[dataset.id], hook),
            losses=losses,
            opts=pulumi.ResourceOptions.merge(
                after_guard,
                failures.options(
                    DATASET,
                    dataset.id,
                    file=unit.file,
                    path=expected[dataset.id].path,
                    what=f"the dataset {dataset.id}",
                ),
            ),
        )
        for unit in fleet.units
        for dataset in unit.all_datasets
    }
    # A list is right before anything writes into its dataset: connections depend on it, and not on the dataset alone.
    access = {
        id_: DatasetAccess(
            environment.gcp_project,
            each,
            account.id if each.is_written else None,
            pulumi.ResourceOptions(depends_on=[guard, made[id_]]),
        )
        for id_, each in expected.items()
    }
    invokers = iam.invokers(fleet.units, account.id, failures, after_guard)
    packages = {
        unit.name: Package(
            unit,
            unit.connector.package,
            unit.connector.destination.connection_name,
            destination.id,
            _after(unit, guard, [tested]),
        )
        for unit in fleet.units
        if unit.connector is not None and unit.connector.package is not None
    }
    connections = {
        unit.name: Connection(
            unit,
            destination.id,
            declared[unit.name].ending,
            package_id=packages[unit.name].id if unit.name in packages else None,
            opts=pulumi.ResourceOptions.merge(
                _after(
                    unit,
                    guard,
                    [
                        tested,
                        *(access[dataset.id] for dataset in fleet.datasets_of(unit)),
                        *invokers.get(unit.name, []),
                    ],
                ),
                pulumi.ResourceOptions(protect=declared[unit.name].is_protected),
            ),
        )
        for unit in fleet.units
        if unit.connector is not None
    }
    activations = {
        unit.name: Activation(
            unit,
            destination.id,
            connections[unit.name].id,
            connections[unit.name].revision,
            datasets=_only_datasets(fleet, unit),
            opts=_after(unit, guard, [connections[unit.name]]),
        )
        for unit in fleet.units
        if unit.connector is not None
    }
    # Not by `depends_on`, which state would keep: the engine removes nothing on which a step that failed depended, so
    # one unit that does not work would keep all that has ended.
    await asyncio.gather(
        *(each.urn.future() for each in (*made.values(), *access.values(), *activations.values())),
        return_exceptions=True,
    )
    Outcome(environment, after_guard)
    ids = {name: connection.id for name, connection in connections.items()}
    withdrawn = airflow.withdrawals(staged.lives.fleet, fleet)
    for withdrawal in withdrawn:
        place = loaded.places.find(withdrawal.file, "connector", "schedule", "task_id")
        pulumi.log.warn(f"{place}: {withdrawal}")
    return {
        "units": {
            unit.name: _outputs(fleet, unit, connections.get(unit.name), activations.get(unit.name))
            for unit in fleet.units
        },
        "airflow_variables": airflow.variables(fleet, ids),
        "airflow_deletions": guard.former_variables.apply(lambda former: _deletions(withdrawn, former, elsewhere)),
    }


def _variables_elsewhere(loaded: Loaded, environment: Environment) -> set[str]:
    """Return the Airflow variables that other environments declare: one Airflow serves them all."""
    others = (fleet for fleet in loaded.fleets.values() if fleet.environment.name != environment.name)
    connectors = (unit.connector for fleet in others for unit in fleet.units)
    return {variable for each in connectors if each and (variable := airflow.variable_of(each))}


def _deletions(withdrawn: Iterable[airflow.Withdrawal], former: Iterable[str] | None, elsewhere: set[str]) -> list[str]:
    return sorted({*(each.variable for each in withdrawn), *(former or ())} - elsewhere)


def _found(staged: Staged, loaded: Loaded, listed: Mapping[str, Listed], expected: Collection[Expected]) -> Findings:
    """What of BigQuery Preflight is to judge. Of the whole fleet, since what expired is no surprise while it goes."""
    environment = staged.fleet.environment
    others = [each for name, each in loaded.fleets.items() if name != environment.name]
    of_the_project = [each for each in others if each.environment.gcp_project == environment.gcp_project]
    return Findings(
        declared=tuple(expected),
        existing=frozenset(each.id for each in expected if each.id in listed),
        undeclared=tuple(undeclared(listed, [staged.lives.fleet, *of_the_project], environment.ignore)),
        forbidden=environment.policy.undeclared_datasets == "forbidden",
        unread=tuple(name for name in loaded.environments if name not in loaded.fleets),
    )


def _only_datasets(fleet: Fleet, unit: Unit) -> list[str] | None:
    """The datasets that a unit's connector may write, where it could make others and the environment forbids that."""
    connector, policy = unit.connector, fleet.environment.policy
    could = connector is not None and connector.destination.schema_prefix is not None
    return [dataset.id for dataset in unit.datasets] if could and policy.undeclared_datasets == "forbidden" else None


def _after(unit: Unit, guard: pulumi.Resource, others: list[pulumi.Resource]) -> pulumi.ResourceOptions:
    aliases: list[pulumi.Alias | str] = [pulumi.Alias(name=unit.formerly)] if unit.formerly else []
    return pulumi.ResourceOptions(depends_on=[guard, *others], aliases=aliases)


def _outputs(fleet: Fleet, unit: Unit, connection: Connection | None, runs: Activation | None) -> Mapping[str, Any]:
    written: tuple[Dataset, ...] = fleet.datasets_of(unit) or unit.datasets
    outputs: dict[str, Any] = {"datasets": [dataset.id for dataset in written], "owners": list(unit.owners)}
    if connection is not None and runs is not None:
        outputs |= {"connection_id": connection.id, "outcome": runs.outcome, "pending": runs.pending}
        outputs["messages"] = runs.messages
    return outputs
