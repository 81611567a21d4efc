"""BigQuery's quota of requests a second, as https://cloud.google.com/bigquery/quotas#api_request_quotas has it."""

import httpx
import pytest

from simulator.google.bigquery import MeteredBigQuery
from simulator.google.errors import ApiError
from simulator.google.quota import ApiQuota
from simulator.google.state import Store
from simulator.process import Simulators

from .google_engine import DATASET, Engine, rejected

ID = "projects/p/datasets/d"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bigquery(clock: Clock) -> MeteredBigQuery:
    bigquery = MeteredBigQuery(Store(quota=ApiQuota(clock=clock)))
    bigquery.insert("p", "d", {})
    return bigquery


def test_bigquery_rejects_the_101st_request_of_a_second(bigquery: MeteredBigQuery, clock: Clock):
    for _ in range(100):
        bigquery.get("p", "d")
    with pytest.raises(ApiError) as error:
        bigquery.get("p", "d")
    assert (error.value.status, error.value.reason) == (403, "rateLimitExceeded")
    assert "too many api requests per user per method" in error.value.message
    clock.now = 0.999
    with pytest.raises(ApiError):
        bigquery.get("p", "d")
    clock.now = 1.0
    bigquery.get("p", "d")


def test_bigquery_counts_each_method_and_each_user_apart(bigquery: MeteredBigQuery):
    for _ in range(100):
        bigquery.get("p", "d")
    bigquery.all_of("p")
    bigquery.patch("p", "d", {"description": "x"})
    MeteredBigQuery(bigquery.store, "Bearer another").get("p", "d")
    assert bigquery.store.quota.most["datasets.get"] == 100


def test_plugin_and_rest_api_share_the_quota_of_a_user(simulators: Simulators, engine: Engine):
    url = f"{simulators.bigquery_url}/bigquery/v2/{ID}"
    engine.create(DATASET, {"project": "p", "datasetId": "d"})
    engine.admin("PUT", "/quota", {"per_second": 1})
    assert httpx.get(url).status_code == 200
    answer = httpx.get(url)
    assert answer.status_code == 403
    assert answer.json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
    assert "Retry-After" not in answer.headers
    # The plugin's read does not try again: its code repeats 429, and 403 only for other messages.
    with rejected() as rejection:
        engine.read(DATASET, ID, {"datasetId": "d", "project": "p"})
    assert rejection.message.startswith("1 error occurred:\n\t* Error when reading or editing BigQueryDataset")
    assert "rateLimitExceeded" in rejection.message
