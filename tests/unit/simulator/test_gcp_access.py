"""Access lists as BigQuery keeps them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.simulator.gcp.access import default_access, has_owner, normalise
from reconciler.simulator.gcp.errors import ApiError

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


def kept(*entries: dict[str, Any], unknown: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return normalise(entries, "p:d", unknown)


@given(ENTRIES)
def test_what_bigquery_answers_it_also_takes_without_a_change(entries: list[dict[str, Any]]):
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
def test_predefined_roles_with_a_basic_name_are_answered_by_it(role: str, answered: str):
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
    ],
)
def test_an_iam_member_is_answered_in_the_field_of_its_kind(member: str, answered: dict[str, str]):
    assert kept({"role": "READER", "iamMember": member}) == [{"role": "READER", **answered}]


def test_a_condition_makes_another_entry():
    plain = {"role": "READER", "userByEmail": "a@example.com"}
    until = {**plain, "condition": {"expression": "request.time < timestamp('2027-01-01T00:00:00Z')", "title": "until"}}
    assert kept(plain, until) == [plain, until]


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
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
def test_an_entry_that_grants_nothing_clear_is_a_400(entry: dict[str, Any], refusal: str):
    with pytest.raises(ApiError) as raised:
        kept(entry, unknown=("gone@example.com",))
    assert raised.value.status == 400
    assert refusal in str(raised.value)


def test_a_dataset_without_a_list_belongs_to_its_project_and_creator():
    entries = default_access("me@example.com")
    assert kept(*entries) == entries
    assert has_owner(entries)
    assert {entry.get("specialGroup") for entry in entries} == {
        "projectOwners",
        "projectWriters",
        "projectReaders",
        None,
    }
