"""Grant roles on resources with a location.

Cloud Functions of the first generation, and services of Cloud Run.

A function of the second generation is a service of Cloud Run with the same name, on which its callers get their role.
"""

# ruff: noqa: ARG002 (the signatures are those of `ResourceType`)

from __future__ import annotations

from collections.abc import Mapping

from simulator.google.errors import PluginError
from simulator.google.member import Holder, MemberType
from simulator.google.plugin import Properties, Scope
from simulator.google.state import Json


class LocatedMember(MemberType):
    """Base of both. A subclass has the inputs that name a resource, and its name in messages."""

    #: The input with the name or the full path, and the one with the location.
    named_by: str
    placed_by: str
    #: The part before the name in a path, and the store.
    collection: str
    label: str

    def path(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """`projects/P/locations/L/<collection>/N`, from that, from `P/L/N`, from `L/N` or from the name alone."""
        *before, name = str(values.get(self.named_by)).split("/")
        project = before[-4] if len(before) > 3 else before[0] if len(before) == 2 else scope.project(values)
        place = before[-2] if len(before) > 3 else before[-1] if before else values.get(self.placed_by)
        if not place:
            raise PluginError(f"{self.placed_by}: required field is not set")
        return f"projects/{project}/locations/{place}/{self.collection}/{name}"

    def holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """Return the resource, which must exist."""
        path = self.path(scope, values)
        _, project, _, place, _, name = path.split("/")
        policy = self.iam.located_policy(self.collection, project, place, name)
        inputs = {self.named_by: path, "project": project, self.placed_by: place}
        return Holder(path, inputs, policy, self.describe(scope, values))

    def from_import(self, scope: Scope, words: list[str]) -> Properties:
        """Return the inputs for a path in any form."""
        return {self.named_by: words[0]}

    def same(self, name: str, old: Json, new: Json) -> bool:
        """Return whether two values are equal: a name equals its full path."""
        if name == self.named_by and isinstance(old, str) and isinstance(new, str):
            return old.rpartition("/")[2] == new.rpartition("/")[2]
        return super().same(name, old, new)


class FunctionMember(LocatedMember):
    """`gcp:cloudfunctions/functionIamMember:FunctionIamMember`."""

    own_inputs = ("cloudFunction", "project", "region")
    required = ("cloudFunction",)
    named_by, placed_by = "cloudFunction", "region"
    collection, label = "functions", "cloudfunctions cloudfunction"


class RunServiceMember(LocatedMember):
    """`gcp:cloudrunv2/serviceIamMember:ServiceIamMember`."""

    own_inputs = ("name", "project", "location")
    required = ("name",)
    named_by, placed_by = "name", "location"
    collection, label = "services", "cloudrunv2 service"
    #: The bridge deletes first if a program gives the input `name`, because it takes it for the resource's name.
    deletes_first = True
