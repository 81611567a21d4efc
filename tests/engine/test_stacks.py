"""An environment whose subfolder has a stack of its own: two states, one group, one destination, no unit twice."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from admin import Admin
from tests.engine.keeper import PROVIDER
from workspace import CONNECTION, ENVIRONMENT, ROOT, Workspace, stripe

MAY = {"RECONCILER_REMOVALS": "allow"}
SHARED = "pulumi-python:dynamic/fivetran:SharedDestination"
AIRFLOW = {"by": "airflow", "task_id": "fivetran_ads"}


def add_stack(workspace: Workspace, name: str) -> Workspace:
    """Create another stack in the same backend, with a key of its own; return a workspace for it and the same files."""
    folder = workspace.folder / name
    folder.mkdir()
    for file in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / file, folder)
    (folder / "Pulumi.dev.yaml").rename(settings := folder / f"Pulumi.{name}.yaml")
    command = ["pulumi", "stack", "init", name, "--secrets-provider", PROVIDER, "--non-interactive"]
    variables = {key: value for key, value in workspace.env.items() if key != "PULUMI_OPTION_CONFIG_FILE"}
    subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, timeout=180)
    env = {**workspace.env, "PULUMI_OPTION_CONFIG_FILE": str(settings)}
    other = object.__new__(Workspace)
    vars(other).update({**vars(workspace), "stack": name, "settings": settings, "env": env})
    return other


def write(workspace: Workspace, path: str, content: dict[str, Any]) -> Path:
    """Write a unit's file, by its path below the environment's folder."""
    file = workspace.specs / "dev" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


@pytest.fixture
def ads(workspace: Workspace) -> Workspace:
    """The stack of the subfolder `ads`; `workspace` is the environment's own."""
    workspace.write("environment", {**ENVIRONMENT, "stacks": ["ads"]})
    return add_stack(workspace, "dev.ads")


def test_stacks_of_one_environment_share_a_destination(workspace: Workspace, ads: Workspace, admin: Admin):
    workspace.write("stripe", stripe())
    write(workspace, "team/sandbox.yaml", stripe("sandbox"))
    write(workspace, "ads/ads.yaml", stripe("ads", schedule=AIRFLOW))
    early = ads.up()
    assert early.code != 0
    assert "Fivetran has no group Group_Dev\n" in early.out
    assert "Run `pulumi up --stack dev` first" in early.out

    own = workspace.up().ok()
    assert "undeclared datasets" not in own.out
    ads.up().ok()
    assert set(workspace.resources(CONNECTION)) == {"stripe", "sandbox"}
    assert set(ads.resources(CONNECTION)) == {"ads"}
    snapshot = admin.snapshot()
    assert (len(snapshot["groups"]), len(snapshot["destinations"])) == (1, 1)
    assert set(admin.connections()) == {"stripe", "sandbox", "ads"}
    assert list(ads.outputs()["airflow_variables"]) == ["fivetran_ads_connector_id"]
    for each in (workspace, ads):
        each.assert_settled()
        assert "undeclared" not in each.preview().out

    # A folder without a stack of its own is no more than a place for files.
    (workspace.specs / "dev" / "team" / "sandbox.yaml").rename(workspace.specs / "dev" / "sandbox.yaml")
    workspace.preview("--expect-no-changes").ok()

    # What a colleague moves by hand is neither deleted here nor created there.
    shutil.move(workspace.specs / "dev" / "stripe.yaml", workspace.specs / "dev" / "ads" / "stripe.yaml")
    for each, text in (
        (workspace, "stripe now belongs to the stack dev.ads, and this stack has its resources"),
        (ads, "the stack dev has the resources of stripe: this run would create or adopt them a second time"),
    ):
        rejected = each.up(**MAY)
        assert rejected.code != 0
        assert text in rejected.out
        assert "Carry them over first: `reconciler move stripe --to dev.ads`." in rejected.out
    assert all(live["history"][-1]["event"] != "created" for live in admin.connections().values())
    shutil.move(workspace.specs / "dev" / "ads" / "stripe.yaml", workspace.specs / "dev" / "stripe.yaml")

    # The last unit of a folder goes, and git has no empty folders.
    shutil.rmtree(workspace.specs / "dev" / "ads")
    workspace.preview("--expect-no-changes").ok()
    ads.up(**MAY).ok()
    assert set(admin.connections()) == {"stripe", "sandbox"}
    assert ads.outputs()["airflow_deletions"] == ["fivetran_ads_connector_id"]
    assert set(ads.resources(SHARED)) == {"dev"}
    ads.pulumi("destroy", "--yes", "--skip-preview", **MAY).ok()
    assert len(admin.snapshot()["destinations"]) == 1
    workspace.assert_settled()
