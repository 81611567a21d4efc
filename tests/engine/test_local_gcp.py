"""The local gcp provider under the real engine, with a program of a few lines: it behaves as the real plugin does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from admin import Admin
from workspace import CLI_SETTINGS, Result, Tools

from simulator.process import Simulators

PROGRAM = """\
import json, pathlib, pulumi, pulumi_gcp

async def look():
    for name in wanted["look"]:
        try:
            found = await pulumi.runtime.invoke_async(
                "gcp:bigquery/getDataset:getDataset", {"datasetId": name, "project": "p"}
            )
            pulumi.log.info(f"{name} is in {found['location']}")
        except Exception as error:
            pulumi.log.info(f"{name}: {error}")

wanted = json.loads(pathlib.Path("wanted.json").read_text())
for arguments in wanted["datasets"]:
    options = pulumi.ResourceOptions(import_=arguments.pop("import", None))
    pulumi_gcp.bigquery.Dataset(arguments["dataset_id"], opts=options, **arguments)
for number, arguments in enumerate(wanted["members"]):
    options = pulumi.ResourceOptions(import_=arguments.pop("import", None))
    pulumi_gcp.projects.IAMMember(f"member-{number}", opts=options, **arguments)
for name in wanted["buckets"]:
    pulumi_gcp.storage.Bucket(name, location="US", project="p")
pulumi.export("looked", pulumi.Output.from_input(look()))
"""
OWNER = {"role": "OWNER", "userByEmail": "me@example.com"}
READER = {"role": "READER", "groupByEmail": "all@example.com"}
STRIPE = {
    "dataset_id": "stripe",
    "project": "p",
    "labels": {"app": "pay"},
    "accesses": [
        {"role": "roles/bigquery.dataOwner", "user_by_email": "Me@example.com"},
        {"role": "READER", "group_by_email": "all@example.com"},
    ],
}


@dataclass
class Program:
    """A Pulumi project of its own; `wants` says what it declares."""

    folder: Path
    variables: dict[str, str]

    def __post_init__(self) -> None:
        (self.folder / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (self.folder / "__main__.py").write_text(PROGRAM)
        self.wants()

    def wants(
        self,
        *datasets: dict[str, Any],
        members: tuple[dict[str, Any], ...] = (),
        look: tuple[str, ...] = (),
        buckets: tuple[str, ...] = (),
    ) -> None:
        wanted = {"datasets": datasets, "members": members, "look": look, "buckets": buckets}
        (self.folder / "wanted.json").write_text(json.dumps(wanted))

    def pulumi(self, *arguments: str, stack: bool = True) -> Result:
        options = ["--non-interactive", "--color", "never", *(["--stack", "dev"] if stack else [])]
        done = subprocess.run(
            ["pulumi", *arguments, *options],  # noqa: S607 (whichever is on PATH)
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def up(self, *arguments: str) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments)

    def assert_settled(self) -> None:
        self.pulumi("preview", "--expect-no-changes", "--refresh").ok()


@pytest.fixture
def program(admin: Admin, simulators: Simulators, tmp_path: Path, tools: Tools) -> Program:
    """A program that declares nothing yet, on an empty local Google Cloud."""
    # The stack of workspaces, under the name of this project.
    shutil.copytree(tools.new_stack / "state", tmp_path / "state")
    (stack,) = (tmp_path / "state").rglob("stacks/*/dev.json")
    stack.parent.rename(stack.parent.with_name("tiny"))
    settings = yaml.safe_load((tools.new_stack / "settings.yaml").read_text())
    settings["config"] = {"gcp:addPulumiAttributionLabel": "false"}
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump(settings))
    variables = {
        **{name: os.environ[name] for name in ("HOME",) if name in os.environ},
        "PATH": tools.path,
        **CLI_SETTINGS,
        **simulators.environment,
        **tools.keeper,
        "PULUMI_BACKEND_URL": f"{(tmp_path / 'state').as_uri()}?metadata=skip",
        "PULUMI_HOME": str(tools.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }
    return Program(tmp_path, variables)


def test_dataset_is_made_kept_repaired_and_deleted(program: Program, admin: Admin):
    program.wants(STRIPE)
    program.up().ok()
    assert sorted(admin.dataset("p", "stripe")["access"], key=str) == sorted([OWNER, READER], key=str)
    program.pulumi("preview", "--expect-no-changes").ok()

    admin.gcp("PATCH", "/datasets/p/stripe", {"labels": {"app": "hand"}, "description": "by hand"})
    admin.gcp("POST", "/datasets/p/stripe/access", {"role": "READER", "userByEmail": "eve@example.com"})
    shown = program.pulumi("preview", "--refresh", "--diff", "--expect-no-changes")
    assert shown.code != 0
    for line in (r'- description *: "by hand"', r'~ app: "hand" => "pay"', r'- userByEmail *: "eve@example.com"'):
        assert re.search(line, shown.out)
    program.up("--refresh").ok()
    live = admin.dataset("p", "stripe")
    assert (live["labels"], live["description"], len(live["access"])) == ({"app": "pay"}, "", 2)
    program.assert_settled()

    admin.gcp("PUT", "/datasets/p/stripe/tables/charge", {"rows": 1})
    rejected = program.pulumi("destroy", "--yes", "--skip-preview")
    assert rejected.code != 0
    assert "googleapi: Error 400: Dataset p:stripe is still in use, resourceInUse" in rejected.out
    program.wants({**STRIPE, "delete_contents_on_destroy": True})
    program.up().ok()
    program.pulumi("destroy", "--yes", "--skip-preview").ok()
    assert admin.gcp("GET", "/state")["projects"]["p"]["datasets"] == {}


def test_live_dataset_is_imported_and_a_missing_one_fails_the_preview(program: Program, admin: Admin):
    program.wants({**STRIPE, "import": "projects/p/datasets/stripe"})
    missing = program.pulumi("preview")
    assert missing.code != 0
    assert "resource 'projects/p/datasets/stripe' does not exist" in missing.out
    view = {"view": {"projectId": "q", "datasetId": "v", "tableId": "t"}}
    admin.gcp("PUT", "/datasets/p/stripe", {"labels": {"app": "pay", "theirs": "1"}, "access": [OWNER, READER, view]})
    imported = program.up().ok()
    assert "= 1 imported" in imported.out
    assert "~ 1 updated" in imported.out  # the view is not declared: imported and changed in one run
    live = admin.dataset("p", "stripe")
    assert live["labels"] == {"app": "pay", "theirs": "1"}
    assert len(live["access"]) == 2
    assert view not in live["access"]
    program.assert_settled()


def test_functions_answer_for_what_is_there_and_in_the_plugins_words_for_what_is_not(program: Program, admin: Admin):
    admin.gcp("PUT", "/datasets/p/there", {"location": "EU"})
    program.wants(look=("there", "missing"))
    shown = program.pulumi("preview").ok().out
    assert "there is in EU" in shown
    assert "invoking gcp:bigquery/getDataset:getDataset: 1 error occurred:" in shown
    assert "* projects/p/datasets/missing not found" in shown


def test_conditions_are_settled_once_written_and_a_grant_is_imported_with_its_own(program: Program, admin: Admin):
    until = {"title": "until the end", "expression": 'request.time < timestamp("2027-01-01T00:00:00Z")'}
    entry = {"role": "roles/bigquery.dataViewer", "user_by_email": "me@example.com", "condition": until}
    dataset = {**STRIPE, "accesses": [*STRIPE["accesses"], entry]}
    grant = {"project": "p", "role": "roles/bigquery.jobUser", "member": "user:Me@example.com", "condition": until}
    program.wants(dataset, members=(grant,))
    program.up().ok()
    program.assert_settled()
    state = admin.gcp("GET", "/state")["projects"]["p"]
    assert state["policy"] == [{**{key: grant[key] for key in ("role", "condition")}, "member": "user:me@example.com"}]
    assert {"role": "READER", "userByEmail": "me@example.com", "condition": until} in state["datasets"]["stripe"][
        "access"
    ]

    later = {**until, "expression": "false"}
    program.wants({**dataset, "accesses": STRIPE["accesses"]}, members=({**grant, "condition": later},))
    shown = program.up("--diff").ok().out
    assert "+-gcp:projects/iAMMember:IAMMember: (replace)" in shown
    assert [each["condition"] for each in admin.gcp("GET", "/state")["projects"]["p"]["policy"]] == [later]

    program.wants()
    program.up().ok()
    admin.gcp("POST", "/grants/p", {**grant, "member": "user:me@example.com"})
    words = "p roles/bigquery.jobUser user:me@example.com until the end"
    program.wants(members=({**grant, "import": words},))
    assert "= 1 imported" in program.up().ok().out


def test_insert_whose_answer_was_lost_is_found_only_by_an_import(program: Program, admin: Admin):
    program.wants(STRIPE)
    retried = "Error creating Dataset: googleapi: Error 409: Already Exists: Dataset p:stripe, duplicate"
    admin.gcp("POST", "/faults", {"method": "Create", "after": True, "error": retried})
    assert "Already Exists: Dataset p:stripe" in program.up().out
    assert "Already Exists: Dataset p:stripe" in program.up().out
    program.wants({**STRIPE, "import": "projects/p/datasets/stripe"})
    program.up().ok()
    program.assert_settled()


def test_local_plugin_reports_a_type_that_it_does_not_simulate(program: Program):
    program.wants(buckets=("b",))
    rejected = program.pulumi("preview")
    assert rejected.code != 0
    assert "the local gcp provider does not simulate the resource type gcp:storage/bucket:Bucket" in rejected.out
