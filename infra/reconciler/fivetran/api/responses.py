"""Turn an HTTP response into an `Answer` or an error."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

import httpx

from reconciler.fivetran.api import errors
from reconciler.fivetran.api.client_settings import hide
from reconciler.fivetran.api.json_reader import mapping, text
from reconciler.fivetran.api.request import Answer, Call

#: Messages are kept up to this length. They are masked later, which would miss a secret that is cut in half.
LONGEST_MESSAGE = 20_000

#: A code of the API, such as `NotFound_Connection`. Other texts in its place may contain a secret.
_CODE = re.compile(r"[A-Za-z]+(?:[_.][A-Za-z]+)*")
_LONGEST_CODE = 64

#: Names for other formats of answers, by content type. The header's text is never shown.
_OTHER_TYPES: Mapping[str, str] = {
    "": "nothing",
    "text/html": "text/html",
    "text/plain": "text/plain",
    "text/xml": "text/xml",
    "application/xml": "application/xml",
    "application/json": "something else",
}

#: The API's message for an unknown path, as opposed to an unknown object.
_NO_SUCH_ROUTE = ("notfound", "HTTP 404 Not Found")

_BY_STATUS: Mapping[int, type[errors.ApiError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    429: errors.RateLimited,
}


def read_answer(call: Call, response: httpx.Response, *, secrets: Iterable[str], now: float, trusted: bool) -> Answer:
    """Return the answer of a 2xx; raise the error for another status.

    `now` is wall time, for `Retry-After` dates. `trusted` is whether the base URL has answered correctly before.
    """
    if call.downloads and response.is_success:
        return Answer(call, response.status_code, response.content)
    content = _json(response)
    if response.is_success:
        answer = Answer(call, response.status_code, mapping(content).get("data"))
        if response.content.strip() and not isinstance(content, dict):
            raise answer.unexpected(_instead_of_json(response))
        return answer
    error = _error(call, response, content, secrets, trusted=trusted)
    error.retry_after = retry_after(response.headers.get("Retry-After"), now)
    raise error


def _error(
    call: Call, response: httpx.Response, content: object, secrets: Iterable[str], *, trusted: bool
) -> errors.ApiError:
    code = text(mapping(content).get("code")) or ""
    message = text(mapping(content).get("message")) or ""
    kind = _kind(response.status_code, code, message, trusted=trusted)
    problem = ""
    if kind is errors.UnexpectedAnswer and not message:
        problem = "a redirect" if response.is_redirect else _instead_of_json(response)
    if code and not is_code(code):
        code, message = "", f"{code}: {message}" if message else code
    return kind(
        status=response.status_code,
        code=code or None,
        unmasked_message=hide(message, secrets)[:LONGEST_MESSAGE],
        problem=problem,
        method=call.method,
        path=call.path,
    )


def is_code(code: str) -> bool:
    """Return whether a code is an identifier, which may be shown."""
    return len(code) <= _LONGEST_CODE and _CODE.fullmatch(code) is not None


def _kind(status: int, code: str | None, message: str | None, *, trusted: bool) -> type[errors.ApiError]:
    if status == 404:
        # A wrong base URL answers 404 to every request. Read as "deleted", that would empty the state.
        word = (code or "").lower()
        no_such_thing = word.startswith("notfound") and (trusted or (word, message) != _NO_SUCH_ROUTE)
        return errors.NotFound if no_such_thing else errors.UnexpectedAnswer
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return errors.Rejected
    return errors.ServerError if status >= 500 else errors.UnexpectedAnswer


def retry_after(header: str | None, now: float) -> float | None:
    """Read a `Retry-After` header as seconds; None if it has neither seconds nor an HTTP date."""
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


def rate_limited(call: Call, seconds: float) -> errors.RateLimited:
    """Return the error for a call that is not sent, because Fivetran has rejected another one."""
    error = errors.RateLimited(status=429, code="TooManyRequests", method=call.method, path=call.path)
    error.retry_after = seconds
    return error


def _json(response: httpx.Response) -> object:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def _instead_of_json(response: httpx.Response) -> str:
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return f"{_OTHER_TYPES.get(kind, 'something else')} instead of the API's JSON"
