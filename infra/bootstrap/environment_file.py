"""Read what the bootstrap needs of `connectors/<environment>/environment.yaml`.

That is projects, roles, and the policy it needs.

`reconciler validate` checks these files as a whole. Here only what the roles depend on is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bootstrap.problems import InvalidInputError, Problem

_DATA_OWNER = "roles/bigquery.dataOwner"
#: `hasOnly` of IAM's conditions takes no more.
_MOST_ROLES = 10
_BIGQUERY_USER = "roles/bigquery.user"
#: An account that may grant one of these can grant itself everything.
_POWERFUL = ("roles/owner", "roles/editor", "roles/iam.", "roles/resourcemanager.")


@dataclass(frozen=True)
class EnvironmentFile:
    """An environment's file."""

    gcp_project: str
    secrets_project: str
    granted_roles: tuple[str, ...]
    """The roles that a run grants on the project: Fivetran's, and those under `project_access`."""


def read_environment_file(file: Path, shown: str, apply_account: str | None) -> EnvironmentFile:
    """Read an environment's file.

    Args:
        file: The file.
        shown: Its name, for messages.
        apply_account: The id of the account that runs `up`; its address is below the file's project.

    Raises:
        InvalidInputError: The file is missing, no YAML, or lets more happen than the identities are made for.
    """
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise InvalidInputError([Problem(shown, "no such file", "write it, or remove the environment")]) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise InvalidInputError([Problem(shown, "not valid YAML", "run `reconciler validate`")]) from None
    data: Any = yaml.safe_load(yaml.serialize(node)) if node is not None else None
    if not isinstance(data, dict) or not isinstance(data.get("gcp_project"), str):
        raise InvalidInputError([Problem(shown, "no `gcp_project`", "run `reconciler validate`")])
    places = _Places(shown, node)
    project: str = data["gcp_project"]
    problems = [*_check_policy(data, places), *_check_project_access(data, places)]
    if apply_account is not None:
        problems += _check_automation(data, places, f"serviceAccount:{email(apply_account, project)}")
    if problems:
        raise InvalidInputError(problems)
    granted = {_BIGQUERY_USER, *_roles(data.get("project_access"))}
    return EnvironmentFile(project, data.get("secrets_project", project), tuple(sorted(granted)))


def email(account: str, project: str) -> str:
    """Return the address of a service account. A project `example.com:name` is turned around in it."""
    domain, _, name = project.rpartition(":")
    return f"{account}@{name}.{f'{domain}.' if domain else ''}iam.gserviceaccount.com"


@dataclass(frozen=True)
class _Places:
    shown: str
    root: Any

    def of(self, *keys: str) -> str:
        """Return `file:line:col` of the value under the keys, or of the nearest one above it."""
        node = self.root
        for key in keys:
            inner = next((value for name, value in node.value if name.value == key), None)
            if inner is None:
                break
            node = inner
            if not isinstance(node, yaml.MappingNode):
                break
        return f"{self.shown}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def _check_policy(data: dict[str, Any], places: _Places) -> list[Problem]:
    policy = data.get("policy")
    if isinstance(policy, dict) and policy.get("pulumi_config") == "forbidden":
        return []
    message = "files may refer to the stack's config, which the identity of previews can decrypt"
    return [Problem(places.of("policy", "pulumi_config"), message, "write `pulumi_config: forbidden` under `policy`")]


def _check_project_access(data: dict[str, Any], places: _Places) -> list[Problem]:
    roles = _roles(data.get("project_access"))
    place = places.of("project_access")
    problems = [
        Problem(place, f"runs would grant {role}, which can grant every other role", "remove it from the file")
        for role in roles
        if role.startswith(_POWERFUL)
    ]
    if len({_BIGQUERY_USER, *roles}) > _MOST_ROLES:
        message = (
            f"more than {_MOST_ROLES - 1} roles in addition to {_BIGQUERY_USER}; an IAM condition allows {_MOST_ROLES}"
        )
        problems.append(Problem(place, message, "grant some of them by hand, and remove them from the file"))
    return problems


def _check_automation(data: dict[str, Any], places: _Places, member: str) -> list[Problem]:
    for grant in data.get("automation") or []:
        if isinstance(grant, dict) and grant.get("role") == _DATA_OWNER and member in (grant.get("members") or []):
            return []
    message = f"{member} is not {_DATA_OWNER} of the datasets, so that its runs could not change them"
    return [Problem(places.of("automation"), message, f"add it under `automation` with {_DATA_OWNER}")]


def _roles(grants: Any) -> list[str]:
    return [str(grant["role"]) for grant in grants or [] if isinstance(grant, dict) and "role" in grant]
