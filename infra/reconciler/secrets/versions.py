"""Describe what is wrong with a version of a secret in Secret Manager, and what to do. Never a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.model import Reference, commands
from reconciler.model.commands import shell

#: `unknown`: the version could not be read. The others are certain.
Kind = Literal["missing", "disabled", "destroyed", "unknown"]

_ROLES = {"access": "roles/secretmanager.secretAccessor", "get": "roles/secretmanager.viewer"}


@dataclass(frozen=True)
class VersionFault:
    """Why a reference cannot be used, or why that is unknown, and what to do."""

    kind: Kind
    problem: str
    step: str = ""

    @property
    def message(self) -> str:
        """Problem and step in one line. Follows `config.api_key: `."""
        return f"{self.problem}: {self.step}" if self.step else self.problem

    @property
    def certain(self) -> bool:
        """Whether an apply would fail on it; otherwise it is only worth a notice."""
        return self.kind != "unknown"


@dataclass(frozen=True)
class SecretRequest:
    """A request for a reference's value (`access`) or metadata (`get`)."""

    what: Literal["access", "get"]
    reference: Reference

    @property
    def subject(self) -> str:
        """The version, for messages."""
        version = "the latest version" if self.reference.version is None else f"version {self.reference.version}"
        return f"{version} of the secret {self.reference.name} in project {self.reference.project}"

    @property
    def _project(self) -> str:
        """The option of gcloud for the secret's project."""
        return f"--project={self.reference.project}"

    def no_secret(self) -> VersionFault:
        """Describe a 404 for the secret."""
        name, project = self.reference.name, self.reference.project
        create = commands.reconciler("secret put", "--project", str(project), "--create", name)
        return VersionFault(
            "missing",
            f"project {project} has no secret {name} with a version",
            f"create one ({create}), or correct the reference",
        )

    def no_version(self) -> VersionFault:
        """Describe a 404 for the version."""
        name, project = self.reference.name, self.reference.project
        add = commands.reconciler("secret put", "--project", str(project), name)
        return VersionFault(
            "missing",
            f"the secret {name} in project {project} has no version {self.reference.version}",
            f"add it ({add}), or correct the reference",
        )

    def disabled(self) -> VersionFault:
        """Describe a 400 on access, or a disabled version."""
        version, secret = str(self.reference.version or "latest"), f"--secret={self.reference.name}"
        enable = shell("gcloud", "secrets", "versions", "enable", version, secret, self._project)
        return VersionFault(
            "disabled", f"{self.subject} is disabled", f"enable it ({enable}), or refer to another version"
        )

    def destroyed(self) -> VersionFault:
        """Describe a destroyed version."""
        add = commands.reconciler("secret put", "--project", str(self.reference.project), self.reference.name)
        return VersionFault(
            "destroyed", f"{self.subject} is destroyed", f"add a version ({add}), and refer to that one"
        )

    def denied(self, who: str) -> VersionFault:
        """Describe a 403. Google answers it for a missing secret too, where the account may not know."""
        name, project = self.reference.name, self.reference.project
        return VersionFault(
            "unknown",
            f"no permission secretmanager.versions.{self.what} on the secret {name} in project {project} for {who}, or "
            "there is no such secret",
            f"grant {_ROLES[self.what]}, or correct the reference",
        )

    def not_enabled(self) -> VersionFault:
        """Describe a 403 because the API is off."""
        enable = shell("gcloud", "services", "enable", "secretmanager.googleapis.com", self._project)
        text = f"the Secret Manager API is not enabled in project {self.reference.project}"
        return VersionFault("unknown", text, enable)

    def unknown(self, why: str, step: str) -> VersionFault:
        """Describe any other failure. `why` follows `Secret Manager`."""
        return VersionFault("unknown", f"Secret Manager {why}, asked for {self.subject}", step)
