"""`gcp:projects/iAMMember:IAMMember`: an additive grant on a project."""

# ruff: noqa: ARG002 (the signatures are those of `ResourceType`)

from __future__ import annotations

from collections.abc import Mapping

from simulator.google.member import Holder, MemberType
from simulator.google.plugin import Properties, Scope
from simulator.google.state import Json


class ProjectMember(MemberType):
    """The resource type. The plugin sends its changes in batches."""

    own_inputs = ("project",)
    required = ("project",)
    batched = True
    #: `DeleteBeforeReplace` of `google_project_iam_member` in pulumi-gcp's `resources.go`.
    deletes_first = True

    def path(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """Return the project as given: its id, with or without `projects/`."""
        return scope.project(values)

    def holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """Return the project."""
        given = self.path(scope, values)
        name = given.rpartition("/")[2]
        policy, writable = self.iam.project_policy(name)
        return Holder(given, {"project": given}, policy, self.describe(scope, values), writable)

    def from_import(self, scope: Scope, words: list[str]) -> Properties:
        """Return the project's input."""
        return {"project": words[0]}

    def same(self, name: str, old: Json, new: Json) -> bool:
        """Return whether two values are equal: a project equals its full name."""
        if name == "project":
            return str(old).rpartition("/")[2] == str(new).rpartition("/")[2]
        return super().same(name, old, new)
