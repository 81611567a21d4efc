"""The Pulumi program: the units of a stack as resources, in the order that keeps what exists safe.

Stack outputs: `units`, `airflow_variables`, `airflow_deletions`, and `stacks` where subfolders have stacks.
"""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from reconciler import secrets
from reconciler.config import Loaded, load
from reconciler.lifecycle import expiry
from reconciler.lifecycle.expiry import ActiveFleet
from reconciler.model.errors import InvalidSpecs, ReconcilerError
from reconciler.model.today import today
from reconciler.plan.sources import LOOK_AT_VARIABLE
from reconciler.resources import iam
from reconciler.resources.dataset.listing import list_datasets, reject_moves
from reconciler.sdk.sent import wait_until_sent
from reconciler.stack import stages
from reconciler.stack.siblings import recorded_elsewhere, reject_ended_stacks


@dataclass(frozen=True)
class Settings:
    """The settings of a run: its stack, the folder of the specs, what file names are relative to.

    A stack is an environment, or a subfolder of one that has a stack of its own.
    """

    stack: str
    specs: Path
    display_root: Path

    @classmethod
    def from_environment(cls, *, root: Path) -> Settings:
        """Return the stack's environment and the folder of specs (`RECONCILER_SPECS`), relative to `root`."""
        return cls(pulumi.get_stack(), root / (os.environ.get("RECONCILER_SPECS") or "connectors"), root)


async def main(settings: Settings) -> dict[str, pulumi.Input[Any]]:
    """Build the stack.

    On invalid specs the run ends with every problem, before any resource.
    """
    last = {} if pulumi.runtime.is_dry_run() else await _keep_outputs()
    try:
        looked_at = units_looked_at()
        day = today()
        loaded = load(settings.specs, settings.display_root, day)
        fleet = loaded.stack(settings.stack)
        for notice in loaded.notices_of_stack(settings.stack):
            pulumi.log.warn(str(notice))
        outputs = await build(expiry.apply_expiry(fleet, day), loaded, settings.stack, looked_at)
        return outputs if pulumi.runtime.is_dry_run() else await _known_or_last(outputs, last)
    except InvalidSpecs as error:
        for problem in error.problems:
            pulumi.log.error(str(problem))
        count = len(error.problems)
        problems = f"{count} problem{'s' if count != 1 else ''} in the files above"
        raise pulumi.RunError(f"{problems}: this run changed nothing") from None
    except ReconcilerError as error:
        raise pulumi.RunError(str(error)) from None


def units_looked_at(env: Mapping[str, str] = os.environ) -> frozenset[str] | None:
    """Return the units that this preview looks at; None where it looks at all of them.

    Raises `ReconcilerError` in a run that would apply something.
    """
    file = env.get(LOOK_AT_VARIABLE)
    if file is None:
        return None
    if not pulumi.runtime.is_dry_run():
        raise ReconcilerError(
            f"{LOOK_AT_VARIABLE} is set: a run that looks at some units only would delete the others, so this run "
            f"changed nothing\n    Unset {LOOK_AT_VARIABLE}, which only a preview of a quick review may have."
        )
    return frozenset(Path(file).read_text(encoding="utf-8").split())


async def _keep_outputs() -> Mapping[str, Any]:
    """Register and return the stack's last outputs.

    A rejected run would otherwise print each of them as deleted.

    The engine ends the program when the first resource is rejected, so nothing can be registered then. A run that comes
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
    """Return the outputs, with those of the last run in place of unknown ones.

    An output is unknown if the step that sets it failed. The engine would store a placeholder, which Airflow would take
    for a connection's id. An unknown output that the last run did not have is left out.
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


async def build(
    staged: ActiveFleet, loaded: Loaded, name: str, looked_at: Container[str] | None = None
) -> dict[str, pulumi.Input[Any]]:
    """Register every resource of a stack and return its outputs.

    Args:
        staged: The units of the stack.
        loaded: The files that declare them.
        name: The stack's name.
        looked_at: The units that a quick review looks at. It gets what all units share besides, and no outputs.
    """
    fleet, environment = staged.fleet, staged.fleet.environment
    connectors = [unit.connector for unit in fleet.units if unit.connector is not None]
    secrets.remember_declared(each.trees for each in connectors)
    listed = await list_datasets(environment, loaded.places)
    reject_moves(environment, fleet.units, listed, loaded.places)

    await reject_ended_stacks(environment, name, loaded.places)
    stack = stages.Stack.of(staged, loaded, name, await recorded_elsewhere(fleet, name))
    declared = stages.declare_datasets(stack, listed)
    preflight = stages.preflight(stack, declared, listed)
    await wait_until_sent(preflight)
    found = stages.shared_destination if stack.is_subfolder else stages.destination
    foundation = found(stack, preflight)
    invokers = iam.invokers(fleet.units, foundation.account, stack.failures, stages.after(preflight))
    if looked_at is not None:
        declared = [each for each in declared if each.unit.name in looked_at]
    registered = [each for each in fleet.units if looked_at is None or each.name in looked_at]
    datasets, units = await stages.units(stack, registered, declared, foundation, invokers)
    if looked_at is not None:
        return {}
    await stages.outcome(stack, datasets, units, foundation)
    return stages.outputs(stack, units, preflight)
