import itertools
import logging
import re
import threading
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from reconciler.fivetran.api import (
    Clock,
    Conflict,
    FivetranClient,
    Limits,
    NotFound,
    RateLimited,
    Rejected,
    Retry,
    ServerError,
    TransportError,
    UnexpectedAnswer,
)

from .support import SECRET, FakeTime, Server, Step, ok, rejection

CONNECTION = {"id": "a_b"}
CREATE: dict[str, Any] = {
    "group_id": "g",
    "service": "s",
    "config": {"api_key": "canary-config-value"},
    "run_setup_tests": False,
}

#: Each operation whose repetition has the effect of one.
REPEATABLE: dict[str, Callable[[FivetranClient], Any]] = {
    "get": lambda client: client.get_connection("a_b"),
    "list": lambda client: list(client.list_connections("g")),
    "patch": lambda client: client.update_connection("a_b", paused=True, run_setup_tests=True),
    "delete": lambda client: client.delete_connection("a_b"),
    "test": lambda client: client.test_connection("a_b"),
    "test destination": lambda client: client.test_destination("a_b"),
    "sync": lambda client: client.sync_connection("a_b"),
    "approve": lambda client: client.approve("certificates", "a_b", hash_="h", encoded_cert="c"),
    "revoke": lambda client: client.revoke("fingerprints", "a_b", "aA"),
}
#: Each one of which a second would be too many.
ONLY_ONCE: dict[str, Callable[[FivetranClient], Any]] = {
    "create connection": lambda client: client.create_connection(**CREATE),
    "create destination": lambda client: client.create_destination(**CREATE, time_zone_offset="0"),
    "create group": lambda client: client.create_group("g"),
    "sync by force": lambda client: client.sync_connection("a_b", force=True),
}
UNKNOWN: list[Step] = [
    rejection(500),
    rejection(503),
    httpx.Response(502, html="<html>"),
    httpx.ReadTimeout("x"),
    httpx.RemoteProtocolError("x"),
    httpx.ReadError("x"),
]
NEVER_SENT: list[Step] = [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")]
REFUSED: list[Step] = [rejection(429), rejection(429, **{"Retry-After": "2"})]
GOOD = ok({"id": "a_b", "items": []})


@pytest.mark.parametrize("fault", [*UNKNOWN, *NEVER_SENT, *REFUSED], ids=repr)
@pytest.mark.parametrize("operation", REPEATABLE)
def test_idempotent_operation_is_repeated_after_a_fault(operation: str, fault: Step) -> None:
    server = Server(fault, fault, GOOD)
    with server.client() as client:
        REPEATABLE[operation](client)
    assert len(server.requests) == 3
    assert len({(request.method, request.url, request.content) for request in server.requests}) == 1


@pytest.mark.parametrize("fault", UNKNOWN, ids=repr)
@pytest.mark.parametrize("operation", ONLY_ONCE)
def test_post_that_may_have_had_an_effect_is_not_repeated(operation: str, fault: Step) -> None:
    server = Server(fault, GOOD)
    with server.client() as client, pytest.raises((ServerError, TransportError)) as caught:
        ONLY_ONCE[operation](client)
    assert len(server.requests) == 1
    assert caught.value.may_have_taken_effect


@pytest.mark.parametrize("fault", [*NEVER_SENT, *REFUSED], ids=repr)
@pytest.mark.parametrize("operation", ONLY_ONCE)
def test_post_that_surely_had_no_effect_is_repeated(operation: str, fault: Step) -> None:
    server = Server(fault, fault, GOOD)
    with server.client() as client:
        ONLY_ONCE[operation](client)
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (rejection(400, "InvalidInput"), Rejected),
        (rejection(404, "NotFound_Connection"), NotFound),
        (rejection(409, "Conflict"), Conflict),
        (httpx.Response(200, html="<html>"), UnexpectedAnswer),
    ],
)
def test_permanent_error_is_not_repeated(step: Step, kind: type[Exception]) -> None:
    server = Server(step)
    with server.client() as client, pytest.raises(kind):
        client.get_connection("a_b")
    assert len(server.requests) == 1


def test_attempts_are_bounded_and_their_number_is_reported() -> None:
    server, time = Server(rejection(500)), FakeTime()
    with server.client(time) as client, pytest.raises(ServerError, match="5 attempts"):
        client.get_connection("a_b")
    assert len(server.requests) == 5
    assert len(time.sleeps) == 4


def test_waits_grow_with_jitter_within_bounds() -> None:
    waits: list[list[float]] = []
    for _ in range(50):
        time = FakeTime()
        with Server(rejection(500)).client(time, retry=Retry(attempts=8, budget_seconds=1e9)) as client:
            with pytest.raises(ServerError):
                client.get_connection("a_b")
            waits.append(time.sleeps)
    columns = list(zip(*waits, strict=True))
    for index, column in enumerate(columns):
        assert min(column) >= 0.1
        assert max(column) <= min(30.0, 2.0**index)
        assert len(set(column)) > 25
    assert max(columns[0]) < max(columns[-1])


@pytest.mark.parametrize("header", ["7", formatdate(1_800_000_007, usegmt=True)])
def test_rate_limit_is_waited_for_as_long_as_it_says_and_a_little_more(header: str) -> None:
    time = FakeTime()
    with Server(rejection(429, **{"Retry-After": header}), GOOD).client(time) as client:
        client.get_connection("a_b")
    (waited,) = time.sleeps
    assert 7 < waited <= 8


def test_server_error_that_says_when_to_come_back_is_waited_for() -> None:
    time = FakeTime()
    with Server(rejection(503, **{"Retry-After": "20"}), GOOD).client(time) as client:
        client.get_connection("a_b")
    assert 20 < time.sleeps[0] <= 21


def test_rate_limit_beyond_the_budget_is_an_error_at_once() -> None:
    server, time = Server(rejection(429, "TooManyRequests", "Max calls", **{"Retry-After": "3600"})), FakeTime()
    with server.client(time) as client, pytest.raises(RateLimited, match="Wait 3600 s") as caught:
        client.create_connection(**CREATE)
    assert caught.value.retry_after == 3600
    assert not caught.value.may_have_taken_effect
    assert (len(server.requests), time.sleeps) == (1, [])


def test_rate_limits_are_bounded_in_time_and_not_in_number() -> None:
    server, time = Server(rejection(429, **{"Retry-After": "1"})), FakeTime()
    with server.client(time) as client, pytest.raises(RateLimited):
        client.get_connection("a_b")
    assert len(server.requests) > 5
    assert 60 < sum(time.sleeps) <= 120


def test_rate_limit_of_zero_seconds_is_still_waited_for() -> None:
    time, sent = FakeTime(), list[float]()

    def reject(_: httpx.Request) -> httpx.Response:
        sent.append(time.now)
        return rejection(429, **{"Retry-After": "0"})

    with Server(reject).client(time) as client, pytest.raises(RateLimited):
        client.get_connection("a_b")
    assert len(sent) > 1
    assert min(later - earlier for earlier, later in itertools.pairwise(sent)) >= 0.1


def test_time_of_the_requests_counts_so_that_a_long_one_is_not_repeated() -> None:
    time = FakeTime()

    def slow(_: httpx.Request) -> httpx.Response:
        time.now += 600
        raise httpx.ReadTimeout("x")

    server = Server(slow)
    with server.client(time) as client, pytest.raises(TransportError):
        client.test_connection("a_b")
    assert len(server.requests) == 1


def test_delete_that_finds_nothing_after_a_lost_answer_is_done() -> None:
    for fault in UNKNOWN:
        server = Server(fault, rejection(404, "NotFound_Connection"))
        with server.client() as client:
            client.delete_connection("a_b")
        assert len(server.requests) == 2


@pytest.mark.parametrize("before", [[], [rejection(429)], [httpx.ConnectError("x")]], ids=["first", "429", "not sent"])
def test_delete_raises_not_found_when_no_attempt_deleted(before: list[Step]) -> None:
    with Server(*before, rejection(404, "NotFound_Connection")).client() as client, pytest.raises(NotFound):
        client.delete_connection("a_b")


def test_only_a_delete_is_done_when_nothing_is_found() -> None:
    with Server(rejection(500), rejection(404, "NotFound_Connection")).client() as client, pytest.raises(NotFound):
        client.update_connection("a_b", paused=True, run_setup_tests=False)


def test_repetition_is_logged_with_its_reason_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    steps = (
        rejection(429, "TooManyRequests", f"Max {SECRET}", **{"Retry-After": "9"}),
        httpx.ConnectError(SECRET),
        GOOD,
    )
    with Server(*steps).client() as client:
        client.create_connection(**CREATE)
    ours = [record for record in caplog.records if record.name == "reconciler.fivetran.api"]
    assert ours[0].levelno == logging.WARNING
    assert re.fullmatch(r"POST /connections: status 429; trying again in (9|10)\.\d s\.", ours[0].getMessage())
    assert "POST /connections: cannot connect" in ours[1].getMessage()
    assert SECRET not in caplog.text
    assert "canary-config-value" not in caplog.text


def test_retry_blocks_no_other_thread() -> None:
    """The slot of a request that waits for its next attempt is free meanwhile."""
    asleep, go_on = threading.Event(), threading.Event()

    def sleep(_: float) -> None:
        asleep.set()
        assert go_on.wait(10)

    clock = Clock(monotonic=lambda: 0.0, sleep=sleep, wall=lambda: 0.0)
    server = Server(rejection(500), GOOD)
    with server.client(limits=Limits(in_flight=1), clock=clock) as client:
        waiting = threading.Thread(target=client.get_connection, args=("a_b",))
        waiting.start()
        assert asleep.wait(10)
        assert client.get_connection("a_b").id == "a_b"
        go_on.set()
        waiting.join(10)
    assert len(server.requests) == 3
