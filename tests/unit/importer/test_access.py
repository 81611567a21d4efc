"""Live access lists → grants → a file → the list that a run would write."""

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.google.written_list import written_list

from reconciler.config import load
from reconciler.config.build.to_yaml import unit_text
from reconciler.google.bigquery.access import (
    AccessEntry,
    declared_entries,
    drop_void_entries,
    format_member,
    inherited_entries,
    is_person,
    is_public,
    parse_entry,
    parse_until,
    until_condition,
)
from reconciler.google.bigquery.access.declared_entries import has_default_access
from reconciler.google.bigquery.api import LiveDataset
from reconciler.importer import Draft, ImportContext, draft_dataset
from reconciler.importer.access import Access, access_of
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import Condition, Dataset, Destination, Environment, Grant
from reconciler.model.policy import PeoplePolicy, Policy

WRITER = "g-lively-panda@fivetran-production.iam.gserviceaccount.com"
TODAY = date(2026, 12, 1)
ROBOT = "serviceAccount:robot@p.iam.gserviceaccount.com"
READER = "roles/bigquery.dataViewer"
PERSON: dict[str, Any] = {"role": "READER", "userByEmail": "a@example.com"}
DELETED = {"role": "READER", "iamMember": "deleted:user:a@example.com?uid=1"}
FOREIGN: list[dict[str, Any]] = [
    {"view": {"projectId": "p", "datasetId": "d", "tableId": "v"}},
    {"routine": {"projectId": "p", "datasetId": "d", "routineId": "r"}},
    {"dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}},
]


def condition_of(condition: Condition) -> dict[str, str]:
    described = {} if condition.description is None else {"description": condition.description}
    return {"title": condition.title, "expression": condition.expression, **described}


MEMBERS = st.one_of(
    st.sampled_from(["a@example.com", "B@example.com", "s@p.iam.gserviceaccount.com", WRITER]).map(
        lambda name: {"userByEmail": name}
    ),
    st.sampled_from(["wg-stripe--viewers@example.com", "wg-data--default@example.com", "g@example.com"]).map(
        lambda name: {"groupByEmail": name}
    ),
    st.just({"domain": "example.com"}),
    st.sampled_from(["projectOwners", "projectWriters", "projectReaders", "allAuthenticatedUsers"]).map(
        lambda name: {"specialGroup": name}
    ),
    st.sampled_from(
        [
            "allUsers",
            "deleted:serviceAccount:x@p.iam.gserviceaccount.com?uid=1",
            "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/a@example.com",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/group/g",
        ]
    ).map(lambda name: {"iamMember": name}),
)
CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.builds(
        lambda days, ticket: {"condition": condition_of(until_condition(TODAY + timedelta(days), ticket))},
        st.sampled_from([-1, 0, 5, 60]),
        st.sampled_from([None, "DATA-1"]),
    ),
    st.just({"condition": {"title": "office hours", "expression": 'resource.name != "x: y"', "description": "a\nb"}}),
    st.just({"condition": {"title": "until 2026-11-30", "expression": "true"}}),
)
ROLES = st.sampled_from(["READER", "WRITER", "OWNER", "roles/bigquery.metadataViewer", "organizations/1/roles/x"])
ENTRIES = st.builds(lambda role, member, condition: {"role": role, **member, **condition}, ROLES, MEMBERS, CONDITIONS)
#: IAM accepts no condition for the public.
ENTRIES = ENTRIES.filter(lambda entry: "condition" not in entry or "'all" not in str(entry))
LISTS = st.lists(ENTRIES, max_size=8, unique_by=str)
PEOPLE = st.sampled_from(
    [
        {},
        {"need": ["ticket"]},
        {"need": ["until"]},
        {"need": ["ticket", "until"], "longest": "14d", "standing": ["workgroup:stripe/viewers", "projectReaders"]},
    ]
)
DEFAULTS = st.sampled_from([[], [{"role": READER, "members": ["workgroup:stripe/viewers"]}]])


OWNERS = AccessEntry("OWNER", "specialGroup", "projectOwners")


def environment(**further: Any) -> dict[str, Any]:
    """An environment's file."""
    return {
        "gcp_project": "example-prod",
        "fivetran": {
            "group": "Prod",
            "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
        },
        "workgroups": "wg-{workgroup}--{subgroup}@example.com",
        "automation": [{"role": "roles/bigquery.dataOwner", "members": [ROBOT]}],
        **further,
    }


def imported(live: list[dict[str, Any]], where: dict[str, Any]) -> tuple[Environment, Dataset, Draft]:
    """What a file says that was written for a live list, read back as of today; it has no fault."""
    with tempfile.TemporaryDirectory() as folder:
        specs = Path(folder)
        (specs / "prod").mkdir()
        (specs / "prod" / "environment.yaml").write_text(yaml.safe_dump(where), encoding="utf-8")
        alone = load(specs, specs, TODAY).fleet("prod").environment
        dataset = LiveDataset("d", "US", None, None, {}, None, tuple(live))
        draft = draft_dataset("d", ImportContext(alone, WRITER, {"d": dataset}, TODAY), is_written=False)
        (specs / "prod" / "d.yaml").write_text(unit_text(draft.unit, alone, comments=draft.comments), encoding="utf-8")
        fleet = load(specs, specs, TODAY).fleet("prod")
    assert fleet.units[0].datasets == draft.unit.datasets
    staged = apply_expiry(fleet, TODAY).fleet
    return staged.environment, staged.units[0].datasets[0], draft


@given(LISTS, DEFAULTS, st.booleans())
def test_every_live_grant_is_in_the_file_and_a_run_writes_the_very_list(live, default, public):
    allowed = {"public_access": "allowed"} if public else {}
    where, dataset, draft = imported([*live, *FOREIGN], environment(default_access=default, policy=allowed))
    before = {entry for entry in map(parse_entry, live) if entry is not None}
    after = set(written_list(where, dataset, WRITER if dataset.written_by else None))
    given_anyway = set(inherited_entries(where, default=has_default_access(dataset)))
    for entry in set(drop_void_entries(before | given_anyway)) - after:
        ended = (parse_until(entry.condition) or TODAY) < TODAY
        everybody = entry.member in ("allUsers", "allAuthenticatedUsers") and not public
        assert ended or everybody or "deleted:" in entry.member
        assert format_member(entry.at, where.workgroups) in draft.comments["dataset",]
    # The environment's default comes in nowhere where it is not there already.
    assert after - before <= set(inherited_entries(where, default=False)) | {OWNERS}
    assert (dataset.written_by is not None) == (AccessEntry("WRITER", "userByEmail", WRITER) in before)


@given(LISTS, PEOPLE)
def test_import_marks_missing_policy_keys_and_revokes_no_access(live, people):
    policy = {"people": people, "public_access": "allowed"}
    where, dataset, draft = imported(live, environment(policy=policy))
    need, standing = people.get("need", []), {"wg-stripe--viewers@example.com", "projectReaders"}
    after = written_list(where, dataset, WRITER if dataset.written_by else None)
    for grant in dataset.access:
        for entry in declared_entries(where, Dataset("d", "US", sensitive=True, access=(grant,))):
            if is_person(entry.at) and not (people.get("standing") and entry.member in standing):
                assert "ticket" not in need or grant.ticket
                assert "until" not in need or grant.until
    still = {(entry.role, entry.member) for entry in after}
    for entry in drop_void_entries(each for each in map(parse_entry, live) if each is not None):
        ended = (parse_until(entry.condition) or TODAY) < TODAY
        conditional = entry.condition is not None and parse_until(entry.condition) is None and "until" in need
        everybody = is_public(entry.at) and "until" in need
        if not ended and not conditional and not everybody and "deleted:" not in entry.member:
            assert (entry.role, entry.member) in still
    made_up = [text for text in draft.comments.values() if text.startswith("fill in: the")]
    if not need and "longest" not in people:
        assert [text for text in made_up if "asks for" in text] == []


def access(
    live: list[dict[str, Any]], *, default: tuple[Grant, ...] = (), people: PeoplePolicy | None = None, **more: Any
):
    where = Environment(
        name="prod",
        file="prod/environment.yaml",
        gcp_project="project",
        group="Group",
        destination=Destination("US", "GCP_US_EAST4", "0"),
        workgroups="wg-{workgroup}--{subgroup}@example.com",
        automation=(Grant("roles/bigquery.dataOwner", (ROBOT,)),),
        default_access=default,
        policy=Policy(people=people or PeoplePolicy(), **more),
    )
    return access_of(live, ImportContext(where, WRITER, today=TODAY), is_written=True)


def test_import_groups_grants_and_leaves_out_those_of_the_environment():
    live = [
        {"role": "OWNER", "userByEmail": ROBOT.partition(":")[2]},
        {"role": "READER", "groupByEmail": "engineers@example.com"},
        {"role": "WRITER", "userByEmail": WRITER},
        {"role": "READER", "userByEmail": "B@example.com"},
        PERSON,
        {"role": "READER", "groupByEmail": "wg-stripe--default@example.com"},
        {"role": "READER", "userByEmail": "c@example.com", "condition": condition_of(until_condition(TODAY, "DATA-1"))},
    ]
    default = (Grant(READER, ("group:engineers@example.com",)),)
    found = access(live, default=default)
    assert not found.sensitive
    assert not found.is_written  # by a connector, and so not by the file's word
    assert found.grants == (
        Grant(READER, ("user:c@example.com",), "DATA-1", TODAY),
        Grant(READER, ("workgroup:stripe", "user:a@example.com", "user:b@example.com")),
    )
    assert access([entry for entry in live if "engineers" not in str(entry)], default=default).sensitive


def test_import_marks_policy_keys_that_bigquery_does_not_store():
    people = PeoplePolicy(frozenset({"ticket", "until"}), timedelta(14), standing=("workgroup:stripe",))
    late = {
        "role": "READER",
        "userByEmail": "late@example.com",
        "condition": condition_of(until_condition(date(2027, 6, 1), "DATA-1")),
    }
    robot = {"role": "READER", "userByEmail": "s@p.iam.gserviceaccount.com"}
    team = {"role": "READER", "groupByEmail": "wg-stripe--default@example.com"}
    found = access([PERSON, late, robot, team], people=people)
    last = date(2026, 12, 15)
    assert found.grants == (
        Grant(READER, ("user:late@example.com",), "DATA-1", last),
        Grant(READER, ("user:a@example.com",), "fill-in", last),
        Grant(READER, ("workgroup:stripe", "serviceAccount:s@p.iam.gserviceaccount.com")),
    )
    assert found.comments == {
        ("access", 0, "until"): "fill in: the last day; BigQuery has 2027-06-01, later than prod allows",
        ("access", 1, "ticket"): "fill in: the ticket that prod requires, or add the member to `standing`",
        ("access", 1, "until"): "fill in: the last day that prod requires; BigQuery has none",
    }


OFFICE = {"title": "office hours", "expression": "x"}


@pytest.mark.parametrize(
    ("live", "lost"),
    [
        ([DELETED], "roles/bigquery.dataViewer for deleted:user:a@example.com?uid=1: the account is deleted"),
        (
            [{"role": "READER", "iamMember": "allUsers"}],
            "roles/bigquery.dataViewer for allUsers: it is public access, which prod forbids",
        ),
        (
            [{**PERSON, "condition": condition_of(until_condition(date(2026, 11, 30)))}],
            "roles/bigquery.dataViewer for user:a@example.com until 2026-11-30: it has expired",
        ),
        (
            [PERSON, {**PERSON, "condition": OFFICE}],
            "roles/bigquery.dataViewer for user:a@example.com on the condition x: it has no effect beside the member's "
            "other access",
        ),
        (
            [{**PERSON, "condition": {"title": " ", "expression": "x"}}],
            "roles/bigquery.dataViewer for user:a@example.com on the condition x: files cannot declare this",
        ),
        ([{**PERSON, "role": "roles/ odd"}], "roles/ odd for user:a@example.com: files cannot declare this"),
        (
            [{**PERSON, "domain": "b"}],
            'the entry {"domain": "b", "role": "READER", "userByEmail": "a@example.com"}: files cannot',
        ),
    ],
)
def test_import_names_entries_without_a_place_in_a_file_with_the_reason(live: list[dict[str, Any]], lost: str):
    found: Access = access(live)
    assert [message.startswith(lost) for message in found.lost] == [True]


def test_import_leaves_out_other_conditions_where_people_need_a_last_day():
    people = PeoplePolicy(frozenset({"until"}), standing=("user:b@example.com",))
    found = access(
        [{**PERSON, "condition": OFFICE}, {**PERSON, "userByEmail": "b@example.com", "condition": OFFICE}],
        people=people,
    )
    assert [message.rpartition(": ")[2] for message in found.lost] == [
        "prod requires `until`, and this entry has another condition"
    ]
    assert found.grants == (Grant(READER, ("user:b@example.com",), condition=Condition("office hours", "x")),)


def test_import_leaves_out_the_public_where_people_need_a_last_day():
    people = PeoplePolicy(frozenset({"until"}))
    found = access([{"role": "READER", "iamMember": "allUsers"}], people=people, public_access="allowed")
    assert [message.rpartition(": ")[2] for message in found.lost] == [
        "prod requires `until`, and IAM accepts no condition for the public"
    ]


def test_import_declares_the_public_where_the_policy_allows_it():
    live = [{"role": "READER", "iamMember": "allUsers"}, {"role": "READER", "specialGroup": "allAuthenticatedUsers"}]
    assert access(live, public_access="allowed").grants == (Grant(READER, ("allUsers", "allAuthenticatedUsers")),)


@given(MEMBERS)
def test_member_is_found_by_the_address_it_has(live: dict[str, str]):
    entry = parse_entry({"role": "READER", **live})
    assert entry is not None
    member = format_member(entry.at, "wg-{workgroup}--{subgroup}@example.com")
    found = access([entry.as_property()], public_access="allowed")
    if "deleted" not in entry.member and entry.member != WRITER:
        assert found.grants == (Grant(READER, (member,)),)


def test_group_is_a_workgroup_only_by_the_pattern_as_a_whole():
    pattern = "wg-{workgroup}--{subgroup}@example.com"
    assert format_member(("groupByEmail", "wg-a--b@example.com"), pattern) == "workgroup:a/b"
    assert format_member(("groupByEmail", "wg-a@example.com"), pattern) == "group:wg-a@example.com"
    assert format_member(("groupByEmail", "wg-a--b@example.comx"), pattern) == "group:wg-a--b@example.comx"


def test_comment_about_the_default_spells_members_as_files_do():
    default = [{"role": READER, "members": ["workgroup:stripe/viewers", "group:G@example.com"]}]
    live = [{"role": "READER", "specialGroup": "projectReaders"}]
    _, _, draft = imported(live, environment(default_access=default, policy={}))
    comment = draft.comments["dataset", "default_access"]
    assert f"{READER} for group:g@example.com, {READER} for workgroup:stripe/viewers" in comment
