"""`reconciler airflow-variables --push` and `--secret-manager`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.unit.airflow.stand_in import PASSWORD, TOKEN, USER, Airflow, serving

from reconciler.airflow.marker import Marker

from .workspace import Ran, Workspace

STRIPE = "fivetran_stripe_connector_id"
JIRA = "fivetran_jira_connector_id"
PLACE = "connectors/dev/stripe.yaml:10:5"


@pytest.fixture(params=[2, 3])
def airflow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    """An Airflow to which a user's variables log in."""
    monkeypatch.setenv("AIRFLOW_USERNAME", USER)
    monkeypatch.setenv("AIRFLOW_PASSWORD", PASSWORD)
    monkeypatch.delenv("AIRFLOW_TOKEN", raising=False)
    with serving(request.param) as served:
        yield served


def by_airflow(workspace: Workspace, name: str = "stripe", **connector: Any) -> str:
    """Write a unit that Airflow starts, and create its connection; return the id."""
    workspace.unit(name, schedule={"by": "airflow", "task_id": f"fivetran_{name}"}, **connector)
    return workspace.connection("stripe", {"schema": name})


def push(workspace: Workspace, airflow: Airflow, *options: str) -> Ran:
    return workspace.run("airflow-variables", "-e", "dev", "--push", airflow.url, *options)


def store(airflow: Airflow, key: str, value: str, owner: str | None = None) -> None:
    description = "" if owner is None else str(Marker(owner, value))
    airflow.variables[key] = {"key": key, "value": value, "description": description}


def values(airflow: Airflow) -> dict[str, str]:
    return {key: each["value"] for key, each in airflow.variables.items()}


def test_airflow_push_creates_variables_once(workspace: Workspace, airflow: Airflow):
    id_ = by_airflow(workspace)
    ran = push(workspace, airflow)
    assert (ran.code, ran.out, ran.err) == (0, f"{PLACE}: created {STRIPE} = {id_}\n", "dev: 1 created\n")
    assert values(airflow) == {STRIPE: id_}
    ran = push(workspace, airflow)
    assert (ran.code, ran.out, ran.err) == (0, "", "dev: nothing changes, 1 variable\n")


def test_airflow_push_shows_what_differs_as_json(workspace: Workspace, airflow: Airflow):
    id_ = by_airflow(workspace)
    store(airflow, STRIPE, "kind_owl", "dev")
    ran = push(workspace, airflow, "--format", "json", "--dry-run")
    assert ran.code == 0
    assert json.loads(ran.out) == [
        {
            "variable": STRIPE,
            "environment": "dev",
            "action": "updated",
            "applied": False,
            "value": id_,
            "before": "kind_owl",
            "text": f"would update {STRIPE}: kind_owl → {id_}",
            "advice": "",
            "file": "connectors/dev/stripe.yaml",
            "line": 10,
            "column": 5,
        }
    ]
    assert values(airflow) == {STRIPE: "kind_owl"}
    assert push(workspace, airflow).out == f"{PLACE}: updated {STRIPE}: kind_owl → {id_}\n"
    assert values(airflow) == {STRIPE: id_}


def test_airflow_push_reports_an_unmarked_variable_and_leaves_it(workspace: Workspace, airflow: Airflow):
    id_ = by_airflow(workspace)
    store(airflow, STRIPE, "kind_owl")
    ran = push(workspace, airflow, "--adopt", "--prune")
    assert (ran.code, ran.err) == (1, "dev: 1 conflict\n")
    assert ran.out == (
        f"{PLACE}: {STRIPE} is not ours: Airflow has kind_owl, the files declare {id_}\n"
        f"    Run `airflow variables delete {STRIPE}`, then push again. Or correct its value and use "
        "--adopt.\n"
    )
    assert values(airflow) == {STRIPE: "kind_owl"}


def test_airflow_push_hides_a_foreign_value_that_is_not_an_id(workspace: Workspace, airflow: Airflow):
    by_airflow(workspace)
    store(airflow, STRIPE, "sk_live_canary")
    for style in ("text", "json", "github"):
        ran = push(workspace, airflow, "--format", style)
        assert (ran.code, "canary" in ran.out + ran.err) == (1, False)


def test_airflow_push_adopts_a_variable_that_is_right(workspace: Workspace, airflow: Airflow):
    id_ = by_airflow(workspace)
    store(airflow, STRIPE, id_)
    ran = push(workspace, airflow, "--prune")
    assert (ran.code, ran.err) == (0, "dev: 1 unmarked\n")
    assert ran.out == (
        f"{PLACE}: notice: {STRIPE} has the right value and is not ours\n    Run again with --adopt to own it.\n"
    )
    assert push(workspace, airflow, "--adopt").out == f"{PLACE}: adopted {STRIPE} = {id_}\n"
    assert push(workspace, airflow, "--adopt").err == "dev: nothing changes, 1 variable\n"
    (workspace.specs / "dev" / "stripe.yaml").unlink()
    assert push(workspace, airflow, "--prune").out == f"deleted {STRIPE}: no unit declares it\n"
    assert airflow.variables == {}


def test_airflow_push_prunes_the_variable_of_a_paused_unit(workspace: Workspace, airflow: Airflow):
    id_ = by_airflow(workspace, paused="INC-1")
    store(airflow, STRIPE, id_, "dev")
    store(airflow, JIRA, "kind_owl", "prod")
    ran = push(workspace, airflow)
    assert (ran.code, ran.err) == (1, "dev: 1 obsolete\n")
    assert "is obsolete: its connection is paused (INC-1)\n    Run again with --prune to delete it.\n" in ran.out
    ran = push(workspace, airflow, "--prune")
    assert (ran.code, ran.err) == (0, "dev: 1 deleted\n")
    assert f": deleted {STRIPE}: its connection is paused (INC-1)\n" in ran.out
    assert values(airflow) == {JIRA: "kind_owl"}


def test_airflow_push_keeps_the_variable_of_a_missing_connection(workspace: Workspace, airflow: Airflow):
    workspace.unit("stripe", schedule={"by": "airflow", "task_id": "fivetran_stripe"})
    store(airflow, STRIPE, "kind_owl", "dev")
    ran = push(workspace, airflow, "--prune")
    assert (ran.code, ran.err) == (1, "dev: 1 missing\n")
    assert ran.out == (
        f"{PLACE}: {STRIPE} is left out: Fivetran has no such connection yet\n"
        "    Run `pulumi up --stack dev` to create it.\n"
    )
    assert values(airflow) == {STRIPE: "kind_owl"}


def test_airflow_push_reports_what_was_done_before_airflow_failed(workspace: Workspace, airflow: Airflow):
    jira = by_airflow(workspace, "jira")
    by_airflow(workspace)
    store(airflow, STRIPE, "kind_owl", "dev")
    airflow.faults = [("PATCH", "quote")]
    ran = push(workspace, airflow)
    assert ran.code == 3
    assert ran.out == f"connectors/dev/jira.yaml:10:5: created {JIRA} = {jira}\n"
    version = "v2" if airflow.version == 3 else "v1"
    assert ran.err.splitlines() == [
        "stopped after 1 change",
        f"Error: PATCH /api/{version}/variables/{STRIPE}: Airflow answered 400: Bad Request; "
        + ("Bearer ****** ****** is odd" if airflow.version == 3 else "Basic ****** ****** is odd"),
    ]
    assert not {PASSWORD, TOKEN} & set(ran.err.split())


def test_airflow_push_reads_the_files_before_it_asks_airflow(workspace: Workspace, airflow: Airflow):
    workspace.write("stripe", "description: [")
    assert push(workspace, airflow).code == 1
    assert airflow.asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--prune", "--prune needs --push or --secret-manager"),
        ("--adopt", "--adopt needs --push or --secret-manager"),
        ("--dry-run", "--dry-run needs --push or --secret-manager"),
        ("--format json", "--format needs --push or --secret-manager"),
        ("--google-access-token", "--google-access-token needs --push or --secret-manager"),
        ("--push https://a.example.com --deletions", "choose either --push or --deletions"),
        ("--push https://a.example.com --from-outputs -", "choose either --push or --from-outputs"),
        ("--push https://a.example.com --secret-manager p", "choose either --push or --secret-manager"),
        ("--secret-manager p --deletions", "choose either --secret-manager or --deletions"),
        ("--secret-manager p --google-audience a", "--google-audience needs --push"),
        ("--push https://a.example.com --google-audience a --google-access-token", "choose either --google-audience"),
        ("--push http://a.example.com", "the address of Airflow is not https"),
    ],
)
def test_airflow_push_rejects_options_that_do_not_go_together(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
):
    monkeypatch.setenv("AIRFLOW_TOKEN", TOKEN)
    ran = workspace.run("airflow-variables", *arguments.split())
    # An error of a command that is to print JSON is JSON.
    is_json = "--format json" in arguments
    printed, other = (json.loads(ran.out)["error"]["message"], ran.out) if is_json else (ran.err, "")
    assert (ran.code, ran.out) == (2, other)
    assert message in printed


def test_airflow_push_without_credentials_says_what_to_set(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    for name in ("AIRFLOW_TOKEN", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    ran = workspace.run("airflow-variables", "--push", "https://airflow.example.com")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Error: no credentials for Airflow\n    Set AIRFLOW_TOKEN, or AIRFLOW_USERNAME and")


def test_airflow_variables_are_written_as_secrets(workspace: Workspace):
    workspace.admin("POST", "/secret-manager/reset")
    by_airflow(workspace)
    secrets = ("airflow-variables", "-e", "dev", "--secret-manager", "dev-project", "--prune")
    assert workspace.run(*secrets).err == "dev: 1 created\n"
    assert workspace.run(*secrets).err == "dev: nothing changes, 1 variable\n"
    state = workspace.admin("GET", "/secret-manager/state")
    assert {name.partition("/")[2]: each for name, each in state.items()} == {
        f"airflow-variables-{STRIPE}": {"1": "ENABLED"}
    }
    (workspace.specs / "dev" / "stripe.yaml").unlink()
    assert workspace.run(*secrets).err == "dev: 1 deleted\n"
    assert workspace.admin("GET", "/secret-manager/state") == {}


def test_unmarked_secret_is_deleted_with_gcloud(workspace: Workspace):
    workspace.admin("POST", "/secret-manager/reset")
    by_airflow(workspace)
    name = f"airflow-variables-{STRIPE}"
    version = {"project": "dev-project", "secret": name, "version": 1, "value": "kind_owl"}
    workspace.admin("PUT", "/secret-manager/versions", {"versions": [version]})
    ran = workspace.run("airflow-variables", "--secret-manager", "dev-project")
    assert (ran.code, f"Run `gcloud secrets delete {name} --project dev-project`" in ran.out) == (1, True)
