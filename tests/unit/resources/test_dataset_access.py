"""A dataset's access list as a resource, against the local BigQuery."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown

from reconciler.config.places import Places
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration, build_declaration
from reconciler.lifecycle.removal import DeletionRules
from reconciler.model import Dataset, Destination, Environment, Grant, Unit
from reconciler.resources.access.resource import DatasetAccessProvider, inputs
from reconciler.resources.run.access_lists import AccessLists
from reconciler.resources.run.run import run

from .account import FastClock, Fivetran, as_engine, failure
from .stack import Resource

VIEWER = "roles/bigquery.dataViewer"
ACCOUNT = "g-x@fivetran-production.iam.gserviceaccount.com"
ROBOT = {"role": "OWNER", "userByEmail": "robot@p.iam.gserviceaccount.com"}
ENGINEERS = {"role": "READER", "groupByEmail": "wg-data--all@example.com"}
WRITER = {"role": "WRITER", "userByEmail": ACCOUNT}
VIEW = {"view": {"projectId": "shared", "datasetId": "views", "tableId": "v"}}
UNIT = """description: x
owners: [o@example.com]
dataset:
  access:
    - {role: roles/bigquery.dataViewer, members: ['user:a@example.com', 'user:b@example.com']}
"""


def reader(name: str) -> dict[str, str]:
    return {"role": "READER", "userByEmail": f"{name}@example.com"}


def environment() -> Environment:
    """An environment with an owner, and a group that has access everywhere."""
    return Environment(
        "dev",
        "dev/environment.yaml",
        "p",
        "Dev",
        Destination("US", "GCP_US_EAST4", "0"),
        workgroups="wg-{workgroup}--{subgroup}@example.com",
        automation=(Grant("roles/bigquery.dataOwner", ("serviceAccount:robot@p.iam.gserviceaccount.com",)),),
        default_access=(Grant(VIEWER, ("workgroup:data/all",)),),
    )


def expected(*readers: str, default: bool = True) -> DatasetDeclaration:
    """What a file declares that gives these addresses at example.com access."""
    members = tuple(f"user:{name}@example.com" for name in readers)
    grants = (Grant(VIEWER, members),) if members else ()
    dataset = Dataset("d", "US", access=grants, default_access=default)
    unit = Unit("d", "dev/d.yaml", "D.", ("o@example.com",), datasets=(dataset,))
    return build_declaration(environment(), unit, dataset, DeletionRules(), is_written=True)


class BigQuery:
    """The local BigQuery from outside, with one dataset `d`, and the resource of its access list."""

    def __init__(self, fivetran: Fivetran) -> None:
        self.gcp = fivetran.gcp
        self.resource = Resource(DatasetAccessProvider())

    def make(self, *access: dict[str, Any]) -> None:
        self.gcp("PUT", "/datasets/p/d", {"access": list(access)})

    def access(self) -> list[dict[str, Any]]:
        return sorted(self.gcp("GET", "/datasets/p/d")["access"], key=str)

    def writes(self) -> int:
        calls = self.gcp("GET", "/calls")
        self.gcp("DELETE", "/calls")
        return sum(call["count"] for call in calls if call["method"] == "PATCH")

    def up(self, declared: DatasetDeclaration, writer: Any = ACCOUNT) -> bool:
        """Apply what a file declares; return whether that was a change."""
        return self.resource.up(news(declared, writer))


def news(declared: DatasetDeclaration, writer: Any = ACCOUNT) -> dict[str, Any]:
    """The inputs, as the engine hands them over once `Preflight` was checked."""
    run.declare(datasets={declared.id: declared}, access_lists={"d": None})
    return dict(as_engine(inputs("p", declared, writer)))


@pytest.fixture
def bigquery(fivetran: Fivetran, new_run: Callable[..., None], tmp_path: Path) -> BigQuery:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "d.yaml").write_text(UNIT)
    run.declare(places=Places(tmp_path))
    return BigQuery(fivetran)


def listed(*entries: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return sorted(entries, key=str)


def test_list_becomes_what_is_declared_and_others_views_stay(bigquery: BigQuery):
    bigquery.make(ROBOT, reader("old"), VIEW)
    assert bigquery.up(expected("a"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), WRITER, VIEW)
    assert not bigquery.up(expected("a"))


def test_access_list_is_not_written_when_it_matches(bigquery: BigQuery):
    bigquery.make(ROBOT, ENGINEERS, reader("a"), WRITER, VIEW)
    bigquery.writes()
    bigquery.up(expected("a"))
    assert bigquery.writes() == 0


def test_each_grant_and_loss_is_a_line_with_its_place(bigquery: BigQuery, caplog: pytest.LogCaptureFixture):
    bigquery.make(ROBOT, ENGINEERS, reader("old"), WRITER)
    bigquery.up(expected("a", "b"))
    assert caplog.messages == [
        f"dev/d.yaml:5:51: grants {VIEWER} on dataset d to user:a@example.com",
        f"dev/d.yaml:5:73: grants {VIEWER} on dataset d to user:b@example.com",
        f"dev/d.yaml:4:3: revokes {VIEWER} on dataset d from user:old@example.com",
    ]


def test_loss_that_leaves_something_has_the_line_that_leaves_it(bigquery: BigQuery, caplog: pytest.LogCaptureFixture):
    bigquery.make(ROBOT, ENGINEERS, WRITER, reader("b"))
    grant = Grant(VIEWER, ("user:a@example.com", "user:b@example.com"), until=date(2026, 12, 10))
    dataset = Dataset("d", "US", access=(grant,))
    unit = Unit("d", "dev/d.yaml", "D.", ("o@example.com",), datasets=(dataset,))
    bigquery.up(build_declaration(environment(), unit, dataset, DeletionRules(), is_written=True))
    loss = f"revokes {VIEWER} on dataset d from user:b@example.com; the grant until 2026-12-10 stays"
    assert f"dev/d.yaml:5:73: {loss}" in caplog.messages


def test_preview_logs_what_state_and_files_differ_by(bigquery: BigQuery, caplog: pytest.LogCaptureFixture):
    bigquery.make(ROBOT)
    bigquery.up(expected("a"))
    caplog.clear()
    run.declare(is_preview=True)
    assert bigquery.resource.pending(news(expected("b")))
    assert caplog.messages == [
        f"dev/d.yaml:5:51: grants {VIEWER} on dataset d to user:b@example.com",
        f"dev/d.yaml:4:3: revokes {VIEWER} on dataset d from user:a@example.com",
    ]


def test_preview_without_fivetrans_account_says_that_it_is_incomplete(
    bigquery: BigQuery, caplog: pytest.LogCaptureFixture
):
    run.declare(is_preview=True)
    unknown = news(expected(), Unknown())
    run.declare(datasets={expected().id: expected()}, access_lists={"d": (ROBOT, ENGINEERS, WRITER)})
    bigquery.resource._provider.check({}, unknown)
    assert caplog.messages == [
        "dev/d.yaml:3:1: this preview is incomplete: the run also grants roles/bigquery.dataEditor on dataset d to "
        "Fivetran's service account, which Fivetran creates with the group. "
        f"It revokes that role from serviceAccount:{ACCOUNT}, unless that is the same account"
    ]


def test_member_that_google_denies_fails_its_line_and_no_other(bigquery: BigQuery):
    bigquery.make(ROBOT, reader("old"))
    bigquery.gcp("PUT", "/unknown-members", {"members": ["b@example.com"]})
    bigquery.up(expected("a", "b", "bb"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), reader("bb"), WRITER)
    message = (
        f"dev/d.yaml:5:73: Google denies {VIEWER} for user:b@example.com on dataset d: there is no such account in "
        "Google\n    Remove or correct the member"
    )
    assert run.outcomes.failures()["dev/d.yaml"].startswith(message)
    # The next run tries again, until the file says otherwise or the account is there.
    assert bigquery.resource.pending(news(expected("a", "b", "bb")))
    bigquery.gcp("PUT", "/unknown-members", {"members": []})
    bigquery.up(expected("a", "b", "bb"))
    assert reader("b") in bigquery.access()
    assert not bigquery.resource.pending(news(expected("a", "b", "bb")))


def test_fivetrans_new_account_is_waited_for_until_google_knows_it(bigquery: BigQuery, clock: FastClock):
    bigquery.make(ROBOT)
    bigquery.gcp("PUT", "/unknown-members", {"members": [ACCOUNT]})
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            bigquery.gcp("PUT", "/unknown-members", {"members": []})

    run.access_lists = AccessLists(sleep)
    bigquery.up(expected("a"))
    assert slept == [2, 5]
    assert run.outcomes.failures() == {}
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), WRITER)


def test_members_that_google_denies_unnamed_are_found_one_by_one(bigquery: BigQuery):
    bigquery.make({"role": "OWNER", "specialGroup": "projectOwners"}, reader("old"), VIEW)
    bigquery.gcp("PUT", "/forbidden-members", {"members": ["b@example.com", "robot@p.iam.gserviceaccount.com"]})
    bigquery.up(expected("a", "b"))
    owners = {"role": "OWNER", "specialGroup": "projectOwners"}
    assert bigquery.access() == listed(owners, ENGINEERS, reader("a"), WRITER, VIEW)
    failures = run.outcomes.failures()
    assert ":5:73: Google denies" in failures["dev/d.yaml"]
    assert "a policy of the organisation does not allow it" in failures["dev/d.yaml"]
    assert "serviceAccount:robot@p.iam.gserviceaccount.com on dataset d" in failures["dev/environment.yaml"]


def test_list_that_google_denies_for_another_reason_is_an_error(bigquery: BigQuery):
    bigquery.make(ROBOT)
    denied = {"method": "PATCH", "code": "INVALID_ARGUMENT", "error": "No.", "times": 0}
    bigquery.gcp("POST", "/faults", denied)
    message = failure(bigquery.up, expected("a"))
    assert message == (
        "dev/d.yaml:3:1: BigQuery, project p: the access list of the dataset d cannot be written: Google answered 400 "
        "invalid: No"
    )


def test_write_keeps_a_concurrent_view_and_revokes_a_concurrent_member(bigquery: BigQuery):
    bigquery.make(ROBOT)
    late = {"view": {"projectId": "shared", "datasetId": "late", "tableId": "v"}}
    bigquery.gcp("POST", "/datasets/p/d/after-next/read", {"add": late})
    bigquery.gcp("POST", "/datasets/p/d/after-next/read", {"add": reader("late")})  # the second one
    bigquery.up(expected("a"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), WRITER, late)


def test_list_that_others_keep_writing_is_an_error(bigquery: BigQuery):
    bigquery.make(ROBOT)
    bigquery.gcp("POST", "/datasets/p/d/after-next/read", {"add": reader("x"), "times": 0})
    message = failure(bigquery.up, expected("a"))
    assert message.startswith(
        "dev/d.yaml:3:1: other processes changed the access list of the dataset d during all 8 attempts"
    )


def test_lost_answer_of_a_write_is_not_an_error(bigquery: BigQuery):
    bigquery.make(ROBOT)
    bigquery.gcp("POST", "/faults", {"method": "PATCH", "after": True})
    bigquery.up(expected("a"))
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), WRITER)


def test_refresh_shows_what_is_ours_and_was_changed(bigquery: BigQuery, new_run: Callable[..., None]):
    bigquery.make(ROBOT, VIEW)
    bigquery.up(expected("a"))
    state = bigquery.resource.state
    new_run()
    bigquery.gcp("POST", "/datasets/p/d/access", {**VIEW, "view": {**VIEW["view"], "tableId": "w"}})
    bigquery.resource.refresh()
    assert bigquery.resource.state == state
    new_run()
    bigquery.gcp("DELETE", "/datasets/p/d/access", reader("a"))
    bigquery.gcp("POST", "/datasets/p/d/access", reader("curious"))
    bigquery.gcp("DELETE", "/datasets/p/d/access", WRITER)
    bigquery.resource.refresh()
    there = bigquery.resource.state
    assert f"{VIEWER} for user:curious@example.com" in there["entries"]
    assert f"{VIEWER} for user:a@example.com" not in there["entries"]
    assert "writer" not in there
    assert bigquery.up(expected("a"))
    new_run()
    bigquery.resource.refresh()
    assert bigquery.resource.state == state
    assert bigquery.access() == listed(
        ROBOT, ENGINEERS, reader("a"), WRITER, VIEW, {**VIEW, "view": {**VIEW["view"], "tableId": "w"}}
    )


def test_refresh_reads_ahead_once(bigquery: BigQuery):
    bigquery.make(ROBOT)
    bigquery.gcp("DELETE", "/calls")
    run.access_lists.expect("p", ["d", "gone"])
    assert run.access_lists.read("p", "gone") is None
    assert run.access_lists.read("p", "d") is not None
    reads = [call for call in bigquery.gcp("GET", "/calls") if call["method"] == "GET"]
    assert [call["count"] for call in reads] == [2]


def test_access_of_a_missing_dataset_is_removed_from_state(bigquery: BigQuery, new_run: Callable[..., None]):
    bigquery.make(ROBOT)
    bigquery.up(expected())
    bigquery.gcp("DELETE", "/datasets/p/d")
    message = failure(bigquery.up, expected("a"))
    assert message == "dev/d.yaml:3:1: the dataset d does not exist any more: run again with --refresh"
    bigquery.resource.refresh()
    assert not bigquery.resource.id


def test_group_that_bigquery_stores_with_another_address_is_not_drift(
    bigquery: BigQuery, new_run: Callable[..., None], caplog: pytest.LogCaptureFixture
):
    bigquery.make(ROBOT)
    bigquery.gcp("PUT", "/aliases", {ENGINEERS["groupByEmail"]: "all@example.org"})
    bigquery.up(expected())
    kept = f"BigQuery stores {VIEWER} for workgroup:data/all on dataset d as group:all@example.org; no action is needed"
    assert [message for message in caplog.messages if " stores " in message] == [f"dev/environment.yaml: {kept}"]
    state = bigquery.resource.state
    bigquery.writes()
    new_run()
    bigquery.resource.refresh()
    assert bigquery.resource.state == state
    assert not bigquery.up(expected())
    assert bigquery.up(expected("a"))
    assert bigquery.writes() == 1


def test_preview_warns_of_a_deleted_account_with_the_line_that_names_it(
    bigquery: BigQuery, new_run: Callable[..., None], caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    bigquery.make(ROBOT)
    bigquery.up(expected("a", "b"))
    bigquery.gcp("POST", "/deleted-members", {"members": ["user:b@example.com"]})
    new_run()
    bigquery.resource.refresh()
    run.declare(places=Places(tmp_path))
    run.declare(is_preview=True)
    caplog.clear()
    assert bigquery.resource.pending(news(expected("a", "b")))
    (warned,) = [message for message in caplog.messages if "is deleted in Google" in message]
    assert warned.startswith(
        "dev/d.yaml:5:73: the account of user:b@example.com is deleted in Google (the dataset d lists it as deleted:"
    )
    run.declare(is_preview=False)
    bigquery.up(expected("a", "b"))
    assert ":5:73: Google denies" in run.outcomes.failures()["dev/d.yaml"]
    assert bigquery.access() == listed(ROBOT, ENGINEERS, reader("a"), WRITER)


def test_deleting_dataset_access_does_not_change_the_list(bigquery: BigQuery):
    bigquery.make(ROBOT)
    bigquery.up(expected("a"))
    before = bigquery.access()
    DatasetAccessProvider().delete("p/d", bigquery.resource.state)
    assert bigquery.access() == before
