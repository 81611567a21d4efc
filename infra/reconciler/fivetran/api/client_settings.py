"""The API's address and key, checked before any request."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Self

from reconciler.fivetran.api.errors import InvalidSettings, MissingCredentials

if TYPE_CHECKING:
    import httpx

_MASK = "******"


def hide(text: str, secrets: Iterable[str]) -> str:
    """Replace the key, the secret, and the header value that contains both."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


PUBLIC_API = "https://api.fivetran.com/v1"

#: The most requests per hour of a run, if it may use less than the account's quota.
QUOTA_VARIABLE = "FIVETRAN_REQUESTS_PER_HOUR"

#: The share of the account's quota, in percent, that a run leaves to schedulers and other clients.
USUAL_SHARE = 10

#: The most digits of a quota.
_LONGEST_QUOTA = 9

#: A host as it goes over the wire: a name (international ones encoded), or an address.
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.IGNORECASE)


@dataclass(frozen=True)
class Credentials:
    """An API key and its secret. Hidden in `repr`, and never pickled, because Pulumi's state has pickles."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read FIVETRAN_APIKEY and FIVETRAN_APISECRET. Raises MissingCredentials with the missing variables."""
        found = {name: env.get(name, "").strip() for name in ("FIVETRAN_APIKEY", "FIVETRAN_APISECRET")}
        missing = [name for name, value in found.items() if not value]
        if missing:
            raise MissingCredentials(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
                "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET to a Fivetran API key and its secret; "
                "a read-only key is enough for previews."
            )
        return cls(*found.values())

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled")


@dataclass(frozen=True)
class BaseUrl:
    """The API's address with `/v1`, without a trailing slash."""

    url: str
    is_local: bool
    """Whether the address is on this machine: then no proxy is used, and http:// is allowed."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read FIVETRAN_API_URL. Raises InvalidSettings without the text, which may be a misplaced key."""
        import httpx  # noqa: PLC0415 (slow to import, and not for those who read the quota only)

        problem, url = None, None
        try:
            url = httpx.URL(text.strip())
        except (httpx.InvalidURL, UnicodeError):
            problem = "is not a URL"
        if url is not None:
            problem = _problem(url)
        if url is None or problem is not None:
            raise InvalidSettings(f"FIVETRAN_API_URL {problem}. Set it like {PUBLIC_API}, or leave it out.")
        return cls(str(url).rstrip("/"), _is_local(url.host))


def requests_per_hour(env: Mapping[str, str]) -> int | None:
    """Read FIVETRAN_REQUESTS_PER_HOUR; None if it is not set.

    Raises:
        InvalidSettings: It is not a whole number from 1. The error omits the text, which may be a misplaced key.
    """
    text = env.get(QUOTA_VARIABLE, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_QUOTA and int(text) > 0):
        raise InvalidSettings(
            f"{QUOTA_VARIABLE} is not a whole number from 1. Set it like 5000, or leave it out: "
            "the run then uses the quota in Fivetran's answers."
        )
    return int(text)


def _problem(url: httpx.URL) -> str | None:
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host.decode()):
        return "is not an http(s) URL"
    if url.userinfo:
        return "holds credentials; they belong in FIVETRAN_APIKEY and FIVETRAN_APISECRET"
    if url.query or url.fragment:
        return "has a query or fragment"
    if url.scheme == "http" and not (_is_local(url.host) or _is_private(url.host)):
        return f"is http:// to {url.host}, which would send the API key in clear over the internet; use https://"
    return None


def _is_private(host: str) -> bool:
    """Return whether a host is on a private network, where test servers run.

    Its address or a local name decides.
    """
    if "." not in host and ":" not in host:
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host.endswith((".internal", ".local", ".test"))


def _is_local(host: str) -> bool:
    """Return whether a host is this machine: localhost, a loopback address, or the unspecified address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
