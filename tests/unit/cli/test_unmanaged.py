"""`reconciler unmanaged`."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from .workspace import ENVIRONMENT, Ran, Workspace

IMPORT = "Write their files with `reconciler import -e dev"
IGNORE = "or name them under `ignore` in connectors/dev/environment.yaml\n"


def without_dates(ran: Ran) -> str:
    """Return the output without the times at which the test created its datasets."""
    return re.sub(r"(?m)^(dataset .*?)(: |, )created [0-9-]{10} \(today\)$", r"\1", ran.out)


def test_unmanaged_exits_with_0_when_files_declare_everything(workspace: Workspace):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"})
    workspace.dataset("stripe")
    ran = workspace.run("unmanaged")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "dev: files declare or ignore everything\n"


def test_unmanaged_prints_a_line_each_with_what_writes_a_dataset(workspace: Workspace):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"})
    made = {"created_at": "2025-01-02T03:04:05Z"}
    jira = workspace.connection("jira", {"schema": "jira"}, paused=True, **made)
    sheet = workspace.connection("google_sheets", {"schema": "sheets", "table": "budget"}, setup_state="broken", **made)
    database = workspace.connection("postgres", {"schema_prefix": "app"}, **made)
    for name in ("stripe", "jira", "sheets", "app_public", "app", "lonely"):
        workspace.dataset(name)
    ran = workspace.run("unmanaged", "--today", "2025-01-05")
    assert ran.code == 1
    assert without_dates(ran).splitlines() == [
        f"connection app ({database}): postgres, connected, created 2025-01-02 (3 days ago)",
        f"connection jira ({jira}): jira, connected, paused, created 2025-01-02 (3 days ago)",
        f"connection sheets.budget ({sheet}): google_sheets, broken, created 2025-01-02 (3 days ago)",
        "dataset app",
        f"dataset app_public: written by the connection app ({database})",
        f"dataset jira: written by the connection jira ({jira})",
        "dataset lonely",
        f"dataset sheets: written by the connection sheets.budget ({sheet})",
    ]
    assert ran.err == f"dev: 3 unmanaged connections and 5 unmanaged datasets. {IMPORT} --all --datasets '*'`, {IGNORE}"


def test_unmanaged_names_the_file_of_the_database_that_writes_a_dataset(workspace: Workspace):
    workspace.write(
        "app",
        {
            "description": "x",
            "owners": ["a@example.com"],
            "connector": {"service": "postgres", "destination": {"schema_prefix": "app"}},
            "datasets": {"public": {}},
        },
    )
    workspace.connection("postgres", {"schema_prefix": "app"})
    workspace.dataset("app_public")
    workspace.dataset("app_audit")
    ran = workspace.run("unmanaged")
    assert without_dates(ran) == (
        "dataset app_audit: written by connectors/dev/app.yaml, which does not declare it under `datasets`\n"
    )
    assert ran.err == f"dev: 1 unmanaged dataset. {IMPORT} --datasets '*'`, {IGNORE}"


def test_unmanaged_leaves_out_what_the_environment_ignores(workspace: Workspace):
    ignore = {"services": ["fivetran_log"], "schemas": ["log", "dbt_*", "sheets.draft"]}
    workspace.write("environment", {**ENVIRONMENT, "ignore": ignore})
    workspace.connection("fivetran_log", {"schema": "log"})
    workspace.connection("google_sheets", {"schema": "sheets", "table": "draft"})
    workspace.connection("stripe", {"schema": "dbt_stripe"})
    for name in ("log", "dbt_a", "dbt_stripe"):
        workspace.dataset(name)
    assert workspace.run("unmanaged").code == 0
    workspace.connection("google_sheets", {"schema": "sheets", "table": "final"})
    workspace.dataset("log_2")
    assert [line.split()[1] for line in without_dates(workspace.run("unmanaged")).splitlines()] == [
        "sheets.final",
        "log_2",
    ]


def test_unmanaged_lists_datasets_of_ignored_services(workspace: Workspace):
    workspace.write("environment", {**ENVIRONMENT, "ignore": {"services": ["fivetran_log"]}})
    log = workspace.connection("fivetran_log", {"schema": "log"})
    workspace.dataset("log")
    assert without_dates(workspace.run("unmanaged")) == f"dataset log: written by the connection log ({log})\n"


def test_unmanaged_leaves_out_fivetrans_own_connection(workspace: Workspace):
    workspace.connection("fivetran_log", {"schema": "fivetran_metadata"})
    workspace.dataset("fivetran_metadata")
    assert workspace.run("unmanaged").code == 0


def test_unmanaged_leaves_out_what_a_neighbouring_environment_declares(workspace: Workspace):
    workspace.write("environment", ENVIRONMENT, "test")
    workspace.unit("stripe").rename(workspace.specs / "test" / "stripe.yaml")
    workspace.connection("stripe", {"schema": "stripe"})
    workspace.dataset("stripe")
    assert workspace.run("unmanaged", "-e", "dev").code == 0
    elsewhere = {"group": "Prod", "destination": ENVIRONMENT["fivetran"]["destination"]}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": elsewhere, "gcp_project": "prod-project"}, "test")
    assert workspace.run("unmanaged", "-e", "dev").code == 1


def test_unmanaged_prints_a_json_list_even_if_empty(workspace: Workspace):
    assert json.loads(workspace.run("unmanaged", "--format", "json").out) == []
    jira = workspace.connection("jira", {"schema": "jira"}, created_at="2025-01-02T03:04:05Z")
    workspace.dataset("jira")
    found = json.loads(workspace.run("unmanaged", "--today", "2025-01-05", "--format", "json").out)
    assert datetime.now(UTC) - datetime.fromisoformat(found[1].pop("created_at")) < timedelta(minutes=5)
    assert found == [
        {
            "kind": "connection",
            "id": jira,
            "name": "jira",
            "service": "jira",
            "paused": False,
            "setup_state": "connected",
            "created_at": "2025-01-02T03:04:05.000000Z",
            "age_days": 3,
        },
        {"kind": "dataset", "id": "jira", "written_by": f"the connection jira ({jira})", "age_days": 0},
    ]


def test_unmanaged_reads_the_age_of_no_declared_dataset(workspace: Workspace):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"})
    for name in ("stripe", "lonely"):
        workspace.dataset(name)
    later = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    fault = {"method": "GET", "id": "projects/dev-project/datasets/stripe", "code": "PERMISSION_DENIED", "times": 0}
    workspace.admin("POST", "/gcp/faults", fault)
    ran = workspace.run("unmanaged", "--today", later)
    assert re.fullmatch(r"dataset lonely: created 20[0-9-]{8} \((39|40|41) days ago\)\n", ran.out), ran


def test_unmanaged_annotates_the_environments_file(workspace: Workspace):
    workspace.dataset("lonely")
    ran = workspace.run("unmanaged", "--format", "github")
    assert (ran.code, ran.out[:95]) == (
        1,
        "::warning file=connectors/dev/environment.yaml,line=1,col=1::unmanaged: dataset lonely: created",
    )


def test_unmanaged_only_connections_needs_no_bigquery(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.connection("jira", {"schema": "jira"})
    workspace.dataset("lonely")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    assert len(workspace.run("unmanaged", "--only", "connections").out.splitlines()) == 1


def test_unmanaged_only_datasets_needs_no_fivetran_key(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.dataset("lonely")
    monkeypatch.delenv("FIVETRAN_APIKEY")
    assert without_dates(workspace.run("unmanaged", "--only", "datasets")) == "dataset lonely\n"


def test_unmanaged_names_the_missing_variable_without_a_key(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    ran = workspace.run("unmanaged")
    assert ran.code == 2
    assert ran.err.startswith("Error: FIVETRAN_APIKEY is not set. ")


def test_unmanaged_exits_with_3_when_google_or_fivetran_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.admin("POST", "/gcp/faults", {"method": "GET", "code": "PERMISSION_DENIED", "error": "no.", "times": 0})
    ran = workspace.run("unmanaged")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "Error: connectors/dev/environment.yaml:1:1: BigQuery, project dev-project: the datasets cannot be read: "
        "Google answered 403 accessDenied: no\n"
    )
    monkeypatch.setenv("FIVETRAN_APISECRET", "canary")
    ran = workspace.run("unmanaged")
    assert ran.code == 3
    assert ran.err.startswith("Error: GET /groups: Fivetran answered 401")
    assert "canary" not in ran.err
    assert ran.err.count("\n") == 1


def test_unmanaged_names_the_command_that_creates_a_missing_group(workspace: Workspace):
    workspace.admin("POST", "/reset")
    ran = workspace.run("unmanaged")
    assert ran.code == 3
    assert ran.err.startswith(
        "Error: Fivetran has no group 'Dev' that this API key can see. Run `pulumi up --stack dev` to create it, or "
    )


def test_unmanaged_reports_faulty_files_instead_of_their_connections(workspace: Workspace):
    workspace.write("broken", "descripton: x\n")
    ran = workspace.run("unmanaged")
    assert ran.code == 1
    assert "connectors/dev/broken.yaml:1:1: " in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("", "choose with --environment: dev, test"), ("-e nope", "there is no environment 'nope'")],
)
def test_unmanaged_needs_an_environment_when_there_are_several(workspace: Workspace, arguments: str, message: str):
    workspace.write("environment", ENVIRONMENT, "test")
    ran = workspace.run("unmanaged", *shlex.split(arguments))
    assert ran.code == 2
    assert message in ran.err


def test_unmanaged_makes_two_requests_to_fivetran(workspace: Workspace):
    for number in range(3):
        workspace.connection("stripe", {"schema": f"s{number}"})
    workspace.run("unmanaged")
    assert workspace.requests() == {"GET /v1/groups": 1, "GET /v1/connections": 1}
