"""`reconciler airflow-variables`."""

import io
import json
from pathlib import Path

import pytest

from .workspace import ENVIRONMENT, Workspace


def by_airflow(workspace: Workspace, name: str) -> None:
    workspace.unit(name, schedule={"by": "airflow", "task_id": f"fivetran_{name}"})


def test_airflow_variables_hold_the_connection_id_of_each_unit_that_airflow_starts(workspace: Workspace):
    for name in ("stripe", "jira"):
        by_airflow(workspace, name)
    workspace.unit("other")
    ids = {name: workspace.connection("stripe", {"schema": name}) for name in ("stripe", "jira", "other")}
    ran = workspace.run("airflow-variables")
    assert (ran.code, ran.err) == (0, "")
    assert json.loads(ran.out) == {
        "fivetran_jira_connector_id": ids["jira"],
        "fivetran_stripe_connector_id": ids["stripe"],
    }


def test_airflow_variables_reports_a_connection_that_does_not_exist_yet(workspace: Workspace):
    by_airflow(workspace, "stripe")
    ran = workspace.run("airflow-variables")
    assert (ran.code, json.loads(ran.out)) == (1, {})
    assert ran.err == (
        "fivetran_stripe_connector_id is left out: Fivetran has no such connection yet, "
        "`pulumi up --stack dev` creates it\n"
    )


def test_airflow_variables_covers_all_environments_unless_some_are_named(workspace: Workspace):
    elsewhere = {**ENVIRONMENT["fivetran"], "group": "Prod"}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": elsewhere, "gcp_project": "prod-project"}, "prod")
    by_airflow(workspace, "stripe")
    (workspace.specs / "dev" / "stripe.yaml").rename(workspace.specs / "prod" / "stripe.yaml")
    by_airflow(workspace, "jira")
    group = workspace.admin("POST", "/groups", {"name": "Prod"})["id"]
    config = {"schema": "stripe"}
    stripe = workspace.admin("POST", "/connections", {"service": "stripe", "group_id": group, "config": config})["id"]
    jira = workspace.connection("stripe", {"schema": "jira"})
    both = {"fivetran_jira_connector_id": jira, "fivetran_stripe_connector_id": stripe}
    assert json.loads(workspace.run("airflow-variables").out) == both
    assert json.loads(workspace.run("airflow-variables", "-e", "prod").out) == {"fivetran_stripe_connector_id": stripe}
    assert workspace.run("airflow-variables", "-e", "nope").code == 2


def test_airflow_variables_needs_no_key_with_stack_outputs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    (tmp_path / "dev.json").write_text(json.dumps({"units": {}, "airflow_variables": {"b_connector_id": "b_id"}}))
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"airflow_variables": {"a_connector_id": "a_id"}})))
    ran = workspace.run("airflow-variables", "--from-outputs", "dev.json", "--from-outputs", "-")
    assert ran.code == 0
    assert ran.out == '{\n  "a_connector_id": "a_id",\n  "b_connector_id": "b_id"\n}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "out.json: not JSON"),
        ("[]", "out.json: no output 'airflow_variables': expected what `pulumi stack output --json` prints"),
        ('{"airflow_variables": {"a": 1}}', "out.json: the output 'airflow_variables' has values that are not ids"),
        ('{"airflow_variables": {"a": "other"}}', "out.json: a is other here but one elsewhere"),
    ],
)
def test_airflow_variables_rejects_unusable_outputs_with_one_line(
    workspace: Workspace, tmp_path: Path, text: str, message: str
):
    (tmp_path / "first.json").write_text('{"airflow_variables": {"a": "one"}}')
    (tmp_path / "out.json").write_text(text)
    ran = workspace.run("airflow-variables", "--from-outputs", "first.json", "--from-outputs", "out.json")
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_airflow_variables_rejects_environments_together_with_outputs(workspace: Workspace, tmp_path: Path):
    (tmp_path / "out.json").write_text("{}")
    ran = workspace.run("airflow-variables", "--from-outputs", "out.json", "-e", "dev")
    assert (ran.code, "choose either --environment or --from-outputs" in ran.err) == (2, True)


def test_airflow_variables_names_deletions_when_a_file_pauses_a_unit(workspace: Workspace):
    schedule = {"by": "airflow", "task_id": "fivetran_stripe"}
    by_airflow(workspace, "jira")
    jira = workspace.connection("stripe", {"schema": "jira"})
    workspace.unit("stripe", schedule=schedule, paused="INC-1")
    workspace.connection("stripe", {"schema": "stripe"})
    ran = workspace.run("airflow-variables")
    assert (ran.code, json.loads(ran.out)) == (0, {"fivetran_jira_connector_id": jira})
    assert ran.err == (
        "connectors/dev/stripe.yaml: the Airflow variable fivetran_stripe_connector_id is obsolete: its connection is "
        "paused (INC-1)\n    Run `airflow variables delete fivetran_stripe_connector_id`.\n"
    )
    assert json.loads(workspace.run("airflow-variables", "--deletions").out) == ["fivetran_stripe_connector_id"]


def test_airflow_variables_reads_deletions_from_outputs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    outputs = {"airflow_variables": {"a": "id"}, "airflow_deletions": ["b", "c"]}
    elsewhere = {"airflow_variables": {"b": "moved_here"}, "airflow_deletions": []}
    (tmp_path / "dev.json").write_text(json.dumps(outputs))
    (tmp_path / "prod.json").write_text(json.dumps(elsewhere))
    both = ("--from-outputs", "dev.json", "--from-outputs", "prod.json")
    assert json.loads(workspace.run("airflow-variables", "--deletions", *both).out) == ["c"]
    assert "airflow variables delete c" in workspace.run("airflow-variables", *both).err


@pytest.mark.parametrize("deletions", ["a", [1], {"a": "b"}])
def test_airflow_variables_rejects_deletions_that_are_not_a_list_of_names(
    workspace: Workspace, tmp_path: Path, deletions
):
    (tmp_path / "out.json").write_text(json.dumps({"airflow_variables": {}, "airflow_deletions": deletions}))
    ran = workspace.run("airflow-variables", "--deletions", "--from-outputs", "out.json")
    assert (ran.code, ran.out) == (2, "")
    assert "'airflow_deletions' is not a list of names" in ran.err
