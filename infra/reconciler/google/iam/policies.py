"""Read the IAM policies of projects, folders and organisations, and the permissions of roles.

Google's library for Resource Manager has no roles, and the one for roles no REST: two calls of each API are asked here.
Credentials are Google's application-default ones; an address of this machine is asked without any.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from reconciler.model.errors import LOG_IN, NO_CREDENTIALS, RemoteError, google_error, google_message


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
_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
#: How long one request may take, and how long all attempts at it.
_REQUEST_S: Final = 30
_ATTEMPTS_S: Final = 60
#: Folders can be ten deep (https://cloud.google.com/resource-manager/docs/limits); more would be a circle.
_DEEPEST: Final = 20


class _Denied(Exception):
    """Google answered 403 or 404: it does not say whether a thing is missing or hidden."""

    def __init__(self, status: int, unmasked_message: str) -> None:
        super().__init__()
        self.status = status
        self.unmasked_message = unmasked_message

    def __str__(self) -> str:
        return f"Google answered {self.status}"


class Iam:
    """The IAM policies above one project. Methods raise `RemoteError`."""

    def __init__(self, project: str) -> None:
        self.project = project
        self._local = all(urlsplit(_address(name)).hostname in _LOOPBACK for name in _GOOGLES)
        self._roles: dict[str, frozenset[str] | None] = {}
        with self._failures():
            self._session = _session(local=self._local)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def holders(self) -> tuple[PolicyHolder, ...]:
        """Return the project, its folders and its organisation, from below, as far as they are visible.

        Where one may not see what is above, the last has no bindings and the name `folders/?`.
        """
        found: list[PolicyHolder] = []
        name = f"projects/{self.project}"
        while name and len(found) < _DEEPEST:
            try:
                about = self._ask("GET", RESOURCE_MANAGER, name)
            except _Denied as denial:
                found.append(self._holder(name, "", denial))
                # Google's message is shown once, with the policy that cannot be read.
                message = "" if found[-1].bindings is None else denial.unmasked_message
                above = PolicyHolder("folders/?", "", None, f"cannot read the parent of {name}: {denial}", message)
                return (*found, above) if not name.startswith("organizations/") else tuple(found)
            found.append(self._holder(name, str(about.get("displayName", ""))))
            name = str(about.get("parent", ""))
        return tuple(found)

    def _holder(self, name: str, display_name: str, denied: _Denied | None = None) -> PolicyHolder:
        """Return one with its policy, which may be visible where the thing itself is not."""
        try:
            # Version 3 has conditions; without it a role that has one is answered under another name.
            body = {"options": {"requestedPolicyVersion": 3}}
            policy = self._ask("POST", RESOURCE_MANAGER, f"{name}:getIamPolicy", body)
        except _Denied as denial:
            shown = denied or denial
            return PolicyHolder(name, display_name, None, str(shown), shown.unmasked_message)
        return PolicyHolder(name, display_name, tuple(map(Binding.parse, policy.get("bindings", ()))))

    def permissions(self, role: str) -> frozenset[str] | None:
        """Return the permissions of a role, read once; None where they are hidden."""
        if role not in self._roles:
            try:
                answer = self._ask("GET", IAM, role)
                self._roles[role] = frozenset(answer.get("includedPermissions", ()))
            except _Denied:
                self._roles[role] = None
        return self._roles[role]

    def _ask(self, method: str, api: str, path: str, body: object = None) -> dict[str, Any]:
        from google.api_core import exceptions, retry  # noqa: PLC0415 (slow to import)

        @retry.Retry(predicate=retry.if_transient_error, initial=0.25, maximum=8.0, timeout=_ATTEMPTS_S)
        def ask() -> dict[str, Any]:
            response = self._session.request(method, f"{_address(api)}{path}", json=body, timeout=_REQUEST_S)
            if not response.ok:
                raise exceptions.from_http_response(response)  # type: ignore[no-untyped-call]
            return dict(response.json())

        with self._failures():
            try:
                return ask()
            except (exceptions.Forbidden, exceptions.NotFound) as error:
                raise _Denied(error.code, google_message(error)) from None

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the libraries' exceptions into one line."""
        from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        subject = f"IAM, project {self.project}: the policy cannot be read"
        try:
            yield
        except GoogleAuthError as error:
            raised = RemoteError(
                f"{subject}: {NO_CREDENTIALS} ({type(error).__name__})", unmasked_message=str(error), step=LOG_IN
            )
        except (GoogleAPIError, RequestException, ValueError, TypeError) as error:
            raised = google_error(subject, error)
        else:
            return
        raise raised from None


def _session(*, local: bool) -> Any:
    import google.auth  # noqa: PLC0415
    import requests  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    if local:
        session = requests.Session()
        session.trust_env = False  # the environment's proxies are not for this machine
        return session
    with warnings.catch_warnings():
        # A person's own credentials are fine on a person's own machine.
        warnings.filterwarnings("ignore", message="Your application has authenticated using end user credentials")
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    authorised: Any = AuthorizedSession
    return authorised(credentials)


def _address(name: str) -> str:
    address = os.environ.get(name) or _GOOGLES[name]
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise RemoteError(
            f"{name}: expected an address such as {_GOOGLES[name]}. Set that, or unset it: credentials are sent there"
        )
    return address
