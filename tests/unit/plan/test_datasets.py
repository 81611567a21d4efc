"""What Preflight makes of what a run has found in BigQuery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.resources.account import Fivetran, as_engine, failure

from reconciler.google.bigquery.access import AccessEntry, DeclaredEntry
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration
from reconciler.google.bigquery.undeclared import UndeclaredDataset
from reconciler.plan.datasets import Findings
from reconciler.plan.preflight import PreflightProvider
from reconciler.resources.run.run import run

provider = PreflightProvider()
FILE = "dev/stripe.yaml"
OWNERS = AccessEntry("OWNER", "specialGroup", "projectOwners")


def declared(*, is_written: bool = False) -> DatasetDeclaration:
    """What the file declares of the dataset `stripe`, owned by the project's owners."""
    entries = (DeclaredEntry(OWNERS, "projectOwners", FILE, "dataset.access[0].members[0]"),)
    return DatasetDeclaration(FILE, "dataset", "stripe", "US", entries, is_written=is_written)


def exists(*, is_written: bool = False) -> Findings:
    return Findings((declared(is_written=is_written),), frozenset({"stripe"}))


def make(fivetran: Fivetran, *access: dict[str, Any]) -> None:
    """A person creates the dataset, owned by the project's owners."""
    fivetran.gcp("PUT", "/datasets/dev-project/stripe", {"access": [OWNERS.as_property(), *access]})


def reads(fivetran: Fivetran) -> int:
    """How often a dataset was read since this was asked last."""
    calls = fivetran.gcp("GET", "/calls")
    fivetran.gcp("DELETE", "/calls")
    return sum(call["count"] for call in calls if call["method"] == "GET")


def props(found: Findings, **datasets: dict[str, Any]) -> dict[str, Any]:
    """Preflight's inputs with what was found, and a unit for each dataset: its declared end."""
    units = {
        name: {"file": f"dev/{name}.yaml", "datasets": {name: "US"}, "dataset_endings": {name: ending}}
        for name, ending in datasets.items()
    }
    common = {"environment_file": "dev/environment.yaml", "environment": "dev", "group": "Group_Dev"}
    found_in = found.as_text()
    return dict(as_engine({**common, "gcp_project": "dev-project", "units": units, "in_bigquery": found_in}))


def check(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """What the engine keeps of the inputs."""
    return dict(provider.check(olds, news).inputs)


def test_new_dataset_that_would_change_is_rejected_and_a_known_one_is_not_read(fivetran: Fivetran, new_run):
    make(fivetran, {"role": "READER", "userByEmail": "a@example.com"})
    found = exists()
    message = failure(check, {}, props(found, stripe={}))
    assert message.startswith(f"{FILE}: the dataset stripe exists and differs from the file:\n")
    assert "access: roles/bigquery.dataViewer for user:a@example.com: BigQuery has it, the file does not" in message
    reads(fivetran)
    fivetran.forget_requests()
    kept = check(props(found, stripe={}), props(found, stripe={}))
    assert "in_bigquery" not in kept
    assert "preview" not in kept
    assert fivetran.requests() == []
    assert reads(fivetran) == 0
    assert "stripe" in run.declared.access_lists


def test_new_dataset_that_does_not_exist_is_not_read(fivetran: Fivetran, new_run):
    reads(fivetran)
    check({}, props(Findings((declared(),)), stripe={}))
    assert reads(fivetran) == 0
    assert "stripe" not in run.declared.access_lists


def test_new_dataset_that_cannot_be_read_is_rejected(fivetran: Fivetran, new_run):
    make(fivetran)
    denied = {"method": "GET", "code": "PERMISSION_DENIED", "error": "Access Denied.", "times": 0}
    fivetran.gcp("POST", "/faults", denied)
    message = failure(check, {}, props(exists(), stripe={}))
    assert message == (
        f"{FILE}: BigQuery, project dev-project: the dataset stripe cannot be read: Google answered 403 "
        "accessDenied: Access Denied"
    )


def test_reason_for_unreadable_datasets_is_reported_once(fivetran: Fivetran, new_run):
    make(fivetran)
    fivetran.gcp("PUT", "/datasets/dev-project/other", {})
    for name in ("stripe", "other"):
        error = f"Access Denied: Dataset dev-project:{name}"
        denied = {"method": "GET", "id": f"*/{name}", "code": "PERMISSION_DENIED", "error": error, "times": 0}
        fivetran.gcp("POST", "/faults", denied)
    both = Findings((declared(), replace(declared(), id="other")), frozenset({"stripe", "other"}))
    message = failure(check, {}, props(both, stripe={}))
    assert message == (
        f"{FILE}: 2 datasets have the same error: BigQuery, project dev-project: the dataset … cannot be read: "
        "Google answered 403 accessDenied: Access Denied: Dataset dev-project:…\n"
        f"    {FILE}: the dataset stripe\n    {FILE}: the dataset other"
    )


def test_service_account_is_requested_only_when_the_decision_needs_it(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    account = run.account.client().group_service_account(fivetran.group)
    make(fivetran, {"role": "WRITER", "userByEmail": account})
    check({}, props(exists(is_written=True), stripe={}))
    assert f"{FILE}: adopts the dataset stripe as it is" in caplog.text
    make_other = {"access": [OWNERS.as_property(), {"role": "WRITER", "userByEmail": "g@x.iam.gserviceaccount.com"}]}
    fivetran.gcp("PATCH", "/datasets/dev-project/stripe", make_other)
    rejected = failure(check, {}, props(exists(is_written=True), stripe={}))
    assert "roles/bigquery.dataEditor for serviceAccount:g@x.iam.gserviceaccount.com: BigQuery has it" in rejected
    fivetran.gcp("PATCH", "/datasets/dev-project/stripe", {"access": [OWNERS.as_property()]})
    fivetran.forget_requests()
    check({}, props(exists(is_written=True), stripe={}))
    assert [each["route"] for each in fivetran.requests()] == []


def test_undeclared_datasets_are_logged_or_fail_the_run_by_policy(
    fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture
):
    found = (
        UndeclaredDataset("a", None),
        UndeclaredDataset("b", "dev/app.yaml, which does not declare it under `datasets`"),
    )
    check({}, props(Findings(undeclared=found)))
    finding = "dev-project has undeclared datasets: a; b, written by dev/app.yaml, which does not declare it"
    assert f"dev/environment.yaml: {finding}" in caplog.text
    assert run.outcomes.breaches() == {}
    check({}, props(Findings(undeclared=found, forbidden=True, unread=("test",))))
    message = run.outcomes.breaches()["dev/environment.yaml"]
    assert message.startswith(finding)
    assert "(the files of test have problems, so their datasets are listed too)" in message


def test_long_list_of_datasets_names_the_first(fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture):
    check({}, props(Findings(undeclared=tuple(UndeclaredDataset(f"d{number:02}", None) for number in range(23)))))
    assert "d18; d19; and 3 more (list them with `reconciler unmanaged -e dev`). " in caplog.text


def test_undeclared_datasets_include_kept_and_exclude_removed_ones(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    found = Findings(undeclared=(UndeclaredDataset("gone", None), UndeclaredDataset("kept", None)), forbidden=True)
    olds = props(Findings(), gone={"retired": True}, kept={"retired": True, "kept": True})
    check(olds, props(found))
    (message,) = run.outcomes.breaches().values()
    assert "undeclared datasets: kept, kept by `retire` in dev/kept.yaml. " in message
