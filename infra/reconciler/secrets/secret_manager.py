"""Read Google Secret Manager through Google's client library.

Its import takes a third of a second: do it late.

Over REST, which needs no channel of its own in a process that forks. The library refreshes credentials, repeats what
may pass (429, 5xx, broken connections) and keeps the time limit. An address of this machine is asked without
credentials and never through a proxy; any other has to be https.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import google_crc32c
import requests
from google.api_core import exceptions as google_exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.retry import Retry
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, SecretVersion
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from urllib3.exceptions import ReadTimeoutError

from reconciler.google.rest import default_credentials, is_loopback
from reconciler.http.answers import limit_answers
from reconciler.model import Reference
from reconciler.model.errors import ReconcilerError
from reconciler.secrets.versions import SecretRequest, VersionFault

#: Another address of the API, as Google's Terraform and Pulumi providers name it; with or without `/v1/` at its end.
ENDPOINT = "GOOGLE_SECRET_MANAGER_CUSTOM_ENDPOINT"

_UNNAMED = "the credentials of this run"

_PASSING = (
    google_exceptions.TooManyRequests,
    google_exceptions.ServerError,
    google_exceptions.RetryError,
    requests.exceptions.RequestException,
    auth_exceptions.TransportError,
)


@dataclass(frozen=True)
class TimeLimits:
    """The seconds for one call with all its attempts, and for one attempt."""

    total_s: float = 45.0
    attempt_s: float = 15.0


@dataclass(frozen=True)
class SecretManager:
    """A connection to the API, and the account that it uses, for messages."""

    client: SecretManagerServiceClient
    who: str

    def value(self, reference: Reference, patience: TimeLimits = TimeLimits()) -> str:
        """Return the text of a version. Raises `LookupError` with what is wrong and what to do."""
        try:
            answer = self.client.access_secret_version(
                name=_name(reference), retry=retry(patience), timeout=patience.attempt_s
            )
        except Exception as error:
            raise LookupError(self._finding(error, SecretRequest("access", reference)).message) from None
        data, checksum = answer.payload.data, answer.payload.data_crc32c
        if checksum and checksum != google_crc32c.value(data):
            raise LookupError(f"{_where(reference)} arrived damaged: run again")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise LookupError(f"{_where(reference)} is not UTF-8 text: add a version that is") from None

    def state(self, reference: Reference, patience: TimeLimits) -> VersionFault | None:
        """Return what is wrong with a version by its metadata; None when it is enabled."""
        asked = SecretRequest("get", reference)
        try:
            found = self.client.get_secret_version(
                name=_name(reference), retry=retry(patience), timeout=patience.attempt_s
            )
        except Exception as error:
            return self._finding(error, asked)
        if found.state == SecretVersion.State.ENABLED:
            return None
        return asked.destroyed() if found.state == SecretVersion.State.DESTROYED else asked.disabled()

    def _finding(self, error: Exception, asked: SecretRequest) -> VersionFault:  # noqa: PLR0911, PLR0912 (a case a line)
        """Describe an error of the library without its text, which may quote a secret."""
        match error:
            case google_exceptions.RetryError(cause=Exception() as cause):
                return self._finding(cause, asked)
            case google_exceptions.NotFound(message=str(message)):
                return asked.no_version() if "Secret Version [" in message else asked.no_secret()
            case google_exceptions.BadRequest(message=str(message)) if "in DISABLED state" in message:
                return asked.disabled()
            case google_exceptions.BadRequest(message=str(message)) if "in DESTROYED state" in message:
                return asked.destroyed()
            case google_exceptions.Forbidden(reason="SERVICE_DISABLED"):
                return asked.not_enabled()
            case google_exceptions.Forbidden():
                return asked.denied(self.who)
            case google_exceptions.BadRequest():
                return asked.unknown(
                    "rejected the request with 400", "check the secret, and its encryption key, in Google's console"
                )
            case google_exceptions.GoogleAPICallError(code=int(code)) if code != 401:
                return asked.unknown(f"answered {code}", "run again; if it stays, see https://status.cloud.google.com")
            case requests.exceptions.Timeout() | requests.exceptions.ConnectionError(args=(ReadTimeoutError(), *_)):
                return asked.unknown("gave no answer in time", "run again")
            case requests.exceptions.RequestException() | auth_exceptions.TransportError():
                return asked.unknown("cannot be reached", f"check the network, any proxy and {ENDPOINT}")
            case auth_exceptions.GoogleAuthError(retryable=True):
                return asked.unknown("got no token for its credentials", "run again")
            case google_exceptions.Unauthorized() | auth_exceptions.GoogleAuthError():
                return asked.unknown(f"does not accept {self.who}", _CREDENTIALS)
            case _:
                return asked.unknown(f"gave no usable answer ({type(error).__name__})", f"check {ENDPOINT}")


_CREDENTIALS = (
    "set up application-default credentials: `gcloud auth application-default login`, or a file that "
    "GOOGLE_APPLICATION_CREDENTIALS names"
)
# At DEBUG the library would log whole answers.
logging.getLogger("google.cloud.secretmanager_v1").setLevel(logging.WARNING)

_lock = threading.Lock()
_connected: dict[str, SecretManager] = {}


def connect() -> SecretManager:
    """Return this process's connection, made when it is first needed.

    Raises `ReconcilerError` without credentials, or for an address that no secret may be fetched from.
    """
    endpoint = os.environ.get(ENDPOINT, "")
    with _lock:
        if endpoint not in _connected:
            manager = _local(endpoint) if is_loopback(endpoint) else _google(endpoint)
            limit_answers(manager.client.transport._session)  # type: ignore[attr-defined]  # of the REST transport
            _connected[endpoint] = manager
        return _connected[endpoint]


def _local(endpoint: str) -> SecretManager:
    address = urlsplit(endpoint)
    transport = SecretManagerServiceRestTransport(
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        host=f"{address.scheme}://{address.netloc}",
    )
    transport._session.trust_env = False  # the environment's proxies are not for this machine
    return SecretManager(SecretManagerServiceClient(transport=transport), "the local simulator's only user")


def _google(endpoint: str) -> SecretManager:
    address = urlsplit(endpoint)
    if endpoint and (address.scheme != "https" or not address.netloc or address.path.strip("/") not in ("", "v1")):
        raise ReconcilerError(
            f"{ENDPOINT}: expected an address such as https://secretmanager.googleapis.com/v1/. Set that, or unset it"
        )
    try:
        credentials = default_credentials()
    except auth_exceptions.GoogleAuthError:
        raise ReconcilerError(f"no Google credentials for Secret Manager: {_CREDENTIALS}") from None
    options = ClientOptions(api_endpoint=address.netloc) if endpoint else None
    client = SecretManagerServiceClient(credentials=credentials, transport="rest", client_options=options)
    who = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
    return SecretManager(client, str(who) if who and who != "default" else _UNNAMED)


def retry(patience: TimeLimits = TimeLimits()) -> Retry:
    """Return when the library repeats a read."""
    return Retry(
        predicate=lambda error: isinstance(error, _PASSING), initial=0.25, maximum=8.0, timeout=patience.total_s
    )


def _name(reference: Reference) -> str:
    version = "latest" if reference.version is None else reference.version
    return f"projects/{reference.project}/secrets/{reference.name}/versions/{version}"


def _where(reference: Reference) -> str:
    return SecretRequest("access", reference).subject


#: Requests under way at once.
_AT_ONCE = 16


def check_versions(references: Iterable[Reference]) -> Mapping[Reference, VersionFault]:
    """Return what is wrong with each reference, in the order given; references that are fine are left out.

    Asks once for each version, for some seconds. A finding that is not `certain` says why the version could
    not be read (no permission `secretmanager.versions.get`, no credentials, no network): it is only a notice.
    """
    distinct = list(dict.fromkeys(reference for reference in references if reference.kind == "secret"))
    if not distinct:
        return {}
    try:
        manager = connect()
    except ReconcilerError as error:
        return dict.fromkeys(distinct, VersionFault("unknown", str(error)))
    patience = TimeLimits(total_s=10.0, attempt_s=5.0)
    with ThreadPoolExecutor(min(_AT_ONCE, len(distinct)), thread_name_prefix="check-versions") as pool:
        found = pool.map(lambda reference: manager.state(reference, patience), distinct)
        return {reference: finding for reference, finding in zip(distinct, found, strict=True) if finding is not None}
