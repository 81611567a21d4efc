"""Access lists as BigQuery keeps them.

Held against the reference of `Dataset.access` (https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets): the
basic names of three predefined roles, the default entries, one subject an entry; against the acceptance tests of
Google's Terraform provider (`resource_bigquery_dataset_test.go`, `resource_bigquery_dataset_access_test.go`): a list of
authorisations alone gets the default entries, `allUsers` stays an `iamMember`, `allAuthenticatedUsers` becomes a
special group, a basic role with a condition does not differ, title, description and location of a condition are kept
and optional; against IAM's page on conditions: none for the public; against what users report: deleted members are
`iamMember: deleted:…?uid=…` (magic-modules 11898), a group of a secondary domain is answered by its primary address
(terraform-provider-google 13548), the last owner stays (config-connector 127), an authorisation has no role
(google-cloud-ruby 785); and against BigQuery's quotas: 2,500 authorisations.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.google.access import MOST_AUTHORISED, after_deletion, default_access, has_owner, normalise
from simulator.google.errors import ApiError

ADDRESSES = st.sampled_from(["a@example.com", "B@Example.com", "robot@p.iam.gserviceaccount.com"])
ROLES = st.sampled_from(["READER", "WRITER", "OWNER", "roles/bigquery.dataViewer", "roles/bigquery.metadataViewer"])
MEMBERS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.builds(dict, userByEmail=ADDRESSES),
    st.builds(dict, groupByEmail=ADDRESSES),
    st.builds(dict, domain=st.just("example.com")),
    st.builds(dict, specialGroup=st.sampled_from(["projectOwners", "projectReaders", "allAuthenticatedUsers"])),
    st.builds(dict, iamMember=st.sampled_from(["allUsers", "user:a@example.com", "group:g@example.com"])),
)
VIEW = {"view": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
ROUTINE = {"routine": {"projectId": "p", "datasetId": "d", "routineId": "r"}}
AUTHORISED = {"dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}}
ENTRIES = st.lists(
    st.one_of(
        st.builds(lambda role, member: {"role": role, **member}, ROLES, MEMBERS),
        st.sampled_from([VIEW, ROUTINE, AUTHORISED]),
    )
)


def kept(
    *entries: dict[str, Any],
    unknown: tuple[str, ...] = (),
    present: tuple[dict[str, Any], ...] = (),
    aliases: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    return normalise(entries, "p:d", unknown, present, aliases or {})


@given(ENTRIES)
def test_access_list_of_an_answer_is_accepted_unchanged(entries: list[dict[str, Any]]):
    assert kept(*kept(*entries)) == kept(*entries)


@given(ENTRIES)
def test_no_entry_is_kept_twice(entries: list[dict[str, Any]]):
    answered = kept(*entries, *entries)
    assert all(answered.count(entry) == 1 for entry in answered)


@pytest.mark.parametrize(
    ("role", "answered"),
    [
        ("roles/bigquery.dataViewer", "READER"),
        ("roles/bigquery.dataEditor", "WRITER"),
        ("roles/bigquery.dataOwner", "OWNER"),
        ("roles/bigquery.metadataViewer", "roles/bigquery.metadataViewer"),
        ("projects/p/roles/custom", "projects/p/roles/custom"),
    ],
)
def test_predefined_role_is_answered_by_its_basic_name(role: str, answered: str):
    assert kept({"role": role, "domain": "example.com"}) == [{"role": answered, "domain": "example.com"}]


@pytest.mark.parametrize(
    ("member", "answered"),
    [
        ("user:a@example.com", {"userByEmail": "a@example.com"}),
        ("serviceAccount:a@p.iam.gserviceaccount.com", {"userByEmail": "a@p.iam.gserviceaccount.com"}),
        ("group:g@example.com", {"groupByEmail": "g@example.com"}),
        ("domain:example.com", {"domain": "example.com"}),
        ("allAuthenticatedUsers", {"specialGroup": "allAuthenticatedUsers"}),
        ("allUsers", {"iamMember": "allUsers"}),
        ("principal://iam/x", {"iamMember": "principal://iam/x"}),
        ("principalSet://iam/Pool/*", {"iamMember": "principalSet://iam/Pool/*"}),
    ],
)
def test_iam_member_is_answered_in_the_field_of_its_kind(member: str, answered: dict[str, str]):
    assert kept({"role": "READER", "iamMember": member}) == [{"role": "READER", **answered}]


def test_condition_makes_another_entry():
    plain = {"role": "READER", "userByEmail": "a@example.com"}
    until = {**plain, "condition": {"expression": "request.time < timestamp('2027-01-01T00:00:00Z')", "title": "until"}}
    assert kept(plain, until) == [plain, until]


def test_basic_role_stays_one_with_a_condition_which_is_kept_as_it_was_given():
    given = {"expression": "true", "title": "", "description": "why", "location": "here"}
    answered = kept({"role": "roles/bigquery.dataViewer", "domain": "example.com", "condition": given})
    condition = {"expression": "true", "description": "why", "location": "here"}
    assert answered == [{"role": "READER", "domain": "example.com", "condition": condition}]


def test_member_that_was_deleted_stays_and_cannot_come():
    account = "serviceAccount:sa@p.example.com"
    gone = dict(after_deletion({"role": "READER", "userByEmail": "Sa@p.example.com"}, account, "1"))
    assert gone == {"role": "READER", "iamMember": "deleted:serviceAccount:sa@p.example.com?uid=1"}
    assert kept(gone, present=(gone,)) == [gone]
    with pytest.raises(ApiError, match="is deleted and cannot be granted a role"):
        kept(gone)
    other = {"role": "READER", "groupByEmail": "sa@p.example.com"}
    assert after_deletion(other, account, "1") == other


def test_group_is_answered_by_its_primary_address():
    alias = {"role": "READER", "groupByEmail": "Team@example.io"}
    answered = kept(alias, aliases={"team@example.io": "team@example.com"})
    assert answered == [{"role": "READER", "groupByEmail": "team@example.com"}]


def test_authorisations_of_a_list_are_limited():
    views = [{"view": {"projectId": "p", "datasetId": "d", "tableId": str(n)}} for n in range(MOST_AUTHORISED + 1)]
    assert len(kept(*views[1:])) == MOST_AUTHORISED
    with pytest.raises(ApiError, match="too many authorized resources"):
        kept(*views)


@pytest.mark.parametrize(
    ("entry", "rejection"),
    [
        ({"role": "READER", **VIEW}, "An access entry for view needs an empty role."),
        (
            {"role": "READER", "domain": "a.com", "condition": {"title": "t"}},
            "Required parameter is missing: expression",
        ),
        (
            {"role": "READER", "iamMember": "allAuthenticatedUsers", "condition": {"expression": "true"}},
            "Conditions can't be set on allUsers or allAuthenticatedUsers.",
        ),
        ({"role": "roles/bigquery.dataViewer_withcond_1", "domain": "a.com"}, "Invalid value for role"),
        ({"role": "READER"}, "An access entry must have exactly one of userByEmail"),
        ({"role": "READER", "domain": "a.com", "userByEmail": "a@a.com"}, "An access entry must have exactly one of"),
        ({"userByEmail": "a@example.com"}, "Required parameter is missing: role"),
        ({"role": "VIEWER", "domain": "example.com"}, "Invalid value for role: VIEWER"),
        (
            {"role": "READER", "userByEmail": "nobody"},
            "failed for Dataset p:d: User nobody does not exist.",
        ),
        ({"role": "READER", "groupByEmail": "Gone@example.com"}, "Group Gone@example.com does not exist."),
    ],
)
def test_entry_without_a_clear_grant_is_a_400(entry: dict[str, Any], rejection: str):
    with pytest.raises(ApiError) as raised:
        kept(entry, unknown=("gone@example.com",))
    assert raised.value.status == 400
    assert rejection in str(raised.value)


def test_dataset_without_a_list_belongs_to_its_project_and_creator():
    entries = default_access("me@example.com")
    assert kept(*entries) == entries
    assert has_owner(entries)
    assert {entry.get("specialGroup") for entry in entries} == {
        "projectOwners",
        "projectWriters",
        "projectReaders",
        None,
    }


def test_member_that_the_organisation_does_not_allow_is_rejected_without_its_name():
    entries = [{"role": "READER", "userByEmail": "A@Example.com"}]
    with pytest.raises(ApiError) as rejected:
        normalise(entries, "p:d", (), forbidden={"a@example.com"})
    assert rejected.value.status == 400
    assert rejected.value.message == "One or more users named in the policy do not belong to a permitted customer."
    assert normalise(entries, "p:d", (), entries, forbidden={"a@example.com"}) == entries, "who is there may stay"
