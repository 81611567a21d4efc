"""From httpx's exceptions to `TransportError`: in which words, and whether the request may have reached Fivetran."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from reconciler.client.answers import shown
from reconciler.client.call import Call
from reconciler.client.errors import Sent, TransportError
from reconciler.client.scrub import scrub

#: Everything that sending a request raises, but for programming errors.
HTTPX_ERRORS = (httpx.HTTPError, httpx.InvalidURL)

#: The first match counts. What is not here is a fault after which nothing is known.
_FAULTS: tuple[tuple[type[Exception], Sent, str], ...] = (
    (httpx.ConnectTimeout, False, "no connection within the time limit"),
    (httpx.PoolTimeout, False, "no free connection within the time limit"),
    (httpx.ConnectError, False, "cannot connect"),
    (httpx.ProxyError, False, "the proxy refused"),
    (httpx.UnsupportedProtocol, False, "not an address that can be spoken to"),
    (httpx.InvalidURL, False, "not an address that can be spoken to"),
    (httpx.ReadTimeout, "unknown", "no answer within the time limit"),
    (httpx.WriteTimeout, "unknown", "the request could not be sent within the time limit"),
    (httpx.NetworkError, "unknown", "the connection broke"),
    (httpx.RemoteProtocolError, "unknown", "the connection was closed without a complete answer"),
    (httpx.DecodingError, True, "the answer cannot be decoded"),
    (httpx.TooManyRedirects, True, "redirected without end"),
)

#: Where httpx's own words help: the system's reason for a failed connection. The others may quote what was sent.
_TELLING = (httpx.ConnectError, httpx.ProxyError)


def as_transport_error(call: Call, fault: Exception, *, secrets: Iterable[str]) -> TransportError:
    """The error to raise for a fault. Raise it outside the `except` block: the fault holds the request."""
    sent, words = next(
        ((sent, words) for kind, sent, words in _FAULTS if isinstance(fault, kind)),
        ("unknown", f"the request failed ({type(fault).__name__})"),
    )
    detail = shown(scrub(str(fault), {*secrets, *call.secrets()})) if isinstance(fault, _TELLING) else ""
    return TransportError(f"{words} ({detail})" if detail else words, method=call.method, path=call.path, sent=sent)
