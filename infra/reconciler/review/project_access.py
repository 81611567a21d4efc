"""Who gets and loses roles on the project, and which functions Fivetran may call."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.google.bigquery.access import policy_member
from reconciler.google.iam.roles import BLIND, role_reads_data
from reconciler.model import Unit
from reconciler.review.access import WORKGROUP, WRITER
from reconciler.review.consequence import Consequence
from reconciler.review.context import Context
from reconciler.review.preview import Step


def project_access(context: Context) -> Iterator[Consequence]:
    """Return the roles on the project that are granted or revoked."""
    for step in context.preview.of_type("IAMMember"):
        for operation, inputs in (("revokes", step.old), ("grants", step.new)):
            if not inputs or (step.operation == "update" and operation == "revokes"):
                continue
            role, member = str(inputs.get("role", "")), str(inputs.get("member", ""))
            condition = inputs.get("condition")
            title, expression = (
                condition.get(key) if isinstance(condition, dict) else None for key in ("title", "expression")
            )
            declared, path = _declared_member(context, role, member)
            shown = declared or (member if "@" in member else WRITER)
            preposition = "to" if operation == "grants" else "from"
            named = shown
            if context.former_workgroups is not None and declared.startswith(WORKGROUP):
                named += f" ({member.removeprefix('group:')})"
            limited = f" under the condition {title!r}" if isinstance(title, str) else ""
            if limited and operation == "grants":
                limited += f", which is `{expression}`"
            yield Consequence(
                "stop" if operation == "grants" else "note",
                "project_role_granted" if operation == "grants" else "project_role_revoked",
                f"{operation} {role} on project {context.environment.gcp_project} {preposition} {named}{limited}"
                + (_reach(role) if operation == "grants" else ""),
                f"project {context.environment.gcp_project}: {role} for {shown}",
                "",
                context.environment_place(path),
                None if operation == "revokes" else [role, shown, condition],
            )


def _reach(role: str) -> str:
    """Return which data a role on the project gives access to."""
    if role in BLIND:
        return ""
    return f". The role {'reads' if role_reads_data(role) else 'may read'} every dataset of the project"


def _declared_member(context: Context, role: str, member: str) -> tuple[str, str]:
    """Return how the file writes a member of a role on the project, and the path of its line."""
    for number, grant in enumerate(context.environment.project_access):
        for index, each in enumerate(grant.members):
            if grant.role == role and policy_member(each, context.environment.workgroups) == member:
                return each, f"project_access[{number}].members[{index}]"
    return "", "project_access"


def function_access(context: Context) -> Iterator[Consequence]:
    """Return the Cloud Functions that Fivetran may call, or no longer."""
    for kind, key in (("FunctionIamMember", "cloudFunction"), ("ServiceIamMember", "name")):
        for step in context.preview.of_type(kind):
            is_new = step.operation != "delete"
            inputs = step.new or step.old
            name, project = str(inputs.get(key, step.name)), str(inputs.get("project", ""))
            region = str(inputs.get("region", inputs.get("location", "")))
            units = [unit.name for unit in context.units.values() if _calls(unit, name, region, project)]
            former = next(
                (each.name for each in context.preview.of_type("Connection") if _called(each, name, region)), step.name
            )
            place = context.place(*units[:1] or [former], "connector", "function") or context.environment_place()
            elsewhere = f" in {region}" if region else ""
            elsewhere += f" of project {project}" if project not in ("", context.environment.gcp_project) else ""
            yield Consequence(
                "stop" if is_new else "note",
                "function_granted" if is_new else "function_revoked",
                f"{'lets Fivetran call' if is_new else 'no longer lets Fivetran call'} the function {name}{elsewhere}",
                f"function {name}",
                place=place,
                value=[kind, project, inputs.get("region", inputs.get("location")), inputs.get("role")],
            )


def _calls(unit: Unit, name: str, region: str, project: str) -> bool:
    """Return whether a unit's file names a function. Only known regions and projects are compared."""
    function = unit.connector.function if unit.connector else None
    if function is None or function.name != name:
        return False
    return region in ("", function.region) and project in ("", function.project)


def _called(step: Step, function: str, region: str) -> bool:
    """Return whether a connection called a function in the last run."""
    trigger = str((step.old.get("config") or {}).get("function_trigger", "")).rstrip("/")
    return trigger.endswith(f"/{function}") and f"//{region}" in trigger
