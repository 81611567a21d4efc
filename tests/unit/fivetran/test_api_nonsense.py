"""Headers of the quota that make no sense: a call ends all the same, and waits no longer than it may."""

from __future__ import annotations

from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran.api import Limits, RateLimited

from .support import FakeTime, client_of, ok, rejection

#: What a proxy, a bug or an attacker may send where seconds, a date or a number of requests belong.
NONSENSE = ["", " ", "-1", "0", "1", "1.5", "nan", "inf", "-inf", "1e308", "1e309", "9" * 40, "0x10", "soon"]
DATES = ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 32 Dec 2026 23:59:59 GMT"]
BUDGET_S = 120.0
#: The longest that a client waits for others in a row, and the longest of one such wait.
OTHERS_S = 3600 + 300

values = st.sampled_from([*NONSENSE, *DATES])
no_quota = st.sampled_from(["", " ", "-1", "0", "soon"])
headers = st.fixed_dictionaries(
    {}, optional={"Retry-After": values, "X-Rate-Limit-Remaining": values, "X-Rate-Limit": no_quota}
)


@given(rejected=st.lists(headers, max_size=8), accepted=headers)
def test_call_ends_whatever_the_headers_of_a_429_say(rejected: list[dict[str, str]], accepted: dict[str, str]) -> None:
    time, answers = FakeTime(), iter(rejected)

    def handler(_: httpx.Request) -> httpx.Response:
        found = next(answers, None)
        return ok({"id": "g"}, 200, **accepted) if found is None else rejection(429, **found)

    with client_of(handler, time, limits=Limits(left_to_others=0.1)) as client:
        for _ in range(3):
            with suppress(RateLimited):
                assert client.get_group("g").id == "g"
    assert all(seconds >= 0 for seconds in time.sleeps)
    assert time.now <= 3 * BUDGET_S + OTHERS_S


@pytest.mark.parametrize("retry_after", [None, "1", "soon", "0"])
def test_call_gives_up_on_a_429_without_end_within_its_budget(retry_after: str | None) -> None:
    time = FakeTime()
    found = {} if retry_after is None else {"Retry-After": retry_after}
    with client_of(lambda _: rejection(429, **found), time) as client, pytest.raises(RateLimited):
        client.get_group("g")
    # Before each repetition the call may also wait at the gate, which a 429 closes for a second.
    assert time.now <= BUDGET_S * 1.1
    assert len(time.sleeps) > 1


def test_client_goes_on_when_others_use_up_the_quota_for_an_hour(caplog: pytest.LogCaptureFixture) -> None:
    time = FakeTime()
    headers = {"X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "0"}
    with client_of(lambda _: ok({"id": "g"}, 200, **headers), time, limits=Limits(left_to_others=0.1)) as client:
        for _ in range(1_000):
            client.get_group("g")
    assert 3600 <= time.now <= OTHERS_S
    assert caplog.text.count("after an hour of waiting") == 1
