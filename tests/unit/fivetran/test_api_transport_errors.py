from collections.abc import Iterator

import httpx
import pytest

from reconciler.fivetran.api import Retry, TransportError

from .support import Server, chain

CANARY = "canary-config-value"
ONCE = Retry(attempts=1)


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


#: What `Client.send` can raise; the rest of httpx's errors comes from asking for a status check, or misusing streams.
RAISED = sorted({*subclasses(httpx.RequestError), httpx.InvalidURL}, key=lambda kind: kind.__name__)

SURELY_NOT_SENT = {"ConnectError", "ConnectTimeout", "InvalidURL", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
ANSWERED = {"DecodingError", "TooManyRedirects"}


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_every_httpx_error_is_a_transport_error_with_its_sent_state(
    kind: type[Exception],
) -> None:
    server = Server(kind(f"quoting {CANARY}"))
    with server.client(retry=ONCE) as client, pytest.raises(TransportError) as caught:
        client.create_connection(
            group_id="g", service="s", config={"api_key": CANARY}, auth={"token": CANARY}, run_setup_tests=False
        )
    error = caught.value
    name = kind.__name__
    expected = False if name in SURELY_NOT_SENT else True if name in ANSWERED else "unknown"
    assert error.sent is expected or error.sent == expected
    assert (error.method, error.path) == ("POST", "/connections")
    assert list(chain(error)) == [error]
    assert CANARY not in f"{error}{error!r}{error.args}{vars(error)}"


def test_errors_of_the_installed_httpx_are_the_known_ones() -> None:
    names = {kind.__name__ for kind in RAISED}
    assert names >= SURELY_NOT_SENT | ANSWERED
    assert names >= {"ReadTimeout", "WriteTimeout", "ReadError", "WriteError", "CloseError", "RemoteProtocolError"}


def test_error_names_the_systems_reason_for_a_failed_connection() -> None:
    fault = httpx.ConnectError("a text of somebody else's")
    fault.__cause__ = OSError(-2, "Name or service not known")
    server = Server(fault)
    with server.client(retry=ONCE) as client, pytest.raises(TransportError, match="Name or service not known"):
        client.get_group("g")


def test_error_names_a_fault_of_an_unknown_kind() -> None:
    class Strange(httpx.TransportError):
        pass

    with Server(Strange("x")).client(retry=ONCE) as client, pytest.raises(TransportError, match="Strange") as caught:
        client.get_group("g")
    assert caught.value.sent == "unknown"
