"""Write the conditions of access, in the Common Expression Language.

They limit which jobs of GitHub Actions have access, and to what.

Claims are compared by ids. Names can be given to another repository later, and `sub` has names in it, with another
form for repositories that were created or renamed since 2026-07-15.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Identity: TypeAlias = Literal["preview", "apply"]

#: The events that start a job with each identity. All of them run the workflow of the default branch.
EVENTS: dict[Identity, tuple[str, ...]] = {
    "preview": ("pull_request_target", "schedule", "workflow_dispatch"),
    "apply": ("push", "schedule", "workflow_dispatch"),
}
#: The secrets that hold Fivetran's keys begin with this, and no other secret may.
FIVETRAN_KEY = "fivetran-key-"

_VERSION_OF = 'resource.name.extract("secrets/{name}/versions")'


@dataclass(frozen=True)
class Repository:
    """A repository of GitHub, by the numbers that stay with it, and its default branch."""

    organisation_id: str
    repository_id: str
    default_branch: str

    @property
    def ref(self) -> str:
        """The full name of the default branch, as tokens have it."""
        return f"refs/heads/{self.default_branch}"


def github_environment(identity: Identity, environment: str) -> str:
    """Return the environment in GitHub whose jobs act as an identity."""
    return f"preview-{environment}" if identity == "preview" else environment


def attribute_mapping() -> dict[str, str]:
    """Map a token's claims to what bindings name.

    Google allows 127 characters for the subject, so it is not `sub`.
    """
    job = ' + ":" + '.join(f"assertion.{claim}" for claim in ("repository_id", "environment", "event_name", "ref"))
    return {
        "google.subject": 'assertion.repository_id + ":" + assertion.environment + ":" + assertion.run_id',
        "attribute.job": job,
    }


def attribute_condition(repository: Repository, environments: Sequence[str]) -> str:
    """Return the condition under which Google accepts a token at all."""
    kinds = " || ".join(
        f"(assertion.environment in {_list(github_environment(identity, each) for each in environments)}"
        f" && assertion.event_name in {_list(events)})"
        for identity, events in EVENTS.items()
    )
    return " && ".join(
        [
            f'assertion.repository_id == "{repository.repository_id}"',
            f'assertion.repository_owner_id == "{repository.organisation_id}"',
            f'assertion.ref == "{repository.ref}"',
            f"({kinds})",
        ]
    )


def jobs(repository: Repository, identity: Identity, environment: str) -> dict[str, str]:
    """Return the value of `attribute.job` for each event whose jobs may act as an identity."""
    name = github_environment(identity, environment)
    return {event: f"{repository.repository_id}:{name}:{event}:{repository.ref}" for event in sorted(EVENTS[identity])}


def grants_only(roles: Iterable[str]) -> str:
    """Return the condition under which an IAM administrator may grant and revoke only some roles."""
    return f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly({_list(sorted(roles))})"


def is_secret(name: str) -> str:
    """Return the condition that lets the value of one secret be read."""
    return f'{_VERSION_OF} == "{name}"'


def is_secret_of_units(prefix: str) -> str:
    """Return the condition that lets secrets with a prefix be read, and none of Fivetran's own keys."""
    others = f'!{_VERSION_OF}.startsWith("{FIVETRAN_KEY}")'
    return f'{_VERSION_OF}.startsWith("{prefix}") && {others}' if prefix else f'{_VERSION_OF} != "" && {others}'


def _list(values: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
