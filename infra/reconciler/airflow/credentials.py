"""Find the credentials for Airflow: a token, a user, Google's identity, or two of them."""

from __future__ import annotations

import functools
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from reconciler.http.answers import limit_answers
from reconciler.model.errors import LOG_IN, NO_CREDENTIALS, ReconcilerError, RemoteError, google_error

_TOKEN, _USER, _PASSWORD = "AIRFLOW_TOKEN", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD"
_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_TIMEOUT_S = 30.0
#: The end of the address at which an account is impersonated, and at which it gives an identity token.
_ACCESS, _IDENTITY = ":generateAccessToken", ":generateIdToken"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True)
class AirflowCredentials:
    """What Airflow, or a proxy of Google's before it, asks for. A text that shows this shows no secret.

    Attributes:
        token: A bearer token for Airflow.
        user: A user's name and password.
        google: A token of Google's. With one of the others it is for the proxy, and alone for both.
    """

    token: str = field(default="", repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    google: str = field(default="", repr=False)

    @classmethod
    def from_environment(
        cls, audience: str | None, *, google_access: bool, variables: Mapping[str, str] = os.environ
    ) -> AirflowCredentials:
        """Read the credentials of Airflow from variables, and of Google from application-default credentials.

        Args:
            audience: For whom Google's identity token is to be, such as the client id of Identity-Aware Proxy.
            google_access: Whether Airflow takes access tokens of Google's, as Cloud Composer does.
            variables: The variables.

        Raises:
            ReconcilerError: There are none, or they contradict each other.
            RemoteError: Google gave no token.
        """
        token, user, password = (variables.get(name, "").strip() for name in (_TOKEN, _USER, _PASSWORD))
        if token and (user or password):
            raise ReconcilerError(
                f"both {_TOKEN} and {_USER} are set\n    Unset one: they are two ways to log in to Airflow."
            )
        if bool(user) != bool(password):
            missing = _PASSWORD if user else _USER
            raise ReconcilerError(f"{missing} is not set\n    Set both {_USER} and {_PASSWORD}, or {_TOKEN}.")
        if not all(each.isascii() and each.isprintable() for each in (token, user, password)):
            raise ReconcilerError(
                f"{_TOKEN}, {_USER} or {_PASSWORD} has characters that are not allowed in an HTTP header"
            )
        google = ""
        if audience is not None:
            google = _google_identity(audience)
        elif google_access:
            google = _google_access()
        elif not token and not user:
            raise ReconcilerError(
                f"no credentials for Airflow\n    Set {_TOKEN}, or {_USER} and {_PASSWORD}, or use --google-audience "
                "or --google-access-token."
            )
        return cls(token, (user, password) if user else None, google)


def _google_identity(audience: str) -> str:
    """Return an identity token of the application-default credentials."""
    import google.oauth2.id_token  # noqa: PLC0415 (Google's library takes its time)
    from google.auth import exceptions  # noqa: PLC0415

    step = f"Use credentials of a service account, or create the token in CI and set {_TOKEN}"
    try:
        if (federated := _federated_identity(audience)) is not None:
            return federated
        fetch: Any = google.oauth2.id_token.fetch_id_token
        return str(fetch(_request(), audience))
    except exceptions.DefaultCredentialsError:
        raise ReconcilerError(f"{NO_CREDENTIALS} for an identity token\n    {step}.") from None
    except (exceptions.TransportError, OSError) as error:
        failed = google_error("Google's identity token for Airflow", error)
    except (exceptions.GoogleAuthError, TypeError, ValueError) as error:
        failed = RemoteError(f"Google gave no identity token ({type(error).__name__})", step=step)
    raise failed


def _federated_identity(audience: str) -> str | None:
    """Return an identity token of the service account behind federated credentials such as GitHub's.

    `fetch_id_token` knows no such credentials. The federated identity asks for the token itself, which
    roles/iam.workloadIdentityUser allows, so that the account needs no role on itself.
    """
    from google.auth import exceptions, identity_pool  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    try:
        info = json.loads(Path(os.environ.get(_FILE, "")).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(info, dict) or info.get("type") != "external_account":
        return None
    url = str(info.pop("service_account_impersonation_url", ""))
    if not url.endswith(_ACCESS):
        raise exceptions.DefaultCredentialsError
    source = identity_pool.Credentials.from_info(info, scopes=[_SCOPE])  # type: ignore[no-untyped-call]
    with AuthorizedSession(source) as session:  # type: ignore[no-untyped-call]
        limit_answers(session)
        body: Any = {"audience": audience, "includeEmail": True}
        answer = session.post(url.removesuffix(_ACCESS) + _IDENTITY, json=body, timeout=_TIMEOUT_S)
    token = answer.json().get("token") if answer.ok else None
    if not isinstance(token, str):
        raise exceptions.RefreshError
    return token


def _google_access() -> str:
    """Return an access token of the application-default credentials."""
    import google.auth  # noqa: PLC0415 (Google's library takes its time)
    from google.auth import exceptions  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Your application has authenticated using end user credentials")
            credentials: Any = google.auth.default(scopes=[_SCOPE])[0]
        credentials.refresh(_request())
        return str(credentials.token)
    except exceptions.DefaultCredentialsError:
        raise ReconcilerError(f"{NO_CREDENTIALS}\n    {LOG_IN}.") from None
    except (exceptions.GoogleAuthError, TypeError, ValueError) as error:
        failed = google_error("Google's access token for Airflow", error)
    raise failed


def _request() -> Any:
    """Return what sends a request for a token. Google's library would wait for minutes."""
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from requests import Session  # noqa: PLC0415

    session, request = Session(), cast(Any, Request)
    limit_answers(session)
    return functools.partial(request(session), timeout=_TIMEOUT_S)
