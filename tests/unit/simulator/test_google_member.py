"""Additive IAM grants on projects and Cloud Functions, over gRPC.

Held against the Terraform provider's code, which the plugin runs (`resource_iam_member.go`, `iam.go`, `iam_project.go`,
`iam_cloudfunctions_function.go`, `iam_cloud_run_v2_service.go`): every input replaces; a condition needs an expression
and a title, and all three of its texts are in the id; a deleted member is rejected before Google is asked; import ids
have the title last, which may have spaces, and functions and services by each form of their names; grants on projects
are sent in batches, which is in what a failure says. Google's own words are those that users have reported. Not here:
after a write the plugin reads the policy until it has seen its change three times, a second each, and it repeats what
was rejected as a conflict (409) by itself.
"""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2 as pb

from .google_engine import FUNCTION_MEMBER, PROJECT_MEMBER, SERVICE_MEMBER, UNKNOWN, Engine, rejected

GRANT = {"project": "p", "role": "roles/bigquery.jobUser", "member": "user:a@example.com"}
CONDITION = {"expression": "true", "title": "until"}
INVOKER = {
    "cloudFunction": "casa",
    "project": "p",
    "region": "us-west1",
    "role": "roles/cloudfunctions.invoker",
    "member": "serviceAccount:g@fivetran.iam.gserviceaccount.com",
}
PATH = "projects/p/locations/us-west1/functions/casa"
RUN_INVOKER = {"name": "casa", "project": "p", "location": "us-west1", "role": "roles/run.invoker"} | {
    "member": INVOKER["member"]
}
RUN_PATH = "projects/p/locations/us-west1/services/casa"


def grants(engine: Engine) -> Any:
    return engine.admin("GET", "/state")["projects"]["p"]["policy"]


def test_grant_is_added_once_and_taken_away(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    assert id_ == "p/roles/bigquery.jobUser/user:a@example.com"
    assert outputs["etag"]
    engine.create(PROJECT_MEMBER, GRANT)
    assert grants(engine) == [{"role": GRANT["role"], "member": GRANT["member"]}]
    engine.delete(PROJECT_MEMBER, id_, outputs)
    engine.delete(PROJECT_MEMBER, id_, outputs)
    assert grants(engine) == []


def test_revoked_grant_is_gone_after_a_refresh(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == id_
    engine.admin("DELETE", "/grants/p", {"role": GRANT["role"], "member": GRANT["member"]})
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == ""


def test_grant_with_a_condition_is_another_one(engine: Engine):
    plain, _ = engine.create(PROJECT_MEMBER, GRANT)
    id_, outputs = engine.create(PROJECT_MEMBER, {**GRANT, "condition": CONDITION})
    assert id_ == f"{plain}/until//true"
    described = {**CONDITION, "description": "why"}
    assert engine.create(PROJECT_MEMBER, {**GRANT, "condition": described})[0] == f"{plain}/until/why/true"
    engine.admin("DELETE", "/grants/p", {"role": GRANT["role"], "member": GRANT["member"], "condition": described})
    assert len(grants(engine)) == 2
    engine.delete(PROJECT_MEMBER, id_, outputs)
    assert len(grants(engine)) == 1


@pytest.mark.parametrize(
    ("changes", "replaces"),
    [
        ({}, []),
        ({"member": "user:A@example.com"}, []),
        ({"member": "user:b@example.com"}, ["member"]),
        ({"role": "roles/viewer"}, ["role"]),
        ({"project": "q"}, ["project"]),
        ({"condition": CONDITION}, ["condition"]),
    ],
)
def test_every_difference_of_a_grant_replaces_it(engine: Engine, changes: dict[str, Any], replaces: list[str]):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    answer = engine.diff(PROJECT_MEMBER, id_, outputs, {**GRANT, **changes})
    assert list(answer.replaces) == replaces
    assert answer.changes == (pb.DiffResponse.DIFF_SOME if replaces else pb.DiffResponse.DIFF_NONE)


@pytest.mark.parametrize(
    ("kind", "inputs", "deletes_first"),
    [(PROJECT_MEMBER, GRANT, True), (FUNCTION_MEMBER, INVOKER, False), (SERVICE_MEMBER, RUN_INVOKER, True)],
)
def test_replaced_grant_is_deleted_first_where_the_plugin_asks_for_it(
    engine: Engine, kind: str, inputs: dict[str, Any], deletes_first: bool
):
    state = {**inputs, "etag": "e"}
    assert (
        engine.diff(kind, "id", state, {**inputs, "member": "user:b@example.com"}).deleteBeforeReplace == deletes_first
    )
    assert not engine.diff(kind, "id", state, inputs).deleteBeforeReplace


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"member": "a@example.com"},
            'invalid value "a@example.com" for member (IAM members must have one of the values',
        ),
        ({"member": "someone"}, 'invalid value "someone" for member'),
        (
            {"member": "deleted:user:a@example.com?uid=1"},
            "invalid value for member (Terraform does not support IAM members for deleted principals)",
        ),
        ({"condition": {"title": "until"}}, 'The argument "condition.0.expression" is required'),
        ({"condition": {"expression": "true"}}, "Examine values at 'it.condition.title'."),
        ({"conditions": []}, "Invalid or unknown key. Examine values at 'it.conditions'."),
    ],
)
def test_check_rejects_what_the_plugin_rejects_before_it_asks_google(engine: Engine, changes: Any, reason: str):
    _, reasons = engine.check(PROJECT_MEMBER, {**GRANT, **changes})
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_check_accepts_unknown_values_and_requires_the_needed_ones(engine: Engine):
    for member in (UNKNOWN, "allUsers", "principalSet://iam.googleapis.com/projects/1/x/*"):
        assert engine.check(PROJECT_MEMBER, {**GRANT, "member": member})[1] == []
    for condition in (UNKNOWN, CONDITION, {**CONDITION, "title": UNKNOWN}):
        assert engine.check(PROJECT_MEMBER, {**GRANT, "condition": condition})[1] == []
        engine.create(PROJECT_MEMBER, {**GRANT, "condition": condition}, preview=True)
    assert len(engine.check(PROJECT_MEMBER, {})[1]) == 3
    assert 'The argument "cloud_function" is required' in engine.check(FUNCTION_MEMBER, {})[1][0]


def test_member_that_google_does_not_know_is_rejected(engine: Engine):
    engine.admin("PUT", "/unknown-members", {"members": ["a@example.com"]})
    with rejected() as rejection:
        engine.create(PROJECT_MEMBER, GRANT)
    assert rejection.message == (
        '1 error occurred:\n\t* Request `Create IAM Members roles/bigquery.jobUser user:a@example.com for project "p"` '
        'returned error: Error applying IAM policy for project "p": Error setting IAM policy for project "p": '
        "googleapi: Error 400: User a@example.com does not exist., badRequest\n\n"
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"role": "roles/viewer"}, "primitive roles"),
        ({"role": "roles/owner"}, "primitive roles"),
        ({"member": "allUsers"}, "allUsers or allAuthenticatedUsers"),
        ({"member": "allAuthenticatedUsers"}, "allUsers or allAuthenticatedUsers"),
    ],
)
def test_conditions_on_basic_roles_and_the_public_are_rejected(engine: Engine, changes: dict[str, str], what: str):
    with rejected() as rejection:
        engine.create(PROJECT_MEMBER, {**GRANT, **changes, "condition": CONDITION})
    assert f"Error: Conditions can't be set on {what}., badRequest" in rejection.message
    engine.create(PROJECT_MEMBER, {**GRANT, **changes})


def test_hidden_or_locked_policy_is_answered_with_403(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    engine.admin("PUT", "/hierarchy/projects/p", {"denied": ["setIamPolicy"]})
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == id_
    with rejected() as rejection:
        engine.delete(PROJECT_MEMBER, id_, outputs)
    assert rejection.message.startswith(
        "1 error occurred:\n\t* Error when reading or editing Resource p for IAM Member"
    )
    assert "googleapi: Error 403: Policy update access denied., forbidden" in rejection.message
    engine.admin("PUT", "/hierarchy/projects/p", {"denied": ["getIamPolicy"]})
    denied = 'Error retrieving IAM policy for project "p": googleapi: Error 403: The caller does not have permission'
    with rejected() as rejection:
        engine.read(PROJECT_MEMBER, id_, outputs, GRANT)
    assert denied in rejection.message
    with rejected() as rejection:
        engine.create(PROJECT_MEMBER, GRANT)
    assert denied in rejection.message
    assert len(grants(engine)) == 1


def test_grant_is_imported_by_its_words(engine: Engine):
    condition = {"expression": "true", "title": "until the end"}
    engine.create(PROJECT_MEMBER, {**GRANT, "condition": condition})
    id_, _, inputs = engine.read(PROJECT_MEMBER, "p roles/bigquery.jobUser user:A@example.com until the end")
    assert id_ == "p/roles/bigquery.jobUser/user:a@example.com/until the end//true"
    assert inputs == {**GRANT, "condition": condition}
    with rejected() as rejection:
        engine.read(PROJECT_MEMBER, "p roles/bigquery.jobUser user:a@example.com")
    assert (
        'Cannot find binding for "project \\"p\\"" with role "roles/bigquery.jobUser", member "user:a@example.com", '
        'and condition title ""' in rejection.message
    )
    engine.create(PROJECT_MEMBER, {**GRANT, "condition": {**condition, "expression": "false"}})
    with rejected() as rejection:
        engine.read(PROJECT_MEMBER, "p roles/bigquery.jobUser user:a@example.com until the end")
    assert "it matches multiple conditions" in rejection.message
    with rejected() as rejection:
        engine.read(PROJECT_MEMBER, "p roles/viewer")
    assert "Wrong number of parts to Member id [p roles/viewer]" in rejection.message


def test_project_is_the_same_by_its_full_name(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, {**GRANT, "project": "projects/p"})
    assert (id_, outputs["project"]) == ("projects/p/roles/bigquery.jobUser/user:a@example.com", "projects/p")
    assert len(grants(engine)) == 1
    assert engine.diff(PROJECT_MEMBER, id_, outputs, GRANT).changes == pb.DiffResponse.DIFF_NONE


def test_deleted_member_loses_its_grant_and_stays_in_the_policy(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    engine.admin("POST", "/deleted-members", {"members": [GRANT["member"]]})
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == ""
    (left,) = grants(engine)
    assert left["member"].startswith("deleted:user:a@example.com?uid=")


@pytest.mark.parametrize(
    ("kind", "grant", "path", "label"),
    [
        (FUNCTION_MEMBER, INVOKER, PATH, "cloudfunctions cloudfunction"),
        (SERVICE_MEMBER, RUN_INVOKER, RUN_PATH, "cloudrunv2 service"),
    ],
    ids=["function", "service"],
)
def test_invoker_of_a_missing_function_is_rejected(engine: Engine, kind, grant, path: str, label: str):
    with rejected() as rejection:
        engine.create(kind, grant)
    assert f'IAM policy for {label} "{path}": googleapi: Error 404' in rejection.message
    collection = path.split("/")[-2]
    engine.admin("PUT", f"/{collection}/p/us-west1/casa")
    id_, outputs = engine.create(kind, grant)
    assert id_ == f"{path}/{grant['role']}/{grant['member']}"
    assert path in outputs.values()
    assert engine.diff(kind, id_, outputs, grant).changes == pb.DiffResponse.DIFF_NONE
    for name in (path, "p/us-west1/casa", "us-west1/casa"):
        assert engine.read(kind, f"{name} {grant['role']} {grant['member']}")[0] == id_
    with rejected() as rejection:
        engine.read(kind, f"casa {grant['role']} {grant['member']}")
    assert "required field is not set" in rejection.message
    engine.admin("DELETE", f"/{collection}/p/us-west1/casa")
    assert engine.read(kind, id_, outputs, grant)[0] == ""
    engine.delete(kind, id_, outputs)


def test_preview_grants_nothing(engine: Engine):
    _, outputs = engine.create(PROJECT_MEMBER, GRANT, preview=True)
    assert outputs == {**GRANT, "condition": None, "etag": UNKNOWN, "id": UNKNOWN}
    assert engine.admin("GET", "/state")["projects"] == {}


def test_changed_condition_is_diffed_by_field_with_empty_description(engine: Engine):
    id_, state = engine.create(PROJECT_MEMBER, {**GRANT, "condition": CONDITION})
    assert state["condition"] == {**CONDITION, "description": ""}
    assert state["id"] == id_
    for field, value in {"title": "x", "expression": "false", "description": "why"}.items():
        answer = engine.diff(PROJECT_MEMBER, id_, state, {**GRANT, "condition": {**CONDITION, field: value}})
        assert list(answer.detailedDiff) == [f"condition.{field}"]
    assert (
        engine.diff(PROJECT_MEMBER, id_, state, {**GRANT, "condition": CONDITION}).changes == pb.DiffResponse.DIFF_NONE
    )
    assert list(engine.diff(PROJECT_MEMBER, id_, state, GRANT).detailedDiff) == ["condition"]
