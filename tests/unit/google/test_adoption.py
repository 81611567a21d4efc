"""Adopting a dataset: what it would change, and when it is rejected."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from reconciler.google.bigquery.adoption import DatasetDecision, compare_dataset
from reconciler.google.bigquery.api import LiveDataset
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration, build_declaration
from reconciler.lifecycle.removal import DeletionRules
from reconciler.model import Dataset, DatasetAdopt, Destination, Environment, Grant, Unit

FILE = "connectors/dev/d.yaml"
VIEWER = "roles/bigquery.dataViewer"
ENVIRONMENT = Environment(
    "dev",
    "connectors/dev/environment.yaml",
    "p",
    "Dev",
    Destination("US", "GCP_US_EAST4", "0"),
    workgroups="wg-{workgroup}--{subgroup}@example.com",
    automation=(Grant("roles/bigquery.dataOwner", ("serviceAccount:robot@p.iam.gserviceaccount.com",)),),
    default_access=(Grant(VIEWER, ("group:engineers@example.com",)),),
)
TODAY = date(2026, 12, 1)
#: Empty fields count as absent.
BLANK: dict[str, Any] = {
    **dict.fromkeys(("role", "domain", "groupByEmail", "iamMember", "specialGroup", "userByEmail"), ""),
    **{block: {} for block in ("view", "routine", "dataset", "condition")},
}
ROBOT = {**BLANK, "role": "OWNER", "userByEmail": "robot@p.iam.gserviceaccount.com"}
ENGINEERS = {**BLANK, "role": "READER", "groupByEmail": "engineers@example.com"}
FIVETRAN = {**BLANK, "role": "WRITER", "userByEmail": "g-x@fivetran-production.iam.gserviceaccount.com"}
ACCOUNT = str(FIVETRAN["userByEmail"])


def decide(
    *accesses: dict[str, Any],
    writer: str | None = ACCOUNT,
    is_written: bool = False,
    live: dict[str, Any] | None = None,
    contents: bool = False,
    environment: Environment = ENVIRONMENT,
    **declared: Any,
) -> DatasetDecision:
    """The decision on a dataset with these entries, with the declaration as JSON in between, as Preflight gets it."""
    dataset = Dataset("d", "US", **declared)
    unit = Unit("d", FILE, "D.", ("o@example.com",), datasets=(dataset,))
    expected = build_declaration(environment, unit, dataset, DeletionRules(contents=contents), is_written=is_written)
    assert DatasetDeclaration.from_json(json.loads(json.dumps(expected.as_json()))) == expected
    unset: dict[str, Any] = {
        **dict.fromkeys(("friendly_name", "description", "default_table_expiration_ms")),
        "labels": {},
    }
    existing = LiveDataset(id="d", location="US", access=accesses, **{**unset, **(live or {})})
    return compare_dataset(expected, existing, TODAY).decide(writer, lambda file, path: f"{file} {path}")


def test_adoption_is_accepted_with_views_when_the_dataset_matches():
    view = {**BLANK, "view": {"projectId": "p", "datasetId": "v", "tableId": "t"}}
    same = decide(ROBOT, ENGINEERS, view)
    assert same.rejection is None
    assert list(same.notices) == [f"{FILE} dataset: adopts the dataset d as it is"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"role": "READER", "groupByEmail": "wg-sub--ops@example.com"}, f"{VIEWER} for workgroup:sub/ops"),
        ({"role": "OWNER", "specialGroup": "projectOwners"}, "roles/bigquery.dataOwner for projectOwners"),
        ({"role": "projects/p/roles/x", "domain": "example.com"}, "projects/p/roles/x for domain:example.com"),
        ({"role": "READER", "newKind": "x"}, 'the entry {"newKind": "x", "role": "READER"}'),
        (
            {
                "role": "READER",
                "userByEmail": "a@example.com",
                "condition": {
                    "title": "until 2027-01-31",
                    "expression": 'request.time < timestamp("2027-02-01T00:00:00Z")',
                },
            },
            f"{VIEWER} for user:a@example.com until 2027-01-31",
        ),
        (
            {"role": "READER", "userByEmail": "a@example.com", "condition": {"title": "t", "expression": "false"}},
            f"{VIEWER} for user:a@example.com on the condition false",
        ),
        (FIVETRAN, f"roles/bigquery.dataEditor for serviceAccount:{ACCOUNT}"),
    ],
)
def test_adoption_is_rejected_and_names_each_member_that_loses_access(entry: dict[str, Any], words: str):
    rejection = decide(ROBOT, ENGINEERS, {**BLANK, **entry}).rejection or ""
    assert rejection.startswith(f"{FILE} dataset: the dataset d exists and differs from the file:\n")
    assert f"\n    access: {words}: BigQuery has it, the file does not\n" in rejection
    assert rejection.count("\n    access: ") == 1


def test_adoption_reports_an_added_owner_without_rejection():
    readers = (Grant(VIEWER, ("user:a@example.com",)),)
    entry = {**BLANK, "role": "READER", "userByEmail": "a@example.com"}
    taken = decide(entry, environment=replace(ENVIRONMENT, automation=(), default_access=()), access=readers)
    assert taken.rejection is None
    assert "roles/bigquery.dataOwner for projectOwners: the file has it, BigQuery does not" in "".join(taken.notices)


def test_adoption_is_rejected_when_a_member_of_the_file_gains_access():
    rejection = decide(access=(Grant(VIEWER, ("user:a@example.com",)),)).rejection or ""
    assert [line.strip() for line in rejection.splitlines() if "access: " in line] == [
        f"access: {VIEWER} for group:engineers@example.com: the file has it, BigQuery does not "
        "(connectors/dev/environment.yaml default_access[0].members[0])",
        f"access: {VIEWER} for user:a@example.com: the file has it, BigQuery does not "
        f"({FILE} dataset.access[0].members[0])",
    ]
    sensitive = decide(sensitive=True)
    assert sensitive.rejection is None
    assert "robot@" in "".join(sensitive.notices)


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        ({"default_table_expiration_ms": 3_600_000}, {}),
        ({}, {"default_table_expiration_ms": 3_600_000}),
        ({"contents": True}, {}),
    ],
)
def test_adoption_is_rejected_when_the_deletion_of_data_changes(declared: dict[str, Any], live: dict[str, Any]):
    assert decide(ROBOT, ENGINEERS, live=live, **declared).rejection
    allowed = decide(ROBOT, ENGINEERS, live=live, adopt=DatasetAdopt(apply_changes=True), **declared)
    assert allowed.rejection is None
    assert "adopts the dataset d and changes it:" in "".join(allowed.notices)


def test_adoption_reports_labels_and_texts_without_rejection():
    live = {"friendly_name": "Old", "labels": {"team": "a", "theirs": "kept"}}
    decision = decide(ROBOT, ENGINEERS, live=live, description="New.", labels={"team": "b", "realm": "dev"})
    assert decision.rejection is None
    assert list(decision.notices) == [
        f"{FILE} dataset: adopts the dataset d and changes it:"
        f"\n    friendly_name: the file says none, BigQuery has 'Old' ({FILE} dataset.friendly_name)"
        f"\n    description: the file says 'New.', BigQuery has none ({FILE} dataset.description)"
        f"\n    labels.realm: the file says 'dev', BigQuery has none ({FILE} dataset.labels.realm)"
        f"\n    labels.team: the file says 'b', BigQuery has 'a' ({FILE} dataset.labels.team)"
    ]


@pytest.mark.parametrize(
    ("entry", "entry_text"),
    [
        (
            {**ENGINEERS, "condition": {"title": "t", "expression": "false", "description": "", "location": ""}},
            "group:engineers@example.com on the condition false",
        ),
        (
            {**BLANK, "role": "READER", "iamMember": "deleted:serviceAccount:old@p.iam.gserviceaccount.com?uid=1"},
            "deleted:serviceAccount:old@p.iam.gserviceaccount.com?uid=1",
        ),
        (
            {
                **BLANK,
                "role": "READER",
                "userByEmail": "a@example.com",
                "condition": {
                    "title": "until 2026-11-30",
                    "expression": 'request.time < timestamp("2026-12-01T00:00:00Z")',
                },
            },
            "user:a@example.com until 2026-11-30",
        ),
    ],
)
def test_adoption_counts_no_loss_for_an_entry_that_grants_nothing(entry: dict[str, Any], entry_text: str):
    decision = decide(ROBOT, ENGINEERS, entry)
    assert decision.rejection is None
    assert f"{entry_text}: BigQuery has it, the file does not, and it has no effect" in "".join(decision.notices)


def test_adoption_is_rejected_until_revokes_names_each_service_account():
    anne = {**BLANK, "role": "READER", "userByEmail": "anne@example.com"}
    job = {**BLANK, "role": "READER", "userByEmail": "job@p.iam.gserviceaccount.com"}
    rejection = decide(ROBOT, ENGINEERS, anne, job, adopt=DatasetAdopt(apply_changes=True)).rejection or ""
    assert "`revokes: [serviceAccount:job@p.iam.gserviceaccount.com]`" in rejection
    assert "anne" not in rejection
    revokes = ("serviceAccount:Job@p.iam.gserviceaccount.com", "serviceAccount:gone@p.iam.gserviceaccount.com")
    named = decide(ROBOT, ENGINEERS, anne, job, adopt=DatasetAdopt(apply_changes=True, revokes=revokes))
    assert named.rejection is None
    assert list(named.notices)[1:] == [
        f"{FILE} dataset.adopt.revokes: `adopt.revokes` names {revokes[1]}, which loses no access to the dataset d"
    ]


def test_adoption_is_rejected_when_only_revokes_is_declared():
    job = {**BLANK, "role": "READER", "userByEmail": "job@p.iam.gserviceaccount.com"}
    assert decide(ROBOT, job, adopt=DatasetAdopt(revokes=("serviceAccount:job@p.iam.gserviceaccount.com",))).rejection


@pytest.mark.parametrize(
    ("writer", "is_written", "lost"),
    [
        (ACCOUNT, True, False),
        ("g-other@fivetran-production.iam.gserviceaccount.com", True, True),
        ("", True, True),  # the group is yet to be made
        (None, True, False),  # unknown
        (ACCOUNT, False, True),
    ],
)
def test_adoption_keeps_the_entry_of_fivetran_when_it_writes_the_dataset(
    writer: str | None, is_written: bool, lost: bool
):
    rejection = decide(ROBOT, ENGINEERS, FIVETRAN, writer=writer, is_written=is_written).rejection
    assert (rejection is not None) == lost


def test_adoption_reports_an_added_writer():
    decision = decide(ROBOT, ENGINEERS, is_written=True)
    assert decision.rejection is None
    assert f"roles/bigquery.dataEditor for serviceAccount:{ACCOUNT}: the file has it" in "".join(decision.notices)


def test_adoption_matches_an_entry_with_until_to_its_grant():
    grant = Grant(VIEWER, ("user:a@example.com",), ticket="DENG-1", until=date(2027, 1, 31))
    condition = {
        "title": "until 2027-01-31",
        "expression": 'request.time < timestamp("2027-02-01T00:00:00Z")',
        "description": "DENG-1",
        "location": "",
    }
    entry = {**BLANK, "role": "READER", "userByEmail": "a@example.com", "condition": condition}
    assert decide(ROBOT, ENGINEERS, entry, access=(grant,)).rejection is None


def test_adoption_names_members_as_the_files_write_them():
    grant = Grant("roles/bigquery.dataEditor", ("group:WG-sub--ops@example.com",))
    entry = {**BLANK, "role": "READER", "groupByEmail": "wg-sub--ops@example.com"}
    rejection = decide(ROBOT, ENGINEERS, entry, access=(grant,)).rejection or ""
    assert "access: roles/bigquery.dataEditor for group:WG-sub--ops@example.com: the file has it" in rejection
    assert f"access: {VIEWER} for group:WG-sub--ops@example.com: BigQuery has it" in rejection
    assert "workgroup:sub/ops" in (decide(ROBOT, ENGINEERS, entry).rejection or "")


def test_adoption_expects_no_default_access_when_the_file_declines_it():
    assert decide(ROBOT, default_access=False).rejection is None
    assert "group:engineers@example.com: BigQuery has it" in (
        decide(ROBOT, ENGINEERS, default_access=False).rejection or ""
    )
