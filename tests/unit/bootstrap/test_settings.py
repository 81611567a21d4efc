"""The config of the bootstrap: what is read, and everything that is wrong at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.environment_file import email
from bootstrap.problems import InvalidInputError
from bootstrap.settings import Function, read_settings

TEXTS = {
    "project": "example-ci",
    "location": "us",
    "buckets": "example-state",
    "organisation_id": "1001",
    "repository_id": "2002",
    "default_branch": "main",
}
FILE = """\
gcp_project: example-{name}
automation:
  - role: roles/bigquery.dataOwner
    members: [serviceAccount:reconciler@example-{name}.iam.gserviceaccount.com]
project_access:
  - role: roles/bigquery.jobUser
    members: [group:data@example.com]
policy:
  pulumi_config: forbidden
"""


@pytest.fixture
def connectors(tmp_path: Path) -> Path:
    """A folder with two environments."""
    for name in ("dev", "prod"):
        (tmp_path / "connectors" / name).mkdir(parents=True)
        write(tmp_path / "connectors", name, FILE.format(name=name))
    return tmp_path / "connectors"


def write(connectors: Path, name: str, text: str) -> None:
    (connectors / name / "environment.yaml").write_text(text)


def problems(connectors: Path, environments: Any, **texts: str | None) -> list[str]:
    """The first lines of what is wrong."""
    with pytest.raises(InvalidInputError) as caught:
        read_settings({**TEXTS, **texts}, environments, connectors)
    assert all(len(str(each).splitlines()) == 2 for each in caught.value.problems)
    return [str(each).splitlines()[0] for each in caught.value.problems]


def test_settings_take_projects_and_roles_from_the_environments_files(connectors: Path):
    functions = [{"name": "casa", "region": "us-east4"}, {"name": "b", "region": "us", "project": "other-one"}]
    settings = read_settings(TEXTS, {"dev": {"functions": functions}, "prod": None}, connectors)
    dev, prod = settings.environments
    assert (dev.file.gcp_project, dev.file.secrets_project) == ("example-dev", "example-dev")
    assert dev.file.granted_roles == ("roles/bigquery.jobUser", "roles/bigquery.user")
    assert dev.functions == (Function("casa", "us-east4", "example-dev"), Function("b", "us", "other-one"))
    assert (prod.preview_account, prod.apply_account) == ("reconciler-preview", "reconciler")
    assert settings.repository.ref == "refs/heads/main"


def test_settings_report_everything_that_is_wrong_at_once(connectors: Path):
    write(connectors, "dev", FILE.format(name="other"))
    environments = {"dev": {"accounts": 1, "functions": [{"name": "casa"}]}, "preview-dev": {}, "prod": {}}
    assert problems(connectors, environments, repository_id="REPOSITORY_ID", location=None) == [
        "config: `location` is missing: where state and key are kept, such as us, eu or us-east4",
        "config: `repository_id`: expected the number of the repository: `gh api repos/OWNER/NAME --jq .id`",
        "config: environments.dev: unknown key `accounts`",
        "config: environments.dev.functions[0]: expected `name`, `region`, and perhaps `project` and `generation`",
        "config: environments.preview-dev: expected at most 20 lower-case letters, digits and hyphens,"
        " not beginning with `preview-`",
    ]


@pytest.mark.parametrize("environments", [None, {}, [], "dev"])
def test_settings_need_environments(connectors: Path, environments: Any):
    assert problems(connectors, environments) == [
        "config: `environments`: expected a mapping with a key for each environment"
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("default_branch", 'main" || true || "'),
        ("default_branch", "refs heads"),
        ("repository_id", "007"),
        ("repository_id", '1" || "1" == "1'),
        ("organisation_id", "example"),
        ("project", "Example"),
        ("location", "US"),
        ("buckets", "gs://state"),
    ],
)
def test_settings_reject_values_that_are_not_ids_or_names(connectors: Path, key: str, value: str):
    assert [line.partition(":")[2][:20] for line in problems(connectors, {"dev": {}}, **{key: value})] == [
        f" `{key}`: expected"[:20]
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "policy:\n  pulumi_config: forbidden\n",
            "policy: {removal: file}\n",
            "8:9: files may refer to the stack's config, which the identity of previews can decrypt",
        ),
        (
            "pulumi_config: forbidden",
            "pulumi_config: allowed",
            "9:18: files may refer to the stack's config, which the identity of previews can decrypt",
        ),
        (
            "dataOwner",
            "dataViewer",
            "3:3: serviceAccount:reconciler@example-dev.iam.gserviceaccount.com is not roles/bigquery.dataOwner of the"
            " datasets, so that its runs could not change them",
        ),
        (
            "roles/bigquery.jobUser",
            "roles/owner",
            "6:3: runs would grant roles/owner, which can grant every other role",
        ),
        (
            "roles/bigquery.jobUser",
            "roles/resourcemanager.projectIamAdmin",
            "6:3: runs would grant roles/resourcemanager.projectIamAdmin, which can grant every other role",
        ),
    ],
)
def test_settings_need_files_that_fit_the_identities(connectors: Path, old: str, new: str, expected: str):
    write(connectors, "dev", FILE.format(name="dev").replace(old, new))
    assert problems(connectors, {"dev": {}}) == [f"connectors/dev/environment.yaml:{expected}"]


def test_settings_report_files_that_are_missing_or_not_yaml(connectors: Path):
    write(connectors, "dev", "gcp_project: [")
    assert problems(connectors, {"dev": {}, "other": {}}) == [
        "connectors/dev/environment.yaml: not valid YAML",
        "connectors/other/environment.yaml: no such file",
    ]


def test_settings_keep_environments_of_one_project_apart(connectors: Path):
    write(connectors, "prod", FILE.format(name="dev"))
    assert problems(connectors, {"dev": {"secrets_prefix": "a"}, "prod": {"secrets_prefix": "ab"}}) == [
        "config: environments.prod: has the same project and accounts as `dev`",
        "config: environments.prod: could read the secrets of `dev`: both are in example-dev",
    ]
    write(connectors, "prod", FILE.format(name="dev").replace("reconciler@", "applies@"))
    apart = {"apply_account": "applies", "preview_account": "reads-only", "secrets_prefix": "b"}
    read_settings(TEXTS, {"dev": {"secrets_prefix": "a"}, "prod": apart}, connectors)


def test_settings_keep_secrets_in_other_projects_apart(connectors: Path):
    dev = {"other_secrets_projects": ["example-shared"], "secrets_prefix": "dev-"}
    prod = {"other_secrets_projects": ["example-shared"], "secrets_prefix": "prod-"}
    settings = read_settings(TEXTS, {"dev": dev, "prod": prod}, connectors)
    assert settings.environments[0].secrets_projects == {"example-dev", "example-shared"}
    assert problems(connectors, {"dev": dev, "prod": {**prod, "secrets_prefix": "dev-"}}) == [
        "config: environments.prod: could read the secrets of `dev`: both are in example-shared"
    ]
    assert problems(connectors, {"dev": {"other_secrets_projects": ["No"], "functions": "casa"}}) == [
        "config: environments.dev: `functions`: expected a list",
        "config: environments.dev: other_secrets_projects: 'No' is not the id of a project",
    ]


def test_settings_need_two_accounts_for_an_environment(connectors: Path):
    assert problems(connectors, {"dev": {"preview_account": "reconciler"}}) == [
        "config: environments.dev: the accounts for previews and for `up` are the same"
    ]


def test_settings_take_as_many_roles_as_a_condition_takes(connectors: Path):
    roles = [f"{{role: roles/bigquery.example{number}, members: [group:a@example.com]}}" for number in range(10)]
    start = FILE.format(name="dev").partition("project_access")[0]
    end = "policy: {pulumi_config: forbidden}\n"
    write(connectors, "dev", f"{start}project_access: [{', '.join(roles[:9])}]\n{end}")
    read_settings(TEXTS, {"dev": {}}, connectors)
    write(connectors, "dev", f"{start}project_access: [{', '.join(roles)}]\n{end}")
    assert problems(connectors, {"dev": {}}) == [
        "connectors/dev/environment.yaml:5:17: more than 9 roles in addition to roles/bigquery.user;"
        " an IAM condition allows 10"
    ]


def test_address_of_an_account_in_a_project_of_a_domain():
    assert email("reconciler", "example.com:data") == "reconciler@data.example.com.iam.gserviceaccount.com"
