"""Record what `environment.yaml` lets later runs and pull requests do, for a review to compare.

No resource has these settings. Without a record, a review could not show that a rule was loosened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from reconciler.model import Environment, Grant
from reconciler.model.environment import Destination

#: The input of the preflight that holds them, in the environment's own stack.
RULES = "rules"


def environment_rules(environment: Environment) -> dict[str, Any]:
    """Return the settings by their dotted paths, without those that have their defaults."""
    return {path: value for path, value in _settings(environment).items() if value != _DEFAULTS[path]}


def read_rules(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return every setting by its path, from what `environment_rules` returned."""
    return {**_DEFAULTS, **{path: _as_integer(value) for path, value in stored.items()}}


def _as_integer(value: Any) -> Any:
    """Return a whole number as the files have it: the engine has no integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def named_grants(grants: Iterable[Grant]) -> list[tuple[str, str]]:
    """Return each grant to a member as `<role> <member>`, with its path below the list."""
    return [
        (f"{grant.role} {member}", f"[{number}].members[{index}]")
        for number, grant in enumerate(grants)
        for index, member in enumerate(grant.members)
    ]


def _settings(environment: Environment) -> dict[str, Any]:
    policy = environment.policy
    expiry, people, guard = policy.expiry, policy.people, policy.delete_guard
    return {
        "secrets_project": None
        if environment.secrets_project == environment.gcp_project
        else environment.secrets_project,
        "workgroups": environment.workgroups,
        "automation": [text for text, _ in named_grants(environment.automation)],
        "default_access": [text for text, _ in named_grants(environment.default_access)],
        "labels.default": [f"{key}={value}" for key, value in environment.labels.default.items()],
        "labels.required": list(environment.labels.required),
        "ignore.services": list(environment.ignore.services),
        "ignore.schemas": list(environment.ignore.schemas),
        "stacks": list(environment.stacks),
        "fivetran.quota_left": environment.quota_left,
        **{f"bigquery_etl.{key}": list(value) for key, value in asdict(environment.bigquery_etl).items()},
        "policy.expiry": "forbidden" if expiry.forbidden else "allowed",
        "policy.expiry.required": expiry.required,
        "policy.expiry.longest": _days(expiry.longest),
        "policy.expiry.warn": _days(expiry.warn),
        "policy.expiry.grace": _days(expiry.grace),
        "policy.people.need": sorted(people.need),
        "policy.people.longest": _days(people.longest),
        "policy.people.warn": _days(people.warn),
        "policy.people.standing": list(people.standing),
        "policy.delete_guard.share": guard.share,
        "policy.delete_guard.at_least": guard.at_least,
        **{
            f"policy.{key}": getattr(policy, key)
            for key in (
                *("public_access", "removal", "undeclared_datasets", "undeclared_fivetran_access"),
                *("secret_versions", "pulumi_config", "trust"),
            )
        },
    }


def _days(length: timedelta | None) -> int | None:
    return None if length is None else length.days


_DEFAULTS: Mapping[str, Any] = _settings(Environment("", "", "", "", Destination("", "", "")))
