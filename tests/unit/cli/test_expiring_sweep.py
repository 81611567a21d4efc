"""`reconciler expiring` and `reconciler sweep`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from reconciler.cli.main import cli
from reconciler.cli.sweep import STACKS
from reconciler.state.resources import STACK

ENVIRONMENT = {
    "gcp_project": "dev-project",
    "fivetran": {"group": "Dev", "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"}},
}
CONNECTION, DATASET = "pulumi-python:dynamic/fivetran:Connection", "gcp:bigquery/dataset:Dataset"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a unit of the environment `dev`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECONCILER_SPECS", raising=False)

    def written(name: str, expires: Any = None, **further: Any) -> Path:
        unit = {"description": "x", "owners": ["o@example.com"], "dataset": {}, **further}
        file = tmp_path / "connectors" / "dev" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(unit if expires is None else {**unit, "expires": expires}))
        return file

    written("environment")
    (tmp_path / "connectors" / "dev" / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
    return written


def sheet(write: Write, name: str, expires: str) -> Path:
    config = {"sheet_id": "abc", "named_range": "x"}
    connector = {"service": "google_sheets", "destination": {"schema": "sheets", "table": name}, "config": config}
    return write(name, expires, connector=connector, dataset="sheets")


def run(*arguments: str, day: str, **given: Any) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--today", day], standalone_mode=False, **given)


def state(*resources: tuple[str, str], stack: str = "dev") -> str:
    """Return what `pulumi stack export` prints."""
    urns = [f"urn:pulumi:{stack}::project::{kind}::{name}" for kind, name in resources]
    return json.dumps({"version": 3, "deployment": {"resources": [{"urn": urn} for urn in urns]}})


def test_expiring_lists_units_by_removal_date_with_their_stage(write: Write):
    write("kept", {"never": "tier 1"})
    write("undated")
    write("b", "2026-12-31")
    write("a", "2027-03-01")
    write("c", "2026-12-20")
    write("d", "2027-01-05")
    listed = run("expiring", day="2027-01-03")
    assert listed.return_value == 0
    assert listed.stdout.splitlines() == [
        "FILE                   STAGE    EXPIRES     REMOVED ON  OWNERS",
        "connectors/dev/c.yaml  removed  2026-12-20  2026-12-28  o@example.com",
        "connectors/dev/b.yaml  paused   2026-12-31  2027-01-08  o@example.com",
        "connectors/dev/d.yaml  warned   2027-01-05  2027-01-13  o@example.com",
        "connectors/dev/a.yaml  ahead    2027-03-01  2027-03-09  o@example.com",
    ]
    assert listed.stderr == "1 ahead, 1 warned, 1 paused, 1 removed\n"
    first, *_, last = json.loads(run("expiring", "--format", "json", day="2027-01-03").stdout)
    assert (first["unit"], first["stage"], first["removed_on"], last["words"]) == ("c", "removed", "2026-12-28", None)
    annotations = run("expiring", "--format", "github", day="2027-01-03").stdout.splitlines()
    assert [line.split(",")[0] for line in annotations] == [
        f"::warning file=connectors/dev/{name}.yaml" for name in ("c", "b", "d")
    ]


def test_expiring_reports_that_nothing_expires(write: Write):
    write("kept", {"never": "tier 1"})
    assert (run("expiring", day="2027-01-01").stdout, run("expiring", day="2027-01-01").stderr) == (
        "",
        "nothing expires\n",
    )


def test_sweep_deletes_only_the_files_of_removed_units(write: Write):
    over, paused, never = write("over", "2026-12-31"), write("paused", "2027-01-01"), write("never", {"never": "x"})
    rehearsed = run("sweep", "--dry-run", day="2027-01-08")
    assert over.exists()
    swept = run("sweep", day="2027-01-08")
    assert swept.stdout == rehearsed.stdout == "connectors/dev/over.yaml: expired on 2026-12-31\n"
    assert [file.exists() for file in (over, paused, never)] == [False, True, True]
    assert run("sweep", day="2027-01-08").stdout == ""
    assert run("validate", day="2027-01-08").return_value == 0


def test_sweep_deletes_a_shared_datasets_file_with_its_last_connector(write: Write):
    shared, early, late = write("sheets"), sheet(write, "early", "2026-12-01"), sheet(write, "late", "2026-12-31")
    assert run("sweep", day="2027-01-07").stdout == "connectors/dev/early.yaml: expired on 2026-12-01\n"
    assert run("validate", day="2027-01-07").return_value == 0
    run("sweep", day="2027-01-08")
    assert [file.exists() for file in (shared, early, late)] == [False, False, False]


def test_sweep_keeps_a_file_while_the_stack_has_its_resources(write: Write):
    shared, late = write("sheets"), sheet(write, "late", "2026-12-31")
    write("alone", "2026-12-31")
    stored = state((CONNECTION, "late"), (f"parent${DATASET}", "alone"), (DATASET, "other"))
    swept = run("sweep", "--state", "-", day="2027-01-08", input=stored)
    assert swept.stdout == ""
    assert swept.stderr.splitlines() == [
        f"connectors/dev/{name}.yaml stays until `pulumi up --stack dev` has removed its resources"
        for name in ("alone", "late", "sheets")
    ]
    assert shared.exists()
    assert late.exists()
    other_stack = state((CONNECTION, "late"), stack="prod")
    gone = run("sweep", "--state", "-", day="2027-01-08", input=other_stack).stdout.splitlines()
    assert len(gone) == 3


def test_sweep_keeps_files_whose_resources_a_stack_that_ended_may_have(write: Write):
    over = write("over", "2026-12-31")
    stored = json.loads(state((STACK, "project-dev")))["deployment"]["resources"]
    stored[0]["outputs"] = {STACKS: ["crm"]}

    def printed(*resources: Any) -> str:
        text = json.dumps({"deployment": {"resources": [*stored, *resources]}})
        return run("sweep", "--state", "-", "--dry-run", day="2027-01-08", input=text).stdout

    assert printed() == ""
    ended = json.loads(state((DATASET, "over"), stack="dev.crm"))["deployment"]["resources"]
    assert printed(*ended) == ""
    # With a list that has nothing of the unit, or a run for the stack, nothing is unknown.
    deleted = "connectors/dev/over.yaml: expired on 2026-12-31\n"
    assert printed({**ended[0], "urn": ended[0]["urn"].replace("over", "other")}) == deleted
    (over.parent / "environment.yaml").write_text(yaml.safe_dump({**ENVIRONMENT, "stacks": ["crm"]}))
    assert printed() == deleted


def test_sweep_formats_deleted_and_kept_files_for_github_and_json(write: Write):
    over, waits = write("over", "2026-12-31"), write("waits", "2026-12-31")
    notes = over.with_name("NOTES.md")
    notes.write_text("x")
    arguments = ("sweep", "--state", "-", "--dry-run", "--format")
    swept = json.loads(run(*arguments, "json", day="2027-01-08", input=state((DATASET, "waits"))).stdout)
    expected = {"environment": "dev", "expired": "2026-12-31", "owners": ["o@example.com"]}
    assert swept == [
        {**expected, "unit": "over", "file": "connectors/dev/over.yaml", "removed": True},
        {**expected, "unit": "waits", "file": "connectors/dev/waits.yaml", "removed": False},
    ]
    page = run(*arguments, "github", day="2027-01-08", input=state((DATASET, "waits")))
    assert page.stdout.splitlines() == [
        "These units expired, and their resources are removed by a run:",
        "",
        "- `connectors/dev/over.yaml`: expired on 2026-12-31 (o@<!-- -->example.com)",
        "",
        "To be deleted later:",
        "",
        "- `connectors/dev/waits.yaml`: expired on 2026-12-31, and stays until "
        "`pulumi up --stack dev` has removed its resources",
    ]
    both = state((DATASET, "waits"), (DATASET, "over"))
    assert run(*arguments, "github", day="2027-01-08", input=both).stdout == ""
    assert over.exists()
    swept = run("sweep", "--state", "-", "--format", "github", day="2027-01-08", input=state((DATASET, "waits")))
    assert swept.stdout == page.stdout
    assert [file.exists() for file in (over, waits, notes)] == [False, True, True]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"deployment": {"resources": [{}]}}', '{"deployment": null}'])
def test_sweep_deletes_nothing_when_a_state_cannot_be_read(write: Write, text: str):
    over = write("over", "2026-12-31")
    rejected = run("sweep", "--state", "-", day="2027-01-08", input=text)
    assert "expected what `pulumi stack export` prints" in rejected.output
    assert over.exists()


def test_sweep_deletes_nothing_when_files_have_problems(write: Write):
    over = write("over", "2026-12-31")
    write("faulty", "soon")
    assert "faulty.yaml:" in run("sweep", day="2027-01-08").output
    assert over.exists()
