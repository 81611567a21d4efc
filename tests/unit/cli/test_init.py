"""`reconciler init`: the files of a new environment, from what exists."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reconciler.edits.environment import add_code_owners, shared_access

from .workspace import Workspace


def test_init_writes_an_environment_from_what_exists(workspace: Workspace):
    group = workspace.admin("POST", "/groups", {"name": "Prod"})["id"]
    reader = {"role": "READER", "groupByEmail": "data@example.com"}
    owner = {"role": "OWNER", "userByEmail": "reconciler@dev-project.iam.gserviceaccount.com"}
    workspace.dataset("one", access=[reader, owner])
    workspace.dataset("two", access=[owner, {"role": "READER", "userByEmail": "a@example.com"}])
    assert group
    Path("Pulumi.yaml").write_text("name: x\nruntime: python\n")
    arguments = ("--group", "Prod", "--project", "dev-project", "--location", "EU", "--purpose", "production", "--yes")
    ran = workspace.run("init", "live", *arguments)
    assert "written: " in ran.err
    file = workspace.specs / "live" / "environment.yaml"
    assert file.read_text().startswith("# yaml-language-server: $schema=")
    written = yaml.safe_load(file.read_text())
    assert written["fivetran"]["group"] == "Prod"
    assert written["automation"] == [
        {
            "role": "roles/bigquery.dataOwner",
            "members": ["serviceAccount:reconciler@dev-project.iam.gserviceaccount.com"],
        }
    ]
    assert written["policy"]["expiry"] == "forbidden"
    assert Path("Pulumi.live.yaml").read_text().startswith("# What Pulumi itself needs.")
    assert workspace.run("validate", "live").code == 0


def test_init_names_the_option_of_what_it_cannot_ask(workspace: Workspace):
    workspace.admin("POST", "/groups", {"name": "Prod"})
    ran = workspace.run("init", "live", "--purpose", "trial")
    assert ran.code == 2
    assert "Name it with --group: Dev, Prod" in ran.err
    assert "Name it with --purpose: trial, production" in workspace.run("init", "live").err


def test_init_rejects_an_environment_that_exists_before_it_asks(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    assert "the file exists already\n    Name another environment" in workspace.run("init", "dev").err


def test_init_rejects_an_environment_that_exists(workspace: Workspace):
    arguments = ("--group", "Dev", "--project", "dev-project", "--location", "US", "--purpose", "trial", "--yes")
    assert "the file exists already" in workspace.run("init", "dev", *arguments).err


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_code_owners_come_before_those_of_environment_files(end: str):
    text = end.join(["* @a/all", "", "# Access.", "/connectors/*/environment.yaml  @a/infra", ""])
    new = add_code_owners(text, "live", ["@a/team"])
    assert new == text.replace("# Access.", f"/connectors/live/                   @a/team{end}{end}# Access.")
    assert add_code_owners(new, "live", ["@a/team"]) == new


def test_shared_access_is_what_every_dataset_has():
    one = {"role": "READER", "groupByEmail": "g@example.com"}
    other = {"role": "WRITER", "userByEmail": "f@x.iam.gserviceaccount.com"}
    assert shared_access([[one, other], [one]]) == {"roles/bigquery.dataViewer": ("group:g@example.com",)}
    assert shared_access([[other], [other]], ["F@x.iam.gserviceaccount.com"]) == {}
