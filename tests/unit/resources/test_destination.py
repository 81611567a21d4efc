"""A group and its destination: created when missing, adopted as they are, rejected where they differ."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resources.destination.resource import DestinationProvider
from reconciler.resources.destination.service_account import ServiceAccountProvider
from reconciler.resources.run.run import run

from .account import Fivetran, failure

PROPS: dict[str, Any] = {
    "file": "connectors/dev/environment.yaml",
    "group": "Group_Dev",
    "gcp_project": "dev-project",
    "location": "US",
    "region": "GCP_US_EAST4",
    "time_zone_offset": "0",
}


@pytest.mark.parametrize("spelt", [{}, {"location": "us"}, {"region": "gcp_us_east4"}, {"time_zone_offset": "+0"}])
def test_matching_destination_is_adopted_without_a_write(fivetran: Fivetran, new_run, spelt: dict[str, str]):
    made = DestinationProvider().create({**PROPS, **spelt})
    assert made.id == fivetran.group
    assert fivetran.writes() == []


def test_missing_group_and_destination_are_made_once(fivetran: Fivetran, new_run):
    fivetran.reset()
    fivetran.fault(method="POST", path="^/v1/groups$", kind="drop_reply", when="after")
    fivetran.fault(method="POST", path="^/v1/destinations$", kind="drop_reply", when="after")
    made = DestinationProvider().create(dict(PROPS))
    snapshot = fivetran.snapshot()
    assert [group["name"] for group in snapshot["groups"]] == ["Group_Dev"]
    assert [destination["id"] for destination in snapshot["destinations"]] == [made.id]
    assert snapshot["destinations"][0]["config"]["project_id"] == "dev-project"


def test_creating_or_changing_a_destination_runs_no_test(fivetran: Fivetran, new_run):
    """`DestinationTests` does, once Fivetran's service account has its role; until then it could only fail."""
    account = f"g-{fivetran.group.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    grant = {"role": "roles/bigquery.user", "member": f"serviceAccount:{account}"}
    fivetran.gcp("POST", "/grants/dev-project", grant)
    fivetran.remove_destination(fivetran.group)
    provider = DestinationProvider()
    provider.create(dict(PROPS))
    provider.update(fivetran.group, dict(PROPS), {**PROPS, "time_zone_offset": "-5"})
    (made,) = fivetran.snapshot()["destinations"]
    assert (made["time_zone_offset"], made["setup_status"]) == ("-5", "incomplete")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gcp_project": "other-project"}, "gcp_project: the file says 'other-project', Fivetran has 'dev-project'"),
        ({"location": "EU"}, "location: the file says 'EU', Fivetran has 'US'"),
        ({"region": "GCP_EUROPE_WEST3"}, "region: the file says 'GCP_EUROPE_WEST3', Fivetran has 'GCP_US_EAST4'"),
        ({"time_zone_offset": "-5"}, "time_zone_offset: the file says '-5', Fivetran has '0'"),
    ],
)
def test_differing_destination_is_rejected_also_in_a_preview(fivetran: Fivetran, new_run, change, message):
    text = failure(DestinationProvider().create, {**PROPS, **change})
    run.declare(is_preview=True)
    assert failure(DestinationProvider().check, {}, {**PROPS, **change}) == text
    DestinationProvider().check({}, PROPS)
    assert fivetran.writes() == []
    assert text.startswith("connectors/dev/environment.yaml: the destination of group Group_Dev")
    assert message in text
    assert fivetran.writes() == []


def test_destination_of_another_service_is_not_adopted(fivetran: Fivetran, new_run):
    fivetran.remove_destination(fivetran.group)
    config = {"project_id": "dev-project", "data_set_location": "US"}
    fivetran.make_destination(fivetran.group, service="managed_big_query", config=config)
    assert "it is of service managed_big_query, not big_query" in failure(DestinationProvider().create, dict(PROPS))
    assert fivetran.writes() == []


def test_two_groups_of_one_name_are_rejected_with_their_ids(fivetran: Fivetran, new_run):
    other = fivetran.make_group("Group_Dev")
    text = failure(DestinationProvider().create, dict(PROPS))
    assert other in text
    assert fivetran.group in text


@pytest.mark.parametrize("key", ["group", "gcp_project", "location", "region"])
def test_fixed_destination_keys_cannot_change(key):
    text = failure(DestinationProvider().check, dict(PROPS), {**PROPS, key: "OTHER"})
    assert f"{key} is OTHER in the file and {PROPS[key]} in Fivetran" in text


def test_destination_moves_to_another_group_and_keeps_the_old_one_when_allowed(fivetran: Fivetran, new_run):
    moved = {**PROPS, "group": "Group_Test"}
    assert "Write `formerly: Group_Dev` beside it to rename the group in Fivetran" in failure(
        DestinationProvider().check, dict(PROPS), moved
    )
    run.declare(left_groups=frozenset({"Group_Dev"}))
    assert DestinationProvider().check(dict(PROPS), moved).failures == []
    shown = DestinationProvider().diff(fivetran.group, dict(PROPS), moved)
    assert (shown.replaces, bool(shown.delete_before_replace)) == (["group"], False)
    fivetran.forget_requests()
    DestinationProvider().delete(fivetran.group, dict(PROPS))
    assert fivetran.requests() == []
    for key, other in (("gcp_project", "other-project"), ("location", "EU"), ("region", "GCP_EUROPE_WEST3")):
        assert key in failure(DestinationProvider().check, dict(PROPS), {**moved, key: other})


RENAMED = {**PROPS, "group": "Group_New", "formerly": "Group_Dev"}


def names(fivetran: Fivetran) -> dict[str, str]:
    return {group["id"]: group["name"] for group in fivetran.snapshot()["groups"]}


def test_group_is_renamed_in_place_once_and_formerly_may_stay(fivetran: Fivetran, new_run):
    provider = DestinationProvider()
    assert provider.check(dict(PROPS), dict(RENAMED)).failures == []
    shown = provider.diff(fivetran.group, dict(PROPS), dict(RENAMED))
    assert (shown.changes, shown.replaces) == (True, [])
    fivetran.fault(method="PATCH", path="^/v1/groups/", kind="drop_reply")
    for _ in range(2):  # the second time is that of a run which was killed before it could say so
        provider.update(fivetran.group, dict(PROPS), dict(RENAMED))
        assert names(fivetran) == {fivetran.group: "Group_New"}
    assert set(fivetran.writes()) == {"PATCH /v1/groups/{group_id}"}
    for news in (RENAMED, {**PROPS, "group": "Group_New"}):
        assert provider.check(dict(RENAMED), dict(news)).failures == []
        assert not provider.diff(fivetran.group, dict(RENAMED), dict(news)).changes
    assert "group is Group_Last in the file" in failure(
        provider.check, dict(RENAMED), {**RENAMED, "group": "Group_Last"}
    )


def test_group_that_no_state_knows_is_found_by_the_name_it_had_and_renamed(fivetran: Fivetran, new_run):
    for _ in range(2):
        assert DestinationProvider().create(dict(RENAMED)).id == fivetran.group
        assert names(fivetran) == {fivetran.group: "Group_New"}
    fivetran.reset()
    made = DestinationProvider().create(dict(RENAMED)).id
    assert names(fivetran) == {made: "Group_New"}


def test_group_is_not_renamed_to_the_name_of_another(fivetran: Fivetran, new_run):
    other = fivetran.make_group("Group_New")
    provider = DestinationProvider()
    for operation, arguments in ((provider.create, ()), (provider.update, (fivetran.group, dict(PROPS)))):
        message = failure(operation, *arguments, dict(RENAMED))
        assert "Fivetran has both groups, Group_New and Group_Dev, so the run cannot rename Group_Dev" in message
    assert names(fivetran) == {fivetran.group: "Group_Dev", other: "Group_New"}


def test_time_zone_is_patched_and_its_drift_seen(fivetran: Fivetran, new_run):
    provider = DestinationProvider()
    assert provider.diff(fivetran.group, PROPS, {**PROPS, "time_zone_offset": "+0"}).changes is False
    assert provider.diff(fivetran.group, PROPS, {**PROPS, "time_zone_offset": "-5"}).changes is True
    provider.update(fivetran.group, PROPS, {**PROPS, "time_zone_offset": "-5"})
    drifted = provider.read(fivetran.group, dict(PROPS))
    assert (drifted.outs or {})["time_zone_offset"] == "-5"


def test_refresh_removes_a_missing_destination_from_state(fivetran: Fivetran, new_run):
    assert DestinationProvider().read("no_such_group", dict(PROPS)).id is None
    fivetran.remove_destination(fivetran.group)
    assert DestinationProvider().read(fivetran.group, dict(PROPS)).id is None


def test_destination_is_deleted_only_without_connections_of_others(
    fivetran: Fivetran, new_run, monkeypatch: pytest.MonkeyPatch
):
    fivetran.reset()
    made = DestinationProvider().create(dict(PROPS))
    assert "RECONCILER_REMOVALS=allow" in failure(DestinationProvider().delete, made.id, dict(PROPS))
    monkeypatch.setenv("RECONCILER_REMOVALS", "allow")
    fivetran.group = made.id
    theirs = fivetran.by_hand()
    assert f"stripe ({theirs})" in failure(DestinationProvider().delete, made.id, dict(PROPS))
    assert len(fivetran.snapshot()["connections"]) == 2
    fivetran.delete(theirs)
    DestinationProvider().delete(made.id, dict(PROPS))
    assert fivetran.snapshot() == {"groups": [], "destinations": [], "connections": []}
    DestinationProvider().delete(made.id, dict(PROPS))


def test_service_account_is_read_from_the_group(fivetran: Fivetran, new_run):
    made = ServiceAccountProvider().create({"file": PROPS["file"], "group_id": fivetran.group})
    assert made.id.startswith(f"g-{fivetran.group.replace('_', '-')}@")
    assert ServiceAccountProvider().read(made.id, {"file": PROPS["file"], "group_id": "gone"}).id is None


def test_preview_that_cannot_ask_fivetran_rejects_no_destination(fivetran: Fivetran, new_run):
    run.declare(is_preview=True)
    fivetran.fault(kind="status", status=500, count=None)
    DestinationProvider().check({}, {**PROPS, "location": "EU"})
    assert {each["path"] for each in fivetran.requests()} == {"/v1/groups"}


def test_undeclared_settings_are_named_at_adoption(fivetran: Fivetran, new_run, caplog: pytest.LogCaptureFixture):
    fivetran.set_destination(
        fivetran.group, networking_method="ProxyAgent", proxy_agent_id="agent_1", private_link_id="link_1"
    )
    DestinationProvider().create({**PROPS, "settings": {"private_link_id": "link_1"}})
    assert caplog.messages == [
        f"connectors/dev/environment.yaml: the destination of group Group_Dev has {message}, which no file "
        "declares\n    Write it under `destination`, so that a new destination has it too."
        for message in ("networking_method: ProxyAgent", "proxy_agent_id: agent_1")
    ]
    assert fivetran.writes() == []
