"""What Fleet makes of what a run has found in BigQuery."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.datasets import Findings, Meeting, Undeclared
from reconciler.datasets.takeover import Loss
from reconciler.provider.fleet import FleetProvider
from reconciler.provider.session import session

from .account import Fivetran, as_engine, failure

provider = FleetProvider()
FILE = "dev/stripe.yaml"
LOSS = Loss("roles/bigquery.dataViewer for user:a@example.com")
MEETING = Meeting(FILE, "stripe", losses=(LOSS,))


def props(found: Findings, **datasets: dict[str, Any]) -> dict[str, Any]:
    """Fleet's inputs with what was found, and a unit for each dataset: what was said of its end."""
    units = {
        name: {"file": f"dev/{name}.yaml", "datasets": {name: "US"}, "dataset_endings": {name: ending}}
        for name, ending in datasets.items()
    }
    said = {"environment_file": "dev/environment.yaml", "environment": "dev", "group": "Group_Dev"}
    found_in = found.as_text()
    return dict(as_engine({**said, "gcp_project": "dev-project", "units": units, "in_bigquery": found_in}))


def check(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """What the engine keeps of the inputs."""
    return dict(provider.check(olds, news).inputs)


def test_a_new_dataset_that_would_change_is_refused_and_a_known_one_is_ours(fivetran: Fivetran, run):
    found = Findings((MEETING,))
    assert failure(check, {}, props(found, stripe={})).startswith(f"{FILE}: the dataset stripe exists and differs")
    kept = check(props(found, stripe={}), props(found, stripe={}))
    assert "in_bigquery" not in kept
    fivetran.forget_requests()
    check(props(found, stripe={}), props(found, stripe={}))
    assert fivetran.requests() == []


def test_fivetrans_service_account_is_asked_for_where_that_tells_something(
    fivetran: Fivetran, run, caplog: pytest.LogCaptureFixture
):
    account = session.client().group_service_account(fivetran.group)
    writes = Loss(f"roles/bigquery.dataEditor for serviceAccount:{account}", f"serviceAccount:{account}", account)
    meeting = Meeting(FILE, "stripe", is_written=True, writers=(account,), losses=(writes,))
    check({}, props(Findings((meeting,)), stripe={}))
    assert f"{FILE}: takes over the dataset stripe as it is" in caplog.text
    other = Meeting(FILE, "stripe", is_written=True, writers=("g@x",), losses=(Loss("w", "serviceAccount:g@x", "g@x"),))
    assert "access: w: BigQuery has it" in failure(check, {}, props(Findings((other,)), stripe={}))
    fivetran.forget_requests()
    check({}, props(Findings((Meeting(FILE, "stripe", is_written=True),)), stripe={}))
    assert [each["route"] for each in fivetran.requests()] == []


def test_datasets_in_no_file_are_told_or_fail_the_run_as_the_policy_says(
    fivetran: Fivetran, run, caplog: pytest.LogCaptureFixture
):
    found = (Undeclared("a", None), Undeclared("b", "dev/app.yaml, which does not declare it under `datasets`"))
    check({}, props(Findings(undeclared=found)))
    told = "dev-project has datasets that no file declares: a; b, written by dev/app.yaml, which does not declare it"
    assert f"dev/environment.yaml: {told}" in caplog.text
    assert session.against_policy() == {}
    check({}, props(Findings(undeclared=found, forbidden=True, unread=("test",))))
    said = session.against_policy()["dev/environment.yaml"]
    assert said.startswith(told)
    assert "(the files of test have faults: what those declare is not known)" in said


def test_of_very_many_the_first_are_named(fivetran: Fivetran, run, caplog: pytest.LogCaptureFixture):
    check({}, props(Findings(undeclared=tuple(Undeclared(f"d{number:02}", None) for number in range(23)))))
    assert "d18; d19, and 3 more, which `reconciler unmanaged` names." in caplog.text


def test_a_project_that_cannot_be_listed_is_no_project_without_findings(fivetran: Fivetran, run):
    check({}, props(Findings(unlisted="Access Denied", forbidden=True)))
    assert session.against_policy() == {
        "dev/environment.yaml": "whether dev-project has datasets that no file declares cannot be seen: Access Denied"
    }


def test_what_this_run_removes_is_no_surprise_and_what_it_leaves_behind_is_one(
    fivetran: Fivetran, run, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    found = Findings(undeclared=(Undeclared("gone", None), Undeclared("kept", None)), forbidden=True)
    olds = props(Findings(), gone={"retired": True}, kept={"retired": True, "kept": True})
    check(olds, props(found))
    (said,) = session.against_policy().values()
    assert "no file declares: kept, which dev/kept.yaml leaves behind (`retire` with `data: keep`). " in said
