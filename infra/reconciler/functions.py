"""Cloud Functions of custom connectors: Fivetran's service account may invoke each, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pulumi
import pulumi_gcp as gcp

from reconciler.model import Function, Unit


def invokers(
    units: Iterable[Unit], account: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> Mapping[str, list[pulumi.Resource]]:
    """Let `account` call the functions of these units; the grant that each unit needs, by the unit's name."""
    called = {unit.name: unit.connector.function for unit in units if unit.connector and unit.connector.function}
    # Another account is granted before the old one is revoked; for services the plugin asks for the other order.
    opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=False))
    grants = {function: _invoker(function, account, opts) for function in dict.fromkeys(called.values())}
    return {name: [grants[function]] for name, function in called.items()}


def _invoker(function: Function, account: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """One function's grant. One of the second generation is a service of Cloud Run, with a role of its own."""
    name = f"{function.project}/{function.region}/{function.name}"
    member = pulumi.Output.concat("serviceAccount:", account)
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
