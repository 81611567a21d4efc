"""Outcome: the last resource of an environment.

It fails the run if a unit failed, after all state is stored.

An activation that raised would leave nothing in state, so it records its outcome, and this resource raises. It also
raises for a breach of the environment's policy; a preview shows it as pending.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.model import Environment
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.run.outcomes import OperationError, prefix_file
from reconciler.resources.run.run import run


class OutcomeProvider(Provider):
    """Fails the run if a unit failed or the policy is breached.

    The error has every such unit under its file's name.
    """

    @operation
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=bool(run.outcomes.failures() or run.outcomes.breaches()))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        _raise_failures(props["file"])
        return CreateResult(props["environment"], stored(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return found(id_, stored(props), stored(props))

    @operation
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _raise_failures(news["file"])
        return UpdateResult(stored(news))


class Outcome(Resource, module="reconciler", name="Outcome"):
    """One per environment, registered when every dataset, access list and activation is done."""

    def __init__(self, environment: Environment, opts: ResourceOptions | None = None) -> None:
        props = {"file": environment.file, "environment": environment.name}
        super().__init__(OutcomeProvider(), environment.name, props, opts)


def _raise_failures(environment_file: str) -> None:
    failures, forbidden = run.outcomes.failures(), run.outcomes.breaches()
    lines = [prefix_file(file, text) for file, text in sorted(failures.items())]
    if failures:
        lines.insert(0, f"{_count_failures(failures, environment_file)} failed:")
    lines += [f"{file}: {text}" for file, text in sorted(forbidden.items())]
    if lines:
        raise OperationError("\n".join(lines))


def _count_failures(failures: Collection[str], environment_file: str) -> str:
    """Return how many units failed. What the environment's own file declares is access, not a unit."""
    units = len(failures) - (environment_file in failures)
    counted = [f"{units} unit{'s' if units > 1 else ''}"] if units else []
    return " and ".join(counted + ["the environment's access"] * (environment_file in failures))
