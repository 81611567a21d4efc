"""Base of the types of additive IAM grants, which are replaced on any change."""

# ruff: noqa: ARG002 (the signatures are those of `ResourceType`)

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from simulator.google.errors import ApiError, PluginError
from simulator.google.iam import Iam
from simulator.google.plugin import (
    UNKNOWN,
    Change,
    Checked,
    Fault,
    Live,
    Properties,
    Scope,
    missing,
    unknown_keys,
    value_changes,
)
from simulator.google.state import Grant, Json, Policy

_MEMBER = re.compile(r".+:.+|projectOwners|projectReaders|projectWriters|allUsers|allAuthenticatedUsers")
_GRANT = ("role", "member", "condition")


@dataclass(frozen=True)
class Holder:
    """The resource of a grant: its path in ids, its inputs, its policy, and its name in messages."""

    path: str
    inputs: Properties
    policy: Policy
    label: str
    writable: bool = True


class MemberType(ABC):
    """Base class. A subclass has the kind of resource of its grants."""

    own_inputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    #: The resource's name in messages.
    label = "project"
    #: Whether the plugin sends changes in batches, which its messages mention.
    batched = False
    deletes_first = False

    def __init__(self, iam: Iam) -> None:
        self.iam = iam

    @abstractmethod
    def holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """Return the project or function that the inputs name."""

    @abstractmethod
    def path(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """Return the resource's path, whether or not it exists."""

    @abstractmethod
    def from_import(self, scope: Scope, words: list[str]) -> Properties:
        """Return the resource's inputs from the first word of an import id."""

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """Return `<holder>/<role>/<member>`.

        With a condition, `/<title>/<description>/<expression>` follows.
        """
        grant = _grant(inputs)
        condition = dict(grant.condition)
        parts = [condition.get(key, "") for key in ("title", "description", "expression")] if condition else []
        return "/".join((self.path(scope, inputs), grant.role, grant.member, *parts))

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Check that required inputs are present, and the form of the member."""
        known = dict.fromkeys((*self.own_inputs, *_GRANT))
        faults = [
            Fault(f"Invalid or unknown key. Examine values at '{scope.name}.{key}'.")
            for key in unknown_keys(inputs, known)
        ]
        faults += [
            missing(scope.name, _snake(name), name)
            for name in (*self.required, "role", "member")
            if inputs.get(name) is None
        ]
        condition = inputs.get("condition")
        if isinstance(condition, Mapping):
            faults += [
                missing(scope.name, f"condition.0.{name}", f"condition.{name}")
                for name in ("expression", "title")
                if condition.get(name) is None
            ]
        faults += [
            Fault(f"{reason}. Examine values at '{scope.name}.member'.") for reason in _wrong_with(inputs.get("member"))
        ]
        return Checked(dict(inputs), tuple(faults))

    def diff(
        self, scope: Scope, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Mapping[str, Change]:
        """Return the differences, all of which replace. Defaults of the provider's configuration are none."""
        changes: dict[str, Change] = {}
        for name in (*self.own_inputs, *_GRANT):
            old, new = state.get(name), _filled(name, inputs.get(name))
            if (new is None and name in self.own_inputs) or name in ignore or self.same(name, old, new):
                continue
            changes |= value_changes(name, old, new, replaces=True)
        return changes

    def same(self, name: str, old: Json, new: Json) -> bool:
        """Return whether two values of an input are equal."""
        if name == "member" and isinstance(old, str) and isinstance(new, str):
            return _cased(old) == _cased(new)
        return bool(old == new)

    def planned(
        self, scope: Scope, state: Properties | None, inputs: Properties, ignore: Collection[str] = ()
    ) -> Properties:
        """Return the inputs, with an etag that only the API knows."""
        condition = {"condition": _filled("condition", inputs.get("condition"))}
        return {**(state or {}), **inputs, **condition, "etag": UNKNOWN, "id": UNKNOWN}

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Add the grant."""
        grant = _grant(inputs)
        asked = f"Create IAM Members {grant.role} {inputs.get('member')} for {self.describe(scope, inputs)}"
        with self._batch_message(asked):
            holder = self._holder(scope, inputs)
            with _setting(holder):
                self.iam.add(holder.policy, grant, writable=holder.writable)
        return self._live(scope, holder, inputs)

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """Read the grant from the policy. Import ids are `<holder> <role> <member> [<condition title>]`."""
        if not state and not inputs:
            return self._import(scope, id_)
        values = state or inputs
        grant = _grant(values)
        try:
            holder = self._holder(scope, values)
        except _Missing:
            return None
        except PluginError as error:
            what = f'Resource "{_escaped(self.describe(scope, values))}" with IAM Member: '
            what += f'Role "{grant.role}" Member "{grant.member}"'
            raise PluginError(f"Error when reading or editing {what}: {error}") from None
        return self._live(scope, holder, values) if grant in holder.policy.grants else None

    def _import(self, scope: Scope, id_: str) -> Live:
        values, title = self._imported(scope, id_)
        grant = _grant(values)
        holder = self._holder(scope, values)
        found = [
            each
            for each in holder.policy.grants
            if (each.role, each.member, each.title) == (grant.role, grant.member, title)
        ]
        if len(found) > 1:
            raise PluginError(
                f'Cannot import IAM member with condition title "{title}", it matches multiple conditions'
            )
        if not found:
            what = f'with role "{grant.role}", member "{grant.member}", and condition title "{title}"'
            raise PluginError(f'Cannot find binding for "{_escaped(holder.label)}" {what}')
        condition = {"condition": dict(found[0].condition)} if found[0].condition else {}
        live = self._live(scope, holder, {**values, **condition})
        inputs = {key: value for key, value in live.outputs.items() if key not in {"etag", "id", "condition"}}
        return Live(live.id, live.outputs, {**inputs, **condition})

    def update(
        self, scope: Scope, id_: str, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Live:
        """Raise: there are no updates, because diff replaces."""
        raise PluginError("doesn't support update")

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Remove the grant."""
        grant = _grant(state)
        label = self.describe(scope, state)
        try:
            with self._batch_message(f'Delete IAM Members {grant.role} {grant.member} for "{_escaped(label)}"'):
                holder = self._holder(scope, state)
                with _setting(holder):
                    self.iam.remove(holder.policy, grant, writable=holder.writable)
        except _Missing:
            return
        except PluginError as error:
            what = f'Resource {self.path(scope, state)} for IAM Member (role "{grant.member}", "{grant.role}")'
            raise PluginError(f"Error when reading or editing {what}: {error}") from None

    def describe(self, scope: Scope, values: Mapping[str, Json]) -> str:
        """Return the resource's name for messages."""
        return f'{self.label} "{self.path(scope, values)}"'

    def _holder(self, scope: Scope, values: Mapping[str, Json]) -> Holder:
        """Return the resource with its policy. Raises `_Missing` if it does not exist."""
        try:
            return self.holder(scope, values)
        except ApiError as error:
            kind = _Missing if error.status == 404 else PluginError
            raise kind(f"Error retrieving IAM policy for {self.describe(scope, values)}: {error}") from None

    @contextlib.contextmanager
    def _batch_message(self, asked: str) -> Iterator[None]:
        """Return the plugin's message, which names the failed change of a batch."""
        try:
            yield
        except _Missing:
            raise
        except PluginError as error:
            if not self.batched:
                raise
            raise PluginError(f"Request `{asked}` returned error: {error}") from None

    def _imported(self, scope: Scope, id_: str) -> tuple[Properties, str]:
        """Return the inputs of an import id, and the title of the condition, which may have spaces."""
        words = id_.split()
        if len(words) < 3:
            raise PluginError(
                f"Wrong number of parts to Member id [{' '.join(words)}]; "
                "expected 'resource_name role member [condition_title]'."
            )
        values = {**self.from_import(scope, words), "role": words[1], "member": _cased(words[2])}
        return values, " ".join(words[3:])

    def _live(self, scope: Scope, holder: Holder, inputs: Properties) -> Live:
        grant = _grant(inputs)
        condition = {"condition": _filled("condition", inputs.get("condition"))}
        outputs = {**inputs, **holder.inputs, **condition, "member": grant.member, "etag": holder.policy.etag}
        id_ = self.target(scope, outputs)
        return Live(id_, {**outputs, "id": id_}, inputs)


class _Missing(PluginError):
    """The resource of the grant does not exist."""


@contextlib.contextmanager
def _setting(holder: Holder) -> Iterator[None]:
    """Return the plugin's message for an error of Google, with its inner and outer operation."""
    try:
        yield
    except ApiError as error:
        raise PluginError(
            f"Error applying IAM policy for {holder.label}: Error setting IAM policy for {holder.label}: {error}"
        ) from None


def _filled(name: str, value: Json) -> Json:
    """Return a condition with its description, empty if missing, as in state; other inputs unchanged."""
    return {"description": "", **value} if name == "condition" and isinstance(value, Mapping) else value


def _grant(values: Mapping[str, Json]) -> Grant:
    condition = values.get("condition")
    known = condition if isinstance(condition, Mapping) else {}  # unknown in some previews
    given = tuple(sorted((key, value) for key, value in known.items() if value))
    return Grant(str(values.get("role")), _cased(str(values.get("member"))), given)


def _cased(member: str) -> str:
    """Return a member as IAM stores it: e-mail addresses in lower case, principal identifiers unchanged."""
    kind, colon, name = member.partition(":")
    return member if kind.startswith("principal") or not colon else f"{kind}:{name.lower()}"


def _wrong_with(member: Json) -> Iterator[str]:
    if member in (None, UNKNOWN):
        return
    if str(member).startswith("deleted"):
        yield "invalid value for member (Terraform does not support IAM members for deleted principals)"
    elif not _MEMBER.search(str(member)):
        yield (
            f'invalid value "{member}" for member (IAM members must have one of the values outlined here: '
            "https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding)"
        )


def _snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


def _escaped(label: str) -> str:
    return label.replace('"', '\\"')
