"""AppliedFiles: which files the last applied run was made of, for a quick review to compare with.

It is registered when every other resource is done, or has failed, so that what failed is not recorded.
"""

from __future__ import annotations

from typing import Any

from pulumi import ResourceOptions
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from reconciler.model import Environment
from reconciler.plan.sources import SOURCES_INPUT, Sources
from reconciler.resources.operation import Provider, found, operation, stored


class AppliedFilesProvider(Provider):
    """Stores hashes as inputs alone: the engine stores those of each run, also where nothing changes."""

    @operation
    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)

    @operation
    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(props["environment"], _without_sources(props))

    @operation
    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return found(id_, stored(props), stored(props))

    @operation
    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(_without_sources(news))


class AppliedFiles(Resource, module="reconciler", name="AppliedFiles"):
    """One per environment, before `Outcome`."""

    def __init__(self, environment: Environment, sources: Sources, opts: ResourceOptions | None = None) -> None:
        props = {"file": environment.file, "environment": environment.name, SOURCES_INPUT: sources.as_text()}
        super().__init__(AppliedFilesProvider(), environment.name, props, opts)


def _without_sources(props: dict[str, Any]) -> dict[str, Any]:
    return {key: props[key] for key in ("file", "environment") if key in props}
