"""`reconciler doctor --ci`, on the local GitHub, Cloud Storage, Resource Manager and Cloud KMS."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hub import REPOSITORY, Hub
from tests.hub import hub as serve
from tests.served import served

from reconciler.cli.doctor_ci import CiChecks
from reconciler.config import load
from reconciler.google.iam.policies import IAM, RESOURCE_MANAGER
from reconciler.google.kms import KMS
from reconciler.google.storage import EMULATOR, StateBucket
from reconciler.health.ci_state import FORBIDDEN, NEEDED
from reconciler.model.errors import RemoteError
from simulator.github.state import Settings
from simulator.google.kms import build_kms
from simulator.secret_manager.state import project_number
from simulator.storage.app import build_app
from simulator.storage.state import Bucket, Store

from .workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = load(ROOT / "connectors", ROOT).fleet("dev").environment
KEY = "projects/ci/locations/us/keyRings/pulumi/cryptoKeys/dev"
APPLY = "serviceAccount:reconciler@dev-project.iam.gserviceaccount.com"
MINE = {"role": "roles/storage.objectUser", "members": [APPLY]}


def github_environment(*, reviewers: bool = False) -> dict[str, Any]:
    """An environment that only the branch main may use."""
    rule = {"type": "required_reviewers", "prevent_self_review": True, "reviewers": [{"type": "Team"}]}
    return {
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
        "branch_policies": [{"id": 1, "name": "main", "type": "branch"}],
        "protection_rules": [{"type": "branch_policy"}, *([rule] if reviewers else [])],
    }


def pull_request_rule(**changed: Any) -> dict[str, Any]:
    """A rule that wants pull requests that a code owner approved."""
    parameters = {
        "required_approving_review_count": 1,
        "require_code_owner_review": True,
        "dismiss_stale_reviews_on_push": True,
        "require_last_push_approval": True,
    }
    source = {"ruleset_source_type": "Repository", "ruleset_source": "example/data", "ruleset_id": 5}
    return {"type": "pull_request", **source, "parameters": {**parameters, **changed}}


@dataclass
class Organisation:
    """What the other sides have, all of it as the how-to sets it up."""

    workspace: Workspace
    hub: Hub
    github: Settings
    bucket: Bucket
    keys: dict[str, frozenset[str]]

    def doctor(self, *arguments: str) -> tuple[int, list[str]]:
        ran = self.workspace.run("doctor", "--ci", *arguments)
        assert "Traceback" not in ran.err
        return ran.code, ran.out.splitlines()


@pytest.fixture
def organisation(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organisation]:
    source = {"ruleset_source_type": "Repository", "ruleset_source": "example/data", "ruleset_id": 5}
    checks = {"required_status_checks": [{"context": "review"}, {"context": "make test"}]}
    github = Settings(
        environments={
            "dev": github_environment(),
            "approve-dev": github_environment(reviewers=True),
            "preview-dev": github_environment(),
            "record": github_environment(),
        },
        rules=[
            pull_request_rule(),
            {"type": "required_status_checks", **source, "parameters": checks},
            {"type": "non_fast_forward", **source},
            {"type": "deletion", **source},
        ],
        rulesets={5: {"id": 5, "name": "main", "bypass_actors": []}},
    )
    uniform = {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"}
    about = {
        "versioning": {"enabled": True},
        "iamConfiguration": uniform,
        "projectNumber": str(project_number("dev-project")),
    }
    bucket = Bucket("states", about, [MINE])
    keys = {KEY: frozenset(NEEDED["key"])}
    workspace.admin("PUT", "/gcp/hierarchy/organizations/1", {"bindings": []})
    workspace.admin(
        "PUT", "/gcp/hierarchy/projects/dev-project", {"parent": "organizations/1", "granted": [*NEEDED["project"]]}
    )
    root = workspace.specs.parent
    (root / "Pulumi.yaml").write_text("name: shop\n")
    (root / "Pulumi.dev.yaml").write_text(f"secretsprovider: gcpkms://{KEY}\n")
    with (
        serve(tmp_path / "github") as hub,
        served(build_app(Store({"states": bucket}))) as storage_url,
        served(build_kms(keys)) as kms_url,
    ):
        hub.repository.settings = github
        hub.commit({".github/CODEOWNERS": "* @example/data\n"})
        token = hub.people["carol"]
        variables = {"GITHUB_API_URL": hub.url, "GITHUB_TOKEN": token, "GITHUB_REPOSITORY": REPOSITORY}
        variables |= {EMULATOR: storage_url, KMS: f"{kms_url}/v1/", "PULUMI_BACKEND_URL": "gs://states"}
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield Organisation(workspace, hub, github, bucket, keys)


UNTESTED = [
    "warning  preview identity: whether it only reads was not tested, because that needs its own credentials",
    "         run `reconciler doctor -e dev --ci --as-preview` with its credentials",
]


def test_doctor_ci_reports_every_check_as_ok_in_a_complete_setup(organisation: Organisation):
    code, lines = organisation.doctor()
    assert lines == [
        "ok       GitHub environment: preview-dev exists, and only main may use it",
        "ok       GitHub environment: dev exists, and only main may use it",
        "ok       GitHub environment: approve-dev exists, and only main may use it, with reviewers",
        "ok       GitHub environment: record exists, and only main may use it",
        "ok       default branch: main requires an approval by a code owner, which new commits dismiss",
        "ok       default branch: main requires the checks make test and review",
        "ok       GitHub Actions: workflows may not approve pull requests",
        "ok       CODEOWNERS: connectors, code and workflows have owners",
        "ok       Airflow: jobs in dev push no variables: AIRFLOW_URL is not set",
        "ok       state: gs://states keeps old versions, with uniform access and without public access",
        f"ok       state: only {APPLY} can change the objects in gs://states",
        *UNTESTED,
    ]
    assert code == 1, "what was not tested is a finding"


def test_doctor_ci_compares_the_settings_of_subfolders_stacks(organisation: Organisation):
    root = organisation.workspace.specs.parent
    environment = organisation.workspace.specs / "dev" / "environment.yaml"
    environment.write_text(environment.read_text() + "stacks: [ads, crm, pay]\n")
    own = f"secretsprovider: gcpkms://{KEY}\nencryptedkey: a\nconfig:\n  shop:x: {{secure: a}}\n"
    (root / "Pulumi.dev.yaml").write_text(own)
    (root / "Pulumi.dev.ads.yaml").write_text(own.replace(" a", " b"))
    (root / "Pulumi.dev.pay.yaml").write_text("secretsprovider: passphrase\n")
    _, lines = organisation.doctor()
    start = next(number for number, line in enumerate(lines) if " stacks: " in line)
    assert lines[start : start + 5] == [
        "ok       stacks: Pulumi.dev.ads.yaml has the settings of Pulumi.dev.yaml",
        "failed   stacks: Pulumi.dev.crm.yaml is missing",
        "         run `pulumi stack init dev.crm`, and commit the file",
        "failed   stacks: Pulumi.dev.pay.yaml differs from Pulumi.dev.yaml in config and secretsprovider",
        "         give both files the same settings",
    ]


def test_doctor_ci_names_environments_that_other_branches_may_use(organisation: Organisation):
    environments = organisation.github.environments
    del environments["record"]
    environments["dev"]["branch_policies"] += [{"name": "feature/*"}, {"name": "v*", "type": "tag"}]
    environments["dev"]["protection_rules"] = environments["approve-dev"]["protection_rules"]
    environments["approve-dev"] = github_environment()
    environments["preview-dev"]["deployment_branch_policy"] = None
    _, lines = organisation.doctor()
    assert [line for line in lines if "environment: " in line] == [
        "failed   GitHub environment: jobs of every branch may use preview-dev and its credentials",
        "warning  GitHub environment: jobs in dev wait for its reviewers, and so do the daily jobs",
        "failed   GitHub environment: jobs of other branches or tags may use dev: branch feature/*, tag v*",
        "failed   GitHub environment: approve-dev has no required reviewers, so the user who starts a stopped merge by "
        "hand approves it alone",
        "failed   GitHub environment: record does not exist, or the token cannot see it; a job that names it creates "
        "it without protection",
    ]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"require_code_owner_review": False}, "failed   default branch: main does not require an approval by a code"),
        ({"dismiss_stale_reviews_on_push": False}, "does not require that new commits dismiss an approval"),
        ({"required_approving_review_count": 0}, "failed   default branch: main does not require an approval"),
        (
            {"require_last_push_approval": False},
            "warning  default branch: main does not require an approval by a person other",
        ),
    ],
)
def test_doctor_ci_names_what_a_ruleset_does_not_require(
    organisation: Organisation, changed: dict[str, Any], text: str
):
    organisation.github.rules[0] = pull_request_rule(**changed)
    _, lines = organisation.doctor()
    assert any(text in line for line in lines), lines


def test_doctor_ci_accepts_a_branch_protection_in_place_of_rulesets(organisation: Organisation):
    organisation.github.rules = []
    organisation.github.protection = {
        "required_pull_request_reviews": {
            "required_approving_review_count": 1,
            "require_code_owner_reviews": True,
            "dismiss_stale_reviews": True,
            "require_last_push_approval": True,
        },
        "required_status_checks": {"contexts": ["review"], "checks": [{"context": "make test"}]},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
        "enforce_admins": {"enabled": False},
    }
    _, lines = organisation.doctor()
    found = [line for line in lines if "default branch" in line]
    assert [line.split()[0] for line in found] == ["ok", "ok", "warning"]
    assert "administrators may bypass the protection of main" in found[2]


def test_doctor_ci_fails_for_an_unprotected_branch(organisation: Organisation):
    organisation.github.rules = []
    _, lines = organisation.doctor()
    assert [line for line in lines if "default branch" in line] == [
        "failed   default branch: main can change without a pull request",
        "failed   default branch: main does not require the check `review`",
        "failed   default branch: main does not require the check `make test`",
        "failed   default branch: main can be rewritten by a force push",
        "failed   default branch: main can be deleted",
    ]


def test_doctor_ci_names_what_a_token_without_administration_cannot_see(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_TOKEN", organisation.hub.people["ann"])
    _, lines = organisation.doctor()
    assert any("cannot see who may bypass the ruleset main of main" in line for line in lines)
    organisation.github.rules = []
    _, lines = organisation.doctor()
    found = [line for line in lines if "default branch" in line]
    assert [line.split()[0] for line in found] == ["warning"] * 6
    assert "cannot see the branch protection of main, only rulesets: " in found[0]


def test_doctor_ci_fails_if_workflows_may_write_or_approve_by_default(organisation: Organisation):
    permissions = {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True}
    organisation.github.workflow_permissions = permissions
    _, lines = organisation.doctor()
    assert [line for line in lines if "GitHub Actions: " in line] == [
        "failed   GitHub Actions: workflows get permission to write by default",
        "failed   GitHub Actions: workflows may approve pull requests",
    ]


def test_doctor_ci_names_who_may_bypass_a_ruleset(organisation: Organisation):
    actor = {"actor_id": 9, "actor_type": "Integration", "bypass_mode": "always"}
    organisation.github.rulesets[5]["bypass_actors"] = [actor]
    _, lines = organisation.doctor()
    assert "warning  default branch: Integration 9 may bypass the ruleset main of main (always)" in lines


def test_doctor_ci_names_paths_without_owners_and_errors_in_codeowners(organisation: Organisation):
    organisation.hub.commit({".github/CODEOWNERS": "connectors/ @example/data\n"})
    organisation.github.codeowners_errors = [
        {"path": ".github/CODEOWNERS", "line": 3, "column": 1, "kind": "Unknown owner"}
    ]
    _, lines = organisation.doctor()
    assert "failed   CODEOWNERS: .github/CODEOWNERS:3:1: Unknown owner" in lines
    assert "failed   CODEOWNERS: .github/workflows/merge.yml has no owner" in lines
    assert not any("environment.yaml has no owner" in line for line in lines)


HTTPS = {"AIRFLOW_URL": "https://airflow.example.com"}
LOG_IN = "jobs in dev log in to https://airflow.example.com with"


@pytest.mark.parametrize(
    ("variables", "secrets", "lines"),
    [
        (HTTPS, [], ["failed   Airflow: jobs in dev have no credentials for https://airflow.example.com"]),
        (HTTPS, ["AIRFLOW_TOKEN"], [f"ok       Airflow: {LOG_IN} the secret AIRFLOW_TOKEN"]),
        (
            {**HTTPS, "AIRFLOW_AUDIENCE": "client"},
            ["AIRFLOW_TOKEN"],
            [f"ok       Airflow: {LOG_IN} Google's identity token for AIRFLOW_AUDIENCE and the secret AIRFLOW_TOKEN"],
        ),
        (
            {**HTTPS, "AIRFLOW_COMPOSER": "true"},
            [],
            [f"ok       Airflow: {LOG_IN} Google's access token (AIRFLOW_COMPOSER)"],
        ),
        (
            {**HTTPS, "AIRFLOW_USERNAME": "reconciler"},
            ["AIRFLOW_PASSWORD"],
            [f"ok       Airflow: {LOG_IN} AIRFLOW_USERNAME and AIRFLOW_PASSWORD"],
        ),
        (
            {**HTTPS, "AIRFLOW_USERNAME": "reconciler"},
            ["AIRFLOW_TOKEN"],
            [
                "failed   Airflow: dev has no secret AIRFLOW_PASSWORD",
                "failed   Airflow: dev has the secret AIRFLOW_TOKEN and a user: two ways to log in to Airflow",
                f"ok       Airflow: {LOG_IN} the secret AIRFLOW_TOKEN",
            ],
        ),
        (
            {"AIRFLOW_URL": "http://airflow.example.com"},
            ["AIRFLOW_TOKEN"],
            [
                "failed   Airflow: AIRFLOW_URL of dev does not begin with https://, so no credential is sent to it",
                "ok       Airflow: jobs in dev log in to http://airflow.example.com with the secret AIRFLOW_TOKEN",
            ],
        ),
    ],
)
def test_doctor_ci_reports_how_jobs_log_in_to_airflow(
    organisation: Organisation, variables: dict[str, str], secrets: list[str], lines: list[str]
):
    # The repository's variables are more than one page, and the environment's own values hide them.
    organisation.github.variables = {f"OTHER_{number}": "x" for number in range(40)} | {"AIRFLOW_URL": "https://other"}
    organisation.github.environments["dev"] |= {"variables": variables, "secrets": secrets}
    _, found = organisation.doctor()
    assert [line for line in found if " Airflow: " in line] == lines


def test_doctor_ci_finds_airflows_credentials_of_the_organisation(organisation: Organisation):
    organisation.github.organisation_variables = {"AIRFLOW_URL": "https://airflow.example.com"}
    organisation.github.organisation_secrets = ["AIRFLOW_TOKEN"]
    _, found = organisation.doctor()
    assert f"ok       Airflow: {LOG_IN} the secret AIRFLOW_TOKEN" in found


def test_doctor_ci_reports_that_a_job_token_cannot_see_how_jobs_log_in(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GITHUB_TOKEN", organisation.hub.bot)
    _, found = organisation.doctor()
    assert any(line.startswith("warning  Airflow: cannot see how jobs in dev log in to Airflow: ") for line in found)


def test_doctor_ci_names_the_unsafe_settings_of_the_bucket(organisation: Organisation):
    organisation.bucket.settings = {"projectNumber": organisation.bucket.settings["projectNumber"]}
    _, lines = organisation.doctor()
    assert [line for line in lines if " gs://states " in line and "state: " in line][:3] == [
        "failed   state: gs://states keeps no old versions of objects",
        "failed   state: gs://states allows access lists on single objects",
        "failed   state: gs://states does not prevent public access",
    ]
    assert "         run gcloud storage buckets update gs://states --versioning" in lines


def test_doctor_ci_names_who_else_can_change_the_state(organisation: Organisation):
    custom, hidden = "projects/dev-project/roles/writer", "projects/dev-project/roles/hidden"
    for role in ({"name": custom, "permissions": ["storage.objects.create"]}, {"name": hidden, "denied": True}):
        organisation.workspace.admin("PUT", "/gcp/roles", role)
    bindings = [{"role": "roles/owner", "members": ["group:admins@example.com"]}]
    bindings.append({"role": "roles/bigquery.jobUser", "members": ["group:all@example.com"]})
    organisation.workspace.admin("PUT", "/gcp/hierarchy/organizations/1", {"bindings": bindings})
    organisation.bucket.policy = [
        {"role": custom, "members": [APPLY, "user:a@example.com"]},
        {"role": hidden, "members": ["user:b@example.com"]},
        {"role": "roles/storage.objectViewer", "members": ["allUsers"]},
        {"role": "roles/storage.objectViewer", "members": ["user:c@example.com"]},
    ]
    _, lines = organisation.doctor()
    assert [line for line in lines if "state: " in line][1:] == [
        f"warning  state: user:a@example.com can change gs://states by {custom} on gs://states",
        f"warning  state: user:b@example.com may be able to change gs://states: {hidden} on gs://states is hidden",
        "failed   state: allUsers has roles/storage.objectViewer on gs://states",
        "warning  state: group:admins@example.com can change gs://states by roles/owner on the organisation 1",
    ]


def test_doctor_ci_names_an_apply_identity_without_a_role_on_the_bucket(organisation: Organisation):
    _, lines = organisation.doctor("--apply-identity", "other@example.com")
    assert "failed   state: serviceAccount:other@example.com has no role on gs://states" in lines


def test_doctor_ci_reports_a_bucket_that_it_may_not_read(organisation: Organisation):
    organisation.bucket.granted = frozenset({"storage.buckets.get"})
    code, lines = organisation.doctor()
    assert code == 3
    assert any(line.startswith("failed   state: ") and "Google answered 403" in line for line in lines)


def test_doctor_ci_as_preview_accepts_credentials_that_only_read(organisation: Organisation):
    organisation.bucket.granted = frozenset(NEEDED["bucket"])
    assert organisation.doctor("--as-preview") == (
        0,
        [
            "ok       preview identity: it can read project dev-project and not change it",
            "ok       preview identity: it can read gs://states and not change it",
            f"ok       preview identity: it can read key {KEY} and not change it",
        ],
    )


def test_doctor_ci_as_preview_names_every_permission_that_is_too_much(organisation: Organisation):
    organisation.keys[KEY] = frozenset(FORBIDDEN["key"])
    project = {"granted": ["secretmanager.versions.access", *NEEDED["project"]]}
    organisation.workspace.admin("PUT", "/gcp/hierarchy/projects/dev-project", project)
    code, lines = organisation.doctor("--as-preview")
    assert code == 1
    found = [line for line in lines if line.startswith("failed")]
    assert found[0] == "failed   preview identity: it has secretmanager.versions.access on project dev-project"
    assert "failed   preview identity: it has storage.objects.create on gs://states" in found
    assert found[-1] == f"failed   preview identity: it lacks {NEEDED['key'][0]} on key {KEY}"
    assert len(found) == 1 + len(FORBIDDEN["bucket"]) + len(FORBIDDEN["key"]) + 1


def test_doctor_ci_says_what_it_cannot_test_without_a_bucket_and_a_key(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")
    (organisation.workspace.specs.parent / "Pulumi.dev.yaml").write_text("config: {}\n")
    _, lines = organisation.doctor("--as-preview")
    assert [line for line in lines if line.startswith("warning")] == [
        "warning  preview identity: its permissions on the state were not tested: the state is in "
        "https://api.pulumi.com, and only a bucket can be checked",
        "warning  preview identity: its permissions on the state's key were not tested: Pulumi.dev.yaml names no "
        "gcpkms:// key",
    ]


def test_doctor_options_of_ci_need_ci(workspace: Workspace):
    assert workspace.run("doctor", "--as-preview").code == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["", "main", "branch", "pull_request", "e"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("default_branch", "type", "parameters", "name", "deployment_branch_policy", "protected_branches"),
                    *(
                        "custom_branch_policies",
                        "branch_policies",
                        "protection_rules",
                        "reviewers",
                        "ruleset_id",
                        "enabled",
                    ),
                    *(
                        "ruleset_source_type",
                        "required_status_checks",
                        "checks",
                        "context",
                        "contexts",
                        "bypass_actors",
                    ),
                    *("required_pull_request_reviews", "content", "errors", "bindings", "role", "members", "condition"),
                    *(
                        "projectNumber",
                        "iamConfiguration",
                        "versioning",
                        "permissions",
                        "includedPermissions",
                        "parent",
                    ),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@dataclass
class Answers:
    """What the other side answers to everything."""

    left: list[tuple[int, str]]

    async def handle(self, request: web.Request) -> web.Response:
        status, text = self.left[zlib.crc32(request.path.encode()) % len(self.left)]
        return web.Response(status=status, text=text, content_type="application/json")


@pytest.fixture(scope="module")
def answers() -> Iterator[tuple[Answers, str]]:
    found = Answers([(200, "{}")])
    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", found.handle)])
    with served(app) as url:
        yield found, url


@pytest.mark.parametrize("as_preview", [False, True])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([200, 200, 200, 401, 403, 404, 422]), JSON), min_size=1, max_size=6))
def test_no_answer_ends_doctor_ci_in_a_traceback(
    answers: tuple[Answers, str], as_preview: bool, given_answers: list[tuple[int, Any]]
):
    sent, url = answers
    sent.left = [(status, json.dumps(body)) for status, body in given_answers]
    variables = {"GITHUB_API_URL": url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "example/data", EMULATOR: url}
    variables |= {KMS: f"{url}/v1/", RESOURCE_MANAGER: f"{url}/v3/", IAM: f"{url}/v1/"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**variables, "PULUMI_BACKEND_URL": "gs://states"}.items():
            patch.setenv(name, value)
        results = list(CiChecks(ENVIRONMENT, "reconciler@example.com", as_preview).results())
    assert results
    assert all(result.text for result in results)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"items": [{"name": "a", "generation": 1e999}]}'])
def test_doctor_ci_reports_an_answer_that_python_cannot_hold(
    answers: tuple[Answers, str], text: str, monkeypatch: pytest.MonkeyPatch
):
    sent, url = answers
    sent.left = [(200, text)]
    variables = {"GITHUB_API_URL": url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "example/data", EMULATOR: url}
    variables |= {KMS: f"{url}/v1/", RESOURCE_MANAGER: f"{url}/v3/", IAM: f"{url}/v1/"}
    for name, value in {**variables, "PULUMI_BACKEND_URL": "gs://states"}.items():
        monkeypatch.setenv(name, value)
    results = [*CiChecks(ENVIRONMENT, APPLY, False).results(), *CiChecks(ENVIRONMENT, APPLY, True).results()]
    assert any(result.level == "failed" for result in results)
    with StateBucket("gs://states") as bucket, pytest.raises(RemoteError, match="no usable answer"):
        list(bucket.list(".pulumi/locks"))
