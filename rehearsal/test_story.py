"""Tell the story of a connector by the workflow files, from its pull request to its removal."""

from __future__ import annotations

import re
from datetime import date, timedelta

from rehearsal.scene import OWNER, Scene

SHOP = "connectors/dev/shop.yaml"
FINGERPRINT = re.compile(r"`([0-9a-f]{16})`")


def merge(scene: Scene, number: int) -> str:
    """Approve and merge a pull request as a code owner.

    Returns the commits of the default branch before and after.
    """
    scene.hub.review(number, OWNER)
    before = scene.hub.main
    scene.hub.merge(number)
    return before


def test_workflows_run_a_connector_from_its_pull_request_to_its_removal(scene: Scene):
    # A pull request opens: one comment for the environment that it touches.
    number = scene.open("shop", {SHOP: scene.unit("shop", "2027-01-10")})
    scene.run_pull_request(number).ok()
    [first] = scene.comments(number)
    assert "creates the connection shop (stripe)" in first, first
    assert "What a run of dev would do" in first
    # A second push: the same comment is edited, and the fingerprint of the old content is gone.
    scene.push("shop", {SHOP: scene.unit("shop", "2027-01-10", paused="not yet")})
    scene.run_pull_request(number, "synchronize").ok()
    [second] = scene.comments(number)
    assert second != first
    # Approved and merged: applied.
    scene.run_merge(merge(scene, number)).ok()
    assert set(scene.admin.connections()) == {"shop"}
    # A push to main without a review: nothing changes, until a code owner approves its fingerprint.
    before = scene.hub.main
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:eve@example.com"]}
    scene.hub.commit({SHOP: scene.unit("shop", "2027-01-10").replace("dataset:\n", f"dataset:\n  access: [{grant}]\n")})
    stopped = scene.run_merge(before)
    assert stopped.code != 0
    assert "user:eve@example.com" in stopped.log
    assert "eve" not in str(scene.admin.dataset("dev-project", "shop")["access"])
    found = set(re.findall(r"\b[0-9a-f]{16}\b", stopped.log[stopped.log.index("gh workflow run") :]))
    scene.dispatch("dev", *found).ok()
    assert "eve" in str(scene.admin.dataset("dev-project", "shop")["access"])
    # Its last day is over: paused. The days of grace are over: removed, and a pull request deletes the file.
    last = date(2027, 1, 10)
    scene.run_daily(last + timedelta(days=1)).ok()
    assert scene.admin.connections()["shop"]["paused"]
    scene.run_daily(last + timedelta(days=4)).ok()
    assert scene.admin.connections() == {}
    pulls = scene.hub.done("GET", "/pulls", scene.hub.people["carol"])
    assert [each["head"]["ref"] for each in pulls] == ["reconciler/sweep"]


def test_strangers_pull_request_gets_a_simulation_and_no_record(scene: Scene):
    hostile = scene.unit("shop", "2027-01-10").replace(
        "Payments.", '"@everyone ::error::x ![](https://example.com) #1"'
    )
    number = scene.open("shop", {SHOP: hostile})
    scene.run_pull_request(number, is_stranger=True).ok()
    [comment] = scene.comments(number)
    assert "This is a simulation" in comment
    assert "creates the connection shop (stripe)" in comment
    assert not FINGERPRINT.search(comment)
    head = scene.hub.pull(number)["head"]["sha"]
    assert scene.hub.done("GET", f"/commits/{head}/check-runs", scene.hub.people["carol"])["total_count"] == 0


def test_daily_run_repairs_dev_and_reports_what_it_may_not_do(scene: Scene):
    number = scene.open("shop", {SHOP: scene.unit("shop", "2027-06-01", schedule={"by": "fivetran", "every": "1h"})})
    scene.run_pull_request(number).ok()
    scene.run_merge(merge(scene, number)).ok()
    live = scene.admin.connections()["shop"]
    scene.admin.edit(live["id"], sync_frequency=1440)
    scene.run_daily(scene.today + timedelta(days=1)).ok()
    assert scene.admin.connections()["shop"]["sync_frequency"] == 60


def test_run_that_fivetran_does_not_answer_is_repeated_later(scene: Scene):
    number = scene.open("shop", {SHOP: scene.unit("shop", "2027-06-01")})
    scene.run_pull_request(number).ok()
    before = merge(scene, number)
    scene.admin.fault(kind="status", status=503, path="^/v1/", count=None)
    failed = scene.run_merge(before)
    assert failed.code != 0
    assert "503" in failed.log
    assert "Traceback" not in failed.log
    scene.admin.forget_faults()
    scene.dispatch("dev").ok()
    assert set(scene.admin.connections()) == {"shop"}
