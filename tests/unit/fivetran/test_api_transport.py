import base64
import itertools
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from reconciler.fivetran.api import Clock, Timeouts, UnexpectedAnswer

from .support import KEY, SECRET, Server, ok, rejection


def page(ids: list[str], cursor: object = None) -> httpx.Response:
    return ok({"items": [{"id": found} for found in ids], "next_cursor": cursor})


def test_key_and_secret_are_sent_as_basic_auth() -> None:
    server = Server(ok({"id": "g"}))
    with server.client() as client:
        client.get_group("g")
    scheme, _, token = server.request.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(token).decode()) == ("Basic", f"{KEY}:{SECRET}")


@pytest.mark.parametrize("end", [ok({"items": [{"id": "c"}]}), page(["c"]), page(["c"], "")])
def test_list_is_read_to_its_last_page(end: httpx.Response) -> None:
    server = Server(page(["a"], "one"), page([], "two"), page(["b"], 3), end)
    with server.client() as client:
        assert [group.id for group in client.list_groups()] == ["a", "b", "c"]
    assert [request.url.params.get("cursor") for request in server.requests] == [None, "one", "two", "3"]
    assert {request.url.params["limit"] for request in server.requests} == {"1000"}


def test_page_is_asked_for_when_it_is_needed() -> None:
    server = Server(page(["a", "b"], "one"), page(["c"]))
    with server.client() as client:
        groups = client.list_groups()
        assert not server.requests
        assert [next(groups).id, next(groups).id] == ["a", "b"]
        assert len(server.requests) == 1
        assert next(groups).id == "c"
        assert len(server.requests) == 2


def test_filters_are_sent_for_every_page() -> None:
    server = Server(page(["a"], "one"), page(["b"]))
    with server.client() as client:
        list(client.list_connections("g", "s"))
    assert [dict(request.url.params) for request in server.requests] == [
        {"group_id": "g", "schema": "s", "limit": "1000"},
        {"group_id": "g", "schema": "s", "limit": "1000", "cursor": "one"},
    ]


@pytest.mark.parametrize("cursors", [["x", "x"], ["x", "y", "x"]])
def test_repeated_cursor_is_an_error_and_no_endless_loop(cursors: list[str]) -> None:
    server = Server(*[page(["a"], cursor) for cursor in cursors])
    with server.client() as client, pytest.raises(UnexpectedAnswer, match="never ends"):
        list(client.list_groups())
    assert len(server.requests) == len(cursors)


def test_list_whose_cursors_never_end_is_an_error() -> None:
    fresh = itertools.count()
    server = Server(lambda _: page([], f"c{next(fresh)}"))
    with server.client() as client, pytest.raises(UnexpectedAnswer, match="never ends"):
        list(client.list_groups())
    assert len(server.requests) < 1100


def test_item_that_is_on_two_pages_is_returned_once() -> None:
    with Server(page(["a", "b"], "one"), page(["b", "c"])).client() as client:
        assert [group.id for group in client.list_groups()] == ["a", "b", "c"]


@pytest.mark.parametrize("data", [{}, {"items": "none"}, {"items": {}}, {"items": [7]}, {"items": [{"name": "x"}]}])
def test_list_that_cannot_be_read_is_an_error_and_not_an_empty_list(data: object) -> None:
    """Taken for empty, it would make everything be created a second time."""
    with Server(ok(data)).client() as client, pytest.raises(UnexpectedAnswer):
        list(client.list_groups())


def test_list_of_null_is_empty() -> None:
    with Server(ok({"items": None})).client() as client:
        assert list(client.list_groups()) == []


def test_page_that_fails_for_a_moment_is_asked_for_again() -> None:
    with Server(page(["a"], "one"), rejection(502), page(["b"])).client() as client:
        assert [group.id for group in client.list_groups()] == ["a", "b"]


def test_request_that_runs_setup_tests_or_asks_the_source_has_more_time() -> None:
    server = Server(ok({"id": "a_b"}))
    with server.client(timeouts=Timeouts(connect=1, read=2, setup_tests=3)) as client:
        client.get_connection("a_b")
        client.update_connection("a_b", paused=True, run_setup_tests=False)
        client.update_connection("a_b", paused=True, run_setup_tests=True)
        client.test_connection("a_b")
        client.test_destination("a_b")
        client.reload_schema_config("a_b")
        client.get_source_columns("a_b", "public", "users")
    limits = [request.extensions["timeout"] for request in server.requests]
    assert [(limit["connect"], limit["read"]) for limit in limits] == [(1, 2)] * 2 + [(1, 3)] * 5


def test_time_limits_are_ten_seconds_a_minute_and_ten_minutes() -> None:
    assert Timeouts() == Timeouts(connect=10, read=60, setup_tests=600)


def test_client_can_be_closed_twice() -> None:
    client = Server(ok()).client()
    client.close()
    client.close()


@pytest.mark.parametrize("wrong", [-7200.0, 7200.0])
def test_clock_that_is_wrong_is_put_right_by_fivetrans_last_answer(wrong: float) -> None:
    dates: tuple[dict[str, str], ...] = ({"Date": "Sun, 29 Nov 2026 12:00:00 GMT"}, {}, {"Date": "soon"})
    server = Server(*(httpx.Response(200, json={"data": {"id": "g"}}, headers=each) for each in dates))
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    clock = Clock(wall=lambda: noon.timestamp() + wrong)
    with server.client(clock=clock) as client:
        assert client.now() == noon + timedelta(seconds=wrong), "nothing is known yet"
        for _ in dates:
            client.get_group("g")
            assert client.now() == noon


def test_clock_that_differs_by_less_than_an_answer_can_say_is_right() -> None:
    server = Server(httpx.Response(200, json={"data": {"id": "g"}}, headers={"Date": "Sun, 29 Nov 2026 12:00:00 GMT"}))
    moment = datetime(2026, 11, 29, 12, 0, 1, 500_000, tzinfo=UTC)
    with server.client(clock=Clock(wall=moment.timestamp)) as client:
        client.get_group("g")
        assert client.now() == moment
