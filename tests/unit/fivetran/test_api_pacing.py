import logging
import threading
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.fivetran.api import FivetranClient, InvalidSettings, Limits
from reconciler.fivetran.api.clock import Clock
from reconciler.fivetran.api.pacing import USUAL_REQUESTS_PER_HOUR, Pacing

from .support import FakeTime, Server, SharedTime, client_of, ok

THREADS = 16
CONNECTION = ok({"id": "a_b"})

RUNS_TESTS: dict[str, Callable[[FivetranClient], Any]] = {
    "create connection": lambda client: client.create_connection(
        group_id="g", service="s", config={}, run_setup_tests=True
    ),
    "update connection": lambda client: client.update_connection("a_b", paused=True, run_setup_tests=True),
    "test connection": lambda client: client.test_connection("a_b"),
    "create destination": lambda client: client.create_destination(
        group_id="g", service="s", time_zone_offset="0", config={}, run_setup_tests=True
    ),
    "update destination": lambda client: client.update_destination("a_b", config={}, run_setup_tests=True),
    "test destination": lambda client: client.test_destination("a_b"),
}
ASKS_SOURCE: dict[str, Callable[[FivetranClient], Any]] = {
    **RUNS_TESTS,
    "reload": lambda client: client.reload_schema_config("a_b"),
    "columns": lambda client: client.get_source_columns("a_b", "public", "users"),
}
RUNS_NONE: dict[str, Callable[[FivetranClient], Any]] = {
    "create connection": lambda client: client.create_connection(
        group_id="g", service="s", config={}, run_setup_tests=False
    ),
    "update connection": lambda client: client.update_connection("a_b", paused=True, run_setup_tests=False),
    "update destination": lambda client: client.update_destination("a_b", config={}, run_setup_tests=False),
    "get connection": lambda client: client.get_connection("a_b"),
    "sync connection": lambda client: client.sync_connection("a_b"),
    "get schemas": lambda client: client.get_schema_config("a_b"),
    "create schemas": lambda client: client.create_schema_config("a_b", schemas={}),
    "update schemas": lambda client: client.update_schema_config("a_b", schemas={}),
}


def most_in_window(times: list[float], seconds: float) -> int:
    times = sorted(times)
    return max(index + 1 - bisect_left(times, time - seconds) for index, time in enumerate(times))


def share(work: Callable[[], object], time: SharedTime, each: int) -> None:
    """Do the work `each` times in each of 16 threads, and tell the clock when a thread has no more."""

    def thread() -> None:
        try:
            for _ in range(each):
                work()
        finally:
            time.leave()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(thread) for _ in range(THREADS)]:
            done.result(60)


def test_sixteen_threads_together_stay_within_every_window() -> None:
    time, sent = SharedTime(THREADS), []

    def handler(_: httpx.Request) -> httpx.Response:
        sent.append(time.now)
        return CONNECTION

    limits = Limits(
        setup_tests_per_minute=25, setup_tests_per_hour=100, in_flight=THREADS, setup_tests_in_flight=THREADS
    )
    with client_of(handler, clock=time.clock, limits=limits) as client:
        share(lambda: client.test_connection("a_b"), time, each=15)
    assert len(sent) == 240
    assert most_in_window(sent, 60) == 25
    assert most_in_window(sent, 3600) == 100
    assert 2 * 3600 < sent[-1] < 2 * 3600 + 60 * 2


def test_every_request_counts_against_the_hour() -> None:
    time, sent = FakeTime(), []

    def handler(_: httpx.Request) -> httpx.Response:
        sent.append(time.now)
        return CONNECTION

    with client_of(handler, time, limits=Limits(requests_per_hour=20)) as client:
        for _ in range(4):
            for operation in RUNS_NONE.values():
                operation(client)
    assert sent[:20] == [0] * 20
    assert 3600 <= min(sent[20:]) == max(sent[20:]) < 3601


@pytest.mark.parametrize("operation", RUNS_TESTS)
def test_request_that_runs_setup_tests_counts_as_one(operation: str) -> None:
    time = FakeTime()
    with Server(CONNECTION).client(time, limits=Limits(setup_tests_per_minute=1, setup_tests_per_hour=2)) as client:
        RUNS_TESTS[operation](client)
        assert time.now == 0
        RUNS_TESTS[operation](client)
        assert 60 <= time.now < 61
        RUNS_TESTS[operation](client)
        assert 3600 <= time.now < 3601


@pytest.mark.parametrize("operation", ASKS_SOURCE)
def test_requests_to_sources_have_a_quota_of_their_own(operation: str) -> None:
    time = FakeTime()
    limits = Limits(source_interactions_per_minute=1, source_interactions_per_hour=2)
    with Server(CONNECTION).client(time, limits=limits) as client:
        ASKS_SOURCE[operation](client)
        assert time.now == 0
        ASKS_SOURCE[operation](client)
        assert 60 <= time.now < 61
        ASKS_SOURCE[operation](client)
        assert 3600 <= time.now < 3601


@pytest.mark.parametrize(
    ("work", "most"),
    [
        (lambda client: client.test_connection("a_b"), "250 setup tests a minute, 2500 an hour"),
        (lambda client: client.get_source_columns("a_b", "public", "users"), "500 requests to sources a minute"),
    ],
    ids=["setup tests", "sources"],
)
def test_unset_limits_are_those_that_fivetran_documents(
    caplog: pytest.LogCaptureFixture, work: Callable[[FivetranClient], Any], most: str
) -> None:
    time = FakeTime()
    with Server(CONNECTION).client(time) as client:
        for _ in range(int(most.partition(" ")[0])):
            work(client)
        assert time.sleeps == []
        work(client)
    assert most in caplog.text
    assert Limits().requests_per_hour is None
    assert USUAL_REQUESTS_PER_HOUR == 20_000


def test_reading_a_source_does_not_count_as_a_setup_test() -> None:
    time = FakeTime()
    with Server(CONNECTION).client(time, limits=Limits(setup_tests_per_minute=1)) as client:
        client.test_connection("a_b")
        client.reload_schema_config("a_b")
    assert time.now == 0


@pytest.mark.parametrize("operation", RUNS_NONE)
def test_request_that_runs_no_setup_tests_is_not_held_up_by_them(operation: str) -> None:
    time = FakeTime()
    limits = Limits(setup_tests_per_minute=1, source_interactions_per_minute=1)
    with Server(CONNECTION).client(time, limits=limits) as client:
        client.test_connection("a_b")
        RUNS_NONE[operation](client)
    assert time.now == 0


@settings(max_examples=30)
@given(
    minute=st.integers(1, 40),
    hour=st.integers(1, 400),
    source=st.integers(1, 400),
    overall=st.integers(1, 400),
    gaps=st.lists(st.floats(0, 30)),
)
def test_any_pace_of_requests_stays_within_any_limits(
    minute: int, hour: int, source: int, overall: int, gaps: list[float]
) -> None:
    time = FakeTime()
    limits = Limits(
        requests_per_hour=overall,
        setup_tests_per_minute=minute,
        setup_tests_per_hour=hour,
        source_interactions_per_hour=source,
    )
    pacing = Pacing(limits, time.clock)
    sent = []
    for gap in [*gaps, *([0.0] * 100)]:
        time.now += gap
        with pacing.turn(runs_setup_tests=True, asks_source=False):
            sent.append(time.now)
    # The clock is read in whole milliseconds, hence the millisecond less.
    assert most_in_window(sent, 60 - 0.001) <= min(minute, hour)
    assert most_in_window(sent, 3600 - 0.001) <= min(hour, source, overall)


def test_as_many_requests_are_in_flight_as_allowed_and_no_more() -> None:
    together, lock = threading.Barrier(4), threading.Lock()
    flying = most = 0

    def handler(_: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        together.wait(10)  # passes only when four are here at once
        with lock:
            flying -= 1
        return CONNECTION

    with client_of(handler, limits=Limits(in_flight=4)) as client, ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(lambda _: client.get_connection("a_b"), range(64)))) == 64
    assert most == 4


def test_long_setup_tests_and_reloads_leave_room_for_quick_requests() -> None:
    done, busy = threading.Event(), threading.Semaphore(0)

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(("/test", "/reload")):
            busy.release()
            assert done.wait(10)
        return CONNECTION

    limits = Limits(in_flight=3, setup_tests_in_flight=2)
    with client_of(handler, limits=limits) as client, ThreadPoolExecutor(8) as pool:
        tests: list[Future[Any]] = [pool.submit(client.test_connection, "a_b") for _ in range(4)]
        tests += [pool.submit(client.reload_schema_config, "a_b") for _ in range(4)]
        for _ in range(2):
            assert busy.acquire(timeout=10)
        try:
            assert client.get_connection("a_b").id == "a_b"
        finally:
            done.set()
        assert all(test.result(10) for test in tests)


def test_slot_is_given_back_when_the_request_fails() -> None:
    with Server(httpx.Response(400, json={})).client(limits=Limits(in_flight=1, setup_tests_in_flight=1)) as client:
        for operation in [*RUNS_TESTS.values(), *RUNS_NONE.values()] * 2:
            with pytest.raises(Exception, match="400"):
                operation(client)


def test_long_wait_is_announced_once_for_all_threads(caplog: pytest.LogCaptureFixture) -> None:
    time = SharedTime(THREADS)
    limits = Limits(setup_tests_per_minute=THREADS, in_flight=THREADS, setup_tests_in_flight=THREADS)
    with client_of(Server(CONNECTION), clock=time.clock, limits=limits) as client:
        share(lambda: client.test_connection("a_b"), time, each=2)
    (record,) = caplog.records
    assert record.name == "reconciler.fivetran.api"
    assert record.levelno == logging.WARNING
    assert record.getMessage() == ("Waiting 60 s for Fivetran's rate limit (16 setup tests a minute, 2500 an hour).")


def test_short_wait_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    time = FakeTime()
    with Server(CONNECTION).client(time, limits=Limits(setup_tests_per_minute=1)) as client:
        client.test_connection("a_b")
        time.now = 58
        client.test_connection("a_b")
    assert time.sleeps
    assert not caplog.records


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "399"}, "399 of the account's 20000"),
        ({"X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "400"}, None),
        ({"x-rate-limit": "500", "x-rate-limit-remaining": "0"}, "0 of the account's 500"),
        ({"X-Rate-Limit-Remaining": "10"}, "10 of the account's 20000"),
        ({"X-Rate-Limit": "x", "X-Rate-Limit-Remaining": "10"}, "10 of the account's 20000"),
        ({"X-Rate-Limit": "500", "X-Rate-Limit-Remaining": "soon"}, None),
        ({"X-Rate-Limit": "500"}, None),
        ({}, None),
    ],
)
def test_nearly_used_quota_is_logged_once_and_delays_no_request(
    headers: dict[str, str], message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    time = FakeTime()
    with Server(httpx.Response(200, headers=headers, json={"data": {"id": "g"}})).client(time) as client:
        for _ in range(3):
            client.get_group("g")
    texts = [record.getMessage() for record in caplog.records]
    assert [message in text for text in texts] == [True] if message else not texts
    assert time.sleeps == []


def sent_at_once(limits: Limits | None, quota: str, requests: int = 40) -> int:
    """How many of some requests are sent before the first wait, at an account with this quota."""
    time, sent = FakeTime(), []

    def handler(_: httpx.Request) -> httpx.Response:
        sent.append(time.now)
        return httpx.Response(200, headers={"X-Rate-Limit": quota}, json={"data": {"id": "g"}})

    with client_of(handler, time, limits=limits) as client:
        for _ in range(requests):
            client.get_group("g")
    assert most_in_window(sent, 3600) == sent.count(0)
    return sent.count(0)


@pytest.mark.parametrize(
    ("setting", "account", "sent"), [(None, "5", 5), (7, "5", 5), (5, "7", 5), (None, "20000", 40), (None, "x", 40)]
)
def test_client_keeps_to_the_quota_that_the_account_s_answers_name(
    setting: int | None, account: str, sent: int
) -> None:
    assert sent_at_once(Limits(requests_per_hour=setting), account) == sent


def test_quota_above_the_usual_one_is_learnt_too() -> None:
    pacing = Pacing(Limits(), Clock(monotonic=lambda: 0.0, sleep=lambda _: pytest.fail("waited"), wall=lambda: 0.0))
    for _ in range(USUAL_REQUESTS_PER_HOUR + 10):
        with pacing.turn(runs_setup_tests=False, asks_source=False):
            pacing.watch({"X-Rate-Limit": "50000"})


def test_quota_is_a_setting_of_the_environment() -> None:
    time = FakeTime()
    env = {"FIVETRAN_APIKEY": "k", "FIVETRAN_APISECRET": "s", "FIVETRAN_REQUESTS_PER_HOUR": " 2\n"}
    server = Server(ok({"id": "g"}))
    transport = httpx.MockTransport(server)
    with FivetranClient.from_environment(env, transport=transport, clock=time.clock) as client:
        for _ in range(3):
            client.get_group("g")
    assert 3600 <= time.now < 3601


@pytest.mark.parametrize("text", ["0", "-1", "5k", "1e3", "5_000", "\u0665", "9" * 5000, "canary"])
def test_quota_that_is_not_a_number_is_rejected_without_its_text(text: str) -> None:
    env = {"FIVETRAN_APIKEY": "k", "FIVETRAN_APISECRET": "s", "FIVETRAN_REQUESTS_PER_HOUR": text}
    with pytest.raises(InvalidSettings, match="FIVETRAN_REQUESTS_PER_HOUR is not a whole number") as caught:
        FivetranClient.from_environment(env)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(vars(Limits()).keys() - {"left_to_others"}))
def test_limit_of_nothing_is_rejected_since_everything_would_wait_for_ever(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Limits(**{name: 0})


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_share_of_others_beyond_the_quota_is_rejected(share: float) -> None:
    with pytest.raises(ValueError, match="left_to_others"):
        Limits(left_to_others=share)


def test_pacing_starts_no_thread() -> None:
    before = threading.enumerate()
    pacing = Pacing(Limits(), Clock())
    with pacing.turn(runs_setup_tests=True, asks_source=False):
        pass
    assert threading.enumerate() == before
