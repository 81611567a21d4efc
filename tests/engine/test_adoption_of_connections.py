"""What exists in Fivetran and is not ours is not written to, and is not moved onto, through the real engine."""

from __future__ import annotations

import re
from typing import Any

from admin import Admin
from workspace import ENVIRONMENT, Workspace, stripe

TEST = "POST /v1/connections/{connection_id}/test"


def test_paused_connection_that_never_synced_is_adopted_without_a_write(workspace: Workspace, admin: Admin):
    group = admin.make_group_with_destination("Group_Dev")
    config: dict[str, Any] = {"schema": "stripe", "api_key": "the key in use"}
    admin.make(group_id=group, service="stripe", config=config, paused=True)
    before = admin.connections(secrets=True)["stripe"]
    workspace.write("stripe", stripe())
    shown = workspace.preview().ok()
    assert re.search(rf"stripe\.yaml:\d+:\d+: adopts the connection stripe \({before['id']}\) as it is", shown.out)
    admin.forget_requests()
    workspace.up().ok()
    assert admin.connections(secrets=True)["stripe"] == before
    assert admin.writes() == []
    workspace.assert_settled()


def test_move_onto_an_existing_connection_deletes_nothing(workspace: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    workspace.up().ok()
    old = admin.connections()["stripe"]["id"]
    other = admin.make_group_with_destination("Group_Other")
    config = {"schema": "stripe", "api_key": "k"}
    theirs = admin.make(group_id=other, service="stripe", config=config, succeeded_at="2026-01-01T00:00:00Z")["id"]
    fivetran = {**ENVIRONMENT["fivetran"], "group": "Group_Other"}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": fivetran})
    moves = {"group": {"from": "Group_Dev", "to": "Group_Other"}, "ticket": "DENG-1"}
    workspace.write("stripe", stripe(allow_resync=moves))
    admin.forget_requests()
    rejected = workspace.up()
    assert rejected.code != 0
    there = f"the existing connection stripe ({theirs}) instead"
    assert f"this run would delete the connection stripe and use {there}" in rejected.out
    assert admin.writes() == []
    assert {each["id"] for each in admin.snapshot()["connections"] if each["name"] == "stripe"} == {old, theirs}

    admin.delete(theirs)
    workspace.up().ok()
    (live,) = [each for each in admin.snapshot()["connections"] if each["name"] == "stripe"]
    assert live["group_id"] == other
