"""An environment whose subfolder has a stack of its own: two states, one group, one destination, no unit twice."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from admin import Admin
from tests.engine.keeper import PROVIDER
from workspace import CONNECTION, DATASET, ENVIRONMENT, ROOT, Workspace, stripe

MAY = {"RECONCILER_REMOVALS": "allow"}
SHARED = "pulumi-python:dynamic/fivetran:SharedDestination"
SCHEMA = "# yaml-language-server: $schema=../../schemas/unit.schema.json"
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
        assert "undeclared" not in each.preview("--expect-no-changes", "--refresh").ok().out

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
        assert "Move them first: `reconciler move stripe --to dev.ads`." in rejected.out
    assert all(live["history"][-1]["event"] != "created" for live in admin.connections().values())
    shutil.move(workspace.specs / "dev" / "ads" / "stripe.yaml", workspace.specs / "dev" / "stripe.yaml")

    # A stack that ends leaves nothing behind that no run applies.
    workspace.write("environment", ENVIRONMENT)
    rejected = workspace.preview()
    assert rejected.code != 0
    assert "environment.yaml:1:1: `stacks` no longer has ads, and the stack dev.ads still has the" in rejected.out
    assert "resources of ads: no run would apply them any more" in rejected.out
    workspace.write("environment", {**ENVIRONMENT, "stacks": ["ads"]})

    # The last unit of a folder goes, and git has no empty folders.
    shutil.rmtree(workspace.specs / "dev" / "ads")
    workspace.preview("--expect-no-changes").ok()
    ads.up(**MAY).ok()
    assert set(admin.connections()) == {"stripe", "sandbox"}
    assert ads.outputs()["airflow_deletions"] == ["fivetran_ads_connector_id"]
    assert set(ads.resources(SHARED)) == {"dev"}
    workspace.write("environment", ENVIRONMENT)
    workspace.up().ok()
    assert "stacks" not in workspace.outputs()
    ads.pulumi("destroy", "--yes", "--skip-preview", **MAY).ok()
    assert len(admin.snapshot()["destinations"]) == 1


def move(workspace: Workspace, *arguments: str, folder: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """`reconciler move`, without a question."""
    command = ["reconciler", "move", "--yes", "--specs", str(workspace.specs), *arguments]
    variables = {**workspace.env, **env}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=180, check=False)


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; return what it prints."""
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


def committed(workspace: Workspace) -> Path:
    """Commit the files, in a repository that has the project too; return its folder."""
    folder = workspace.specs.parent
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", str(workspace.specs))
    git(folder, "commit", "-q", "-m", "A commit")
    return folder


def ids(*workspaces: Workspace) -> dict[str, str]:
    """The ids of all connections and datasets in state; each is in one state only."""
    found: dict[str, str] = {}
    for each in workspaces:
        for kind in (CONNECTION, DATASET):
            held = {f"{kind} {name}": resource["id"] for name, resource in each.resources(kind).items()}
            assert not held.keys() & found.keys()
            found |= held
    return found


def test_move_moves_units_between_stacks_and_changes_nothing(workspace: Workspace, ads: Workspace, admin: Admin):
    workspace.write("stripe", stripe(schedule=AIRFLOW))
    workspace.write("sandbox", stripe("sandbox"))
    file = workspace.specs / "dev" / "stripe.yaml"
    written = f"{SCHEMA}\n{file.read_text()}".replace("\n", "\r\n").encode()
    file.write_bytes(written)
    workspace.up().ok()
    unready = move(workspace, "stripe", "--to", "dev.ads")
    assert (unready.returncode, "dev.ads was not applied yet" in unready.stderr) == (2, True), unready.stderr
    ads.up().ok()
    before, live = ids(workspace, ads), admin.connections()

    done = move(workspace, "stripe", "sandbox", "--to", "dev.ads", folder=committed(workspace))
    assert done.returncode == 0, done.stderr
    assert "state: stripe, sandbox: dev → dev.ads" in done.stdout
    # An editor finds the schema from the new folder, every other byte stays, and git has all of it as a move.
    fitted = written.replace(b"../../schemas", b"../../../schemas")
    assert (workspace.specs / "dev" / "ads" / "stripe.yaml").read_bytes() == fitted
    assert {line[:2] for line in git(workspace.specs, "status", "--porcelain", "-uno").splitlines()} == {"R "}
    assert sorted(file.name for file in (workspace.specs / "dev" / "ads").iterdir()) == ["sandbox.yaml", "stripe.yaml"]
    assert ids(workspace, ads) == before
    assert set(ads.resources(CONNECTION)) == {"stripe", "sandbox"}
    assert list(ads.outputs()["airflow_variables"]) == ["fivetran_ads_connector_id"]
    assert workspace.outputs()["airflow_variables"] == {}
    for each in (workspace, ads):
        each.preview("--expect-no-changes").ok()
    again = move(workspace, "stripe", "--to", "dev.ads")
    assert (again.returncode, again.stderr.strip()) == (0, "nothing to move: dev.ads has stripe")

    # Back: a colleague moves the file, and the state follows. A first run is killed between its writes.
    (workspace.specs / "dev" / "ads" / "stripe.yaml").rename(workspace.specs / "dev" / "stripe.yaml")
    lock = workspace.backend / ".pulumi" / "locks" / "organization" / "fivetran-reconciler" / "dev" / "run.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("{}")
    locked = move(workspace, "stripe", "--to", "dev")
    assert (locked.returncode, "Error: dev is locked by a run\n" in locked.stderr) == (2, True), locked.stderr
    lock.unlink()
    deadly = workspace.folder / "deadly"
    deadly.mkdir()
    script = f'case "$*" in *import*dev.ads*) kill -9 $PPID; exit 1;; esac\nexec {shutil.which("pulumi")} "$@"\n'
    (deadly / "pulumi").write_text(f"#!/bin/sh\n{script}")
    (deadly / "pulumi").chmod(0o755)
    killed = move(workspace, "stripe", "--to", "dev", PATH=f"{deadly}:{workspace.env['PATH']}")
    assert killed.returncode == 128 + signal.SIGKILL
    assert workspace.resources(CONNECTION)["stripe"]["id"] == ads.resources(CONNECTION)["stripe"]["id"]
    halfway = ads.up(**MAY)
    assert "stripe now belongs to the stack dev, and this stack has its resources" in halfway.out
    assert move(workspace, "stripe", "--to", "dev").returncode == 0
    assert ids(workspace, ads) == before
    for each in (workspace, ads):
        each.assert_settled()
    assert {name: each["id"] for name, each in admin.connections().items()} == {
        name: each["id"] for name, each in live.items()
    }


def test_review_of_a_subfolders_stack_names_its_own_units_only(workspace: Workspace, ads: Workspace, tmp_path: Path):
    base, head = tmp_path / "base" / "connectors", tmp_path / "head" / "connectors"
    workspace.write("stripe", stripe())
    write(workspace, "ads/old.yaml", stripe("old"))
    shutil.copytree(workspace.specs, base)
    workspace.write("invoices", stripe("invoices"))
    write(workspace, "ads/new.yaml", stripe("new"))
    (workspace.specs / "dev" / "ads" / "old.yaml").unlink()
    shutil.copytree(workspace.specs, head)
    document = simulate(ads, base, head)
    assert document["rejected"] == []
    assert document["environment"] == "dev.ads"
    assert {each["unit"] for each in document["consequences"]} - {""} == {"old", "new"}
    assert document["deletions"] > 0


def test_simulated_review_has_the_units_of_a_stack_that_ends(workspace: Workspace, ads: Workspace, tmp_path: Path):
    base, head = tmp_path / "base" / "connectors", tmp_path / "head" / "connectors"
    write(workspace, "ads/old.yaml", stripe("old"))
    shutil.copytree(workspace.specs, base)
    workspace.write("environment", ENVIRONMENT)
    shutil.copytree(workspace.specs, head)
    [rejection] = simulate(workspace, base, head)["rejected"]
    assert "`stacks` no longer has ads, and the stack dev.ads still has the resources of old" in rejection


def simulate(workspace: Workspace, base: Path, head: Path) -> dict[str, Any]:
    """Return the review of a stranger's files."""
    command = ["reconciler", "review", "-e", workspace.stack, "--specs", str(head), "--base", str(base)]
    variables = {**workspace.env, **MAY}
    done = subprocess.run(
        [*command, "--format", "json"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
