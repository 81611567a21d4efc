"""Additive IAM grants on projects and Cloud Functions, over gRPC."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2 as pb

from .gcp_engine import FUNCTION_MEMBER, PROJECT_MEMBER, SERVICE_MEMBER, UNKNOWN, Engine, refused

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


def test_a_grant_is_added_once_and_taken_away(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    assert id_ == "p/roles/bigquery.jobUser/user:a@example.com"
    assert outputs["etag"]
    engine.create(PROJECT_MEMBER, GRANT)
    assert grants(engine) == [{"role": GRANT["role"], "member": GRANT["member"]}]
    engine.delete(PROJECT_MEMBER, id_, outputs)
    engine.delete(PROJECT_MEMBER, id_, outputs)
    assert grants(engine) == []


def test_a_grant_that_somebody_took_away_is_gone(engine: Engine):
    id_, outputs = engine.create(PROJECT_MEMBER, GRANT)
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == id_
    engine.admin("DELETE", "/grants/p", {"role": GRANT["role"], "member": GRANT["member"]})
    assert engine.read(PROJECT_MEMBER, id_, outputs, GRANT)[0] == ""


def test_a_grant_with_a_condition_is_another_one(engine: Engine):
    plain, _ = engine.create(PROJECT_MEMBER, GRANT)
    id_, outputs = engine.create(PROJECT_MEMBER, {**GRANT, "condition": CONDITION})
    assert id_ == f"{plain}/until"
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


def test_a_member_of_no_form_that_iam_has_is_refused_at_check(engine: Engine):
    for member in ("a@example.com", "someone"):
        _, reasons = engine.check(PROJECT_MEMBER, {**GRANT, "member": member})
        assert len(reasons) == 1
        assert reasons[0].startswith("invalid value for member (IAM members must have one of the values outlined here:")
    assert engine.check(PROJECT_MEMBER, {**GRANT, "member": UNKNOWN})[1] == []
    assert len(engine.check(PROJECT_MEMBER, {})[1]) == 3


def test_a_member_that_google_does_not_know_is_refused(engine: Engine):
    engine.admin("PUT", "/unknown-members", {"members": ["a@example.com"]})
    with refused() as refusal:
        engine.create(PROJECT_MEMBER, GRANT)
    assert refusal.message.startswith('1 error occurred:\n\t* Error applying IAM policy for project "p": ')
    assert "User a@example.com does not exist." in refusal.message


def test_a_grant_is_imported_by_its_words(engine: Engine):
    engine.create(PROJECT_MEMBER, {**GRANT, "condition": CONDITION})
    id_, _, inputs = engine.read(PROJECT_MEMBER, "p roles/bigquery.jobUser user:a@example.com until")
    assert id_ == "p/roles/bigquery.jobUser/user:a@example.com/until"
    assert inputs == {**GRANT, "condition": CONDITION}
    assert engine.read(PROJECT_MEMBER, "p roles/viewer user:a@example.com")[0] == ""


@pytest.mark.parametrize(
    ("kind", "grant", "path", "label"),
    [
        (FUNCTION_MEMBER, INVOKER, PATH, "cloudfunctions function"),
        (SERVICE_MEMBER, RUN_INVOKER, RUN_PATH, "cloudrunv2 service"),
    ],
    ids=["function", "service"],
)
def test_what_is_called_has_to_exist_before_somebody_may_call_it(engine: Engine, kind, grant, path: str, label: str):
    with refused() as refusal:
        engine.create(kind, grant)
    assert f'IAM policy for {label} "{path}": googleapi: Error 404' in refusal.message
    collection = path.split("/")[-2]
    engine.admin("PUT", f"/{collection}/p/us-west1/casa")
    id_, outputs = engine.create(kind, grant)
    assert id_ == f"{path}/{grant['role']}/{grant['member']}"
    assert path in outputs.values()
    assert engine.diff(kind, id_, outputs, grant).changes == pb.DiffResponse.DIFF_NONE
    assert engine.read(kind, f"{path} {grant['role']} {grant['member']}")[0] == id_
    engine.admin("DELETE", f"/{collection}/p/us-west1/casa")
    assert engine.read(kind, id_, outputs, grant)[0] == ""
    engine.delete(kind, id_, outputs)


def test_a_preview_grants_nothing(engine: Engine):
    _, outputs = engine.create(PROJECT_MEMBER, GRANT, preview=True)
    assert outputs == {**GRANT, "etag": UNKNOWN}
    assert engine.admin("GET", "/state")["projects"] == {}
