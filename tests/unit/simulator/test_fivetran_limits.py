"""Quotas of the local Fivetran: account-wide, over rolling windows."""

from reconciler.fivetran.api import Clock, FivetranClient
from simulator.fivetran.limits import Window

from .fivetran_account import KEY, SECRET, Account


def test_answers_have_the_requests_that_are_left_of_the_hourly_quota(account: Account):
    answer = account.http.get("/v1/groups")
    assert (answer.headers["X-Rate-Limit"], answer.headers["X-Rate-Limit-Remaining"]) == ("20000", "19999")
    answer = account.http.get("/v1/nowhere")
    assert answer.headers["X-Rate-Limit-Remaining"] == "19998"


def test_request_over_the_quota_is_429_until_the_oldest_leaves_the_window(account: Account):
    account.options(requests_per_hour=2)
    account.http.get("/v1/groups")
    account.clock.seconds = 600
    account.http.get("/v1/groups")
    answer = account.http.get("/v1/groups")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "3000"
    assert answer.headers["X-Rate-Limit-Remaining"] == "0"
    assert answer.json() == {
        "code": "TooManyRequests",
        "message": "Max 2 api calls allowed in one-hour rolling time period",
    }
    account.clock.seconds = 3600
    assert account.http.get("/v1/groups").status_code == 200
    assert account.http.get("/v1/groups").status_code == 429


def test_client_learns_the_quota_of_the_account_and_is_never_rejected(account: Account):
    account.options(requests_per_hour=3)
    paused = [0.0]

    def sleep(seconds: float) -> None:
        paused[0] += seconds
        account.clock.seconds += seconds

    clock = Clock(monotonic=lambda: account.clock.seconds, sleep=sleep, wall=lambda: account.clock.seconds)
    with FivetranClient(f"{account.url}/v1", KEY, SECRET, clock=clock) as client:
        assert [len(list(client.list_groups())) for _ in range(7)] == [0] * 7
    assert 2 * 3600 <= paused[0] < 2 * 3600 + 2
    assert {entry["status"] for entry in account.admin("GET", "/requests")} == {200}


def test_setup_tests_have_a_quota_of_their_own_and_over_it_nothing_is_created(account: Account):
    account.options(setup_tests_per_minute=1)
    group = account.group()
    account.stripe(group, "one")
    body = {"group_id": group, "service": "stripe", "config": {"schema": "two", "api_key": "canary"}}
    answer = account.http.post("/v1/connections", json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert [item["schema"] for item in account.data("GET", "/v1/connections")["items"]] == ["one"]
    account.stripe(group, "two", run_setup_tests=False)
    account.clock.seconds = 60
    account.stripe(group, "three")


def test_test_endpoints_and_patches_with_tests_use_the_quota_too(account: Account):
    account.options(setup_tests_per_hour=3)
    group = account.group()
    connection = account.stripe(group)["id"]
    account.data("POST", f"/v1/connections/{connection}/test", {})
    account.data("PATCH", f"/v1/connections/{connection}", {"config": {"api_key": "canary-2"}})
    assert account.http.post(f"/v1/connections/{connection}/test", json={}).status_code == 429
    answer = account.http.patch(f"/v1/connections/{connection}", json={"config": {"api_key": "canary-3"}})
    assert answer.status_code == 429
    assert account.snapshot(connection)["config"]["api_key"] == "canary-2"


def test_changed_schedule_runs_tests_by_the_documented_default_and_uses_their_quota(account: Account):
    account.options(setup_tests_per_minute=1)
    connection = account.stripe(account.group(), run_setup_tests=False)["id"]
    path, schedule = f"/v1/connections/{connection}", {"sync_frequency": 60, "paused": True}
    account.data("PATCH", path, schedule)
    answer = account.http.patch(path, json=schedule)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    account.data("PATCH", path, {**schedule, "run_setup_tests": False})


def test_rejected_body_costs_no_setup_test(account: Account):
    account.options(setup_tests_per_hour=1)
    group = account.group()
    assert account.http.post("/v1/connections", json={"group_id": group, "service": "stripe"}).status_code == 400
    account.stripe(group)


def test_exhausted_window_waits_for_the_event_that_frees_a_place():
    window = Window(60)
    window.events.extend([0, 10, 20])
    assert window.wait(30, 3) == 30
    assert window.wait(30, 2) == 40
    assert window.wait(30, 4) is None
    assert window.wait(30, 0) == 60
