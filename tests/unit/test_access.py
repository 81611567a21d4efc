"""The authoritative access list: who is always there, who never is, and how BigQuery spells it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.access import declared_entries, foreign_entries, workgroup_address
from reconciler.model import Dataset, Destination, Environment, Grant

WRITER = "g-lively_panda@fivetran-production.iam.gserviceaccount.com"

roles = st.sampled_from(["roles/bigquery.dataViewer", "roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"])
members = st.sampled_from(
    [
        "user:a@example.com",
        "group:g@example.com",
        "serviceAccount:s@p.iam.gserviceaccount.com",
        "workgroup:stripe/viewers",
    ]
)
grants = st.lists(st.builds(lambda role, who: Grant(role, tuple(who)), roles, st.sets(members)), max_size=3).map(tuple)


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


@given(grants, grants, grants, st.booleans(), st.booleans())
def test_automation_always_and_the_writer_exactly_where_a_connector_writes(auto, default, own, sensitive, written):
    entries = declared_entries(
        environment(auto, default),
        Dataset("d", "US", sensitive=sensitive, access=own),
        writer=WRITER if written else None,
    )
    alone = declared_entries(environment(auto), Dataset("d", "US", sensitive=True), writer=None)
    assert set(alone) <= set(entries) or not any(grant.members for grant in auto)
    assert ((("WRITER", WRITER)) in {(entry.role, entry.member) for entry in entries}) == written
    assert len(set(entries)) == len(entries)


@given(grants, grants, grants)
def test_a_sensitive_dataset_has_no_default_member(auto, default, own):
    sensitive = Dataset("d", "US", sensitive=True, access=own)
    assert declared_entries(environment(auto, default), sensitive, writer=None) == declared_entries(
        environment(auto), sensitive, writer=None
    )


def test_the_three_roles_that_bigquery_renames_are_written_by_their_basic_names():
    own = tuple(
        Grant(f"roles/bigquery.{role}", ("user:a@example.com",))
        for role in ("dataOwner", "dataEditor", "dataViewer", "metadataViewer")
    )
    entries = declared_entries(environment(), Dataset("d", "US", access=own), writer=None)
    assert {entry.role for entry in entries} == {"OWNER", "WRITER", "READER", "roles/bigquery.metadataViewer"}


def test_a_list_is_never_empty_since_bigquery_would_let_in_the_projects_readers():
    (entry,) = declared_entries(environment(), Dataset("d", "US", sensitive=True), writer=None)
    assert entry.as_property() == {"role": "OWNER", "specialGroup": "projectOwners"}


def test_an_address_is_one_member_in_any_case_of_letters():
    own = (Grant("roles/bigquery.dataViewer", ("user:Jane@Example.com", "user:jane@example.com")),)
    (entry,) = declared_entries(environment(), Dataset("d", "US", access=own), writer=None)
    assert entry.member == "jane@example.com"


def test_a_workgroup_is_a_google_group_by_the_environments_pattern():
    pattern = "gcp-wg-{workgroup}--{subgroup}@example.com"
    assert workgroup_address("stripe/data-viewers", pattern) == "gcp-wg-stripe--data-viewers@example.com"
    assert workgroup_address("stripe", pattern) == "gcp-wg-stripe--default@example.com"


def test_views_routines_and_datasets_of_others_are_kept_and_people_are_not():
    empty = {"conditions": [], "datasets": [], "routines": [], "views": [], "role": "", "userByEmail": ""}
    view = {"projectId": "shared", "datasetId": "d", "tableId": "v"}
    inner = {"projectId": "shared", "datasetId": "syndicate"}
    live: list[dict[str, Any]] = [
        {**empty, "role": "READER", "userByEmail": "somebody@example.com"},
        {**empty, "role": "OWNER", "specialGroup": "projectOwners"},
        {**empty, "views": [view]},
        {**empty, "datasets": [{"datasets": [inner], "targetTypes": ["VIEWS"]}]},
    ]
    assert foreign_entries(live) == (
        {"view": view},
        {"dataset": {"dataset": inner, "targetTypes": ["VIEWS"]}},
    )
