"""Tell the story of an environment whose subfolder has a stack of its own."""

from __future__ import annotations

import re
from datetime import timedelta

from rehearsal.scene import Scene
from rehearsal.test_story import FINGERPRINT, merge

SHOP = "connectors/dev/crm/shop.yaml"


def jobs(log: str) -> set[str]:
    """Return the names of the jobs that ran."""
    return {name.strip() for name in re.findall(r"^\[[\w -]+/([^\]]+)\]", log, re.MULTILINE)}


def test_workflows_review_apply_and_repair_the_stack_of_a_subfolder(scene: Scene):
    scene.split("crm")
    hourly = scene.unit("shop", "2027-06-01", schedule={"by": "fivetran", "every": "1h"})
    number = scene.open("shop", {SHOP: hourly})
    scene.run_pull_request(number).ok()
    [comment] = scene.comments(number)
    assert "What a run of dev.crm would do" in comment
    assert "creates the connection shop (stripe)" in comment
    # The merge applies this stack, and no other one.
    merged = scene.run_merge(merge(scene, number)).ok()
    assert set(scene.admin.connections()) == {"shop"}
    assert jobs(merged.log) == {"find stacks", "apply to dev.crm"}
    # A push without a review stops, and its fingerprint is approved for this stack.
    before = scene.hub.main
    grant = {"role": "roles/bigquery.dataViewer", "members": ["user:eve@example.com"]}
    scene.hub.commit({SHOP: hourly.replace("dataset:\n", f"dataset:\n  access: [{grant}]\n")})
    stopped = scene.run_merge(before)
    assert stopped.code != 0
    advice = stopped.log[stopped.log.index("gh workflow run") :]
    assert "-f environment=dev -f folder=crm" in advice
    scene.dispatch("dev.crm", *set(re.findall(r"\b[0-9a-f]{16}\b", advice))).ok()
    assert "eve" in str(scene.admin.dataset("dev-project", "shop")["access"])
    # The daily run repairs it.
    scene.admin.edit(scene.admin.connections()["shop"]["id"], sync_frequency=1440)
    scene.run_daily(scene.today + timedelta(days=1)).ok()
    assert scene.admin.connections()["shop"]["sync_frequency"] == 60


def test_strangers_pull_request_gets_a_simulation_of_a_subfolders_stack(scene: Scene):
    # One stack: act keeps the outputs of a matrix's first job only, where GitHub merges those of all.
    scene.split("crm")
    number = scene.open("shop", {SHOP: scene.unit("shop", "2027-01-10")})
    scene.run_pull_request(number, is_stranger=True).ok()
    [comment] = scene.comments(number)
    assert "What a run of dev.crm would do" in comment
    assert "This is a simulation" in comment
    assert "creates the connection shop (stripe)" in comment
    assert not FINGERPRINT.search(comment)
