"""Check for `doctor` an environment's group, destination and role, which the command has read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.fivetran.api import Destination
from reconciler.google.iam import roles
from reconciler.google.iam.policies import PolicyHolder
from reconciler.health.checks import NEEDS_REVIEWER, Check
from reconciler.model import Environment, commands

#: Roles on a project of which each is enough for Fivetran.
_ENOUGH = frozenset({roles.FIVETRANS, "roles/bigquery.admin", "roles/editor", "roles/owner"})


def check_group(environment: Environment, group_ids: Sequence[str]) -> Check:
    """Check that exactly one group has the environment's name."""
    name = environment.group
    if not group_ids:
        to_do = (
            f"run {commands.up(environment.name)} to create it, correct its name in {environment.file}, "
            "or use a key that can see it"
        )
        return Check("Fivetran", "failed", f"the API key works but sees no group {name}", to_do)
    if len(group_ids) > 1:
        text = f"the API key works but sees several groups {name}: {', '.join(group_ids)}"
        return Check("Fivetran", "failed", text, "rename all but one in Fivetran")
    return Check("Fivetran", "ok", f"the API key works and sees the group {name} ({group_ids[0]})")


def check_destination(
    environment: Environment, group_id: str, live: Destination | None, failed_tests: Sequence[str]
) -> Iterator[Check]:
    """Check that the destination exists, is as the file declares it, and is connected.

    Args:
        environment: The environment.
        group_id: The group of the destination.
        live: The destination; None if there is none.
        failed_tests: The titles of its setup tests that failed, masked.
    """
    if live is None:
        to_do = f"run {commands.up(environment.name)} to create it"
        yield Check("destination", "failed", f"the group {group_id} has no destination", to_do)
        return
    results = [
        Check("destination", "failed", text, f"correct {environment.file}: Fivetran cannot change it")
        for text in _destination_differences(environment, live)
    ]
    if live.setup_status != "connected":
        text = f"its setup status is {live.setup_status or 'unknown'}"
        text += f"; failed tests: {', '.join(failed_tests)}" if failed_tests else ""
        to_do = f"run {commands.up(environment.name, refresh=True)}, which tests it again and shows why it fails"
        results.append(Check("destination", "failed", text, to_do))
    text = f"it is connected, in {live.config.get('data_set_location')} and {live.region} as declared"
    yield from results or [Check("destination", "ok", text)]


def _destination_differences(environment: Environment, live: Destination) -> Iterator[str]:
    compared = {
        "gcp_project": (environment.gcp_project, live.config.get("project_id")),
        "location": (environment.destination.location, live.config.get("data_set_location")),
        "region": (environment.destination.region, live.region),
    }
    for key, (declared, found) in compared.items():
        if found is not None and str(found).casefold() != declared.casefold():
            yield f"{key} is {declared} in the file and {found} in Fivetran"


def check_fivetran_role(project: str, account: str, holders: Sequence[PolicyHolder], environment: str) -> Check:
    """Check that Fivetran's service account may run load jobs in the project.

    Args:
        project: The GCP project.
        account: The service account's address.
        holders: The project, its folders and the organisation, with their bindings.
        environment: The environment that a run applies to grant the role.
    """
    member = f"serviceAccount:{account}"
    for holder in holders:
        for binding in holder.bindings or ():
            if member in binding.members and binding.role in _ENOUGH and binding.condition is None:
                return Check("Fivetran's role", "ok", f"{account} has {binding.role} on the {holder}")
    if holders[0].bindings is None:
        text = f"cannot check whether {account} has {roles.FIVETRANS} on {project}"
        return Check("Fivetran's role", "warning", text, NEEDS_REVIEWER)
    by_hand = commands.shell(
        *("gcloud", "projects", "add-iam-policy-binding", project),
        *(f"--member={member}", f"--role={roles.FIVETRANS}", "--condition=None"),
    )
    to_do = f"run {commands.up(environment, refresh=True)} to grant it, or by hand: {by_hand}"
    return Check("Fivetran's role", "failed", f"{account} lacks {roles.FIVETRANS} on {project}", to_do)
