"""BigQuery's `datasets` methods."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from simulator.google.bigquery import BigQuery
from simulator.google.errors import ApiError
from simulator.google.state import Store

OWNER = {"role": "OWNER", "userByEmail": "me@example.com"}
READER = {"role": "READER", "groupByEmail": "all@example.com"}


@pytest.fixture
def bigquery() -> BigQuery:
    ticks: Iterator[int] = count(1_700_000_000_000)
    return BigQuery(Store(now_ms=lambda: next(ticks)), creator="me@example.com")


def rejected(status: int, reason: str) -> Any:
    return pytest.raises(ApiError, match=rf"^googleapi: Error {status}: .*, {reason}$")


def test_new_dataset_has_bigquerys_defaults(bigquery: BigQuery):
    dataset = bigquery.insert("p", "d", {})
    assert (dataset.location, dataset.labels, dataset.tables) == ("US", {}, {})
    assert dataset.settings["maxTimeTravelHours"] == "168"
    assert OWNER in dataset.access
    assert len(dataset.access) == 4
    assert dataset.created_ms == dataset.modified_ms


def test_second_dataset_of_a_name_is_a_409(bigquery: BigQuery):
    bigquery.insert("p", "d", {})
    with pytest.raises(ApiError) as raised:
        bigquery.insert("p", "d", {})
    assert str(raised.value) == "googleapi: Error 409: Already Exists: Dataset p:d, duplicate"
    bigquery.insert("q", "d", {})


def test_missing_dataset_is_a_404(bigquery: BigQuery):
    with pytest.raises(ApiError) as raised:
        bigquery.get("p", "d")
    assert str(raised.value) == "googleapi: Error 404: Not found: Dataset p:d, notFound"
    with rejected(404, "notFound"):
        bigquery.update("p", "d", {})
    with rejected(404, "notFound"):
        bigquery.delete("p", "d", delete_contents=True)


def test_dataset_with_a_table_is_in_use_even_when_the_table_is_empty(bigquery: BigQuery):
    dataset = bigquery.insert("p", "d", {})
    dataset.tables["empty"] = 0
    with pytest.raises(ApiError) as raised:
        bigquery.delete("p", "d", delete_contents=False)
    assert str(raised.value) == "googleapi: Error 400: Dataset p:d is still in use, resourceInUse"
    assert bigquery.get("p", "d") is dataset
    bigquery.delete("p", "d", delete_contents=True)
    with rejected(404, "notFound"):
        bigquery.get("p", "d")


def test_update_replaces_settings_and_labels_and_keeps_an_unnamed_access_list(bigquery: BigQuery):
    body = {"description": "one", "labels": {"a": "1"}, "access": [OWNER, READER]}
    before = bigquery.insert("p", "d", body)
    etag, modified = before.etag, before.modified_ms
    after = bigquery.update("p", "d", {"labels": {"b": "2"}})
    assert (after.settings["description"], after.labels) == ("", {"b": "2"})
    assert after.access == [OWNER, READER]
    assert after.etag != etag
    assert after.modified_ms > modified
    assert bigquery.update("p", "d", {"access": [OWNER]}).access == [OWNER]


def test_patch_changes_what_it_names_and_nothing_else(bigquery: BigQuery):
    bigquery.insert("p", "d", {"description": "one", "labels": {"a": "1", "b": "2"}})
    after = bigquery.patch("p", "d", {"friendlyName": "D", "labels": {"a": None, "c": "3"}})
    assert (after.settings["description"], after.settings["friendlyName"]) == ("one", "D")
    assert after.labels == {"b": "2", "c": "3"}


def test_last_owner_cannot_be_taken_away(bigquery: BigQuery):
    bigquery.insert("p", "d", {"access": [OWNER, READER]})
    with pytest.raises(ApiError) as raised:
        bigquery.update("p", "d", {"access": [READER]})
    assert str(raised.value) == "googleapi: Error 400: Cannot remove all owners from a dataset., invalid"
    assert bigquery.get("p", "d").access == [OWNER, READER]


@pytest.mark.parametrize(
    "body",
    [
        {"labels": {"Upper": "x"}},
        {"labels": {"1st": "x"}},
        {"labels": {"": "x"}},
        {"labels": {"key": "Value"}},
        {"labels": {"key": "v" * 64}},
        {"labels": {f"k{i}": "" for i in range(65)}},
        {"access": [{"role": "READER", "userByEmail": "nobody"}]},
        {"defaultTableExpirationMs": 3_599_999},
    ],
)
def test_rejected_write_leaves_everything_as_it_was(bigquery: BigQuery, body: dict[str, Any]):
    with rejected(400, "invalid"):
        bigquery.insert("p", "new", body)
    assert bigquery.all_of("p") == ()
    bigquery.insert("p", "d", {"description": "one", "labels": {"a": "1"}, "access": [OWNER]})
    with rejected(400, "invalid"):
        bigquery.update("p", "d", {"description": "two", "access": [OWNER, READER], **body})
    dataset = bigquery.get("p", "d")
    assert (dataset.settings["description"], dataset.labels, dataset.access) == ("one", {"a": "1"}, [OWNER])


def test_id_with_anything_but_letters_digits_and_underscores_is_rejected(bigquery: BigQuery):
    for id_ in ("a-b", "projects/p/datasets/d", "", "x" * 1025):
        with rejected(400, "invalid"):
            bigquery.insert("p", id_, {})


def test_location_is_fixed(bigquery: BigQuery):
    assert bigquery.insert("p", "d", {"location": "eu"}).location == "EU"
    bigquery.update("p", "d", {"location": "EU"})
    with rejected(400, "invalid"):
        bigquery.update("p", "d", {"location": "US"})


def test_datasets_are_listed_by_id_within_their_project(bigquery: BigQuery):
    for project, id_ in (("p", "b"), ("q", "c"), ("p", "a")):
        bigquery.insert(project, id_, {})
    assert [dataset.id for dataset in bigquery.all_of("p")] == ["a", "b"]
