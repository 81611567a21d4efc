"""Only the plugin's own "not found" for exactly that dataset means that it is not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi
import pytest

from reconciler.gcp import Listing, LiveReadFailed, list_ids, read_live
from reconciler.model import Dataset, Destination, Environment, Unit

ENVIRONMENT = Environment("dev", "dev/environment.yaml", "p", "Dev", Destination("US", "GCP_US_EAST4", "0"))
PREFIX = "invoking gcp:bigquery/getDataset:getDataset: 1 error occurred:\n\t* "


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the plugin answers by dataset, or raises."""
    answers: dict[str, Any] = {}

    under_way: list[str] = []

    async def invoke(token: str, arguments: dict[str, str], _options: Any) -> Any:
        under_way.append(token)
        answers["most at once"] = max(answers.get("most at once", 0), len(under_way))
        await asyncio.sleep(0)
        under_way.pop()
        answer = answers[arguments.get("datasetId", token.rpartition(":")[2])]
        if isinstance(answer, str):
            raise Exception(PREFIX + answer)
        return answer

    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    return answers


def read(*ids: str) -> Any:
    units = [Unit(id_, f"dev/{id_}.yaml", "x", ("o@example.com",), datasets=(Dataset(id_, "US"),)) for id_ in ids]
    return asyncio.run(read_live(ENVIRONMENT, units))


def test_a_dataset_that_the_plugin_does_not_find_is_not_there(plugin: dict[str, Any]):
    plugin |= {"a": {"location": "us", "accesses": []}, "b": "projects/p/datasets/b not found"}
    found = read("a", "b")
    assert found["b"] is None
    assert found["a"].location == "us"


def test_datasets_are_read_several_at_once_and_no_more_than_bigquery_answers(plugin: dict[str, Any]):
    ids = [f"d{number}" for number in range(100)]
    plugin |= {id_: {"location": "US"} for id_ in ids}
    assert set(read(*ids)) == set(ids)
    assert plugin["most at once"] == 16


@pytest.mark.parametrize(
    "text",
    [
        "googleapi: Error 403: Access Denied: Dataset p:d: Permission bigquery.datasets.get denied, accessDenied",
        "googleapi: Error 500: Internal error, backendError",
        'Get "https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/d": context deadline exceeded',
        "googleapi: Error 404: Not found: Project p, notFound",
        "projects/p/datasets/other not found",
        "googleapi: Error 429: Exceeded rate limits, rateLimitExceeded",
    ],
)
def test_any_other_answer_stops_the_run_and_all_are_told(plugin: dict[str, Any], text: str):
    plugin |= {"a": {"location": "EU"}, "b": "projects/p/datasets/b not found", "d": text}
    with pytest.raises(LiveReadFailed) as failed:
        read("a", "b", "d")
    lines = str(failed.value).splitlines()
    assert lines[0] == "dev/environment.yaml: reading datasets failed, so nothing is touched:"
    assert lines[1].startswith("    dev/a.yaml: the dataset a is in EU, the file says US, and BigQuery cannot move it.")
    assert lines[2].startswith("    dev/d.yaml: the dataset d cannot be read: invoking gcp:bigquery/getDataset")
    assert text in lines[2]
    assert lines[2].endswith("on the project has it") == ("403" in text), "what to do, where that is known"
    assert len(lines) == 3


def test_a_location_that_changed_is_no_failure_to_read(plugin: dict[str, Any]):
    plugin["a"] = {"location": "EU"}
    with pytest.raises(LiveReadFailed) as failed:
        read("a")
    lines = str(failed.value).splitlines()
    assert lines[0] == "dev/environment.yaml: datasets cannot be moved, so nothing is touched:"
    assert "Write EU where the location stands" in lines[1]


def test_a_list_that_fails_is_told_and_stops_nothing(plugin: dict[str, Any]):
    plugin["getDatasets"] = {"datasets": [{"datasetId": "b"}, {"datasetId": "a"}]}
    assert asyncio.run(list_ids("p")) == Listing(("a", "b"))
    plugin["getDatasets"] = "googleapi: Error 403: Access Denied"
    assert (asyncio.run(list_ids("p")).failed or "").endswith("Error 403: Access Denied")
