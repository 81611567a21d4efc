"""Cursor paging in the local Fivetran."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.fivetran.errors import ApiError
from simulator.fivetran.paging import page

from .fivetran_account import Account


@given(st.lists(st.integers(), max_size=60), st.integers(1, 12))
def test_pages_together_are_the_list(items: list[int], limit: int):
    seen: list[int] = []
    query = {"limit": str(limit)}
    while True:
        got = page(items, query)
        assert len(got.items) <= limit
        seen += got.items
        if got.next_cursor is None:
            break
        query["cursor"] = got.next_cursor
    assert seen == items


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_only_the_last_page_has_no_cursor(count: int, limit: int):
    assert (page(range(count), {"limit": str(limit)}).next_cursor is None) == (count <= limit)


def test_page_has_100_items_by_default():
    assert list(page(range(101), {}).items) == list(range(100))


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "", "1.0", "9" * 5000, "\u0663"])
def test_limit_outside_1_to_1000_is_400(limit: str):
    with pytest.raises(ApiError) as raised:
        page([], {"limit": limit})
    assert raised.value.status == 400


@pytest.mark.parametrize("content", ["x", "{}", '{"skip":-1}', '{"skip":"1"}', '{"skip":true}', "[]", "[" * 9999])
def test_unknown_cursor_is_answered_with_400(content: str):
    with pytest.raises(ApiError) as raised:
        page([], {"cursor": base64.urlsafe_b64encode(content.encode()).decode()})
    assert raised.value.status == 400


def test_cursor_past_the_end_is_an_empty_last_page():
    cursor = page(range(3), {"limit": "2"}).next_cursor
    assert cursor is not None
    assert page([], {"cursor": cursor}) == page([], {})


def test_cursor_looks_like_the_apis_own():
    cursor = page(range(2), {"limit": "1"}).next_cursor
    assert cursor == "eyJza2lwIjoxfQ"
    assert json.loads(base64.b64decode(cursor + "==")) == {"skip": 1}


def test_lists_are_paged_over_http_and_drift_when_objects_go(account: Account):
    ids = [account.group(f"g{number}") for number in range(5)]
    first = account.data("GET", "/v1/groups?limit=2")
    account.http.delete(f"/v1/groups/{ids[0]}")
    second = account.data("GET", f"/v1/groups?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"]] == ids[:2]
    assert [item["id"] for item in second["items"]] == ids[3:]
    assert "next_cursor" not in second
    assert account.http.get("/v1/groups?limit=0").status_code == 400
