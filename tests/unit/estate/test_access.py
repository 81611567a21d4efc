"""Who has access to the datasets of a project, and the two questions about it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import Loaded
from reconciler.estate.access import FIVETRANS_ACCOUNT, AccessGrant, LiveAccess, list_grants
from reconciler.estate.question import datasets_of, groups_in, readers_of
from reconciler.google.iam.policies import Binding, PolicyHolder

from .files import DAY, VIEWER, dataset, grant, load_files, stripe

FIVETRAN = "g-quick-fox@fivetran-production.iam.gserviceaccount.com"
ROBOT = "serviceAccount:robot@p.iam.gserviceaccount.com"


def grants_of(loaded: Loaded, live: LiveAccess | None = None, day: date = DAY) -> list[AccessGrant]:
    return list_grants([loaded.fleet("dev")], loaded.places, day, live)


def who(grants: list[AccessGrant], name: str) -> dict[str, str]:
    """The source by member."""
    return {each.member: each.source for each in readers_of(grants, name)}


def test_grants_of_files_have_their_source_line_ticket_and_last_day(tmp_path: Path):
    access = grant("user:a@example.com", "workgroup:hr/readers", ticket="DENG-1", until="2026-12-05")
    loaded = load_files(tmp_path, {"shop": stripe("shop", access)})
    found = {each.member: each for each in grants_of(loaded)}
    assert who(list(found.values()), "shop") == {
        "user:a@example.com": "file",
        "workgroup:hr/readers": "file",
        "workgroup:data/engineers": "default",
        ROBOT: "automation",
        FIVETRANS_ACCOUNT: "fivetran",
    }
    lines = (tmp_path / "connectors/dev/shop.yaml").read_text().splitlines()
    place = found["workgroup:hr/readers"].place or ""
    file, line, _ = place.split(":")
    assert file == "connectors/dev/shop.yaml"
    assert "workgroup:hr/readers" in lines[int(line) - 1]
    assert (found["user:a@example.com"].ticket, found["user:a@example.com"].until) == ("DENG-1", "2026-12-05")
    assert {each.state for each in found.values()} == {"declared"}


def test_grants_that_ended_before_the_day_are_left_out_and_lines_stay_right(tmp_path: Path):
    ended, left = grant("user:a@example.com", until="2026-11-29"), grant("user:b@example.com", until="2026-11-30")
    loaded = load_files(tmp_path, {"shop": dataset(ended, left)}, date(2026, 11, 20))
    assert "user:a@example.com" in who(grants_of(loaded, day=date(2026, 11, 29)), "shop")
    on_the_day = grants_of(loaded, day=DAY)
    assert "user:a@example.com" not in who(on_the_day, "shop")
    [found] = [each for each in on_the_day if each.member == "user:b@example.com"]
    line = int((found.place or "").split(":")[1])
    assert "user:b@example.com" in (tmp_path / "connectors/dev/shop.yaml").read_text().splitlines()[line - 1]
    assert "user:b@example.com" not in who(grants_of(loaded, day=date(2026, 12, 1)), "shop")


def test_sensitive_dataset_lacks_the_default_access(tmp_path: Path):
    loaded = load_files(tmp_path, {"pay": dataset(sensitive=True)})
    assert who(grants_of(loaded), "pay") == {ROBOT: "automation"}


def test_live_lists_show_what_is_pending_made_by_hand_or_authorised(tmp_path: Path):
    loaded = load_files(tmp_path, {"shop": stripe("shop", grant("user:a@example.com", "user:b@example.com"))})
    entries: list[dict[str, Any]] = [
        {"role": "READER", "userByEmail": "a@example.com"},
        {"role": "READER", "groupByEmail": "wg-hand--made@example.com"},
        {"role": "WRITER", "userByEmail": FIVETRAN},
        {"view": {"projectId": "p", "datasetId": "d", "tableId": "v"}},
        {"role": "READER", "userByEmail": "deleted:user:c@example.com?uid=1"},
    ]
    found = {each.member: each for each in grants_of(loaded, LiveAccess({"shop": entries}))}
    assert {member: (each.source, each.state) for member, each in found.items()} == {
        "user:a@example.com": ("file", "granted"),
        "user:b@example.com": ("file", "pending"),
        "workgroup:data/engineers": ("default", "pending"),
        "workgroup:hand/made": ("by_hand", "undeclared"),
        "view:p.d.v": ("authorised", "granted"),
        ROBOT: ("automation", "pending"),
        f"serviceAccount:{FIVETRAN}": ("fivetran", "granted"),
    }


def test_undeclared_dataset_has_the_grants_of_its_live_list(tmp_path: Path):
    loaded = load_files(tmp_path, {"shop": dataset()})
    live = LiveAccess({"scratch": [{"role": "READER", "domain": "example.com"}]})
    assert who(grants_of(loaded, live), "dev-project.scratch") == {"domain:example.com": "by_hand"}


def test_roles_on_project_folder_and_organisation_read_every_dataset(tmp_path: Path):
    declared = {"role": "roles/bigquery.dataViewer", "members": ["group:all@example.com"]}
    loaded = load_files(tmp_path, {"shop": dataset()}, project_access=[declared])
    holders = (
        PolicyHolder(
            "projects/dev-project",
            "",
            (
                Binding(VIEWER, ("group:all@example.com", "user:b@example.com"), "office hours"),
                Binding("roles/viewer", ("user:basic@example.com",)),
                Binding("roles/bigquery.jobUser", ("user:blind@example.com",)),
                Binding("projects/p/roles/hidden", ("user:maybe@example.com",)),
            ),
        ),
        PolicyHolder("folders/2", "Data", (Binding("roles/bigquery.admin", ("user:f@example.com",)),)),
        PolicyHolder("organizations/1", "", None),
    )
    live = LiveAccess({"shop": [{"role": "READER", "specialGroup": "projectReaders"}]}, holders)
    found = {each.member: each for each in readers_of(grants_of(loaded, live), "shop")}
    assert (found["group:all@example.com"].source, found["group:all@example.com"].condition) == (
        "project",
        "office hours",
    )
    assert found["group:all@example.com"].place == "connectors/dev/environment.yaml:20:5"
    assert found["user:b@example.com"].place is None
    assert found["user:basic@example.com"].role == "roles/viewer"
    assert found["user:maybe@example.com"].reads is None
    assert (found["user:f@example.com"].source, found["user:f@example.com"].where) == (
        "folder",
        "a role on the folder 2 (Data)",
    )
    assert "user:blind@example.com" not in found
    offline = {each.member: each for each in readers_of(grants_of(loaded), "shop")}
    assert (offline["group:all@example.com"].source, offline["group:all@example.com"].state) == ("project", "declared")


def test_grants_of_roles_that_read_no_tables_are_left_out(tmp_path: Path):
    access = grant("user:a@example.com", role="roles/bigquery.metadataViewer")
    loaded = load_files(tmp_path, {"shop": dataset(access)})
    grants = grants_of(loaded)
    assert "user:a@example.com" in {each.member for each in grants}
    assert "user:a@example.com" not in who(grants, "shop")
    assert datasets_of(grants, "user:a@example.com", {"dev": None}) == []


@pytest.mark.parametrize(
    ("member", "datasets"),
    [
        ("user:a@example.com", {"by_user", "by_domain", "by_all"}),
        ("a@example.com", {"by_user", "by_domain", "by_all"}),
        ("A@Example.com", {"by_user", "by_domain", "by_all"}),
        ("user:b@example.org", {"by_all"}),
        ("domain:example.com", {"by_domain", "by_all"}),
        ("workgroup:hr/x", {"by_group", "by_all"}),
        ("group:wg-hr--x@example.com", {"by_group", "by_all"}),
        ("allUsers", {"by_all"}),
        (FIVETRANS_ACCOUNT, {"by_all"}),
    ],
)
def test_member_reads_by_its_name_its_domain_and_the_public(tmp_path: Path, member: str, datasets: set[str]):
    units = {
        "by_user": dataset(grant("user:a@example.com")),
        "by_domain": dataset(grant("domain:example.com")),
        "by_group": dataset(grant("workgroup:hr/x")),
        "by_all": dataset(grant("allUsers")),
    }
    loaded = load_files(tmp_path, units, default_access=[], policy={"public_access": "allowed"})
    workgroups = {"dev": loaded.fleet("dev").environment.workgroups}
    assert {each.dataset for each in datasets_of(grants_of(loaded), member, workgroups)} == datasets
    assert groups_in(grants_of(loaded)) == ["workgroup:hr/x"]


MEMBERS = st.sampled_from(
    ["user:a@example.com", "user:b@example.org", "group:g@example.com", "workgroup:hr/x", "domain:example.com"]
)
ACCESS = st.lists(
    st.tuples(MEMBERS, st.sampled_from([VIEWER, "roles/bigquery.metadataViewer"]), st.sampled_from([None, -1, 0, 3])),
    max_size=4,
    unique_by=lambda each: each[:2],
)


def _grants(access: list[tuple[str, str, int | None]]) -> list[Mapping[str, Any]]:
    until = {None: {}, -1: {"until": "2026-11-29"}, 0: {"until": "2026-11-30"}, 3: {"until": "2026-12-03"}}
    return [grant(member, role=role, **until[days]) for member, role, days in access]


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), ACCESS, min_size=1))
def test_answers_for_a_member_and_for_a_dataset_agree(files):
    with tempfile.TemporaryDirectory() as folder:
        units = {name: dataset(*_grants(access)) for name, access in files.items()}
        loaded = load_files(Path(folder), units)
        grants = grants_of(loaded)
        workgroups = {"dev": loaded.fleet("dev").environment.workgroups}
    for member in {each.member for each in grants}:
        by_member = {each.dataset for each in datasets_of(grants, member, workgroups)}
        includes = {member}
        if member.startswith("user:") and member.endswith("@example.com"):
            includes.add("domain:example.com")
        by_dataset = {name for name in files if includes & who(grants, name).keys()}
        assert by_member == by_dataset
