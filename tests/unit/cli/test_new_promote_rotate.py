"""`new`, `promote`, `rotate` and `--pull-request`."""

from __future__ import annotations

import os
import shutil
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml

from reconciler.config import load
from reconciler.edits import promote as promotion
from reconciler.edits.new import NewUnitRequest, draft
from reconciler.edits.source import Source
from reconciler.etl.metadata import scheduling_snippet
from reconciler.fivetran import catalog

from .test_edits import ENVIRONMENT, TODAY, Folder, folder
from .workspace import Workspace

__all__ = ["folder"]

DAY = date.fromisoformat(TODAY)

SCHEMA = "# yaml-language-server: $schema=../../schemas/unit.schema.json"
PROD = """\
gcp_project: prod-project
fivetran:
  group: Prod
  destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}
automation:
  - {role: roles/bigquery.dataOwner, members: ["serviceAccount:reconciler@prod-project.iam.gserviceaccount.com"]}
default_access: []
labels: {required: [app_code]}
policy:
  expiry: forbidden
  removal: retire
  people: {need: [ticket, until], longest: 14d}
  undeclared_datasets: forbidden
  secret_versions: pinned
"""
SHOP = """\
# yaml-language-server: $schema=../../schemas/unit.schema.json
description: Orders.  # kept
owners: ["owner@example.com"]
connector:
  service: postgres
  destination: {schema_prefix: shop}
  config:
    host: db.example.com
    # who reads
    user: fivetran
    password: {secret: fivetran-shop-password, version: 3}
  schedule: {by: airflow, task_id: fivetran_shop_dev}
datasets:
  public:
    friendly_name: Shop
    access:
      # a person
      - role: roles/bigquery.dataViewer
        members: ["user:a@example.com"]
        ticket: T-1
        until: 2026-12-10
expires: 2026-12-31
"""


@pytest.mark.parametrize("environment", [ENVIRONMENT, PROD])
def test_new_drafts_a_valid_file_for_every_service(folder: Folder, environment: str):
    specs = folder.file.parent.parent
    specs.joinpath("dev", "environment.yaml").write_text(environment)
    folder.file.unlink()
    fleet = load(specs, Path.cwd()).fleet("dev")
    drafts = {
        specs / "dev" / f"{service}.yaml": draft(
            found, NewUnitRequest(service), fleet.environment, "fivetran-", DAY
        ).text
        for service in catalog.known()
        if (found := catalog.find(service)) is not None
    }
    assert len(drafts) > 150
    assert max(len(text.splitlines()) for text in drafts.values()) < 40
    loaded = load(specs, Path.cwd(), DAY, {file: text.encode() for file, text in drafts.items()})
    assert loaded.problems == ()


def test_new_drafts_what_fivetrans_setup_tests_need_of_every_service(workspace: Workspace):
    environment = load(workspace.specs, Path.cwd()).fleet("dev").environment
    messages = {}
    for name in catalog.known():
        service = catalog.find(name)
        # The code of these two is named beside `config`.
        if service is None or name in ("google_cloud_function", "connector_sdk"):
            continue
        drafted = draft(service, NewUnitRequest(name), environment, "fivetran-", DAY)
        connector = yaml.safe_load(drafted.text)["connector"]
        values = {
            key: "a value" if isinstance(value, dict) else value for key, value in connector.get("config", {}).items()
        }
        tests = workspace.setup_tests(name, {**connector["destination"], **values})
        messages[name] = " ".join(each["message"] for each in tests if each["status"] == "FAILED")
        assert drafted.needs_consent or not messages[name], (name, drafted.text)
    assert len(messages) > 150


@pytest.mark.parametrize(
    ("service", "config"),
    [
        (
            "adyen",
            {
                "report_service_api_key": {"secret": "fivetran-adyen-report-service-api-key", "version": 1},
                "web_service_api_key": {"secret": "fivetran-adyen-web-service-api-key", "version": 1},
            },
        ),
        ("twilio", {"sid": "fill-in", "secret": {"secret": "fivetran-twilio-secret", "version": 1}}),
        (
            "mongo",
            {
                "hosts": ["fill-in"],
                "user": "fill-in",
                "password": {"secret": "fivetran-mongo-password", "version": 1},
            },
        ),
    ],
)
def test_new_drafts_what_belongs_to_a_credential(folder: Folder, service: str, config: dict[str, object]):
    assert folder.run("new", service, "--yes").code == 0
    written = yaml.safe_load((folder.file.parent / f"{service}.yaml").read_text())
    assert written["connector"]["config"] == config
    assert ("fill-in" in str(config)) is ("`fill-in` is a placeholder" in folder.run("validate").out)


def test_new_fills_in_references_expiry_and_owner(folder: Folder):
    ran = folder.run("new", "postgres", "--name", "shop", "--owner", "a@example.com", "--task-id", "t_shop", "--yes")
    written = yaml.safe_load((folder.file.parent / "shop.yaml").read_text())
    assert written["owners"] == ["a@example.com"]
    assert written["expires"] == "2027-02-28"
    assert written["connector"]["config"]["password"] == {"secret": "fivetran-shop-password", "version": 1}
    assert "    reconciler secret put -e dev fivetran-shop-password" in ran.err
    assert "      - task_id: t_shop" in ran.err
    assert "connectors/dev/shop.yaml" in ran.err


def test_new_rejects_a_name_that_exists_and_an_unknown_service(folder: Folder):
    assert "the file exists already" in folder.run("new", "stripe", "--yes").err
    assert "Did you mean" in folder.run("new", "postgre").err


@pytest.mark.parametrize("answer", [True, False])
def test_new_names_the_next_steps_unless_the_answer_is_no(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, answer: bool
):
    monkeypatch.setattr("reconciler.cli.edit_files.is_terminal", lambda: True)
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "y" if answer else "n")
    ran = folder.run("new", "github", "--owner", "owner@example.com")
    assert (ran.code, "next:" in ran.err, "not written" in ran.err) == (0, answer, not answer)


def test_new_names_the_link_for_consent(folder: Folder):
    ran = folder.run("new", "google_ads", "--yes")
    assert "    reconciler authorise -e dev google_ads" in ran.err


def promote(folder: Folder, *arguments: str, text: str = SHOP):
    (folder.file.parent / "shop.yaml").write_text(text)
    prod = folder.file.parent.parent / "prod"
    prod.mkdir(exist_ok=True)
    (prod / "environment.yaml").write_text(PROD)
    return folder.run("promote", "shop", *arguments), prod / "shop.yaml"


def test_promote_leaves_out_keys_of_dev_and_adds_keys_that_the_policy_requires(folder: Folder):
    ran, file = promote(folder, "--yes")
    assert ran.code == 0, ran.err
    assert file.read_text() == SHOP.replace("version: 3", "version: 1").replace("shop_dev}", "shop}").replace(
        "expires: 2026-12-31\n", ""
    ).replace(
        "fivetran_shop}\n", "fivetran_shop}\n  sync:\n    new: allow_columns\n    schemas: {public: included}\n"
    ).replace(SHOP[SHOP.index("    access:") : SHOP.index("expires:")], "    labels: {app_code: fill-in}\n")
    assert "    reconciler secret put -e prod fivetran-shop-password" in ran.err
    assert "reconciler grant -e prod shop user:a@example.com --ticket TICKET --for 14d" in ran.err
    assert "      - task_id: fivetran_shop\n" in ran.err


def test_promote_of_a_new_unit_is_what_new_would_write_for_every_service(folder: Folder):
    specs = folder.file.parent.parent
    specs.joinpath("prod").mkdir()
    specs.joinpath("prod", "environment.yaml").write_text(PROD)
    loaded = load(specs, Path.cwd())
    dev, prod = loaded.fleet("dev").environment, loaded.fleet("prod").environment
    for service in catalog.known():
        found = catalog.find(service)
        assert found is not None
        wanted = NewUnitRequest(service, ("owner@example.com",), "Payments.")
        first, other = (draft(found, wanted, each, "fivetran-", DAY).text for each in (dev, prod))
        source = Source.read(first.encode(), f"connectors/dev/{service}.yaml")
        promoted = promotion.promote(source, service, dev, prod, DAY, task_id=None, prefix="fivetran-").source.text
        assert [line for line in promoted.splitlines() if "#" in line] == [
            line for line in other.splitlines() if "#" in line and "fill in: the labels" not in line
        ]
        assert yaml.safe_load(promoted) == yaml.safe_load(other)


def test_promote_names_the_link_for_consent(folder: Folder):
    prod = folder.file.parent.parent / "prod"
    prod.mkdir()
    (prod / "environment.yaml").write_text(PROD.replace("labels: {required: [app_code]}\n", ""))
    folder.run("new", "pinterest_ads", "--name", "ads", "-e", "dev", "--yes")
    folder.commit(folder.text)
    ran = folder.run("promote", "ads", "--yes")
    assert "next:\n    reconciler validate -e prod\n    reconciler authorise -e prod ads\n" in ran.err


def test_promote_keeps_a_comment_that_a_person_changed(folder: Folder):
    text = SHOP.replace("expires:", "# The last day. After it the connector is paused. Ask Ana.\nexpires:")
    ran, file = promote(folder, "--yes", text=text)
    assert ran.code == 0, ran.err
    assert "Ask Ana." in file.read_text()


def test_promote_moves_variables_to_secret_manager_where_versions_are_pinned(folder: Folder):
    ran, file = promote(folder, "--yes", text=SHOP.replace("{secret: fivetran-shop-password, version: 3}", "{env: P}"))
    assert "password: {secret: fivetran-shop-password, version: 1}" in file.read_text()
    assert "reconciler secret put -e prod fivetran-shop-password" in ran.err


def test_promote_names_sql_that_still_reads_dev(folder: Folder, tmp_path: Path):
    query = tmp_path / "etl" / "sql" / "p" / "d" / "t"
    query.mkdir(parents=True)
    (query / "metadata.yaml").write_text("friendly_name: T\n")
    (query / "query.sql").write_text("SELECT 1 FROM `dev-project.shop_public.orders`\n")
    ran, _ = promote(folder, "--yes", "--sql", str(tmp_path / "etl"))
    assert "query.sql:1:16: reads dev-project.shop_public" in ran.err


def test_promote_adds_a_last_day_where_the_policy_requires_one(folder: Folder):
    _, file = promote(folder, "--yes")
    folder.commit(folder.text)
    (folder.file.parent / "shop.yaml").unlink()
    ran = folder.run("promote", "shop", "-e", "prod", "--task-id", "other", "--yes")
    assert ran.code == 0, ran.err
    assert yaml.safe_load((folder.file.parent / "shop.yaml").read_text())["expires"] == "2027-02-28"
    assert "notice: added `expires`: dev requires a last day, 2027-02-28 at the latest" in ran.err
    assert "expires" not in file.read_text()


def test_promote_rejects_a_file_that_exists(folder: Folder):
    promote(folder, "--yes")
    ran, _ = promote(folder, "-e", "dev", "--yes")
    assert "the file exists already" in ran.err


def test_rotate_writes_the_next_version_that_exists(workspace: Workspace):
    file = workspace.unit(config={"api_key": {"secret": "key", "version": 1}})
    before = file.read_text()
    version = {"project": "dev-project", "secret": "key", "version": 1, "value": "one"}
    workspace.admin("PUT", "/secret-manager/versions", {"versions": [version]})
    ran = workspace.run("rotate", "stripe", "--yes")
    assert ran.code == 2
    assert "has no version 2" in ran.err
    assert "reconciler secret put" in ran.err
    workspace.admin("PUT", "/secret-manager/versions", {"versions": [{**version, "version": 2, "value": "two"}]})
    assert workspace.run("rotate", "stripe", "api_key", "--yes").code == 0
    assert file.read_text() == before.replace("version: 1", "version: 2")


def test_rotate_raises_the_version_of_a_variable_and_rejects_other_values(folder: Folder):
    folder.commit(folder.text.replace("{secret: stripe-key, version: 1}", "{env: KEY, version: 4}"))
    assert folder.run("rotate", "stripe", "--yes").code == 0
    assert "api_key: {env: KEY, version: 5}" in folder.text
    folder.commit(folder.text.replace("{env: KEY, version: 5}", "{held_by: fivetran}"))
    assert "Fivetran keeps the value of config.api_key" in folder.run("rotate", "stripe", "--yes").err
    assert "has no reference with this key" in folder.run("rotate", "stripe", "nothing").err


def test_scheduling_snippet_is_what_bigquery_etl_reads():
    assert yaml.safe_load(scheduling_snippet("t")) == {"scheduling": {"depends_on_fivetran": [{"task_id": "t"}]}}


@pytest.fixture
def remote(folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A remote of the folder's repository, and a `gh` that records how it is called."""
    path = tmp_path.parent / f"{tmp_path.name}.git"
    folder.git("init", "-q", "--bare", "-b", "main", str(path))
    folder.git("remote", "add", "origin", str(path))
    folder.git("push", "-q", "origin", "main")
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "A")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "a@example.com")
    return path


def test_pull_request_pushes_a_branch_and_leaves_the_work_tree(folder: Folder, remote: Path):
    (folder.file.parent / "other.txt").write_text("not committed")
    folder.git("add", "-A")
    before = folder.git("status", "--porcelain")
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert "pushed the branch reconciler/extend-stripe-to-2027-01-30; the work tree is as it was" in ran.err
    assert "expires: '2026-12-31'" in folder.text
    assert folder.git("status", "--porcelain") == before
    branch = "reconciler/extend-stripe-to-2027-01-30"
    shown = folder.git("--git-dir", str(remote), "show", "--stat", "--format=%s", branch)
    assert shown.startswith("Extend stripe to 2027-01-30\n")
    assert "1 file changed, 1 insertion(+), 1 deletion(-)" in shown
    again = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert "this change is proposed already" in again.err


def test_pull_request_adds_a_new_file(folder: Folder, remote: Path):
    ran = folder.run("new", "github", "--yes", "--pull-request")
    assert "pushed the branch" in ran.err
    assert "reconciler validate" not in ran.err
    assert not (folder.file.parent / "github.yaml").exists()
    assert "description:" in folder.git(
        "--git-dir", str(remote), "show", "reconciler/add-github-github:connectors/dev/github.yaml"
    )


def test_pull_request_rejects_a_file_that_differs_from_the_default_branch(folder: Folder, remote: Path):
    folder.commit(folder.text.replace("agreed", "not pushed"))
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert "connectors/dev/stripe.yaml: the file differs from origin/main" in ran.err
    assert folder.git("--git-dir", str(remote), "branch", "--list", "reconciler/*") == ""


def test_pull_request_names_what_is_missing(folder: Folder):
    assert "the repository has no remote" in folder.run("extend", "stripe", "30d", "--yes", "--pull-request").err


def put_gh(folder: Folder, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a `gh` on PATH that runs a shell script; return the file to which it can write."""
    tools = Path(f"{Path.cwd()}-tools")
    tools.mkdir()
    (tools / "gh").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("GH_LOG", str(tools / "log"))
    return tools / "log"


BRANCH = "reconciler/extend-stripe-to-2027-01-30"


def test_pull_request_is_opened_with_gh(folder: Folder, remote: Path, monkeypatch: pytest.MonkeyPatch):
    log = put_gh(folder, monkeypatch, 'echo "$@" >"$GH_LOG"; cat >>"$GH_LOG"; echo https://example.com/pull/7')
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert ran.out.endswith("\nhttps://example.com/pull/7\n")
    called = log.read_text()
    assert f"--raw-field head={BRANCH} --raw-field base=main" in called
    assert called.endswith("30 days later than before\n\nFile: connectors/dev/stripe.yaml")


def test_pull_request_names_the_pushed_branch_when_gh_fails(
    folder: Folder, remote: Path, monkeypatch: pytest.MonkeyPatch
):
    put_gh(folder, monkeypatch, "echo 'gh: To use GitHub CLI, run gh auth login' >&2; exit 4")
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert ran.code == 2
    create = f"`gh pr create --head {BRANCH} --base main --fill`"
    assert ran.err.endswith(
        f"gh: To use GitHub CLI, run gh auth login\n    The branch {BRANCH} is pushed: correct that and run {create}.\n"
    )
    assert folder.git("--git-dir", str(remote), "branch", "--list", BRANCH)


def test_pull_request_without_gh_names_the_branch(folder: Folder, remote: Path, monkeypatch: pytest.MonkeyPatch):
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "gh" else found(name))
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert f"gh is not installed: open a pull request from {BRANCH} to main by hand" in ran.err


@pytest.mark.parametrize("where", ["detached", "other branch", "subfolder"])
def test_pull_request_starts_from_the_default_branch_wherever_it_runs(
    folder: Folder, remote: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    if where == "detached":
        folder.git("checkout", "-q", "--detach")
    elif where == "other branch":
        folder.git("checkout", "-q", "-b", "mine")
        folder.git("commit", "-q", "--allow-empty", "-m", "mine alone")
    specs = ["--specs", "."] if where == "subfolder" else []
    monkeypatch.chdir("connectors" if where == "subfolder" else ".")
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request", *specs)
    assert "pushed the branch" in ran.err
    assert folder.git("--git-dir", str(remote), "log", "--format=%s", BRANCH).split("\n")[:2] == [
        "Extend stripe to 2027-01-30",
        "A commit",
    ]


def test_pull_request_pushes_nothing_when_the_files_have_problems(folder: Folder, remote: Path):
    assert folder.run("pause", "stripe", "", "--yes", "--pull-request").code == 1
    assert folder.git("--git-dir", str(remote), "branch", "--list", "reconciler/*") == ""


def test_pull_request_needs_git_and_a_repository(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    shutil.rmtree(".git")
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert (ran.code, "not in a git repository\n    Leave out --pull-request." in ran.err) == (2, True)
    monkeypatch.setenv("PATH", "/nowhere")
    ran = folder.run("extend", "stripe", "30d", "--yes", "--pull-request")
    assert (ran.code, "git: not found\n    Install git" in ran.err) == (2, True)


@pytest.mark.parametrize("task", ["fivetran_shop", None])
def test_new_prints_the_snippet_for_bigquery_etl_when_airflow_starts_the_syncs(folder: Folder, task: str | None):
    ran = folder.run("new", "github", "--yes", *(["--task-id", task] if task else []))
    snippet = "    scheduling:\n      depends_on_fivetran:\n        - task_id: fivetran_shop\n"
    assert ran.err.endswith(snippet) is (task is not None)


def test_new_names_the_code_of_a_custom_connector(folder: Folder):
    ran = folder.run("new", "google_cloud_function", "--name", "casa", "--yes")
    written = yaml.safe_load((folder.file.parent / "casa.yaml").read_text())["connector"]
    assert written["function"] == {"name": "casa", "region": "us-central1"}
    assert written["config"]["secrets_list"][0]["value"] == {"secret": "fivetran-casa-api-key", "version": 1}
    assert "reconciler secret put -e dev fivetran-casa-api-key" in ran.err


def test_new_says_how_to_add_a_service_to_the_catalogue(folder: Folder):
    ran = folder.run("new", "frobnicator", "--yes")
    assert ran.code == 2
    assert "add it with `reconciler services pull frobnicator`" in ran.err


def with_stack(folder: Folder) -> Path:
    """Give the environment a stack for its subfolder `ads`; return the folder."""
    environment = folder.file.parent / "environment.yaml"
    environment.write_text(f"{environment.read_text()}stacks: [ads]\n")
    return folder.file.parent / "ads"


def test_new_writes_into_the_subfolder_of_a_stack(folder: Folder):
    ads = with_stack(folder)
    ran = folder.run("new", "github", "-e", "dev.ads", "--name", "code", "--yes")
    assert ran.code == 0, ran.err
    assert (ads / "code.yaml").read_text().startswith(f"{SCHEMA.replace('../../', '../../../', 1)}\n")
    assert folder.run("new", "github", "-e", "dev.crm", "--name", "other", "--yes").code == 2


def test_promote_fits_the_comment_with_the_schema_to_the_folder(folder: Folder):
    ads = with_stack(folder)
    prod = folder.file.parent.parent / "prod"
    prod.mkdir()
    (prod / "environment.yaml").write_text(PROD)
    ads.mkdir()
    (ads / "shop.yaml").write_text(SHOP.replace("../../", "../../../", 1))
    folder.git("add", ".")
    ran = folder.run("promote", "shop", "--yes")
    assert ran.code == 0, ran.err
    assert (prod / "shop.yaml").read_text().startswith(f"{SCHEMA}\n")


def packed(file: Path) -> Path:
    """Write a ZIP file as `fivetran package` does."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("connector.py", "print('payments')")
    return file


def test_new_takes_the_code_of_a_connector_sdk(folder: Folder, tmp_path: Path):
    ran = folder.run("new", "connector_sdk", "--name", "payments", "--yes")
    assert ran.code == 2
    assert "payments/code.zip: no such file, and connector_sdk runs the code that is in it" in ran.err
    code = packed(tmp_path / "built" / "code.zip")
    ran = folder.run("new", "connector_sdk", "--name", "payments", "--package", str(code), "--yes")
    assert ran.code == 0, ran.err
    assert "Binary file connectors/dev/payments/code.zip added" in ran.out
    assert "reconciler secret put -e dev fivetran-payments-api-key" in ran.err
    dev = folder.file.parent
    assert (dev / "payments" / "code.zip").read_bytes() == code.read_bytes()
    written = yaml.safe_load((dev / "payments.yaml").read_text())["connector"]
    assert written["package"] == "payments/code.zip"
    assert list(written["config"]) == ["secrets_list"]
    packed(dev / "refunds" / "code.zip")
    assert folder.run("new", "connector_sdk", "--name", "refunds", "--yes").code == 0
    assert "only connector_sdk runs code" in folder.run("new", "stripe", "--package", str(code), "--yes").err


def test_propose_takes_the_files_that_a_changed_unit_names(folder: Folder, remote: Path):
    packed(folder.file.parent / "payments" / "code.zip")
    (folder.file.parent / "other.zip").write_text("named by no unit")
    assert "`reconciler propose`" in folder.run("new", "connector_sdk", "--name", "payments", "--pull-request").err
    folder.run("new", "connector_sdk", "--name", "payments", "--yes")
    ran = folder.run("propose", "payments", "--yes")
    assert ran.code == 0, ran.err
    branch = "reconciler/add-payments-in-dev"
    listed = folder.git("--git-dir", str(remote), "diff", "--name-only", "main", branch).split()
    assert listed == ["connectors/dev/payments.yaml", "connectors/dev/payments/code.zip"]


def test_promote_copies_the_files_that_a_unit_names(folder: Folder):
    prod = folder.file.parent.parent / "prod"
    prod.mkdir()
    (prod / "environment.yaml").write_text(PROD)
    code = packed(folder.file.parent / "payments" / "code.zip")
    folder.run("new", "connector_sdk", "--name", "payments", "-e", "dev", "--yes")
    folder.git("add", ".")
    folder.git("commit", "-qm", "payments")
    ran = folder.run("promote", "payments", "--yes")
    assert ran.code == 0, ran.err
    assert (prod / "payments" / "code.zip").read_bytes() == code.read_bytes()


def test_propose_opens_a_pull_request_with_changed_files_alone(folder: Folder, remote: Path):
    folder.run("new", "github", "--name", "code", "--owner", "a@example.com", "--description", "Code.", "--yes")
    (folder.file.parent / "other.txt").write_text("not committed")
    ran = folder.run("propose", "--yes")
    assert ran.code == 0, ran.err
    assert "+++ connectors/dev/code.yaml" in ran.out
    assert "pushed the branch reconciler/add-code-in-dev; the work tree is on this branch now" in ran.err
    assert folder.git("--git-dir", str(remote), "diff", "--stat", "main", "reconciler/add-code-in-dev").startswith(
        " connectors/dev/code.yaml"
    )
    assert folder.git("status", "--porcelain").strip() == "?? connectors/dev/other.txt"
    assert folder.git("branch", "--show-current").strip() == "reconciler/add-code-in-dev"
    assert folder.run("propose", "--yes").err == "nothing to propose: no file is changed\n"


def test_propose_names_placeholders_and_rejects_files_with_problems(folder: Folder, remote: Path):
    folder.run("new", "postgres", "--name", "shop", "--yes")
    assert "connectors/dev/shop.yaml:3:14: `Fill in" in folder.run("propose").err
    folder.file.write_text(f"{folder.text}unknown: 1\n")
    ran = folder.run("propose", "--yes")
    assert ran.code == 1
    assert "not written: 1 problem" in ran.err
    assert folder.git("--git-dir", str(remote), "branch").split() == ["*", "main"]


def test_propose_takes_the_named_units_and_leaves_a_work_tree_that_is_elsewhere(folder: Folder, remote: Path):
    folder.git("commit", "-q", "--allow-empty", "-m", "local")
    folder.file.write_text(folder.text.replace("agreed", "settled"))
    folder.run("new", "github", "--yes")
    assert "no changed file of other" in folder.run("propose", "other").err
    ran = folder.run("propose", "stripe", "--yes", "-m", "Settle it")
    assert "pushed the branch reconciler/settle-it; the work tree is as it was" in ran.err
    assert folder.git("branch", "--show-current").strip() == "main"
    assert len(folder.git("status", "--porcelain").splitlines()) == 2
