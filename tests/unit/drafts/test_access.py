"""Live access lists → grants."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.access import declared_entries, member_of
from reconciler.drafts.access import access_of
from reconciler.model import Dataset, Destination, Environment, Grant

WRITER = "g-lively-panda@fivetran-production.iam.gserviceaccount.com"
MEMBERS = st.one_of(
    st.sampled_from(["user:a@example.com", "group:g@example.com", "serviceAccount:s@p.iam.gserviceaccount.com"]),
    st.sampled_from(["workgroup:stripe", "workgroup:stripe/viewers", "workgroup:a--b/c", "domain:example.com"]),
    st.from_regex(r"\Aworkgroup:[a-z0-9_]{1,8}(-[a-z0-9_]{1,8}){0,2}(/[a-z0-9_]{1,8})?\Z"),
)
ROLES = st.sampled_from(
    ["roles/bigquery.dataViewer", "roles/bigquery.dataOwner", "roles/bigquery.metadataViewer", "projects/p/roles/x"]
)
GRANTS = st.lists(st.builds(lambda role, who: Grant(role, tuple(who)), ROLES, st.sets(MEMBERS)), max_size=3).map(tuple)
FOREIGN: list[dict[str, Any]] = [
    {"view": {"projectId": "p", "datasetId": "d", "tableId": "v"}},
    {"routine": {"projectId": "p", "datasetId": "d", "routineId": "r"}},
    {"dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}},
]
NOT_OURS: list[dict[str, Any]] = [
    {"role": "READER", "specialGroup": "projectReaders"},
    {"role": "READER", "specialGroup": "allAuthenticatedUsers"},
    {"role": "roles/bigquery.dataViewer", "iamMember": "principalSet://iam.googleapis.com/x"},
    {"role": "READER", "userByEmail": "a@example.com", "condition": {"expression": "x", "title": "t"}},
    {"role": "READER", "userByEmail": "deleted:user"},
    {"role": "roles/ odd", "userByEmail": "a@example.com"},
]


def environment(automation: tuple[Grant, ...] = (), default_access: tuple[Grant, ...] = ()) -> Environment:
    return Environment(
        name="prod",
        file="connectors/prod/environment.yaml",
        gcp_project="project",
        group="Group",
        destination=Destination("US", "GCP_US_EAST4", "0"),
        workgroups="wg-{workgroup}--{subgroup}@example.com",
        automation=automation,
        default_access=default_access,
    )


@given(GRANTS, GRANTS, GRANTS, st.booleans(), st.none() | st.just(WRITER))
def test_what_was_declared_is_declared_alike_when_it_is_read_back(auto, default, own, sensitive, writer):
    where = environment(auto, default)
    entries = declared_entries(where, Dataset("d", "US", sensitive=sensitive, access=own), writer=writer)
    found = access_of([*(entry.as_property() for entry in entries), *FOREIGN], where, writer)
    again = Dataset("d", "US", sensitive=found.sensitive, access=found.grants)
    assert declared_entries(where, again, writer=writer) == entries
    assert found.lost == ()


@given(GRANTS, st.lists(st.sampled_from(NOT_OURS), unique_by=str))
def test_what_no_file_can_say_is_told_and_hides_nothing_else(own, odd):
    where = environment((Grant("roles/bigquery.dataOwner", ("user:o@example.com",)),))
    entries = declared_entries(where, Dataset("d", "US", access=own), writer=None)
    found = access_of([*odd, *(entry.as_property() for entry in entries)], where, None)
    assert len(found.lost) == len(odd)
    assert declared_entries(where, Dataset("d", "US", access=found.grants), writer=None) == entries


def test_what_the_environment_gives_anyway_is_left_out_and_the_rest_is_grouped_by_role():
    auto = (Grant("roles/bigquery.dataOwner", ("serviceAccount:r@p.iam.gserviceaccount.com",)),)
    default = (Grant("roles/bigquery.dataViewer", ("group:engineers@example.com",)),)
    live = [
        {"role": "OWNER", "userByEmail": "r@p.iam.gserviceaccount.com"},
        {"role": "READER", "groupByEmail": "engineers@example.com"},
        {"role": "WRITER", "userByEmail": WRITER},
        {"role": "READER", "userByEmail": "B@example.com"},
        {"role": "READER", "userByEmail": "a@example.com"},
        {"role": "READER", "groupByEmail": "wg-stripe--default@example.com"},
    ]
    found = access_of(live, environment(auto, default), WRITER)
    assert found.sensitive is False
    assert found.grants == (
        Grant("roles/bigquery.dataViewer", ("workgroup:stripe", "user:a@example.com", "user:b@example.com")),
    )
    missing = access_of([entry for entry in live if "engineers" not in str(entry)], environment(auto, default), WRITER)
    assert missing.sensitive is True


def test_a_condition_is_told_with_its_expression():
    live = [{"role": "READER", "userByEmail": "a@example.com", "condition": {"expression": "request.time < x"}}]
    assert access_of(live, environment(), None).lost == (
        "roles/bigquery.dataViewer for userByEmail a@example.com, on the condition request.time < x",
    )


@given(MEMBERS)
def test_a_member_is_found_by_the_address_it_has(member: str):
    where = environment()
    dataset = Dataset("d", "US", access=(Grant("roles/bigquery.dataViewer", (member,)),))
    (entry,) = declared_entries(where, dataset, writer=None)
    again = member_of(entry.at, where.workgroups)
    other = Dataset("d", "US", access=(Grant("roles/bigquery.dataViewer", (again,)),))
    assert declared_entries(where, other, writer=None) == (entry,)


def test_a_group_is_a_workgroup_only_by_the_pattern_as_a_whole():
    pattern = environment().workgroups
    assert member_of(("groupByEmail", "wg-a--b@example.com"), pattern) == "workgroup:a/b"
    assert member_of(("groupByEmail", "wg-a@example.com"), pattern) == "group:wg-a@example.com"
    assert member_of(("groupByEmail", "wg-a--b@example.comx"), pattern) == "group:wg-a--b@example.comx"
