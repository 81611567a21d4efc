"""`reconciler import`."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.certificates import authority, host_key
from yamllint import linter
from yamllint.config import YamlLintConfig

from reconciler.config import load
from reconciler.config.schema.schemas import SCHEMAS
from reconciler.fivetran.api import FivetranClient
from reconciler.fivetran.public_keys import read_certificates, read_host_keys
from reconciler.model import Certificate, Trust

from .workspace import ENVIRONMENT, Workspace

DONE = {"succeeded_at": "2026-11-24T10:00:00Z"}
ROBOT = "robot@dev-project.iam.gserviceaccount.com"
WITH_POLICY = {
    **ENVIRONMENT,
    "workgroups": "wg-{workgroup}--{subgroup}@example.com",
    "automation": [{"role": "roles/bigquery.dataOwner", "members": [f"serviceAccount:{ROBOT}"]}],
    "default_access": [{"role": "roles/bigquery.dataViewer", "members": ["group:engineers@example.com"]}],
    "labels": {"default": {"realm": "nonprod"}, "required": ["app_code"]},
}
AUTOMATION = {"role": "OWNER", "userByEmail": ROBOT}
DEFAULT = {"role": "READER", "groupByEmail": "engineers@example.com"}


def stripe(workspace: Workspace, schema: str = "stripe", **fields: Any) -> str:
    config = {"schema": schema, "api_key": "canary_api_key"}
    return workspace.connection("stripe", config, **{**DONE, **fields})


def writer(workspace: Workspace) -> dict[str, str]:
    """Return the access entry of Fivetran's service account."""
    answer = httpx.get(
        f"{os.environ['FIVETRAN_API_URL']}/groups/{workspace.group_id}/service-account",
        auth=(os.environ["FIVETRAN_APIKEY"], os.environ["FIVETRAN_APISECRET"]),
    )
    return {"role": "WRITER", "userByEmail": answer.json()["data"]["service_account"]}


def body(workspace: Workspace, name: str) -> list[str]:
    """Return the lines of a file after the one that names its schema."""
    return (workspace.specs / "dev" / f"{name}.yaml").read_text().splitlines()[1:]


def test_import_writes_settings_outside_config_and_the_file_validates(workspace: Workspace):
    settings = {"networking_method": "PrivateLink", "private_link_id": "link_1", "data_delay_sensitivity": "LOW"}
    stripe(workspace, **settings, destination_schema_names="SOURCE_NAMING")
    assert workspace.run("import", "stripe").code == 0
    lines = body(workspace, "stripe")
    first = lines.index("  networking_method: PrivateLink")
    assert lines[first : first + 4] == [
        "  networking_method: PrivateLink",
        "  private_link_id: link_1",
        "  data_delay_sensitivity: LOW",
        "  destination_schema_names: SOURCE_NAMING",
    ]
    assert workspace.run("validate").code == 0


def test_import_writes_the_file_that_a_colleague_would_write(workspace: Workspace):
    workspace.write("environment", WITH_POLICY)
    workspace.dataset(
        "stripe",
        friendlyName="Stripe",
        description="Invoices, for finance.",
        labels={"realm": "nonprod", "app_code": "subplat"},
        access=[
            AUTOMATION,
            DEFAULT,
            writer(workspace),
            {"role": "READER", "groupByEmail": "wg-stripe--data-viewers@example.com"},
            {"role": "READER", "groupByEmail": "wg-finance--default@example.com"},
            {"role": "READER", "userByEmail": "a@example.com"},
            {"role": "projects/dev-project/roles/auditor", "groupByEmail": "auditors@example.com"},
            {"view": {"projectId": "p", "datasetId": "views", "tableId": "v"}},
        ],
    )
    connection = stripe(workspace, sync_frequency=1440, daily_sync_time="04:00", connected_by="user_simulator-key")
    ran = workspace.run("import", "stripe")
    assert (ran.code, ran.out) == (0, "connectors/dev/stripe.yaml: 1 to fill in\n")
    assert ran.err == "dev: 1 written. Look for `fill in:`, then run `reconciler validate -e dev`\n"
    assert body(workspace, "stripe") == [
        "description: Invoices, for finance.",
        "owners: [simulator-key@example.com]",
        "connector:",
        "  service: stripe",
        "  destination: {schema: stripe}",
        "  # Fivetran keeps the values marked `held_by: fivetran`; runs send none of them until a reference replaces "
        "the mark.",
        "  config:",
        "    # fill in: {secret: fivetran-stripe-api-key, version: 1}",
        "    api_key: {held_by: fivetran}",
        "    historical_sync_time_frame: ALL_TIME",
        '  schedule: {by: fivetran, daily_at: "04:00"}',
        f"  adopt: {connection}",
        "dataset:",
        "  friendly_name: Stripe",
        "  labels: {app_code: subplat}",
        "  access:",
        "    - role: projects/dev-project/roles/auditor",
        "      members: [group:auditors@example.com]",
        "    - role: roles/bigquery.dataViewer",
        "      members: [workgroup:finance, workgroup:stripe/data-viewers, user:a@example.com]",
    ]
    assert workspace.run("validate").code == 0


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403, "body": {"code": "Forbidden", "message": "no"}},
        {"status": 404, "body": {"code": "NotFound_User", "message": "gone"}},
        {"status": 200, "body": {"code": "Success", "data": {"id": "u", "email": "left@example.com", "active": False}}},
    ],
    ids=["may not be seen", "deleted", "inactive"],
)
def test_import_names_the_creator_as_owner_only_if_active_and_visible(workspace: Workspace, answer: dict[str, Any]):
    stripe(workspace, connected_by="user_simulator-key")
    workspace.admin("POST", "/faults", {"kind": "status", "path": "^/v1/users/", "count": None, **answer})
    assert workspace.run("import", "stripe").code == 0
    assert "owners: [fill-in@example.com]" in body(workspace, "stripe")


def test_import_marks_unknown_values_and_the_file_is_valid(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    workspace.write("environment", {**WITH_POLICY, "policy": {"expiry": {"required": True}}})
    workspace.dataset("stripe", access=[AUTOMATION, DEFAULT, writer(workspace)])
    connection = stripe(workspace, schedule_type="manual", paused=True)
    ran = workspace.run("import", connection)
    assert (ran.code, ran.out) == (0, "connectors/dev/stripe.yaml: 7 to fill in\n")
    assert body(workspace, "stripe") == [
        "# fill in: a sentence, which BigQuery shows too",
        "description: Fill in what this data is and who uses it.",
        "# fill in: the address of an owner",
        "owners: [fill-in@example.com]",
        "connector:",
        "  service: stripe",
        "  destination: {schema: stripe}",
        "  # Fivetran keeps the values marked `held_by: fivetran`; runs send none of them until a reference replaces "
        "the mark.",
        "  config:",
        "    # fill in: {secret: fivetran-stripe-api-key, version: 1}",
        "    api_key: {held_by: fivetran}",
        "    historical_sync_time_frame: ALL_TIME",
        "  # fill in: the Airflow task that starts the syncs",
        "  schedule: {by: airflow, task_id: fivetran_stripe}",
        "  # fill in: the reason; without this key it runs",
        "  paused: Fill in why it is paused.",
        f"  adopt: {connection}",
        "dataset:",
        "  # As in BigQuery. Without this line a run writes the description above.",
        '  description: ""',
        "  labels:",
        "    # fill in: a label that dev requires",
        "    app_code: fill-in",
        "# fill in: the last day, in quotes, or the reason why there is none",
        'expires: {never: "fill in why this does not expire, or write a date in place of this"}',
    ]
    validated = workspace.run("validate")
    assert validated.code == 0
    notices = (validated.out + validated.err).count("is a placeholder")
    assert notices == 5, "one for each of the texts above that a user has to replace"


def test_import_declares_every_live_grant_and_comments_on_deleted_members(workspace: Workspace):
    ends = {
        "title": "until 2099-12-31",
        "expression": 'request.time < timestamp("2100-01-01T00:00:00Z")',
        "description": "DATA-1",
    }
    hours = {"title": "office hours", "expression": "request.time.getHours() < 18"}
    gone = "old@dev-project.iam.gserviceaccount.com"
    workspace.dataset(
        "stripe",
        access=[
            {"role": "OWNER", "specialGroup": "projectOwners"},
            {"role": "READER", "specialGroup": "projectReaders"},
            {"role": "READER", "userByEmail": "b@example.com", "condition": ends},
            {"role": "READER", "userByEmail": "c@example.com", "condition": hours},
            {"role": "roles/bigquery.dataViewer", "iamMember": "principalSet://iam.googleapis.com/x"},
            {"role": "READER", "userByEmail": gone},
        ],
    )
    workspace.admin("POST", "/gcp/deleted-members", {"members": [f"serviceAccount:{gone}"]})
    stripe(workspace)
    assert workspace.run("import", "stripe").code == 0
    lines = body(workspace, "stripe")
    at = lines.index("dataset:")
    comment = " ".join(line.strip("# ") for line in lines[at - 3 : at])
    assert comment.startswith("Access in BigQuery that this file lacks and a run would revoke: - roles/bigquery.data")
    assert f" for deleted:serviceAccount:{gone}?uid=" in comment
    assert comment.endswith(": the account is deleted")
    assert lines[lines.index("  access:") + 1 :] == [
        "    - role: roles/bigquery.dataOwner",
        "      members: [projectOwners]",
        "    - role: roles/bigquery.dataViewer",
        "      members: [user:b@example.com]",
        "      ticket: DATA-1",
        '      until: "2099-12-31"',
        "    - role: roles/bigquery.dataViewer",
        "      members: [user:c@example.com]",
        "      condition:",
        "        title: office hours",
        "        expression: request.time.getHours() < 18",
        "    - role: roles/bigquery.dataViewer",
        '      members: ["principalSet://iam.googleapis.com/x", projectReaders]',
    ]
    assert workspace.run("validate").code == 0


def test_import_marks_a_dataset_without_default_access_as_sensitive(workspace: Workspace):
    workspace.write("environment", WITH_POLICY)
    workspace.dataset("stripe", access=[AUTOMATION])
    stripe(workspace)
    workspace.run("import", "stripe")
    assert "  sensitive: true" in body(workspace, "stripe")


def test_import_adds_no_default_access_to_a_dataset_open_to_the_project(workspace: Workspace):
    workspace.write("environment", WITH_POLICY)
    workspace.dataset("stripe", access=[AUTOMATION, {"role": "READER", "specialGroup": "projectReaders"}])
    stripe(workspace)
    workspace.run("import", "stripe")
    lines = body(workspace, "stripe")
    assert "  default_access: false" in lines
    assert "  sensitive: true" not in lines
    assert workspace.run("validate").code == 0


def test_import_writes_one_file_for_a_dataset_that_connections_share(workspace: Workspace):
    workspace.dataset("sheets", description="Budgets.")
    for table in ("a", "b"):
        config = {"schema": "sheets", "table": table, "sheet_id": "x", "named_range": table}
        workspace.connection("google_sheets", config, **DONE)
    ran = workspace.run("import", "sheets.a")
    assert [line.partition(":")[0] for line in ran.out.splitlines()] == [
        "connectors/dev/sheets.yaml",
        "connectors/dev/sheets_a.yaml",
    ]
    assert body(workspace, "sheets")[0] == "description: Budgets."
    assert "dataset: sheets" in body(workspace, "sheets_a")
    assert workspace.run("import", "sheets.b").out.startswith("connectors/dev/sheets_b.yaml")
    assert "dataset: sheets" in body(workspace, "sheets_b")
    assert workspace.run("validate").code == 0
    assert workspace.run("unmanaged").code == 0


def test_import_declares_the_datasets_that_a_database_writes(workspace: Workspace):
    config = {"schema_prefix": "app", "host": "h", "database": "d", "user": "u", "password": "canary"}
    connection = workspace.connection("postgres", config, **DONE)
    workspace.connection("postgres", {**config, "schema_prefix": "app_public"}, **DONE)
    for name in ("app_public", "app_audit", "app_public_x", "other"):
        workspace.dataset(name, description=name, access=[writer(workspace)])
    assert workspace.run("import", connection).code == 0
    lines = body(workspace, "app")
    assert lines[0] == "description: app_audit"
    assert lines[lines.index("datasets:") :] == ["datasets:", "  audit: {}", "  public:", "    description: app_public"]
    fleet = load(workspace.specs, workspace.specs.parent).fleet("dev")
    assert {dataset.id for dataset in fleet.units[0].datasets} == {"app_audit", "app_public"}
    assert "canary" not in "\n".join(lines)


def test_import_declares_trusted_certificates_and_host_keys(workspace: Workspace):
    key, ca = host_key(), authority("Example CA")
    [certificate] = read_certificates(ca.pem)
    config = {"schema_prefix": "shop", "host": "db.example.com", "password": "canary"}
    id_ = workspace.connection("postgres", config, **DONE)
    with FivetranClient.from_environment() as client:
        encoded = str(certificate.encoded)
        client.approve("certificates", id_, hash_=certificate.hash, encoded_cert=encoded)
        client.approve("fingerprints", id_, hash_="test_hash", public_key=f"{key} fivetran user key")
        client.approve("fingerprints", id_, hash_="other", public_key="canary")
    assert workspace.run("import", "shop").code == 0
    text = (workspace.specs / "dev" / "shop.yaml").read_text()
    assert f"- {certificate.hash}: CN=Example CA" in text
    assert "fill in: 1 approved certificates or host keys could not be read" in text
    assert "canary" not in text
    [unit] = load(workspace.specs, workspace.specs).fleet("dev").units
    assert unit.connector is not None
    assert unit.connector.trust == Trust((Certificate(certificate.hash),), tuple(read_host_keys(key)))


def test_import_declares_only_tables_and_columns_that_a_user_configured(workspace: Workspace):
    stripe(workspace)
    chosen = stripe(workspace, "chosen")
    api = os.environ["FIVETRAN_API_URL"]
    auth = (os.environ["FIVETRAN_APIKEY"], os.environ["FIVETRAN_APISECRET"])
    for connection in workspace.admin("GET", "/snapshot")["connections"]:
        path = f"{api}/connections/{connection['id']}/schemas/reload"
        httpx.post(path, json={}, auth=auth).raise_for_status()
    schemas = httpx.get(f"{api}/connections/{chosen}/schemas", auth=auth).json()["data"]["schemas"]
    (schema,) = schemas
    tables = {
        "customer": {"enabled": True, "columns": {"email": {"enabled": True, "hashed": True}}},
        "charge": {"enabled": False},
    }
    change = {"schema_change_handling": "ALLOW_COLUMNS", "schemas": {schema: {"enabled": True, "tables": tables}}}
    httpx.patch(f"{api}/connections/{chosen}/schemas", json=change, auth=auth).raise_for_status()
    assert workspace.run("import", "--all").code == 0
    assert "  sync:" not in body(workspace, "stripe")
    fleet = load(workspace.specs, workspace.specs.parent).fleet("dev")
    connector = next(unit.connector for unit in fleet.units if unit.name == "chosen")
    assert connector is not None
    assert connector.sync is not None
    assert (connector.sync.new, connector.sync.others) == ("allow_columns", "keep")
    declared = connector.sync.schemas[schema].tables
    assert "charge" not in declared
    assert declared["customer"].columns == {"email": "hashed"}
    assert declared["invoice"].included


def test_import_finds_the_airflow_task_whose_variable_holds_the_id(workspace: Workspace, tmp_path: Path):
    connection = stripe(workspace, schedule_type="manual")
    variables = tmp_path / "variables.json"
    variables.write_text(json.dumps({"hourly_stripe_connector_id": connection, "x": 1, "no name_connector_id": "y"}))
    workspace.run("import", "stripe", "--airflow-variables", str(variables))
    assert "  schedule: {by: airflow, task_id: hourly_stripe}" in body(workspace, "stripe")
    variables.write_text("[]")
    assert (
        "expected an object" in workspace.run("import", "stripe", "--airflow-variables", str(variables), "--force").err
    )
    variables.write_text("{")
    assert workspace.run("import", "stripe", "--airflow-variables", str(variables), "--force").code == 2


def test_import_names_a_new_airflow_task_when_another_file_has_it(workspace: Workspace):
    workspace.write("environment", {**ENVIRONMENT, "fivetran": {**ENVIRONMENT["fivetran"], "group": "Prod"}}, "prod")
    workspace.unit("x", schedule={"by": "airflow", "task_id": "fivetran_stripe"}).rename(
        workspace.specs / "prod" / "x.yaml"
    )
    stripe(workspace, schedule_type="manual")
    assert workspace.run("import", "-e", "dev", "stripe").code == 0
    assert "  schedule: {by: airflow, task_id: fivetran_stripe_dev}" in body(workspace, "stripe")
    workspace.write("environment", {**ENVIRONMENT, "gcp_project": "prod-project"}, "prod")


def test_import_selects_by_name_id_and_pattern(workspace: Workspace):
    workspace.write("environment", {**ENVIRONMENT, "ignore": {"schemas": ["stripe_draft"]}})
    workspace.unit("stripe_a")
    for name in ("stripe_a", "stripe_b", "stripe_c", "stripe_draft", "fivetran_metadata"):
        stripe(workspace, name)
    zoom = workspace.connection("zoom", {"schema": "zoom"}, **DONE)

    def chosen(*patterns: str) -> list[str]:
        ran = workspace.run("import", "--stdout", *patterns)
        assert ran.code == 0, ran.err
        return [line.removeprefix("# ") for line in ran.out.splitlines() if line.endswith(".yaml")]

    assert chosen("stripe_*") == ["stripe_b.yaml", "stripe_c.yaml"]
    assert chosen("stripe_b", zoom) == ["stripe_b.yaml", "zoom.yaml"]
    assert chosen("--all") == ["stripe_b.yaml", "stripe_c.yaml", "zoom.yaml"]
    assert chosen("stripe_draft", "fivetran_metadata") == ["fivetran_metadata.yaml", "stripe_draft.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name what to import: connections, --all or --datasets PATTERN"),
        (["--all", "x"], "name what to import"),
        (["stripr"], "no connection in the group Dev is called 'stripr': did you mean stripe?"),
        (
            ["x*"],
            "no connection in the group Dev is called 'x*': run `reconciler unmanaged -e dev` to list the connections",
        ),
        (["here"], "is already declared: connectors/dev/here.yaml"),
        (["her*"], "every connection called 'her*' is already declared, or ignored"),
        (["--datasets", "nope"], "no dataset in dev-project is called 'nope'"),
        (["--datasets", "her*"], "no unmanaged dataset in dev-project is called 'her*'"),
        (["stripe", "--stdout", "--output", "x"], "choose either --stdout or --output"),
    ],
)
def test_import_writes_nothing_when_a_selection_is_wrong(workspace: Workspace, arguments: list[str], message: str):
    workspace.unit("here")
    stripe(workspace)
    stripe(workspace, "here")
    workspace.dataset("here")
    before = sorted(workspace.specs.rglob("*"))
    ran = workspace.run("import", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert sorted(workspace.specs.rglob("*")) == before


def test_import_overwrites_a_file_only_with_force(workspace: Workspace):
    stripe(workspace)
    stripe(workspace, "other")
    (workspace.specs / "dev" / "other.yaml").write_text("description: mine\nowners: [a@example.com]\ndataset: {}\n")
    ran = workspace.run("import", "stripe", "other")
    assert ran.code == 0, "a file of another thing is not in the way: the new one is called by its id too"
    written = {line.partition(":")[0] for line in ran.out.splitlines()}
    assert "connectors/dev/stripe.yaml" in written
    assert body(workspace, "other") == ["owners: [a@example.com]", "dataset: {}"]
    (workspace.specs.parent / "elsewhere").mkdir()
    (workspace.specs.parent / "elsewhere" / "stripe.yaml").write_text("mine\n")
    ran = workspace.run("import", "stripe", "--output", "elsewhere", "--stdout")
    assert ran.code == 2
    again = workspace.run("import", "stripe")
    assert (again.code, again.out) == (2, "")
    assert "is already declared" in again.err
    assert workspace.run("import", "stripe", "--force").out.startswith("connectors/dev/stripe.yaml: ")


def test_import_writes_no_file_when_one_exists(workspace: Workspace):
    stripe(workspace)
    stripe(workspace, "other")
    folder = workspace.specs.parent / "elsewhere"
    folder.mkdir()
    (folder / "stripe.yaml").write_text("mine\n")
    ran = workspace.run("import", "--all", "--output", "elsewhere")
    assert (ran.code, ran.out) == (2, "")
    assert "these files exist already: elsewhere/stripe.yaml. Overwrite them with --force" in ran.err
    assert [file.name for file in folder.iterdir()] == ["stripe.yaml"]
    assert workspace.run("import", "--all", "--output", "elsewhere", "--force").code == 0
    assert sorted(file.name for file in folder.iterdir()) == ["other.yaml", "stripe.yaml"]
    first = (folder / "stripe.yaml").read_text().splitlines()[0]
    assert (folder / first.partition("$schema=")[2]).resolve() == SCHEMAS / "unit.schema.json"


def test_import_writes_datasets_without_a_connector(workspace: Workspace):
    workspace.dataset("backups_eu", location="EU", friendlyName="Backups", defaultTableExpirationMs=7_200_000)
    workspace.dataset("backups_us")
    workspace.dataset("other")
    ran = workspace.run("import", "--datasets", "backups_*")
    assert ran.out.count("\n") == 2
    lines = body(workspace, "backups_eu")
    assert "  location: EU" in lines
    assert "  friendly_name: Backups" in lines
    assert "  default_table_expiration_ms: 7200000" in lines
    assert workspace.run("validate").code == 0
    assert [line for line in workspace.run("unmanaged").out.splitlines() if "other" not in line] == []


@pytest.mark.parametrize(("name", "stem"), [("Backups", "backups"), ("environment", "dataset_environment")])
def test_import_writes_the_id_of_a_dataset_that_no_file_name_can_spell(workspace: Workspace, name: str, stem: str):
    workspace.dataset(name)
    assert f"dataset {name}" in workspace.run("unmanaged").out
    ran = workspace.run("import", "--datasets", name)
    assert (ran.code, ran.out.startswith(f"connectors/dev/{stem}.yaml")) == (0, True)
    assert f"  id: {name}" in body(workspace, stem)
    assert workspace.run("validate").code == 0
    assert f"dataset {name}" not in workspace.run("unmanaged").out


def test_import_numbers_files_of_datasets_that_differ_only_in_case(workspace: Workspace):
    for name in ("Backups", "backups", "BACKUPS"):
        workspace.dataset(name)
    workspace.run("import", "--datasets", "*")
    files = sorted(file.stem for file in (workspace.specs / "dev").iterdir() if file.stem != "environment")
    assert files == ["backups", "backups_2", "backups_3"]
    assert workspace.run("validate").code == 0
    assert "  id: BACKUPS" in body(workspace, "backups_2")


def test_import_leaves_out_dataset_settings_when_bigquery_fails(workspace: Workspace):
    workspace.dataset("stripe", friendlyName="Stripe")
    workspace.admin("POST", "/gcp/faults", {"method": "GET", "code": "PERMISSION_DENIED", "error": "no.", "times": 0})
    stripe(workspace)
    ran = workspace.run("import", "stripe")
    assert ran.code == 0
    assert ran.err.startswith(
        "notice: connectors/dev/environment.yaml:1:1: BigQuery, project dev-project: the dataset stripe cannot be "
        "read: Google answered 403 accessDenied: no. Datasets "
    )
    lines = body(workspace, "stripe")
    assert "# BigQuery could not be read: this file lacks the dataset's settings and access." in lines
    assert lines[-1] == "dataset: {}"
    assert workspace.run("import", "--datasets", "x").code == 3


def test_import_marks_settings_that_the_environment_forbids(workspace: Workspace):
    workspace.write("environment", {**ENVIRONMENT, "policy": {"undeclared_datasets": "forbidden"}})
    config = {"schema_prefix": "app", "host": "h", "database": "d", "user": "u", "password": "x"}
    workspace.connection("postgres", config, **DONE)
    assert workspace.run("import", "--all").code == 0
    lines = "\n".join(body(workspace, "app"))
    assert "# fill in: in Fivetran it is allow_all, and dev forbids datasets that no file declares" in lines
    assert "new: allow_columns" in lines
    assert workspace.run("validate").code == 0


def test_import_prints_one_file_exactly_as_it_writes_it(workspace: Workspace):
    stripe(workspace)
    text = workspace.run("import", "stripe", "--stdout").out
    assert workspace.run("import", "stripe").code == 0
    assert (workspace.specs / "dev" / "stripe.yaml").read_text() == text
    assert workspace.run("import", "stripe", "--stdout").out == text


def test_import_writes_two_files_when_two_connections_spell_one_name(workspace: Workspace):
    sheet = {"sheet_id": "x", "named_range": "y", **{}}
    workspace.connection("google_sheets", {"schema": "a", "table": "b_c", **sheet}, **DONE)
    second = workspace.connection("google_sheets", {"schema": "a_b", "table": "c", **sheet}, **DONE)
    workspace.run("import", "--all")
    assert {"a_b_c.yaml", f"a_b_c_{second}.yaml"} <= {file.name for file in (workspace.specs / "dev").iterdir()}
    assert workspace.run("validate").code == 0


def test_import_only_reads_and_makes_few_requests(workspace: Workspace):
    for number in range(3):
        stripe(workspace, f"s{number}", connected_by="user_simulator-key")
    before = workspace.admin("GET", "/snapshot?secrets=true")
    workspace.run("import", "--all")
    assert workspace.admin("GET", "/snapshot?secrets=true") == before
    assert workspace.requests() == {
        "GET /v1/groups": 1,
        "GET /v1/connections": 1,
        "GET /v1/connections/{connection_id}": 3,
        "GET /v1/connections/{connection_id}/schemas": 3,
        "GET /v1/groups/{group_id}/service-account": 1,
        "GET /v1/users/{user_id}": 1,
    }


def test_import_writes_files_that_pass_yamllint(workspace: Workspace):
    workspace.write("environment", WITH_POLICY)
    stripe(workspace, schedule_type="manual", paused=True)
    text = workspace.run("import", "stripe", "--stdout").out
    config = YamlLintConfig((SCHEMAS.parent / ".yamllint.yaml").read_text())
    assert list(linter.run(text, config)) == []


def test_import_writes_nothing_when_fivetran_fails(workspace: Workspace):
    stripe(workspace)
    workspace.admin(
        "POST", "/faults", {"kind": "status", "status": 403, "path": "^/v1/connections/[^/]+$", "count": None}
    )
    ran = workspace.run("import", "--all")
    assert ran.code == 3
    assert ran.err.count("\n") == 1
    assert [file.name for file in (workspace.specs / "dev").iterdir()] == ["environment.yaml"]
