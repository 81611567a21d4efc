"""The program in `infra/bootstrap`, run by the engine: what it registers, and what our policies say about that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cel
import pytest
from bootstrap_program import IDS, PROJECTS, ROOT, BootstrapProgram
from checked_gcp import NUMBER, Registered, faults, serving
from tests.engine.keeper import PROVIDER
from workspace import CLI_SETTINGS, Tools

from bootstrap.conditions import FIVETRAN_KEY, is_secret_of_units

TABLE = ROOT / "docs" / "how-to" / "set-up-an-environment.md"
EVENTS = {
    "preview": {"pull_request_target", "schedule", "workflow_dispatch"},
    "apply": {"push", "schedule", "workflow_dispatch"},
}
PREVIEW, APPLY = "serviceAccount:reconciler-preview@", "serviceAccount:reconciler@"


@dataclass(frozen=True)
class Bootstrap:
    """What one `up` registered, and the stack's outputs."""

    resources: list[Registered]
    outputs: Mapping[str, Any]

    def of(self, kind: str) -> list[Registered]:
        return [each for each in self.resources if each.type.endswith(f":{kind}")]

    @property
    def bindings(self) -> list[Registered]:
        return [each for each in self.resources if "role" in each.inputs]

    def granted(self, member: str) -> list[Registered]:
        return [each for each in self.bindings if each.inputs["member"].startswith(member)]

    @property
    def provider(self) -> Mapping[str, Any]:
        (provider,) = self.of("WorkloadIdentityPoolProvider")
        return provider.inputs


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory, tools: Tools) -> Iterator[Bootstrap]:
    """The program of the checkout, with the config of the page, applied to a provider that checks."""
    with serving() as (provider, port):
        variables = {
            "PATH": tools.path,
            "PULUMI_HOME": str(tools.pulumi_home),
            "PULUMI_DEBUG_PROVIDERS": f"gcp:{port}",
            **tools.keeper,
            "PULUMI_OPTION_SECRETS_PROVIDER": PROVIDER,
            **CLI_SETTINGS,
        }
        program = BootstrapProgram(tmp_path_factory.mktemp("bootstrap"), variables)
        program.pulumi("up", "--yes", "--skip-preview")
        yield Bootstrap(provider.created, json.loads(program.pulumi("stack", "output", "--json")))


def test_gcp_schema_rejects_what_the_real_provider_rejects():
    token, bucket = "gcp:storage/bucket:Bucket", {"name": "a", "location": "US"}
    assert faults(token, bucket) == []
    assert faults(token, {**bucket, "versioned": True}) != []
    assert faults(token, {"name": "a"}) != []
    assert faults(token, {**bucket, "versioning": {"enabled": {}}}) != []
    assert faults("gcp:secretmanager/secret:Secret", {"secretId": "a", "replication": {}}) != []
    assert faults("gcp:storage/bucketACL:BucketACL", {}) != []


def test_bootstrap_registers_one_of_each_for_every_environment(bootstrap: Bootstrap):
    counts = {kind: len(bootstrap.of(kind)) for kind in ("Bucket", "KeyRing", "CryptoKey", "Account", "Secret")}
    assert counts == {"Bucket": 3, "KeyRing": 1, "CryptoKey": 2, "Account": 4, "Secret": 4}
    assert bootstrap.outputs["environments"]["prod"] == {
        "backend": "gs://example-pulumi-state-prod",
        "secrets_provider": "gcpkms://projects/example-ci/locations/us/keyRings/pulumi/cryptoKeys/prod",
        "preview": {
            "service_account": f"reconciler-preview@{PROJECTS['prod']}.iam.gserviceaccount.com",
            "fivetran_key": "fivetran-key-prod-preview",
        },
        "apply": {
            "service_account": f"reconciler@{PROJECTS['prod']}.iam.gserviceaccount.com",
            "fivetran_key": "fivetran-key-prod-apply",
        },
    }


def test_buckets_are_private_versioned_and_recoverable(bootstrap: Bootstrap):
    for each in bootstrap.of("Bucket"):
        assert each.inputs["publicAccessPrevention"] == "enforced"
        assert each.inputs["uniformBucketLevelAccess"] is True
        assert each.inputs["versioning"] == {"enabled": True}
        assert each.inputs["softDeletePolicy"]["retentionDurationSeconds"] >= 7 * 24 * 60 * 60
        assert each.inputs["forceDestroy"] is False
        for rule in each.inputs["lifecycleRules"]:
            assert rule["condition"]["daysSinceNoncurrentTime"] >= 30
            assert "age" not in rule["condition"]


def test_no_secret_has_a_value_in_the_program(bootstrap: Bootstrap):
    assert bootstrap.of("SecretVersion") == []
    assert {each.inputs["secretId"] for each in bootstrap.of("Secret")} == {
        f"{FIVETRAN_KEY}{environment}-{kind}" for environment in PROJECTS for kind in ("preview", "apply")
    }


def test_bindings_are_additive_and_name_only_our_identities(bootstrap: Bootstrap):
    pool = f"principalSet://iam.googleapis.com/projects/{NUMBER}/locations/global/workloadIdentityPools/"
    ours = tuple(f"{kind}{project}.iam." for kind in (PREVIEW, APPLY) for project in PROJECTS.values())
    for each in bootstrap.bindings:
        assert re.search(r"I[aA][mM]Member$", each.type)
        if each.inputs["role"] == "roles/iam.workloadIdentityUser":
            assert each.inputs["member"].startswith(f"{pool}github-reconciler/attribute.job/{IDS['REPOSITORY_ID']}:")
        else:
            assert each.inputs["member"].startswith(ours)


def test_no_binding_has_a_role_that_grants_everything(bootstrap: Bootstrap):
    for each in bootstrap.bindings:
        role = each.inputs["role"]
        assert role not in {"roles/owner", "roles/editor", "roles/viewer"}
        assert not re.search(
            r"\.(owner|admin|tokenCreator|serviceAccountUser|serviceAccountKeyAdmin)$", role
        ) or role in {
            "roles/cloudfunctions.admin",
            "roles/run.admin",
        }


def test_bindings_that_read_secrets_or_grant_roles_are_conditioned(bootstrap: Bootstrap):
    powerful = {"roles/secretmanager.secretAccessor", "roles/resourcemanager.projectIamAdmin"}
    found = [each for each in bootstrap.bindings if each.inputs["role"] in powerful]
    assert len(found) == 2 * (2 + 1 + 1) + 1
    assert [each.name for each in found if not each.inputs.get("condition", {}).get("expression")] == []


def test_functions_roles_are_on_the_functions_alone(bootstrap: Bootstrap):
    on_projects = {each.inputs["role"] for each in bootstrap.of("IAMMember") if "projects/" in each.type}
    assert on_projects.isdisjoint({"roles/cloudfunctions.admin", "roles/run.admin"})
    (first,), (second,) = bootstrap.of("FunctionIamMember"), bootstrap.of("ServiceIamMember")
    assert (first.inputs["cloudFunction"], second.inputs["name"]) == ("casa", "run")


def test_identities_of_an_environment_have_no_access_to_another(bootstrap: Bootstrap):
    for environment, project in PROJECTS.items():
        other = next(name for name in PROJECTS if name != environment)
        for each in bootstrap.bindings:
            if f"@{project}." in each.inputs["member"] or f":{environment}:" in each.inputs["member"]:
                rest = {key: value for key, value in each.inputs.items() if key != "member"}
                assert PROJECTS[other] not in json.dumps(rest)
                assert not re.search(rf"\b{other}\b", json.dumps(rest))


def table() -> dict[str, set[str]]:
    """The roles in the documented table, by the words in its first column."""
    found: dict[str, set[str]] = {}
    who = ""
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 4:
            who = cells[0] or who
            if "by `automation`" not in cells[2]:
                found.setdefault(who, set()).update(re.findall(r"`(roles/[A-Za-z.]+)`", cells[1]))
    return found


def test_identities_have_the_roles_of_the_table_and_no_others(bootstrap: Bootstrap):
    rows = table()
    preview = rows["the user or CI job that runs `preview`"]
    applied = preview | rows["the user or CI job that runs `up`, in addition"]
    itself = {"roles/iam.workloadIdentityUser"}
    granted = {kind: {each.inputs["role"] for each in bootstrap.granted(kind)} for kind in (PREVIEW, APPLY)}
    assert granted[PREVIEW] | itself == preview | rows["in CI, *preview* in addition"]
    assert granted[APPLY] | itself == applied | rows["in CI, *apply* in addition"]


@pytest.mark.parametrize("project", PROJECTS.values())
def test_preview_identities_can_only_read(bootstrap: Bootstrap, project: str):
    reads = r"roles/(browser|.*[vV]iewer|.*Decrypter|iam\.securityReviewer|secretmanager\.secretAccessor)"
    granted = [
        each for each in bootstrap.granted(f"{PREVIEW}{project}.") if not re.fullmatch(reads, each.inputs["role"])
    ]
    assert granted == []


# Which job becomes which identity: the expressions as Google evaluates them, over tokens as GitHub issues them.

TOKEN = {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": "https://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
    "sub": "repo:example@1001/connectors@2002:environment:dev",
    "repository": "example/connectors",
    "repository_id": "2002",
    "repository_owner": "example",
    "repository_owner_id": "1001",
    "environment": "dev",
    "event_name": "push",
    "ref": "refs/heads/main",
    "ref_type": "branch",
    "head_ref": "",
    "base_ref": "",
    "run_id": "70001",
    "actor": "octocat",
    "workflow_ref": "example/connectors/.github/workflows/merge.yml@refs/heads/main",
}


def identities(bootstrap: Bootstrap, **claims: str | None) -> set[str]:
    """The service accounts that a job with such a token may act as."""
    token = {key: value for key, value in {**TOKEN, **claims}.items() if value is not None}
    provider = bootstrap.provider
    assert provider["oidc"]["issuerUri"] == TOKEN["iss"]
    try:
        if cel.evaluate(provider["attributeCondition"], {"assertion": token}) is not True:
            return set()
        mapped = {name: cel.evaluate(each, {"assertion": token}) for name, each in provider["attributeMapping"].items()}
    except KeyError:  # a claim that the token does not have: Google rejects the token
        return set()
    assert len(mapped["google.subject"]) <= 127
    end = f"/github-reconciler/attribute.job/{mapped['attribute.job']}"
    return {
        each.inputs["serviceAccountId"].rpartition("/")[2]
        for each in bootstrap.bindings
        if each.inputs["role"] == "roles/iam.workloadIdentityUser" and each.inputs["member"].endswith(end)
    }


def account(kind: str, environment: str) -> str:
    name = "reconciler-preview" if kind == "preview" else "reconciler"
    return f"{name}@{PROJECTS[environment]}.iam.gserviceaccount.com"


@pytest.mark.parametrize("environment", PROJECTS)
@pytest.mark.parametrize("kind", EVENTS)
def test_jobs_of_an_environment_act_as_its_identity(bootstrap: Bootstrap, kind: str, environment: str):
    named = f"preview-{environment}" if kind == "preview" else environment
    for event in ("push", "pull_request", "pull_request_target", "schedule", "workflow_dispatch", "merge_group"):
        wanted = {account(kind, environment)} if event in EVENTS[kind] else set()
        assert identities(bootstrap, environment=named, event_name=event) == wanted


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "repo:example/connectors:environment:dev"},
        {"sub": "repo:renamed@1001/moved@2002:environment:dev", "repository": "renamed/moved"},
    ],
    ids=["old form of sub", "renamed repository"],
)
def test_condition_compares_ids_and_no_names(bootstrap: Bootstrap, claims: dict[str, str]):
    assert identities(bootstrap, **claims) == {account("apply", "dev")}


@pytest.mark.parametrize(
    "claims",
    [
        {"repository_id": "2003", "repository": "fork/connectors", "repository_owner_id": "1002"},
        {"repository_id": "2003"},
        {"repository_id": "20021"},
        {"repository_owner_id": "1002"},
        {"environment": "staging"},
        {"environment": "Dev"},
        {"environment": "preview-staging"},
        {"environment": None},
        {"environment": ""},
        {"ref": "refs/heads/main2"},
        {"ref": "refs/heads/feature"},
        {"ref": "refs/tags/main", "ref_type": "tag"},
        {"ref": "refs/pull/7/merge", "event_name": "pull_request"},
        {"event_name": "pull_request"},
        {"event_name": "workflow_run"},
        {"event_name": "issue_comment"},
        {"event_name": None},
        {"repository_id": None},
    ],
    ids=str,
)
def test_other_jobs_get_no_identity(bootstrap: Bootstrap, claims: dict[str, str | None]):
    assert identities(bootstrap) == {account("apply", "dev")}
    assert identities(bootstrap, **claims) == set()


def test_condition_and_each_binding_name_all_four_claims(bootstrap: Bootstrap):
    for claim in ("repository_id", "environment", "ref", "event_name"):
        assert f"assertion.{claim} " in bootstrap.provider["attributeCondition"]
        assert f"assertion.{claim} " in bootstrap.provider["attributeMapping"]["attribute.job"] + " "


# How far the conditioned roles reach.


def allows(binding: Registered, *, secret: str = "", grants: tuple[str, ...] = ()) -> bool:
    """Whether a binding's condition holds for a version of a secret, or for a change of a project's policy."""
    context = cel.Context()
    context.add_variable("resource", {"name": f"projects/{NUMBER}/secrets/{secret}/versions/3"})
    context.add_variable("api", {})
    context.add_function("extract", _extract)
    context.add_function("getAttribute", lambda _, name, default: _attribute(name, default, grants))
    context.add_function("hasOnly", lambda changed, allowed: set(changed) <= set(allowed))
    return cel.evaluate(binding.inputs["condition"]["expression"], context) is True


def _extract(text: str, template: str) -> str:
    """Google's `extract`: what stands for the braces in the first match of the template, or nothing."""
    before, after = template.split("{name}")
    start = text.find(before)
    end = text.find(after, start + len(before)) if start >= 0 else -1
    return text[start + len(before) : end] if end >= 0 else ""


def _attribute(name: str, default: list[str], grants: tuple[str, ...]) -> list[str]:
    return list(grants) if name == "iam.googleapis.com/modifiedGrantsByRole" else default


@pytest.mark.parametrize("kind", ["preview", "apply"])
@pytest.mark.parametrize("environment", PROJECTS)
def test_each_identity_reads_its_own_fivetran_key(bootstrap: Bootstrap, kind: str, environment: str):
    member = f"serviceAccount:{account(kind, environment)}"
    keys = [f"{FIVETRAN_KEY}{name}-{each}" for name in PROJECTS for each in ("preview", "apply")]
    (binding,) = [each for each in bootstrap.of("SecretIamMember") if each.inputs["member"] == member]
    own = f"{FIVETRAN_KEY}{environment}-{kind}"
    assert binding.inputs["secretId"] == own
    assert [key for key in keys if allows(binding, secret=key)] == [own]


def test_runs_read_secrets_of_units_and_none_of_fivetrans_keys(bootstrap: Bootstrap):
    role = "roles/secretmanager.secretAccessor"
    found = [each for each in bootstrap.of("IAMMember") if each.inputs["role"] == role]
    assert {each.inputs["project"] for each in found} == {*PROJECTS.values(), "example-shared"}
    for each in found:
        assert each.inputs["member"].startswith(APPLY)
        assert allows(each, secret="stripe-api-key")
        assert not any(allows(each, secret=f"{FIVETRAN_KEY}{name}-apply") for name in PROJECTS)


def test_prefix_keeps_the_secrets_of_environments_apart():
    condition = {"expression": is_secret_of_units("dev-"), "title": "a"}
    binding = Registered("gcp:projects/iAMMember:IAMMember", "a", {"condition": condition})
    assert allows(binding, secret="dev-stripe")
    assert not any(allows(binding, secret=name) for name in ("prod-stripe", "stripe-dev-", ""))
    every = Registered(binding.type, "a", {"condition": {**condition, "expression": is_secret_of_units("fivetran-")}})
    assert allows(every, secret="fivetran-casa-access-token")
    assert not allows(every, secret=f"{FIVETRAN_KEY}prod-apply")


def test_runs_grant_the_roles_that_the_file_declares_and_no_others(bootstrap: Bootstrap):
    role = "roles/resourcemanager.projectIamAdmin"
    found = {each.inputs["project"]: each for each in bootstrap.bindings if each.inputs["role"] == role}
    dev, prod = found[PROJECTS["dev"]], found[PROJECTS["prod"]]
    assert allows(dev, grants=("roles/bigquery.user", "roles/bigquery.jobUser"))
    assert not allows(prod, grants=("roles/bigquery.jobUser",))
    for each in (dev, prod):
        assert allows(each, grants=("roles/bigquery.user",))
        assert not allows(each, grants=("roles/bigquery.user", "roles/owner"))
