"""Run days of prod: what is scheduled is applied.

What was changed by hand is reported until a person decides.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import yaml
from tests.engine.workspace import stripe

from rehearsal.scene import Scene

PAYROLL = "connectors/prod/payroll.yaml"
READER = "roles/bigquery.dataViewer"


def payroll(*grants: tuple[str, str]) -> str:
    """Return the text of a unit whose dataset people may read until some days."""
    content = stripe("payroll", schedule={"by": "fivetran", "every": "24h"})
    content["dataset"]["access"] = [
        {"role": READER, "members": [f"user:{person}@example.com"], "until": until, "ticket": "T-1"}
        for person, until in grants
    ]
    return yaml.safe_dump(content, sort_keys=False)


def readers(scene: Scene) -> set[str]:
    """Return the people who are in the access list of the dataset."""
    found = scene.admin.dataset("prod-project", "payroll")["access"]
    return {each["userByEmail"].split("@")[0] for each in found if "userByEmail" in each} & {"ann", "dan", "eve"}


def frequency(scene: Scene) -> int:
    """Return how many minutes are between two syncs."""
    return scene.admin.connections()["payroll"]["sync_frequency"]


def the_issue(scene: Scene) -> dict[str, Any]:
    """Return the one issue of prod."""
    [found] = scene.issues("prod")
    return found


def test_prod_reports_what_was_changed_by_hand_until_a_person_decides(scene: Scene):
    grants = (
        ("ann", (scene.today + timedelta(days=2)).isoformat()),
        ("dan", (scene.today + timedelta(days=3)).isoformat()),
    )
    scene.deploy("prod", {PAYROLL: payroll(*grants)})
    # Another schedule, by hand: prod stays as it is, and an issue opens.
    scene.admin.edit(scene.admin.connections()["payroll"]["id"], sync_frequency=60)
    scene.admin.forget_requests()
    scene.run_daily(scene.today + timedelta(days=1)).ok()
    opened = the_issue(scene)
    assert opened["state"] == "open"
    assert "changes when the connection payroll syncs" in opened["body"]
    assert "gh workflow run merge.yml -f environment=prod -f refresh=true" in opened["body"]
    # A reader more, by hand, and access that has lapsed: also what is scheduled waits, and the issue changes.
    reader = {"role": READER, "userByEmail": "eve@example.com"}
    scene.admin.gcp("POST", "/datasets/prod-project/payroll/access", reader)
    scene.run_daily(scene.today + timedelta(days=2)).ok()
    changed = the_issue(scene)
    assert changed["number"] == opened["number"]
    assert "changes when the connection payroll syncs" in changed["body"]
    assert "eve@" in changed["body"].replace("\u200b", "")
    assert "lapsed" not in changed["body"]
    assert (frequency(scene), readers(scene)) == (60, {"ann", "dan", "eve"})
    assert scene.admin.writes() == []
    # A person lets the files be applied to what exists now.
    scene.dispatch("prod", refresh=True).ok()
    assert (frequency(scene), readers(scene)) == (1440, {"dan"})
    # The next day has only what is scheduled: it is applied. The grants left the file, so the issue closes.
    scene.hub.commit({PAYROLL: payroll()})
    scene.run_daily(scene.today + timedelta(days=1)).ok()
    assert (frequency(scene), readers(scene)) == (1440, set())
    assert the_issue(scene)["state"] == "closed"
