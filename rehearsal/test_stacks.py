"""Tell the story of an environment whose subfolder has a stack of its own."""

from __future__ import annotations

import re
from datetime import date, timedelta

import yaml
from tests.engine.workspace import stripe

from rehearsal.scene import Scene
from rehearsal.test_story import FINGERPRINT, merge

ENVIRONMENT_FILE = "connectors/dev/environment.yaml"
SHOP, TOUR = "connectors/dev/crm/shop.yaml", "connectors/dev/tour.yaml"
PAYROLL = "connectors/prod/payroll.yaml"
ENDED = "`stacks` no longer has crm, and the stack dev.crm still has the resources of shop"
#: The day on which a unit is removed whose last day is 2027-01-03.
REMOVED = date(2027, 1, 7)


def jobs(log: str) -> set[str]:
    """Return the names of the jobs that ran, without the numbers that act gives those of a matrix."""
    return {re.sub(r"-\d+$", "", name.strip()) for name in re.findall(r"^\[[\w -]+/([^\]]+)\]", log, re.MULTILINE)}


def states(scene: Scene, environment: str = "") -> dict[str, bytes]:
    """Return the stored states, of one environment or all, as bytes by the name of each."""
    folder = scene.actions.folder / "state" / ".pulumi" / "stacks"
    return {file.name: file.read_bytes() for file in folder.rglob(f"{environment}*.json")}


def sweeps(scene: Scene) -> str:
    """Return the texts of the pull requests that delete files."""
    pulls = scene.hub.done("GET", "/pulls", scene.hub.people["carol"])
    return "\n".join(each["body"] for each in pulls if each["head"]["ref"] == "reconciler/sweep")


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


def test_strangers_pull_request_is_simulated_for_each_stack_and_approves_nothing(scene: Scene):
    scene.split("crm")
    payroll = stripe("payroll", schedule={"by": "fivetran", "every": "24h"})
    files = {
        TOUR: scene.unit("tour", "2027-06-01"),
        SHOP: scene.unit("shop", "2027-06-01"),
        PAYROLL: yaml.safe_dump(payroll, sort_keys=False),
    }
    number = scene.open("three", files)
    stored = states(scene)
    scene.admin.forget_requests()
    reviewed = scene.run_pull_request(number, is_stranger=True).ok()
    # A comment for each stack, about its own units.
    comments = scene.comments(number)
    assert len(comments) == 3
    for stack, unit in {"dev": "tour", "dev.crm": "shop", "prod": "payroll"}.items():
        [comment] = [each for each in comments if f"What a run of {stack} would do" in each]
        assert "This is a simulation" in comment
        assert re.findall(r"creates the connection (\w+)", comment) == [unit]
        assert not FINGERPRINT.search(comment)
    # No job had a reason for a credential, and none used those that lay there.
    simulated = {f"{job}{stack}" for job in ("simulate ", "comment on ") for stack in ("dev", "dev.crm", "prod")}
    assert jobs(reviewed.log) == {"validate", "review", *simulated}
    assert scene.admin.requests() == []
    assert states(scene) == stored
    # A simulation approves nothing: each stack stops after the merge, the environment's own one first.
    stopped = scene.run_merge(merge(scene, number))
    assert stopped.code != 0
    assert jobs(stopped.log) == {"find stacks", "apply to dev", "apply to dev.crm", "apply to prod"}
    assert stopped.log.rindex("[merge/apply to dev ") < stopped.log.index("[merge/apply to dev.crm ")
    assert scene.admin.writes() == []
    assert states(scene) == stored
    # What the job of a stack printed is approved for it alone.
    for stack, units in {"dev": {"tour"}, "dev.crm": {"tour", "shop"}}.items():
        printed = re.findall(rf"^\[merge/apply to {re.escape(stack)} .*fingerprints=(\w+)", stopped.log, re.MULTILINE)
        scene.dispatch(stack, *printed).ok()
        assert set(scene.admin.connections()) == units


def test_end_of_stack_that_has_units_stops_its_environment_and_changes_nothing(scene: Scene):
    scene.split("crm")
    scene.deploy("dev.crm", {SHOP: scene.unit("shop", "2027-01-03")})
    found = scene.hub.repository.git.file(scene.hub.main, ENVIRONMENT_FILE)
    assert found is not None
    split = found[1].decode()
    whole = yaml.safe_dump({key: value for key, value in yaml.safe_load(split).items() if key != "stacks"})
    before, stored = scene.admin.connections(), states(scene, "dev")
    scene.admin.forget_requests()
    # The pull request says it already.
    number = scene.open("end", {ENVIRONMENT_FILE: whole})
    assert scene.run_pull_request(number).code != 0
    [comment] = scene.comments(number)
    assert ENDED in comment
    # An administrator merges it all the same.
    stopped = scene.run_merge(merge(scene, number))
    assert stopped.code != 0
    assert ENDED in stopped.log
    assert "Restore crm in `stacks`. Or move its units with `reconciler move shop --to dev`" in stopped.log
    # The day on which the unit would be removed: its file stays too.
    daily = scene.run_daily(REMOVED)
    assert daily.code != 0
    [issue] = scene.issues("dev")
    assert (issue["state"], ENDED in issue["body"]) == ("open", True)
    assert scene.admin.writes() == []
    assert scene.admin.connections() == before
    assert states(scene, "dev") == stored
    assert "connectors/dev/crm/shop.yaml" not in sweeps(scene)
    # As the message says: with the line restored, the stack's own run removes the unit.
    ended = scene.hub.main
    scene.hub.commit({ENVIRONMENT_FILE: split})
    scene.run_merge(ended).ok()
    scene.run_daily(REMOVED + timedelta(days=1)).ok()
    assert scene.admin.connections() == {}
    assert "connectors/dev/crm/shop.yaml" in sweeps(scene)
    [issue] = scene.issues("dev")
    assert ENDED not in issue["body"]
