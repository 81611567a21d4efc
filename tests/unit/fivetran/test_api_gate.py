"""One account for several clients: one shared wait after a 429, and a share of the quota that is left to others."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from reconciler.fivetran.api import FivetranClient, Limits, RateLimited
from reconciler.fivetran.api.gate import Gate

from .support import FakeTime, SharedTime, client_of, ok, rejection

THREADS = 8


def test_threads_wait_together_after_a_429_and_one_asks_first() -> None:
    time, entered = SharedTime(THREADS), []
    gate = Gate(0.0, time.clock)
    gate.close(60, gate.enter())

    def thread() -> None:
        ticket = gate.enter()
        entered.append(time.now)
        time.sleep(5)  # the request is under way
        gate.watch(None, 100, ticket)
        time.leave()

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(thread) for _ in range(THREADS)]:
            done.result(60)
    assert min(entered) == 60
    assert entered.count(60) == 1
    assert min(each for each in entered if each > 60) >= 65


def test_answer_from_before_a_429_does_not_open_the_gate() -> None:
    time = FakeTime()
    gate = Gate(0.0, time.clock)
    before, rejected = gate.enter(), gate.enter()
    gate.close(60, rejected)
    gate.watch(50, 100, before)
    assert gate.closed_for() == 60


def test_call_is_not_sent_while_a_429_outlasts_its_budget() -> None:
    time, sent = FakeTime(), []

    def handler(_: httpx.Request) -> httpx.Response:
        sent.append(time.now)
        return rejection(429, "TooManyRequests", **{"Retry-After": "3600"})

    with client_of(handler, time) as client:
        for _ in range(5):
            with pytest.raises(RateLimited) as error:
                client.get_group("g")
            assert error.value.retry_after == 3600
    assert len(sent) == 1


def test_quota_of_setup_tests_stops_no_quick_request() -> None:
    time, sent = FakeTime(), []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path.rsplit("/", 1)[1], time.now))
        if request.url.path.endswith("/test") and time.now < 30:
            return rejection(429, **{"Retry-After": "30", "X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "19000"})
        return ok({"id": "a_b"})

    with client_of(handler, time) as client:
        client.test_connection("a_b")
        client.get_connection("a_b")
    assert [name for name, _ in sent] == ["test", "test", "a_b"]


class Account:
    """The quota of an account over a rolling hour, which several clients spend."""

    def __init__(self, time: FakeTime, quota: int) -> None:
        self.time, self.quota = time, quota
        self.spent: list[tuple[float, str]] = []

    def client(self, who: str, **options: Any) -> FivetranClient:
        return client_of(lambda _: self.answer(who), self.time, **options)

    def answer(self, who: str) -> httpx.Response:
        now = self.time.now
        window = [each for each, _ in self.spent if each > now - 3600]
        headers = {"X-Rate-Limit": str(self.quota), "X-Rate-Limit-Remaining": str(max(0, self.quota - len(window) - 1))}
        if len(window) >= self.quota:
            return rejection(429, **headers, **{"Retry-After": str(int(3600 - (now - window[0])) + 1)})
        self.spent.append((now, who))
        return ok({"id": "g"}, 200, **headers)

    def of(self, who: str) -> list[float]:
        return [time for time, by in self.spent if by == who]


def test_client_leaves_its_share_to_a_second_client(caplog: pytest.LogCaptureFixture) -> None:
    time = FakeTime()
    account = Account(time, quota=100)
    with account.client("run", limits=Limits(left_to_others=0.2)) as run, account.client("scheduler") as scheduler:
        for _ in range(30):
            scheduler.get_group("g")
        for _ in range(75):
            run.get_group("g")
        within_the_hour = [each for each in account.of("run") if each < 3600]
        # Nothing but a look from time to time beyond the share: 50 of the 70 that the scheduler leaves.
        assert 50 <= len(within_the_hour) < 70
        assert time.now >= 3600
    assert "19 of the account's 100 requests an hour are left, and 20 % are left to others" in caplog.text
    assert {record.levelno for record in caplog.records if "left to others" in record.getMessage()} == {logging.WARNING}


def test_client_waits_for_nothing_while_its_share_is_free() -> None:
    time = FakeTime()
    account = Account(time, quota=100)
    with account.client("run", limits=Limits(left_to_others=0.2)) as run:
        for _ in range(80):
            run.get_group("g")
    assert time.sleeps == []


def test_several_runs_with_one_quota_never_exceed_it() -> None:
    time = FakeTime()
    account = Account(time, quota=60)
    clients = [account.client(f"run {number}", limits=Limits(left_to_others=0.5)) for number in range(3)]
    for _ in range(20):
        for client in clients:
            client.get_group("g")
    assert len(account.spent) == 60
    assert len([each for each, _ in account.spent if each < 600]) < 60


def test_client_from_the_environment_leaves_a_tenth_to_others() -> None:
    time = FakeTime()
    account = Account(time, quota=100)
    env = {"FIVETRAN_APIKEY": "key", "FIVETRAN_APISECRET": "secret"}
    transport = httpx.MockTransport(lambda _: account.answer("run"))
    with FivetranClient.from_environment(env, clock=time.clock, transport=transport) as run:
        for _ in range(90):
            run.get_group("g")
        assert time.sleeps == []
        for _ in range(2):
            run.get_group("g")
        assert sum(time.sleeps) == pytest.approx(15)


@pytest.mark.parametrize(("percent", "usable"), [(0, 100), (25, 75), (90, 10)])
def test_client_waits_once_less_than_its_share_is_left(percent: int, usable: int) -> None:
    time = FakeTime()
    account = Account(time, quota=100)
    with account.client("run") as run:
        run.leave_to_others(percent)
        for _ in range(usable):
            run.get_group("g")
        assert time.sleeps == []
