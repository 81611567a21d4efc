"""Members that Google denies, of every kind, named by its answer or not, and what must not happen to the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.config.places import Places
from reconciler.google.bigquery.api import AccessList, Datasets
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration, build_declaration
from reconciler.lifecycle.removal import DeletionRules
from reconciler.model import Condition, Dataset, Grant, Unit
from reconciler.resources.run.run import run

from .account import Fivetran, failure
from .test_dataset_access import ENGINEERS, ROBOT, VIEW, WRITER, BigQuery, environment, listed, reader

ROLE = "roles/bigquery.dataViewer"
EDITOR = "roles/bigquery.dataEditor"
GROUP = {"role": "READER", "groupByEmail": "team@example.com"}
DOMAIN = {"role": "READER", "domain": "example.com"}
ROBOT_B = {"role": "READER", "userByEmail": "b@p.iam.gserviceaccount.com"}


def declared(*grants: Grant) -> DatasetDeclaration:
    """What a file declares that makes these grants."""
    dataset = Dataset("d", "US", access=grants)
    unit = Unit("d", "dev/d.yaml", "D.", ("o@example.com",), datasets=(dataset,))
    return build_declaration(environment(), unit, dataset, DeletionRules(), is_written=True)


def viewers(*members: str) -> DatasetDeclaration:
    """What a file declares that lets these members read."""
    return declared(Grant(ROLE, members))


@pytest.fixture
def bigquery(fivetran: Fivetran, new_run: Callable[..., None], tmp_path: Path) -> BigQuery:
    run.declare(places=Places(tmp_path))
    return BigQuery(fivetran)


def deny(bigquery: BigQuery, *members: str, **more: Any) -> None:
    bigquery.gcp("PUT", "/unknown-members", {"members": list(members), **more})


def denied() -> set[str]:
    """The members that failures of the run name."""
    failures = "\n".join(run.outcomes.failures().values())
    return {text.partition(" on ")[0] for text in failures.split(" for ")[1:]}


def test_domain_stays_where_google_denies_a_user_of_it(bigquery: BigQuery):
    bigquery.make(ROBOT)
    deny(bigquery, "a@example.com")
    bigquery.up(viewers("user:a@example.com", "domain:example.com"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, DOMAIN)
    assert denied() == {"user:a@example.com"}


@pytest.mark.parametrize("status", [400, 412])
def test_members_of_every_kind_are_denied_at_once_and_the_others_written(bigquery: BigQuery, status: int):
    principal = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s"
    members = (
        "user:a@example.com",
        "user:c@example.com",
        "group:team@example.com",
        "serviceAccount:b@p.iam.gserviceaccount.com",
        "domain:other.example",
        principal,
    )
    names = [member.partition(":")[2] if ":/" not in member else member for member in members]
    bigquery.make(ROBOT, VIEW)
    bigquery.gcp("PUT", "/forbidden-members", {"members": [n for n in names if n != "c@example.com"], "status": status})
    bigquery.up(viewers(*members))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, VIEW, reader("c"))
    assert denied() == {*members} - {"user:c@example.com"}

    bigquery.gcp("PUT", "/forbidden-members", {"members": []})
    run.start()
    deny(bigquery, *(name for name in names if name != "a@example.com"))
    bigquery.up(viewers(*members))
    assert reader("a") in bigquery.access()


def test_member_keeps_its_role_when_google_denies_another(bigquery: BigQuery):
    bigquery.make(ROBOT, reader("a"))
    deny(bigquery, "a@example.com")
    bigquery.up(declared(Grant(ROLE, ("user:a@example.com",)), Grant(EDITOR, ("user:a@example.com",))))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, reader("a"))
    assert f"Google denies {EDITOR} for user:a@example.com" in run.outcomes.failures()["dev/d.yaml"]


@pytest.mark.parametrize("gone", ["a@example.com", "team@example.com", "b@p.iam.gserviceaccount.com", "example.com"])
def test_denied_listed_member_does_not_block_others(bigquery: BigQuery, gone: str):
    there = [reader("a"), GROUP, ROBOT_B, DOMAIN]
    bigquery.make(ROBOT, *there, VIEW)
    deny(bigquery, gone, listed=True)
    bigquery.up(
        viewers(
            "user:a@example.com",
            "group:team@example.com",
            "serviceAccount:b@p.iam.gserviceaccount.com",
            "domain:example.com",
            "user:new@example.com",
        )
    )
    left = [each for each in there if gone not in each.values()]
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, VIEW, reader("new"), *left)


def test_no_other_member_loses_access_while_a_denied_one_is_found(bigquery: BigQuery, monkeypatch: pytest.MonkeyPatch):
    bigquery.make(ROBOT, reader("a"), GROUP)
    bigquery.gcp("PUT", "/forbidden-members", {"members": ["a@example.com"], "listed": True})
    lists: list[list[dict[str, Any]]] = []
    write = Datasets.write_access

    def write_and_look(*arguments: Any) -> AccessList:
        try:
            return write(*arguments)
        finally:
            lists.append(bigquery.access())

    monkeypatch.setattr(Datasets, "write_access", write_and_look)
    bigquery.up(viewers("user:a@example.com", "group:team@example.com"))
    assert len(lists) > 1
    assert all(GROUP in each for each in lists)
    assert lists[-1] == listed(ROBOT, ENGINEERS, WRITER, GROUP)
    assert denied() == {"user:a@example.com"}


def test_several_listed_members_that_google_denies_unnamed_are_found(bigquery: BigQuery):
    bigquery.make(ROBOT, reader("a"), reader("b"), reader("c"))
    bigquery.gcp("PUT", "/forbidden-members", {"members": ["a@example.com", "c@example.com"], "listed": True})
    bigquery.up(viewers("user:a@example.com", "user:b@example.com", "user:c@example.com", "user:new@example.com"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, reader("b"), reader("new"))
    assert denied() == {"user:a@example.com", "user:c@example.com"}


def test_error_names_a_dataset_deleted_between_read_and_write(bigquery: BigQuery):
    bigquery.make(ROBOT)
    bigquery.gcp("POST", "/datasets/p/d/after-next/read", {"delete": True})
    message = failure(bigquery.up, viewers("user:a@example.com"))
    assert message == "dev/d.yaml: the dataset d does not exist any more: run again with --refresh"


def test_access_added_while_a_list_is_written_is_logged_as_lost(bigquery: BigQuery, caplog: pytest.LogCaptureFixture):
    bigquery.make(ROBOT)
    bigquery.gcp("POST", "/datasets/p/d/after-next/read", {"add": reader("late")})
    bigquery.up(viewers("user:a@example.com"))
    assert f"dev/d.yaml: revokes {ROLE} on dataset d from user:late@example.com" in caplog.messages


def test_groups_under_other_addresses_are_distinguished(bigquery: BigQuery, new_run: Callable[..., None]):
    bigquery.make(ROBOT)
    bigquery.gcp("PUT", "/aliases", {f"{name}@example.io": f"{name}@example.com" for name in ("x", "y", "z")})
    bigquery.up(viewers(*(f"group:{name}@example.io" for name in "zyx")))
    state = bigquery.resource.state
    new_run()
    bigquery.resource.refresh()
    assert bigquery.resource.state == state
    assert not bigquery.up(viewers(*(f"group:{name}@example.io" for name in "zyx")))
    bigquery.up(viewers("group:y@example.io"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, {"role": "READER", "groupByEmail": "y@example.com"})


def test_both_addresses_of_a_group_are_one_entry_and_no_drift(bigquery: BigQuery, new_run: Callable[..., None]):
    bigquery.make(ROBOT)
    bigquery.gcp("PUT", "/aliases", {"team@example.io": "team@example.com"})
    both = viewers("group:team@example.com", "group:team@example.io")
    bigquery.up(both)
    new_run()
    bigquery.resource.refresh()
    assert not bigquery.up(both)


def test_condition_that_google_denies_for_one_member_leaves_the_other(bigquery: BigQuery):
    when = Condition("t", 'request.time < timestamp("2030-01-01T00:00:00Z")')
    bigquery.make(ROBOT)
    bigquery.up(declared(Grant(ROLE, ("allUsers",), condition=when), Grant(EDITOR, ("allAuthenticatedUsers",))))
    everybody = {"role": "WRITER", "specialGroup": "allAuthenticatedUsers"}
    assert bigquery.access() == listed(ROBOT, ENGINEERS, WRITER, everybody)
