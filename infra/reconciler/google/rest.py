"""Requests to Google's JSON APIs: credentials, retries, and errors with Google's message kept apart.

It serves calls for which Google has no library, or only a library far larger than the call.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any, Final, Self
from urllib.parse import urlsplit

from reconciler.http.answers import limit_answers
from reconciler.model.errors import google_error, google_message

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
#: How long one request may take, and how long all attempts at it.
_REQUEST_S: Final = 30
_ATTEMPTS_S: Final = 60
#: What broken credentials and answers raise, besides the exceptions of the libraries.
_UNUSABLE: Final = (RecursionError, TypeError, ValueError)


class Denied(Exception):
    """Google answered 403, 404 or 412, which the caller may know how to handle.

    403 and 404 do not say whether a thing is missing or hidden; 412 is a failed precondition.
    """

    def __init__(self, status: int, unmasked_message: str) -> None:
        super().__init__()
        self.status = status
        self.unmasked_message = unmasked_message

    def __str__(self) -> str:
        return f"Google answered {self.status}"


class GoogleRest:
    """One session with Google's APIs. Methods raise `RemoteError`, which begins with the subject."""

    def __init__(self, subject: str, *, anonymous: bool, credentials: Any = None) -> None:
        """Open a session.

        Args:
            subject: What the requests are about; errors begin with it.
            anonymous: Whether to send no credentials, as to an emulator.
            credentials: Credentials of google-auth; None for the application-default ones.
        """
        self._subject = subject
        with google_failures(subject):
            self._session, self.account = _session(anonymous, credentials)
        limit_answers(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ask(self, method: str, url: str, *, params: Any = None, body: Any = None, data: bytes | None = None) -> Any:
        """Send a request, again after errors that pass, and return the successful response.

        Raises:
            Denied: Google answered 403, 404 or 412.
            RemoteError: There is no usable answer.
        """
        from google.api_core import exceptions, retry  # noqa: PLC0415 (slow to import)

        @retry.Retry(predicate=retry.if_transient_error, initial=0.25, maximum=8.0, timeout=_ATTEMPTS_S)
        def send() -> Any:
            response = self._session.request(method, url, params=params, json=body, data=data, timeout=_REQUEST_S)
            if not response.ok:
                raise exceptions.from_http_response(response)  # type: ignore[no-untyped-call]
            return response

        with google_failures(self._subject):
            try:
                return send()
            except (exceptions.Forbidden, exceptions.NotFound, exceptions.PreconditionFailed) as error:
                raise Denied(error.code, google_message(error)) from None

    def object(self, method: str, url: str, *, params: Any = None, body: Any = None) -> dict[str, Any]:
        """Send a request and return the JSON object of the answer; raises as `ask` does."""
        response = self.ask(method, url, params=params, body=body)
        with google_failures(self._subject):
            return dict(response.json())


@contextlib.contextmanager
def google_failures(subject: str) -> Iterator[None]:
    """Raise `RemoteError` in place of what Google's libraries raise; it begins with the subject."""
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    failures: tuple[type[Exception], ...] = (GoogleAPIError, GoogleAuthError, RequestException, *_UNUSABLE)
    try:
        yield
    except failures as error:
        raised = google_error(subject, error)
    else:
        return
    raise raised from None


def read_environment_once(session: Any, url: str) -> None:
    """Give a session of requests the proxies and certificates of the environment.

    By itself it reads the environment in each request, which is a third of a request's CPU. The environment's proxies
    are not for this machine.
    """
    if is_loopback(url):
        session.trust_env = False
        return
    found = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.cert = dict(found["proxies"]), found["verify"], found["cert"]
    session.trust_env = False


def default_credentials() -> Any:
    """Return the application-default credentials. Raises exceptions of google-auth."""
    import google.auth  # noqa: PLC0415

    with warnings.catch_warnings():
        # A person's own credentials are fine on a person's own machine.
        warnings.filterwarnings("ignore", message="Your application has authenticated using end user credentials")
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    return credentials


def is_loopback(address: str) -> bool:
    """Return whether an address is one of this machine."""
    return urlsplit(address).hostname in _LOOPBACK


def _session(anonymous: bool, credentials: Any) -> tuple[Any, str | None]:
    """Return a session, and the service account whose credentials it sends if they name one."""
    import requests  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    if anonymous:
        session = requests.Session()
        session.trust_env = False  # the environment's proxies are not for this machine
        return session, None
    credentials = credentials or default_credentials()
    authorised: Any = AuthorizedSession
    return authorised(credentials), getattr(credentials, "service_account_email", None)
