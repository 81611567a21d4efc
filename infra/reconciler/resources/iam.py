"""Roles on an environment's Google Cloud project, as pulumi-gcp resources: added, never adopted.

Each is one binding of one member: deleting it revokes that member's role alone. Its logical name says the role, the
member as IAM stores it, and the condition's title, and so is the same however the file is ordered or spelt: under two
names one binding would be made by the one and then taken away with the other.

Where anything else of a binding changes, the new one is granted before the old one is revoked: the plugin asks for the
other order, in which the member is without the role for a moment, or until the next run if the grant fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pulumi

from reconciler.google.bigquery.access import policy_member
from reconciler.google.iam import roles
from reconciler.model import Condition, Environment, Function, Unit
from reconciler.resources.dataset.listing import PLUGIN_VERSION
from reconciler.resources.failures import FailureHook

_TYPE = "gcp:projects/iAMMember:IAMMember"


class _Grant(pulumi.CustomResource):
    """A grant of the gcp plugin, without `pulumi_gcp`, which takes long to import."""

    def __init__(
        self, type_: str, name: str, inputs: Mapping[str, pulumi.Input[Any]], opts: pulumi.ResourceOptions
    ) -> None:
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=PLUGIN_VERSION))
        super().__init__(type_, name, {key: each for key, each in inputs.items() if each is not None}, opts)


def project_access(environment: Environment, failures: FailureHook, opts: pulumi.ResourceOptions) -> None:
    """Grant what `project_access` declares."""
    wanted: dict[tuple[str, str, Condition | None], str] = {}
    for number, grant in enumerate(environment.project_access):
        for index, member in enumerate(grant.members):
            of = (grant.role, policy_member(member, environment.workgroups), grant.condition)
            wanted.setdefault(of, f"project_access[{number}].members[{index}]")
    opts = grant_before_revoke(opts)
    for (role, member, condition), path in wanted.items():
        # IAM compares conditions as a whole: another description makes another binding.
        stored = condition and {
            "title": condition.title,
            "expression": condition.expression,
            **({"description": condition.description} if condition.description is not None else {}),
        }
        name = " ".join((role, member, *([condition.title] if condition else [])))
        what = f"{role} on the project {environment.gcp_project} for {member}"
        located = failures.options(_TYPE, name, file=environment.file, path=path, what=what)
        inputs = {"project": environment.gcp_project, "role": role, "member": member, "condition": stored}
        _Grant(_TYPE, name, inputs, pulumi.ResourceOptions.merge(opts, located))


def fivetran_access(
    environment: Environment, account: pulumi.Input[str], failures: FailureHook, opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Grant the role that Fivetran's service account needs. It reads no data that others wrote."""
    name = f"{roles.FIVETRANS} Fivetran"
    what = f"{roles.FIVETRANS} on the project {environment.gcp_project} for Fivetran's service account"
    located = failures.options(_TYPE, name, file=environment.file, path="gcp_project", what=what)
    member = pulumi.Output.concat("serviceAccount:", account)
    inputs = {"project": environment.gcp_project, "role": roles.FIVETRANS, "member": member}
    return _Grant(_TYPE, name, inputs, pulumi.ResourceOptions.merge(grant_before_revoke(opts), located))


def grant_before_revoke(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """Let a replaced grant be revoked only after the new one is granted, whatever the plugin asks for."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False))


_FIRST = "gcp:cloudfunctions/functionIamMember:FunctionIamMember"
_SECOND = "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"


def invokers(
    units: Iterable[Unit], account: pulumi.Input[str], failures: FailureHook, opts: pulumi.ResourceOptions
) -> Mapping[str, list[pulumi.Resource]]:
    """Let `account` call the functions of these units; the grant that each unit needs, by the unit's name."""
    calling = [unit for unit in units if unit.connector and unit.connector.function]
    called = {unit.name: unit.connector.function for unit in calling if unit.connector and unit.connector.function}
    files = {called[unit.name]: unit.file for unit in reversed(calling)}
    # Another account is granted before the old one is revoked; for services the plugin asks for the other order.
    opts = grant_before_revoke(opts)
    grants = {each: _invoker(each, account, files[each], failures, opts) for each in dict.fromkeys(called.values())}
    return {name: [grants[function]] for name, function in called.items()}


def _invoker(
    function: Function,
    account: pulumi.Input[str],
    file: str,
    failures: FailureHook,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Return the grant of one function.

    One of the second generation is a service of Cloud Run, with a role of its own.
    """
    name = f"{function.project}/{function.region}/{function.name}"
    member = pulumi.Output.concat("serviceAccount:", account)
    type_ = _FIRST if function.generation == 1 else _SECOND
    what = f"the right of Fivetran's service account to call {name}"
    located = failures.options(type_, name, file=file, path="connector.function", what=what)
    opts = pulumi.ResourceOptions.merge(opts, located)
    inputs = {"project": function.project, "member": member}
    if function.generation == 1:
        inputs |= {"region": function.region, "cloudFunction": function.name, "role": "roles/cloudfunctions.invoker"}
    else:
        inputs |= {"location": function.region, "name": function.name, "role": "roles/run.invoker"}
    return _Grant(type_, name, inputs, opts)
