"""Draft an `environment.yaml` from what exists in Fivetran and BigQuery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.config.schema.schemas import accepts
from reconciler.config.yaml.document import Path
from reconciler.google.bigquery.access import predefined_role
from reconciler.google.iam import roles
from reconciler.model import DESTINATION_SETTINGS
from reconciler.yaml_text.writer import format_yaml, holds_scalars

#: `trial`: every unit expires. `production`: none does, and people need a ticket and a last day.
Purpose = Literal["trial", "production"]

_POLICIES: Mapping[Purpose, Mapping[str, Any]] = {
    "trial": {
        "expiry": {"required": True, "longest": "90d", "warn": "14d", "grace": "7d"},
        "removal": "file",
        "pulumi_config": "forbidden",
    },
    "production": {
        "expiry": "forbidden",
        "removal": "retire",
        "people": {"need": ["ticket", "until"], "longest": "14d", "warn": "3d"},
        "secret_versions": "pinned",
        "pulumi_config": "forbidden",
    },
}
_FIELDS = {"userByEmail": "user", "groupByEmail": "group", "domain": "domain"}
_OF_A_SERVICE_ACCOUNT = ".gserviceaccount.com"

#: What Pulumi itself needs: the stack file of every environment.
STACK_FILE = """\
# What Pulumi itself needs. What describes the environment is in connectors/<stack>/environment.yaml.
config:
  gcp:addPulumiAttributionLabel: "false"  # labels are ours to declare
  gcp:disableGlobalProjectWarning: "true"  # each resource names its project
"""


@dataclass(frozen=True)
class Facts:
    """What is known about an environment."""

    group: str
    gcp_project: str
    location: str
    region: str
    time_zone_offset: str = "0"
    settings: Mapping[str, Any] = field(default_factory=dict)
    has_destination: bool = True
    """Whether the group has a destination, which the region and the time zone are from."""
    shared_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role on every dataset, by role."""
    project_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role on the project that reads no data, by role."""
    project_readers: tuple[str, ...] = ()
    """Sentences about members that read every dataset through a role on the project."""
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role in the Fivetran group, by role."""
    own_user: str | None = None
    """The user of the API key, if it has a role in the group."""


def shared_access(
    access_lists: Sequence[Iterable[Mapping[str, Any]]], without: Iterable[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return the members that have a role on every dataset, by role, without some addresses."""
    left_out = {each.lower() for each in without}
    counted: dict[tuple[str, str], int] = defaultdict(int)
    for entries in access_lists:
        found = set()
        for entry in entries:
            for name, kind in _FIELDS.items():
                address = entry.get(name)
                if not isinstance(address, str) or address.lower() in left_out or "condition" in entry:
                    continue
                account = kind == "user" and address.endswith(_OF_A_SERVICE_ACCOUNT)
                member = f"{'serviceAccount' if account else kind}:{address}"
                if not roles.FIVETRANS_MEMBER.fullmatch(member):
                    found.add((predefined_role(str(entry.get("role"))), member))
        for each in found:
            counted[each] += 1
    by_role: dict[str, list[str]] = defaultdict(list)
    for (role, member), number in sorted(counted.items()):
        if number == len(access_lists):
            by_role[role].append(member)
    return {role: tuple(members) for role, members in by_role.items()}


def project_access(
    bindings: Iterable[tuple[str, Iterable[str]]], without: Iterable[str] = ()
) -> Mapping[str, tuple[str, ...]]:
    """Return who has a role of BigQuery on a project that reads no data, without some addresses."""
    left_out = {each.lower() for each in without}
    found: dict[str, list[str]] = defaultdict(list)
    for role, members in bindings:
        if role in roles.BLIND and role.startswith("roles/bigquery."):
            found[role] += [
                each
                for each in members
                if accepts("unit", ("$defs", "member"), each)
                and each.partition(":")[2].lower() not in left_out
                and not roles.FIVETRANS_MEMBER.fullmatch(each)
            ]
    return {role: tuple(sorted(set(members))) for role, members in sorted(found.items()) if members}


def fivetran_access(facts: Facts, purpose: Purpose) -> Mapping[str, tuple[str, ...]]:
    """Return the roles in the group that the file declares: all in a trial, else the key's user's."""
    found = {
        role: tuple(
            each
            for each in members
            if accepts("environment", ("$defs", "fivetranMember"), each)
            and (purpose == "trial" or each == facts.own_user)
        )
        for role, members in facts.members.items()
    }
    return {role: members for role, members in found.items() if members}


def people_left_out(facts: Facts, purpose: Purpose) -> Iterable[str]:
    """Yield a sentence for each access that the file leaves out, because its policy needs more."""
    if purpose != "production":
        return
    for role, members in facts.shared_access.items():
        for each in members:
            if not each.startswith("serviceAccount:"):
                yield f"{each} has {role} on every dataset: grant it in the units' files, with a ticket and a last day"
    for role, members in facts.members.items():
        for each in members:
            if each != facts.own_user:
                yield f"{each} has {role} in the Fivetran group: declare it under `fivetran.access`, or remove it there"


def missing_automation(facts: Facts) -> Iterable[str]:
    """Yield what to add where no service account has access to every dataset, as in a new project."""
    accounts = [each for members in facts.shared_access.values() for each in members if each.startswith("service")]
    if not accounts:
        yield (
            "no service account has access to every dataset: name the one that applies under `automation`, with "
            "roles/bigquery.dataOwner. Without it, only owners of the project can change the datasets"
        )


def environment_text(facts: Facts, purpose: Purpose, schema: str) -> str:
    """Return the text of an environment's file.

    Args:
        facts: What exists.
        purpose: Which policy it gets.
        schema: The file's first line, for editors.
    """
    destination = {
        "location": facts.location,
        "region": facts.region,
        "time_zone_offset": facts.time_zone_offset,
        **{
            key: value
            for key, value in facts.settings.items()
            if key in DESTINATION_SETTINGS and value != DESTINATION_SETTINGS[key].default
        },
    }
    automation, people = _split(facts.shared_access)
    members = fivetran_access(facts, purpose)
    fivetran: dict[str, Any] = {"group": facts.group, "destination": destination}
    fivetran |= {"access": _grants(members)} if members else {}
    content: dict[str, Any] = {"gcp_project": facts.gcp_project, "fivetran": fivetran}
    comments: dict[Path, str] = {}
    if not facts.has_destination:
        comments["fivetran", "destination"] = (
            "The first run creates the destination with these values. After that, location and region are fixed."
        )
    if members:
        comments["fivetran", "access"] = (
            "Who can change connectors in Fivetran: these have a role in the group today."
            if purpose == "trial"
            else "Who can change connectors in Fivetran: automation alone."
        )
    if automation:
        content["automation"] = automation
        comments["automation",] = "On every dataset, sensitive or not: these have access to every dataset today."
    if people and purpose == "trial":
        content["default_access"] = people
        comments["default_access",] = (
            "On every dataset that is not sensitive: these have access to every dataset today."
        )
    if facts.project_access:
        content["project_access"] = _grants(facts.project_access)
        comments["project_access",] = "On the project itself, to run queries: these have the role today."
    content["policy"] = _policy(purpose, [each for members in members.values() for each in members])
    text = format_yaml(
        content, comments=comments, on_one_line=lambda _path, mapping: holds_scalars(mapping) or "need" in mapping
    )
    return f"{schema}\n{text}"


def add_code_owners(text: str, environment: str, owners: Sequence[str], specs: str = "connectors") -> str:
    """Add the owners of an environment's units to CODEOWNERS, in which the last matching line decides."""
    folder = f"/{specs}/{environment}/"
    if any(line.split()[:1] in ([folder], [folder[1:]]) for line in text.splitlines()):
        return text
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    at = next((index for index, line in enumerate(lines) if "environment.yaml" in line.partition("#")[0]), len(lines))
    while 0 < at < len(lines) and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    new = [f"{folder:<35} {' '.join(owners)}{end}", *([end] if at < len(lines) else [])]
    if at == len(lines) and lines and not lines[-1].endswith(("\n", "\r")):
        new.insert(0, end)
    return "".join([*lines[:at], *new, *lines[at:]])


def _policy(purpose: Purpose, fivetran_members: Sequence[str]) -> dict[str, Any]:
    policy = dict(_POLICIES[purpose])
    if purpose == "production" and fivetran_members:
        policy["people"] = {**policy["people"], "standing": list(fivetran_members)}
    return policy


def _grants(access: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    return [{"role": role, "members": list(members)} for role, members in access.items()]


def _split(access: Mapping[str, tuple[str, ...]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    automation, people = [], []
    for role, members in access.items():
        accounts = [each for each in members if each.startswith("serviceAccount:")]
        others = [each for each in members if each not in accounts]
        automation += [{"role": role, "members": accounts}] if accounts else []
        people += [{"role": role, "members": others}] if others else []
    return automation, people
