"""`reconciler unmanaged`."""

import json
import shlex

import pytest

from .shop import ENVIRONMENT, Shop

IMPORT = "Write their files with `reconciler import -e dev"
IGNORE = "or name them under `ignore` in connectors/dev/environment.yaml\n"


def test_unmanaged_exits_with_0_when_files_declare_everything(shop: Shop):
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"})
    shop.dataset("stripe")
    ran = shop.run("unmanaged")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "dev: files declare or ignore everything\n"


def test_unmanaged_prints_a_line_each_with_what_writes_a_dataset(shop: Shop):
    shop.unit("stripe")
    shop.connection("stripe", {"schema": "stripe"})
    made = {"created_at": "2025-01-02T03:04:05Z"}
    jira = shop.connection("jira", {"schema": "jira"}, paused=True, **made)
    sheet = shop.connection("google_sheets", {"schema": "sheets", "table": "budget"}, setup_state="broken", **made)
    database = shop.connection("postgres", {"schema_prefix": "app"}, **made)
    for name in ("stripe", "jira", "sheets", "app_public", "app", "lonely"):
        shop.dataset(name)
    ran = shop.run("unmanaged")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        f"connection app ({database}): postgres, connected, created 2025-01-02",
        f"connection jira ({jira}): jira, connected, paused, created 2025-01-02",
        f"connection sheets.budget ({sheet}): google_sheets, broken, created 2025-01-02",
        "dataset app",
        f"dataset app_public: written by the connection app ({database})",
        f"dataset jira: written by the connection jira ({jira})",
        "dataset lonely",
        f"dataset sheets: written by the connection sheets.budget ({sheet})",
    ]
    assert ran.err == f"dev: 3 unmanaged connections and 5 unmanaged datasets. {IMPORT} --all --datasets '*'`, {IGNORE}"


def test_unmanaged_names_the_file_of_the_database_that_writes_a_dataset(shop: Shop):
    shop.write(
        "app",
        {
            "description": "x",
            "owners": ["a@example.com"],
            "connector": {"service": "postgres", "destination": {"schema_prefix": "app"}},
            "datasets": {"public": {}},
        },
    )
    shop.connection("postgres", {"schema_prefix": "app"})
    shop.dataset("app_public")
    shop.dataset("app_audit")
    ran = shop.run("unmanaged")
    assert ran.out == (
        "dataset app_audit: written by connectors/dev/app.yaml, which does not declare it under `datasets`\n"
    )
    assert ran.err == f"dev: 1 unmanaged dataset. {IMPORT} --datasets '*'`, {IGNORE}"


def test_unmanaged_leaves_out_what_the_environment_ignores(shop: Shop):
    ignore = {"services": ["fivetran_log"], "schemas": ["log", "dbt_*", "sheets.draft"]}
    shop.write("environment", {**ENVIRONMENT, "ignore": ignore})
    shop.connection("fivetran_log", {"schema": "log"})
    shop.connection("google_sheets", {"schema": "sheets", "table": "draft"})
    shop.connection("stripe", {"schema": "dbt_stripe"})
    for name in ("log", "dbt_a", "dbt_stripe"):
        shop.dataset(name)
    assert shop.run("unmanaged").code == 0
    shop.connection("google_sheets", {"schema": "sheets", "table": "final"})
    shop.dataset("log_2")
    assert [line.split()[1] for line in shop.run("unmanaged").out.splitlines()] == ["sheets.final", "log_2"]


def test_unmanaged_lists_datasets_of_ignored_services(shop: Shop):
    shop.write("environment", {**ENVIRONMENT, "ignore": {"services": ["fivetran_log"]}})
    log = shop.connection("fivetran_log", {"schema": "log"})
    shop.dataset("log")
    assert shop.run("unmanaged").out == f"dataset log: written by the connection log ({log})\n"


def test_unmanaged_leaves_out_fivetrans_own_connection(shop: Shop):
    shop.connection("fivetran_log", {"schema": "fivetran_metadata"})
    shop.dataset("fivetran_metadata")
    assert shop.run("unmanaged").code == 0


def test_unmanaged_leaves_out_what_a_neighbouring_environment_declares(shop: Shop):
    shop.write("environment", ENVIRONMENT, "test")
    shop.unit("stripe").rename(shop.specs / "test" / "stripe.yaml")
    shop.connection("stripe", {"schema": "stripe"})
    shop.dataset("stripe")
    assert shop.run("unmanaged", "-e", "dev").code == 0
    elsewhere = {"group": "Prod", "destination": ENVIRONMENT["fivetran"]["destination"]}
    shop.write("environment", {**ENVIRONMENT, "fivetran": elsewhere, "gcp_project": "prod-project"}, "test")
    assert shop.run("unmanaged", "-e", "dev").code == 1


def test_unmanaged_prints_a_json_list_even_if_empty(shop: Shop):
    assert json.loads(shop.run("unmanaged", "--format", "json").out) == []
    jira = shop.connection("jira", {"schema": "jira"}, created_at="2025-01-02T03:04:05Z")
    shop.dataset("jira")
    assert json.loads(shop.run("unmanaged", "--format", "json").out) == [
        {
            "kind": "connection",
            "id": jira,
            "name": "jira",
            "service": "jira",
            "paused": False,
            "setup_state": "connected",
            "created_at": "2025-01-02T03:04:05.000000Z",
        },
        {"kind": "dataset", "id": "jira", "written_by": f"the connection jira ({jira})"},
    ]


def test_unmanaged_annotates_the_environments_file(shop: Shop):
    shop.dataset("lonely")
    ran = shop.run("unmanaged", "--format", "github")
    assert (ran.code, ran.out) == (
        1,
        "::warning file=connectors/dev/environment.yaml,line=1,col=1::unmanaged: dataset lonely\n",
    )


def test_unmanaged_only_connections_needs_no_bigquery(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.connection("jira", {"schema": "jira"})
    shop.dataset("lonely")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:9")
    assert len(shop.run("unmanaged", "--only", "connections").out.splitlines()) == 1


def test_unmanaged_only_datasets_needs_no_fivetran_key(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.dataset("lonely")
    monkeypatch.delenv("FIVETRAN_APIKEY")
    assert shop.run("unmanaged", "--only", "datasets").out == "dataset lonely\n"


def test_unmanaged_names_the_missing_variable_without_a_key(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    ran = shop.run("unmanaged")
    assert ran.code == 2
    assert ran.err.startswith("Error: FIVETRAN_APIKEY is not set. ")


def test_unmanaged_exits_with_3_when_google_or_fivetran_fails(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.admin("POST", "/gcp/faults", {"method": "GET", "code": "PERMISSION_DENIED", "error": "no.", "times": 0})
    ran = shop.run("unmanaged")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == (
        "Error: connectors/dev/environment.yaml:1:1: BigQuery, project dev-project: the datasets cannot be read: "
        "Google answered 403 accessDenied: no\n"
    )
    monkeypatch.setenv("FIVETRAN_APISECRET", "canary")
    ran = shop.run("unmanaged")
    assert ran.code == 3
    assert ran.err.startswith("Error: GET /groups: Fivetran answered 401")
    assert "canary" not in ran.err
    assert ran.err.count("\n") == 1


def test_unmanaged_names_the_command_that_creates_a_missing_group(shop: Shop):
    shop.admin("POST", "/reset")
    ran = shop.run("unmanaged")
    assert ran.code == 3
    assert ran.err.startswith(
        "Error: Fivetran has no group 'Dev' that this API key can see. Run `pulumi up --stack dev` to create it, or "
    )


def test_unmanaged_reports_faulty_files_instead_of_their_connections(shop: Shop):
    shop.write("broken", "descripton: x\n")
    ran = shop.run("unmanaged")
    assert ran.code == 1
    assert "connectors/dev/broken.yaml:1:1: " in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("", "choose with --environment: dev, test"), ("-e nope", "no environment 'nope' in the specs")],
)
def test_unmanaged_needs_an_environment_when_there_are_several(shop: Shop, arguments: str, message: str):
    shop.write("environment", ENVIRONMENT, "test")
    ran = shop.run("unmanaged", *shlex.split(arguments))
    assert ran.code == 2
    assert message in ran.err


def test_unmanaged_makes_two_requests_to_fivetran(shop: Shop):
    for number in range(3):
        shop.connection("stripe", {"schema": f"s{number}"})
    shop.run("unmanaged")
    assert shop.requests() == {"GET /v1/groups": 1, "GET /v1/connections": 1}
