"""`IAMMember` of a project, and what all such types have in common: additive grants, replaced on any change."""

# ruff: noqa: ARG002 (the signatures are those of `ResourceType`)

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.simulator.gcp.errors import ApiError, PluginError
from reconciler.simulator.gcp.iam import Iam
from reconciler.simulator.gcp.plugin import (
    UNKNOWN,
    Change,
    Checked,
    Fault,
    Kind,
    Live,
    Properties,
    Scope,
    unknown_keys,
)
from reconciler.simulator.gcp.state import Grant, Json, Policy

_MEMBER = re.compile(r"allUsers|allAuthenticatedUsers|(deleted:)?(principal|principalSet|[a-zA-Z]+):.+")
_GRANT = ("role", "member", "condition")


@dataclass(frozen=True)
class Holder:
    """What a grant is given on: its path in ids, the inputs that name it, its policy, and how messages name it."""

    path: str
    inputs: Properties
    policy: Policy
    label: str


class MemberType(ABC):
    """What both types share. A subclass says what the grant is given on."""

    own_inputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    #: What messages call the thing that the grant is given on.
    label = "project"

    def __init__(self, iam: Iam) -> None:
        self.iam = iam

    @abstractmethod
    def holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """The project or function that these inputs name."""

    @abstractmethod
    def path(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """The holder's path, whether or not it exists."""

    @abstractmethod
    def from_import(self, scope: Scope, words: list[str]) -> Properties:
        """The holder's inputs from the first word of an import id."""

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """`<holder>/<role>/<member>`, with the condition's title where there is one."""
        grant = _grant(inputs)
        return "/".join(part for part in (self.path(scope, inputs), grant.role, grant.member, grant.title) if part)

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Required inputs, and a member of a form that IAM has."""
        known = dict.fromkeys((*self.own_inputs, *_GRANT))
        faults = [
            Fault(f"Invalid or unknown key. Examine values at '{scope.name}.{key}'.")
            for key in unknown_keys(inputs, known)
        ]
        faults += [
            Fault(
                f'Missing required argument. The argument "{name}" is required, but no definition was found..'
                f" Examine values at '{scope.name}.{name}'."
            )
            for name in (*self.required, "role", "member")
            if inputs.get(name) is None
        ]
        member = inputs.get("member")
        if member not in (None, UNKNOWN) and not _MEMBER.fullmatch(str(member)):
            faults.append(
                Fault(
                    "invalid value for member (IAM members must have one of the values outlined here: "
                    "https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding). "
                    f"Examine values at '{scope.name}.member'."
                )
            )
        return Checked(dict(inputs), tuple(faults))

    def diff(self, scope: Scope, state: Properties, inputs: Properties) -> Mapping[str, Change]:
        """Every difference replaces. What the provider's configuration fills in is no difference."""
        changes = {}
        for name in (*self.own_inputs, *_GRANT):
            old, new = state.get(name), inputs.get(name)
            if (new is None and name in self.own_inputs) or self.same(name, old, new):
                continue
            kind = Kind.ADD if old is None else Kind.DELETE if new is None else Kind.UPDATE
            changes[name] = Change(kind, replaces=True)
        return changes

    def same(self, name: str, old: Json, new: Json) -> bool:
        """Whether two values of an input mean the same."""
        if name == "member" and isinstance(old, str) and isinstance(new, str):
            return _cased(old) == _cased(new)
        return bool(old == new)

    def planned(self, scope: Scope, state: Properties | None, inputs: Properties) -> Properties:
        """The inputs, with the etag that only the API knows."""
        return {**(state or {}), **inputs, "etag": UNKNOWN}

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Grant."""
        try:
            holder = self.holder(scope, inputs)
        except ApiError as error:
            what = f'{self.label} "{self.path(scope, inputs)}"'
            raise PluginError(f"Error retrieving IAM policy for {what}: {error}") from None
        try:
            self.iam.add(holder.policy, _grant(inputs))
        except ApiError as error:
            message = (
                f"Error applying IAM policy for {holder.label}: Error setting IAM policy for {holder.label}: {error}"
            )
            raise PluginError(message) from None
        return self._live(scope, holder, inputs)

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """The grant, while the policy has it. Imports name it `<holder> <role> <member> [<condition title>]`."""
        values = state or inputs or self._imported(scope, id_)
        try:
            holder = self.holder(scope, values)
        except ApiError:
            return None
        grant = _grant(values)
        if not state and not inputs:
            found = [
                g
                for g in holder.policy.grants
                if (g.role, g.member, g.title) == (grant.role, grant.member, id_title(id_))
            ]
        else:
            found = [g for g in holder.policy.grants if g == grant]
        if not found:
            return None
        condition = {"condition": dict(found[0].condition)} if found[0].condition else {}
        live = self._live(scope, holder, {**values, **condition})
        return (
            live
            if state or inputs
            else Live(live.id, live.outputs, {k: v for k, v in live.outputs.items() if k != "etag"})
        )

    def update(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live:
        """There is no update: diff replaces."""
        raise PluginError("doesn't support update")

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Take the grant away."""
        try:
            holder = self.holder(scope, state)
        except ApiError:
            return
        self.iam.remove(holder.policy, _grant(state))

    def _imported(self, scope: Scope, id_: str) -> Properties:
        words = id_.split()
        if len(words) < 3:
            raise PluginError(
                f"Wrong number of parts to Member id [{' '.join(words)}]; "
                "expected 'resource_name role member [condition_title]'."
            )
        return {**self.from_import(scope, words), "role": words[1], "member": words[2]}

    def _live(self, scope: Scope, holder: Holder, inputs: Properties) -> Live:
        grant = _grant(inputs)
        outputs = {**inputs, **holder.inputs, "member": grant.member, "etag": holder.policy.etag}
        return Live(self.target(scope, outputs), outputs, inputs)


class ProjectMember(MemberType):
    """`gcp:projects/iAMMember:IAMMember`."""

    own_inputs = ("project",)
    required = ("project",)

    def path(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """The project's id."""
        return scope.project(values).removeprefix("projects/")

    def holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """A project."""
        project = self.path(scope, values)
        return Holder(project, {"project": project}, self.iam.project_policy(project), f'project "{project}"')

    def from_import(self, scope: Scope, words: list[str]) -> Properties:
        """The project."""
        return {"project": words[0]}


def id_title(id_: str) -> str:
    """The condition's title in an import id: everything after the member."""
    return " ".join(id_.split()[3:])


def _grant(values: Mapping[str, Json]) -> Grant:
    condition = values.get("condition") or {}
    given = tuple(sorted((key, value) for key, value in condition.items() if value))
    return Grant(str(values.get("role")), _cased(str(values.get("member"))), given)


def _cased(member: str) -> str:
    """IAM keeps e-mail addresses in lower case, and principal identifiers as they are."""
    kind, colon, name = member.partition(":")
    return member if kind.startswith("principal") or not colon else f"{kind}:{name.lower()}"
