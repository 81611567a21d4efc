"""Trouble in the middle of the story: two merges at once, a lost machine, and no quota left."""

from __future__ import annotations

from rehearsal.scene import OWNER, Scene

SHOP, TOUR = "connectors/dev/shop.yaml", "connectors/dev/tour.yaml"


def merge(scene: Scene, number: int) -> tuple[str, str]:
    """Approve and merge a pull request as a code owner.

    Returns the commits of the default branch before and after.
    """
    scene.hub.review(number, OWNER)
    before = scene.hub.main
    scene.hub.merge(number)
    return before, scene.hub.main


def every(scene: Scene, name: str, time: str) -> str:
    """Return the text of a unit that Fivetran syncs so often."""
    return scene.unit(name, "2027-06-01", schedule={"by": "fivetran", "every": time})


def test_older_merge_undoes_nothing_of_a_newer_one_that_was_applied_first(scene: Scene):
    names = ("shop", "tour")
    scene.deploy("dev", {f"connectors/dev/{name}.yaml": every(scene, name, "24h") for name in names})
    frequencies = lambda: {name: scene.admin.connections()[name]["sync_frequency"] for name in names}  # noqa: E731
    older = merge(scene, scene.open("hourly", {SHOP: every(scene, "shop", "1h"), TOUR: every(scene, "tour", "1h")}))
    newer = merge(scene, scene.open("rarely", {SHOP: every(scene, "shop", "6h")}))
    # The newer one is applied first. Without GitHub's queue, the older one finds the stack locked by a live job.
    fault = scene.admin.fault(kind="hold", method="PATCH", path="^/v1/connections/", count=None)
    job = scene.start_merge(*newer)
    scene.wait_until_held(fault, job)
    rejected = scene.start_merge(*older).wait()
    assert rejected.code != 0
    assert "is alive" in rejected.log
    assert "nothing was changed" in rejected.log
    scene.admin.forget_faults()
    job.wait().ok()
    assert frequencies() == {"shop": 360, "tour": 60}
    # Its failed job is repeated: it comes too late.
    scene.admin.forget_requests()
    late = scene.start_merge(*older).wait().ok()
    assert f"dev was applied at {newer[1]}, which is later than {older[1]}: nothing to do" in late.log
    assert scene.admin.writes() == []
    assert frequencies() == {"shop": 360, "tour": 60}


def test_apply_that_lost_its_machine_is_completed_by_the_next_run(scene: Scene):
    number = scene.open("two", {SHOP: scene.unit("shop", "2027-06-01"), TOUR: scene.unit("tour", "2027-06-01")})
    scene.run_pull_request(number).ok()
    before, _ = merge(scene, number)
    # Fivetran has created the second connection, and the answer never arrives.
    fault = scene.admin.fault(kind="hold", when="after", method="POST", path="^/v1/connections$", nth=2)
    job = scene.start_merge(before)
    scene.wait_until_held(fault, job)
    job.lose()
    scene.admin.forget_faults()
    scene.leave_machine("dev")
    assert set(scene.admin.connections()) == {"shop", "tour"}
    # GitHub has not noticed yet that the machine is gone.
    scene.admin.forget_requests()
    rejected = scene.dispatch("dev")
    assert rejected.code != 0
    assert f"/actions/runs/{job.record.id} (attempt 1) is in progress" in rejected.log
    assert scene.admin.writes() == []
    # Now it has: the next run releases the lock, and goes on with the same connections.
    job.end("failure")
    healed = scene.dispatch("dev").ok()
    assert f"/actions/runs/{job.record.id} (attempt 1), which has ended: failure" in healed.log
    assert {name: each["paused"] for name, each in scene.admin.connections().items()} == {"shop": False, "tour": False}
    assert "POST /v1/connections" not in scene.admin.writes()


def test_apply_without_quota_names_the_time_to_repeat_it_and_completes_then(scene: Scene):
    number = scene.open("shop", {SHOP: scene.unit("shop", "2027-06-01")})
    scene.run_pull_request(number).ok()
    before, _ = merge(scene, number)
    # Other users of the account need what is left of this hour while the connection is created.
    scene.admin.options(requests_per_hour=1000)
    fault = scene.admin.fault(kind="hold", when="after", method="POST", path="^/v1/connections$")
    job = scene.start_merge(before)
    scene.wait_until_held(fault, job)
    scene.use_up_quota(left=1)
    scene.admin.forget_faults()
    failed = job.wait()
    assert failed.code != 0
    assert "Fivetran's quota is nearly used up" in failed.log
    assert "The account's quota is used up. Wait 3" in failed.log
    assert "Traceback" not in failed.log
    # The next hour.
    scene.admin.options(requests_per_hour=20_000)
    scene.dispatch("dev").ok()
    assert {name: each["paused"] for name, each in scene.admin.connections().items()} == {"shop": False}
