"""Read the IAM policies of projects, folders and organisations, and the permissions of roles.

Google's library for Resource Manager has no roles, and the one for roles no REST: two calls of each API are asked here.
Credentials are Google's application-default ones; an address of this machine is asked without any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from reconciler.google.rest import Denied, GoogleRest, is_loopback
from reconciler.model.errors import RemoteError


@dataclass(frozen=True)
class Binding:
    """A role, who has it, and the title of the condition under which they do, if there is one."""

    role: str
    members: tuple[str, ...]
    condition: str | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Read a Binding (IAM v1)."""
        condition = data.get("condition")
        title = str(condition.get("title") or condition.get("expression", "")) if condition else None
        return cls(str(data["role"]), tuple(map(str, data.get("members", ()))), title)


@dataclass(frozen=True)
class PolicyHolder:
    """A project, folder or organisation with its bindings; None where the credentials may not see them."""

    name: str
    """`projects/<id>`, `folders/<number>` or `organizations/<number>`."""
    display_name: str
    bindings: tuple[Binding, ...] | None
    denied: str = ""
    """Why the bindings may not be seen, in our own words."""
    unmasked_denial: str = ""
    """Google's message about it. It may quote a secret: only what masks it first may show it."""

    def __str__(self) -> str:
        kind, _, id_ = self.name.partition("/")
        shown = f" ({self.display_name})" if self.display_name not in ("", id_) else ""
        return f"{'organisation' if kind == 'organizations' else kind.removesuffix('s')} {id_}{shown}"


#: Other addresses of the APIs, version included, as Google's Terraform and Pulumi providers name them.
RESOURCE_MANAGER: Final = "GOOGLE_RESOURCE_MANAGER_V3_CUSTOM_ENDPOINT"
IAM: Final = "GOOGLE_IAM_CUSTOM_ENDPOINT"
_GOOGLES: Final = {
    RESOURCE_MANAGER: "https://cloudresourcemanager.googleapis.com/v3/",
    IAM: "https://iam.googleapis.com/v1/",
}
#: Folders can be ten deep (https://cloud.google.com/resource-manager/docs/limits); more would be a circle.
_DEEPEST: Final = 20


class Iam:
    """The IAM policies above one project. Methods raise `RemoteError`."""

    def __init__(self, project: str) -> None:
        self.project = project
        self._roles: dict[str, frozenset[str] | None] = {}
        local = all(is_loopback(_address(name)) for name in _GOOGLES)
        self._rest = GoogleRest(f"IAM, project {project}: the policy cannot be read", anonymous=local)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.close()

    def holders(self) -> tuple[PolicyHolder, ...]:
        """Return the project, its folders and its organisation, from below, as far as they are visible.

        Where one may not see what is above, the last has no bindings and the name `folders/?`.
        """
        found: list[PolicyHolder] = []
        name = f"projects/{self.project}"
        while name and len(found) < _DEEPEST:
            try:
                about = self._ask("GET", RESOURCE_MANAGER, name)
            except Denied as denial:
                found.append(self._holder(name, "", denial))
                # Google's message is shown once, with the policy that cannot be read.
                message = "" if found[-1].bindings is None else denial.unmasked_message
                above = PolicyHolder("folders/?", "", None, f"cannot read the parent of {name}: {denial}", message)
                return (*found, above) if not name.startswith("organizations/") else tuple(found)
            found.append(self._holder(name, str(about.get("displayName", ""))))
            name = str(about.get("parent", ""))
        return tuple(found)

    def _holder(self, name: str, display_name: str, denied: Denied | None = None) -> PolicyHolder:
        """Return a holder with its policy, which may be visible where the holder itself is not."""
        try:
            # Version 3 has conditions; without it a role that has one is answered under another name.
            body = {"options": {"requestedPolicyVersion": 3}}
            policy = self._ask("POST", RESOURCE_MANAGER, f"{name}:getIamPolicy", body)
        except Denied as denial:
            shown = denied or denial
            return PolicyHolder(name, display_name, None, str(shown), shown.unmasked_message)
        return PolicyHolder(name, display_name, tuple(map(Binding.parse, policy.get("bindings", ()))))

    def permissions(self, role: str) -> frozenset[str] | None:
        """Return the permissions of a role, read once; None where they are hidden."""
        if role not in self._roles:
            try:
                answer = self._ask("GET", IAM, role)
                self._roles[role] = frozenset(answer.get("includedPermissions", ()))
            except Denied:
                self._roles[role] = None
        return self._roles[role]

    def test_permissions(self, permissions: Sequence[str]) -> frozenset[str]:
        """Return which of these permissions the credentials have on the project."""
        try:
            body = {"permissions": list(permissions)}
            answer = self._ask("POST", RESOURCE_MANAGER, f"projects/{self.project}:testIamPermissions", body)
        except Denied as denial:
            text = f"IAM, project {self.project}: cannot test permissions: {denial}"
            raise RemoteError(text, unmasked_message=denial.unmasked_message) from None
        return frozenset(map(str, answer.get("permissions", ())))

    def _ask(self, method: str, api: str, path: str, body: object = None) -> dict[str, Any]:
        return self._rest.object(method, f"{_address(api)}{path}", body=body)


def _address(name: str) -> str:
    address = os.environ.get(name) or _GOOGLES[name]
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(address):
        raise RemoteError(
            f"{name}: expected an address such as {_GOOGLES[name]}. Set that, or unset it: credentials are sent there"
        )
    return address
