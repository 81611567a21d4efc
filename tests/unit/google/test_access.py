"""The authoritative access list: who is always there, who never is, and how BigQuery spells it."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.google.written_list import written_list

from reconciler.google.bigquery.access import (
    AccessEntry,
    describe_lapse,
    drop_void_entries,
    effective_entries,
    find_inherited_entries,
    foreign_entries,
    format_member,
    is_person,
    is_project_role,
    is_public,
    parse_entry,
    parse_until,
    to_place,
    until_condition,
    workgroup_address,
)
from reconciler.model import Condition, Dataset, Destination, Environment, Grant
from reconciler.model.policy import PeoplePolicy

WRITER = "g-lively_panda@fivetran-production.iam.gserviceaccount.com"
PATTERN = "wg-{workgroup}--{subgroup}@example.com"
VIEWER = "roles/bigquery.dataViewer"
TODAY = date(2026, 12, 1)

roles = st.sampled_from([VIEWER, "roles/bigquery.dataEditor", "roles/bigquery.metadataViewer", "projects/p/roles/r"])
members = st.sampled_from(
    [
        "user:a@example.com",
        "user:A@Example.com",
        "group:wg-stripe--viewers@example.com",
        "workgroup:stripe/viewers",
        "serviceAccount:s@p.iam.gserviceaccount.com",
        f"serviceAccount:{WRITER}",
        "domain:example.com",
        "projectReaders",
        "allUsers",
        "allAuthenticatedUsers",
        "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s",
    ]
)
days = st.dates(TODAY - timedelta(5), TODAY + timedelta(5))
conditions = st.builds(Condition, st.sampled_from(["a", "until 2026-12-01"]), st.sampled_from(["x", "y"]))
ends = st.one_of(
    st.just({}),
    st.builds(lambda day, ticket: {"until": day, "ticket": ticket}, days, st.sampled_from(["A-1", "B-2", None])),
    st.builds(lambda condition: {"condition": condition}, conditions),
)
grants = st.lists(
    st.builds(lambda role, who, end: Grant(role, tuple(who), **end), roles, st.sets(members), ends), max_size=4
).map(tuple)
always = st.lists(st.builds(lambda role, who: Grant(role, tuple(who)), roles, st.sets(members)), max_size=3).map(tuple)


OWNERS = AccessEntry("OWNER", "specialGroup", "projectOwners")


def environment(automation: tuple[Grant, ...] = (), default_access: tuple[Grant, ...] = ()) -> Environment:
    return Environment(
        name="prod",
        file="connectors/prod/environment.yaml",
        gcp_project="project",
        group="Group",
        destination=Destination("US", "GCP_US_EAST4", "0"),
        workgroups=PATTERN,
        automation=automation,
        default_access=default_access,
    )


def entries_of(*access: Grant, writer: str | None = None) -> tuple[AccessEntry, ...]:
    """What grants come to, without the owner that a list has anyway."""
    entries = written_list(environment(), Dataset("d", "US", access=access), writer)
    return tuple(entry for entry in entries if entry != OWNERS)


@given(always, always, grants, st.booleans(), st.booleans())
def test_automation_always_and_the_writer_exactly_where_fivetran_writes(auto, default, own, sensitive, written):
    entries = written_list(
        environment(auto, default),
        Dataset("d", "US", sensitive=sensitive, access=own),
        WRITER if written else None,
    )
    alone = written_list(environment(auto), Dataset("d", "US", sensitive=True), None)
    assert {*alone} - {OWNERS} <= {*entries}
    declared = any(
        grant.role == "roles/bigquery.dataEditor" and f"serviceAccount:{WRITER}" in grant.members
        for grant in (*auto, *own, *(() if sensitive else default))
    )
    assert (("WRITER", WRITER) in {(entry.role, entry.member) for entry in entries}) == (written or declared)


@given(always, always, grants)
def test_sensitive_dataset_has_no_default_member(auto, default, own):
    sensitive = Dataset("d", "US", sensitive=True, access=own)
    assert written_list(environment(auto, default), sensitive, None) == written_list(environment(auto), sensitive, None)


@given(always, grants, st.none() | st.just(WRITER.title()))
def test_access_list_is_in_normal_form_and_has_no_entry_twice(default, own, writer):
    entries = written_list(environment(default_access=default), Dataset("d", "US", access=own), writer)
    assert tuple(parse_entry(entry.as_property()) for entry in entries) == entries
    assert drop_void_entries(reversed(entries)) == entries
    for entry in entries:
        assert to_place(format_member(entry.at, PATTERN), PATTERN) == entry.at


def test_no_grant_makes_the_writer_another_entry():
    account = f"serviceAccount:{WRITER}"
    timed = Grant("roles/bigquery.dataEditor", (account,), until=TODAY)
    for grant in (timed, Grant("roles/bigquery.dataEditor", (account.replace("g-", "G-"),))):
        assert entries_of(grant, writer=WRITER) == (AccessEntry("WRITER", "userByEmail", WRITER),)


def test_three_roles_that_bigquery_renames_are_written_by_their_basic_names():
    own = [
        Grant(f"roles/bigquery.{role}", ("user:a@example.com",), until=TODAY)
        for role in ("dataOwner", "dataEditor", "dataViewer", "metadataViewer")
    ]
    assert {entry.role for entry in entries_of(*own)} == {"OWNER", "WRITER", "READER", "roles/bigquery.metadataViewer"}


def test_access_list_is_never_empty_since_that_grants_to_project_readers():
    (entry,) = written_list(environment(), Dataset("d", "US", sensitive=True), None)
    assert entry.as_property() == {"role": "OWNER", "specialGroup": "projectOwners"}


@pytest.mark.parametrize(
    ("own", "owners"),
    [
        (Grant(VIEWER, ("user:a@example.com",)), ["projectOwners"]),
        (Grant("roles/bigquery.dataOwner", ("user:a@example.com",), until=TODAY), ["a@example.com", "projectOwners"]),
        (Grant("roles/bigquery.dataOwner", ("user:a@example.com",)), ["a@example.com"]),
    ],
)
def test_access_list_has_a_permanent_owner_which_bigquery_requires(own: Grant, owners: list[str]):
    dataset = Dataset("d", "US", access=(own,))
    entries = written_list(environment(), dataset, WRITER)
    assert sorted(entry.member for entry in entries if entry.role == "OWNER") == owners
    assert find_inherited_entries(entries, environment(), dataset) == {*entries} & {OWNERS}
    named = Dataset("d", "US", access=(own, Grant("roles/bigquery.dataOwner", ("projectOwners",))))
    assert not find_inherited_entries([OWNERS], environment(), named), "its file brings it"


def test_address_is_one_member_in_any_case_of_letters():
    own = Grant(VIEWER, ("user:Jane@Example.com", "user:jane@example.com"))
    assert [entry.member for entry in entries_of(own)] == ["jane@example.com"]


def test_workgroup_is_a_google_group_by_the_environments_pattern():
    pattern = "gcp-wg-{workgroup}--{subgroup}@example.com"
    assert workgroup_address("stripe/data-viewers", pattern) == "gcp-wg-stripe--data-viewers@example.com"
    assert workgroup_address("stripe", pattern) == "gcp-wg-stripe--default@example.com"
    assert to_place("workgroup:Stripe", pattern) == to_place("group:GCP-wg-stripe--default@example.com", pattern)
    assert to_place("workgroup:stripe", None) is None


@pytest.mark.parametrize(
    ("member", "field", "of"),
    [
        ("user:A@example.com", "userByEmail", "people"),
        ("serviceAccount:a@example.com", "userByEmail", "people"),
        ("serviceAccount:s@p.iam.gserviceaccount.com", "userByEmail", "machines"),
        ("user:1-compute@developer.gserviceaccount.com", "userByEmail", "machines"),
        ("group:g@example.com", "groupByEmail", "people"),
        ("workgroup:stripe", "groupByEmail", "people"),
        ("domain:example.com", "domain", "people"),
        ("projectOwners", "specialGroup", "machines"),
        ("projectWriters", "specialGroup", "project"),
        ("projectReaders", "specialGroup", "project"),
        ("allAuthenticatedUsers", "specialGroup", "everybody"),
        ("allUsers", "iamMember", "everybody"),
        ("principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s", "iamMember", "people"),
        (
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/group/g",
            "iamMember",
            "machines",
        ),
        ("principalSet://cloudresourcemanager.googleapis.com/projects/1/type/ServiceAccount", "iamMember", "machines"),
    ],
)
def test_each_kind_of_member_has_its_field_and_is_a_person_or_not(member: str, field: str, of: str):
    at = to_place(member, PATTERN)
    assert at is not None
    assert at[0] == field
    assert is_person(at) == (of != "machines")
    assert is_project_role(at) == (of == "project")
    assert is_public(at) == (of == "everybody")


def test_member_kinds_of_iam_are_stored_in_their_own_fields():
    for member, entry in {
        "user:A@example.com": AccessEntry("READER", "userByEmail", "a@example.com"),
        "allAuthenticatedUsers": AccessEntry("READER", "specialGroup", "allAuthenticatedUsers"),
        "allUsers": AccessEntry("READER", "iamMember", "allUsers"),
        "deleted:user:a@example.com?uid=1": AccessEntry("READER", "iamMember", "deleted:user:a@example.com?uid=1"),
    }.items():
        assert parse_entry({"role": VIEWER, "iamMember": member}) == entry


def test_entry_of_reads_a_condition_and_ignores_empty_fields():
    entry = entries_of(Grant(VIEWER, ("user:a@example.com",), "A-1", TODAY))[0]
    stored = entry.as_property()
    assert parse_entry(stored) == entry
    empty = {"domain": "", "groupByEmail": "", "iamMember": "", "specialGroup": "", "view": None}
    assert parse_entry({**empty, **stored, "condition": {**stored["condition"], "location": ""}}) == entry
    for other in ({"view": {"projectId": "p"}}, {"role": "READER"}, {"userByEmail": "a@example.com"}):
        assert parse_entry(other) is None
    assert parse_entry({"role": "READER", "userByEmail": "a@example.com", "domain": "example.com"}) is None


def test_end_in_time_is_a_condition_whose_text_never_changes():
    (entry,) = entries_of(Grant(VIEWER, ("user:a@example.com",), "A-1", date(2026, 12, 31)))
    assert entry.as_property() == {
        "role": "READER",
        "userByEmail": "a@example.com",
        "condition": {
            "title": "until 2026-12-31",
            "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")',
            "description": "A-1",
        },
    }


@given(st.dates() | st.just(date.max), st.sampled_from([None, "A-1", "two words"]))
def test_end_in_time_is_read_back(day: date, ticket: str | None):
    assert parse_until(until_condition(day, ticket)) == day


@pytest.mark.parametrize(
    "condition",
    [
        None,
        Condition("until 2026-12-31", 'request.time < timestamp("2027-01-02T00:00:00Z")'),
        Condition("until then", "x"),
        Condition("until 20261231", until_condition(date(2026, 12, 31)).expression),
        Condition("2026-12-31", until_condition(date(2026, 12, 31)).expression),
        until_condition(date(2026, 12, 31), " no ticket "),
    ],
)
def test_condition_other_than_until_is_not_an_end(condition: Condition | None):
    assert parse_until(condition) is None


def test_later_day_or_no_condition_makes_other_grants_void():
    who = ("user:a@example.com",)
    first, last = (Grant(VIEWER, who, "A-1", TODAY + timedelta(days)) for days in (1, 2))
    hours = Grant(VIEWER, who, condition=Condition("office hours", "x"))
    assert entries_of(last, first) == entries_of(last)
    assert set(entries_of(last, first, hours)) == {*entries_of(last), *entries_of(hours)}
    assert entries_of(first, hours, Grant(VIEWER, who)) == entries_of(Grant(VIEWER, who))
    assert len(entries_of(last, Grant("roles/bigquery.dataEditor", who), Grant(VIEWER, ("user:b@example.com",)))) == 3
    assert len(entries_of(Grant(VIEWER, who, "B-1", TODAY), Grant(VIEWER, who, "A-1", TODAY))) == 1


def test_ended_void_and_deleted_members_get_no_entry():
    who = ("user:a@example.com",)
    here = entries_of(Grant(VIEWER, ("user:b@example.com",), until=TODAY), Grant(VIEWER, who))
    others = (
        *entries_of(Grant(VIEWER, ("user:c@example.com",), until=TODAY - timedelta(1))),
        *entries_of(Grant(VIEWER, who, until=TODAY)),
        AccessEntry("READER", "iamMember", "deleted:group:g@example.com?uid=1"),
    )
    assert effective_entries((*others, *here), TODAY) == here


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (8, None),
        (
            7,
            "access ends on 2026-12-08, in 7 days: roles/bigquery.dataViewer for user:a@example.com; write a later ",
        ),
        (
            1,
            "access ends on 2026-12-02, in 1 day: roles/bigquery.dataViewer for user:a@example.com; write a later ",
        ),
        (0, "access ends on 2026-12-01, today is the last day: roles/bigquery.dataViewer for user:a@example.com; "),
        (-1, "access ended on 2026-11-30: roles/bigquery.dataViewer for user:a@example.com; remove the grant"),
    ],
)
def test_describe_lapse_reports_access_that_ends_soon_or_has_ended(days: int, expected: str | None):
    grant = Grant(VIEWER, ("user:a@example.com",), until=TODAY + timedelta(days))
    message = describe_lapse(grant, PeoplePolicy(), TODAY)
    assert (message or "").startswith(expected or "")
    assert (message is None) == (expected is None)
    assert describe_lapse(Grant(VIEWER, ("user:a@example.com",)), PeoplePolicy(), TODAY) is None


def test_lapse_names_the_first_of_several_members():
    grant = Grant(VIEWER, ("user:a@example.com", "user:b@example.com", "user:c@example.com"), until=TODAY)
    assert "for user:a@example.com and 2 more; " in str(describe_lapse(grant, PeoplePolicy(), TODAY))


def test_views_routines_and_datasets_of_others_are_kept_and_people_are_not():
    empty: dict[str, Any] = {"condition": None, "dataset": {}, "routine": {}, "view": {}, "role": "", "userByEmail": ""}
    view = {"projectId": "shared", "datasetId": "d", "tableId": "v"}
    inner = {"projectId": "shared", "datasetId": "syndicate"}
    live: list[dict[str, Any]] = [
        {**empty, "role": "READER", "userByEmail": "somebody@example.com"},
        {**empty, "role": "OWNER", "specialGroup": "projectOwners"},
        {**empty, "view": view},
        {**empty, "dataset": {"dataset": inner, "targetTypes": ["VIEWS"]}},
    ]
    assert foreign_entries(live) == (
        {"view": view},
        {"dataset": {"dataset": inner, "targetTypes": ["VIEWS"]}},
    )
