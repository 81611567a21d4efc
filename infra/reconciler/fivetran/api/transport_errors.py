"""Turn httpx's exceptions into `TransportError`.

The error has the reason, and whether the request may have reached Fivetran.
"""

from __future__ import annotations

import re
import ssl

import httpx

from reconciler.fivetran.api.errors import Sent, TransportError
from reconciler.fivetran.api.request import Call
from reconciler.http.answers import AnswerTooLong

#: All exceptions of sending a request, without programming errors.
HTTPX_ERRORS = (httpx.HTTPError, httpx.InvalidURL, AnswerTooLong)

#: The first match counts. After other exceptions, it is unknown whether the request was sent.
_FAULTS: tuple[tuple[type[Exception], Sent, str], ...] = (
    (httpx.ConnectTimeout, False, "no connection within the time limit"),
    (httpx.PoolTimeout, False, "no free connection within the time limit"),
    (httpx.ConnectError, False, "cannot connect"),
    (httpx.ProxyError, False, "the proxy rejected the request"),
    (httpx.UnsupportedProtocol, False, "an unsupported address"),
    (httpx.InvalidURL, False, "an unsupported address"),
    (httpx.ReadTimeout, "unknown", "no answer within the time limit"),
    (httpx.WriteTimeout, "unknown", "the request could not be sent within the time limit"),
    (httpx.NetworkError, "unknown", "the connection broke"),
    (httpx.RemoteProtocolError, "unknown", "the connection was closed without a complete answer"),
    (httpx.DecodingError, True, "the answer cannot be decoded"),
    (httpx.TooManyRedirects, True, "too many redirects"),
    (AnswerTooLong, True, "the answer is too long"),
)

#: The status with which a proxy rejects. The proxy's text is not shown.
_STATUS = re.compile(r"[1-5]\d\d(?= |$)")


def as_transport_error(call: Call, fault: Exception) -> TransportError:
    """Return the error for an exception.

    Raise it outside the `except` block: the exception has the request.
    """
    sent, words = next(
        ((sent, words) for kind, sent, words in _FAULTS if isinstance(fault, kind)),
        ("unknown", f"the request failed ({type(fault).__name__})"),
    )
    detail = _reason(fault)
    return TransportError(f"{words} ({detail})" if detail else words, method=call.method, path=call.path, sent=sent)


def _reason(fault: BaseException) -> str:
    """Return why a connection failed, from this machine's system and libraries only, never from an answer."""
    if isinstance(fault, httpx.ProxyError):
        found = _STATUS.match(str(fault))
        return f"status {found[0]}" if found else ""
    cause: BaseException | None = fault if isinstance(fault, httpx.ConnectError) else None
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason}" if cause.reason else "TLS"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return ""
