"""From an HTTP response to an `Answer` or an error of the tree."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

import httpx

from reconciler.client import errors
from reconciler.client.call import Answer, Call
from reconciler.client.reading import mapping, text
from reconciler.client.scrub import scrub

#: The API's messages are shown up to this length.
LONGEST_MESSAGE = 500

#: What the API says of a path that it does not have, as opposed to a thing that it does not have.
_NO_SUCH_ROUTE = ("notfound", "HTTP 404 Not Found")

_BY_STATUS: Mapping[int, type[errors.ApiError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
}


def understand(
    call: Call, response: httpx.Response, *, secrets: Iterable[str], now: float, trusted: bool = False
) -> Answer:
    """Return the answer of a 2xx; raise the error of anything else.

    `now` is wall time, for `Retry-After` dates. `trusted` says that the base URL has given a good answer before.
    """
    content = _json(response)
    if response.is_success:
        answer = Answer(call, response.status_code, mapping(content).get("data"))
        if response.content.strip() and not isinstance(content, dict):
            raise answer.unexpected(_instead_of_json(response))
        return answer
    error = _error(call, response, content, {*secrets, *call.secrets()}, trusted=trusted)
    error.retry_after = retry_after(response.headers.get("Retry-After"), now)
    raise error


def _error(
    call: Call, response: httpx.Response, content: object, hide: Iterable[str], *, trusted: bool
) -> errors.ApiError:
    code = text(mapping(content).get("code"))
    message = text(mapping(content).get("message"))
    kind = _kind(response.status_code, code, message, trusted=trusted)
    if kind is errors.UnexpectedAnswer and not message:
        message = "a redirect" if response.is_redirect else _instead_of_json(response)
    return kind(
        status=response.status_code,
        code=shown(scrub(code, hide)) if code else None,
        message=shown(scrub(message or "", hide)),
        method=call.method,
        path=call.path,
    )


def _kind(status: int, code: str | None, message: str | None, *, trusted: bool) -> type[errors.ApiError]:
    if status == 404:
        # A wrong base URL answers 404 to everything. Taking that for "deleted" would empty a state.
        word = (code or "").lower()
        no_such_thing = word.startswith("notfound") and (trusted or (word, message) != _NO_SUCH_ROUTE)
        return errors.NotFound if no_such_thing else errors.UnexpectedAnswer
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return errors.Rejected
    return errors.ServerError if status >= 500 else errors.UnexpectedAnswer


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After` header, which holds seconds or an HTTP date; None when it says nothing usable."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (ValueError, OverflowError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def shown(message: str) -> str:
    """One line, printable, of bounded length."""
    line = "".join(char for char in " ".join(message.split()) if char.isprintable())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}…"


def _json(response: httpx.Response) -> object:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _instead_of_json(response: httpx.Response) -> str:
    kind = shown(response.headers.get("Content-Type", "").partition(";")[0])
    return f"{kind or 'nothing'} instead of the API's JSON"
