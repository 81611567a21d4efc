"""One list of the project's datasets shows which exist, and where; without it a run touches nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi
import pytest

from reconciler.config.places import Places
from reconciler.model import Dataset, Destination, Environment, Unit
from reconciler.resources.dataset.listing import DatasetMoved, Listed, ListingFailed, list_datasets, reject_moves
from reconciler.secrets import values_to_mask

ENVIRONMENT = Environment("dev", "dev/environment.yaml", "p", "Dev", Destination("US", "GCP_US_EAST4", "0"))
UNITS = [Unit(id_, f"dev/{id_}.yaml", "x", ("o@example.com",), datasets=(Dataset(id_, "US"),)) for id_ in ("a", "b")]


@pytest.fixture(autouse=True)
def _no_secrets() -> None:
    """The files declare no reference, so that the plugin's message is shown."""
    values_to_mask.forget_values()
    values_to_mask.remember_declared([])


def listing(monkeypatch: pytest.MonkeyPatch, answer: Any) -> dict[str, Listed]:
    """What the plugin's function answers, or raises, as the program reads it."""

    async def invoke(token: str, arguments: dict[str, str], _options: Any) -> Any:
        assert (token.rpartition(":")[2], arguments) == ("getDatasets", {"project": "p"})
        await asyncio.sleep(0)
        if isinstance(answer, str):
            around = "invoke of f failed: invocation of f returned an error: invoking f: 1 error occurred:\n\t* "
            raise Exception(around + answer)
        return answer

    monkeypatch.setattr(pulumi.runtime, "invoke_async", invoke)
    return asyncio.run(list_datasets(ENVIRONMENT, Places(Path("none"))))


def test_datasets_are_listed_with_location_and_labels(monkeypatch: pytest.MonkeyPatch):
    found = [{"datasetId": "b", "location": "EU"}, {"datasetId": "a", "location": "US", "labels": {"team": "x"}}]
    assert listing(monkeypatch, {"datasets": found}) == {"a": Listed("US", {"team": "x"}), "b": Listed("EU")}
    assert listing(monkeypatch, {}) == {}


@pytest.mark.parametrize("text", ["googleapi: Error 403: Access Denied: Project p", "googleapi: Error 500: Internal"])
def test_list_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch, text: str):
    with pytest.raises(ListingFailed) as failed:
        listing(monkeypatch, text)
    message = str(failed.value)
    assert message.startswith(
        "dev/environment.yaml: the datasets of p cannot be listed, so this run changes nothing: googleapi: Error"
    )
    assert text in message
    assert message.endswith("on the project to the account of this run.") == ("403" in text), (
        "what to do, where that is known"
    )
    assert len(message.splitlines()) == (2 if "403" in text else 1)


def test_datasets_elsewhere_than_their_files_say_are_rejected_together():
    reject_moves(ENVIRONMENT, UNITS, {"a": Listed("us"), "other": Listed("EU")}, Places(Path("none")))
    with pytest.raises(DatasetMoved) as failed:
        reject_moves(ENVIRONMENT, UNITS, {"a": Listed("EU"), "b": Listed("asia-east1")}, Places(Path("none")))
    lines = str(failed.value).splitlines()
    assert lines[0] == "dev/environment.yaml: datasets cannot be moved, so this run changes nothing:"
    assert lines[1] == "    dev/a.yaml: the dataset a is in EU, the file says US, and BigQuery cannot move it"
    assert lines[2].startswith("        Write EU where the location is declared, ")
    assert lines[4].startswith("        Write asia-east1 where the location is declared, ")
