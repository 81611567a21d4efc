"""Draft an `environment.yaml` from what exists in Fivetran and BigQuery."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reconciler.config.yaml.document import Path
from reconciler.google.bigquery.access import predefined_role
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
    shared_access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has a role on every dataset, by role."""


def shared_access(
    access_lists: Sequence[Iterable[Mapping[str, Any]]], without: Iterable[str] = ()
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
                found.add(
                    (predefined_role(str(entry.get("role"))), f"{'serviceAccount' if account else kind}:{address}")
                )
        for each in found:
            counted[each] += 1
    by_role: dict[str, list[str]] = defaultdict(list)
    for (role, member), number in sorted(counted.items()):
        if number == len(access_lists):
            by_role[role].append(member)
    return {role: tuple(members) for role, members in by_role.items()}


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
        **{key: value for key, value in facts.settings.items() if key in DESTINATION_SETTINGS},
    }
    automation, people = _split(facts.shared_access)
    content: dict[str, Any] = {
        "gcp_project": facts.gcp_project,
        "fivetran": {"group": facts.group, "destination": destination},
    }
    comments: dict[Path, str] = {}
    if automation:
        content["automation"] = automation
        comments["automation",] = "On every dataset, sensitive or not: these have access to every dataset today."
    if people and purpose == "trial":
        content["default_access"] = people
        comments["default_access",] = (
            "On every dataset that is not sensitive: these have access to every dataset today."
        )
    content["policy"] = dict(_POLICIES[purpose])
    text = format_yaml(
        content, comments=comments, on_one_line=lambda _path, mapping: holds_scalars(mapping) or "need" in mapping
    )
    return f"{schema}\n{text}"


def add_code_owners(text: str, environment: str, owners: Sequence[str]) -> str:
    """Add the owners of an environment's units to CODEOWNERS, in which the last matching line decides."""
    folder = f"/connectors/{environment}/"
    if any(line.split()[:1] == [folder] for line in text.splitlines()):
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


def _split(access: Mapping[str, tuple[str, ...]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    automation, people = [], []
    for role, members in access.items():
        accounts = [each for each in members if each.startswith("serviceAccount:")]
        others = [each for each in members if each not in accounts]
        automation += [{"role": role, "members": accounts}] if accounts else []
        people += [{"role": role, "members": others}] if others else []
    return automation, people
