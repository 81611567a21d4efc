"""Outcome: the last resource of an environment. It fails where a unit does not work, and keeps everybody's state.

An activation that raised would leave nothing of itself in state; so it records, and this raises in the end. So it does
where the environment forbids what the run has found: all the rest is done by then, and a preview shows it as pending.
"""

from __future__ import annotations

from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.model import Environment
from reconciler.resources.operation import Provider, found, operation, stored
from reconciler.resources.run.outcomes import OperationError
from reconciler.resources.run.run import run


class OutcomeProvider(Provider):
    """Raises with every unit of this run that failed, under its file's name, and with what is against the policy."""

    @operation
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=bool(run.outcomes.failures() or run.outcomes.breaches()))

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        _judge()
        return CreateResult(props["environment"], stored(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return found(id_, stored(props), stored(props))

    @operation
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        _judge()
        return UpdateResult(stored(news))


class Outcome(Resource, module="reconciler", name="Outcome"):
    """One per environment, registered when every dataset, access list and activation is done."""

    def __init__(self, environment: Environment, opts: ResourceOptions | None = None) -> None:
        props = {"file": environment.file, "environment": environment.name}
        super().__init__(OutcomeProvider(), environment.name, props, opts)


def _judge() -> None:
    failures, forbidden = run.outcomes.failures(), run.outcomes.breaches()
    lines = [text if text.startswith(file) else f"{file}: {text}" for file, text in sorted(failures.items())]
    if failures:
        lines.insert(0, f"{len(failures)} unit{'s' if len(failures) > 1 else ''} did not come to work:")
    lines += [f"{file}: {text}" for file, text in sorted(forbidden.items())]
    if lines:
        raise OperationError("\n".join(lines))
