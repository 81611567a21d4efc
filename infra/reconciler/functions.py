"""Cloud Functions of custom connectors: Fivetran's service account may invoke each, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_gcp as gcp

from reconciler.gcp import FailureHook
from reconciler.model import Function, Unit

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
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False))
    grants = {each: _invoker(each, account, files[each], failures, opts) for each in dict.fromkeys(called.values())}
    return {name: [grants[function]] for name, function in called.items()}


def _invoker(
    function: Function,
    account: pulumi.Input[str],
    file: str,
    failures: FailureHook,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """One function's grant. One of the second generation is a service of Cloud Run, with a role of its own."""
    name = f"{function.project}/{function.region}/{function.name}"
    member = pulumi.Output.concat("serviceAccount:", account)
    type_ = _FIRST if function.generation == 1 else _SECOND
    what = f"the right of Fivetran's service account to call {name}"
    located = failures.options(type_, name, file=file, path="connector.function", what=what)
    opts = pulumi.ResourceOptions.merge(opts, located)
    if function.generation == 1:
        function_member: pulumi.Resource = gcp.cloudfunctions.FunctionIamMember(
            name,
            project=function.project,
            region=function.region,
            cloud_function=function.name,
            role="roles/cloudfunctions.invoker",
            member=member,
            opts=opts,
        )
        return function_member
    service_member: pulumi.Resource = gcp.cloudrunv2.ServiceIamMember(
        name,
        project=function.project,
        location=function.region,
        name=function.name,
        role="roles/run.invoker",
        member=member,
        opts=opts,
    )
    return service_member
