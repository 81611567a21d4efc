"""`reconciler expiring` and `sweep`: what ends when, and whose file may go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from reconciler.cli.main import cli

ENVIRONMENT = {
    "gcp_project": "dev-project",
    "fivetran": {"group": "Dev", "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"}},
}
CONNECTION, DATASET = "pulumi-python:dynamic/fivetran:Connection", "gcp:bigquery/dataset:Dataset"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a unit into `dev`, which is the environment in the working directory."""
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
    """What `pulumi stack export` prints."""
    urns = [f"urn:pulumi:{stack}::project::{kind}::{name}" for kind, name in resources]
    return json.dumps({"version": 3, "deployment": {"resources": [{"urn": urn} for urn in urns]}})


def test_what_ends_is_listed_the_next_one_first_with_its_stage(write: Write):
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


def test_where_nothing_expires_that_is_said(write: Write):
    write("kept", {"never": "tier 1"})
    assert (run("expiring", day="2027-01-01").stdout, run("expiring", day="2027-01-01").stderr) == (
        "",
        "nothing expires\n",
    )


def test_the_files_of_what_is_removed_go_and_no_other(write: Write):
    over, paused, never = write("over", "2026-12-31"), write("paused", "2027-01-01"), write("never", {"never": "x"})
    rehearsed = run("sweep", "--dry-run", day="2027-01-08")
    assert over.exists()
    swept = run("sweep", day="2027-01-08")
    assert swept.stdout == rehearsed.stdout == "connectors/dev/over.yaml: expired on 2026-12-31\n"
    assert [file.exists() for file in (over, paused, never)] == [False, True, True]
    assert run("sweep", day="2027-01-08").stdout == ""
    assert run("validate", day="2027-01-08").return_value == 0


def test_a_shared_dataset_s_file_goes_with_its_last_connector(write: Write):
    shared, early, late = write("sheets"), sheet(write, "early", "2026-12-01"), sheet(write, "late", "2026-12-31")
    assert run("sweep", day="2027-01-07").stdout == "connectors/dev/early.yaml: expired on 2026-12-01\n"
    assert run("validate", day="2027-01-07").return_value == 0
    run("sweep", day="2027-01-08")
    assert [file.exists() for file in (shared, early, late)] == [False, False, False]


def test_a_file_stays_while_the_stack_holds_what_it_declared(write: Write):
    shared, late = write("sheets"), sheet(write, "late", "2026-12-31")
    write("alone", "2026-12-31")
    held = state((CONNECTION, "late"), (f"parent${DATASET}", "alone"), (DATASET, "other"))
    swept = run("sweep", "--state", "-", day="2027-01-08", input=held)
    assert swept.stdout == ""
    assert swept.stderr.splitlines() == [
        f"connectors/dev/{name}.yaml stays: the stack still holds what it declared, "
        "`pulumi up --stack dev` removes that"
        for name in ("alone", "late", "sheets")
    ]
    assert shared.exists()
    assert late.exists()
    other_stack = state((CONNECTION, "late"), stack="prod")
    gone = run("sweep", "--state", "-", day="2027-01-08", input=other_stack).stdout.splitlines()
    assert len(gone) == 3


def test_what_goes_and_what_stays_is_a_pull_request_s_body_or_for_programs(write: Write):
    over, waits = write("over", "2026-12-31"), write("waits", "2026-12-31")
    notes = over.with_name("NOTES.md")
    notes.write_text("x")
    arguments = ("sweep", "--state", "-", "--dry-run", "--format")
    told = json.loads(run(*arguments, "json", day="2027-01-08", input=state((DATASET, "waits"))).stdout)
    expected = {"environment": "dev", "expired": "2026-12-31", "owners": ["o@example.com"]}
    assert told == [
        {**expected, "unit": "over", "file": "connectors/dev/over.yaml", "removed": True},
        {**expected, "unit": "waits", "file": "connectors/dev/waits.yaml", "removed": False},
    ]
    body = run(*arguments, "github", day="2027-01-08", input=state((DATASET, "waits")))
    assert body.stdout.splitlines() == [
        "What these files declared has ended and is removed, or will be by the next run:",
        "",
        "- `connectors/dev/over.yaml`: expired on 2026-12-31 (o\\@example.com)",
        "",
        "For a later time:",
        "",
        "- `connectors/dev/waits.yaml`: expired on 2026-12-31, and stays: the stack still holds what it declared, "
        "\\`pulumi up --stack dev\\` removes that",
    ]
    both = state((DATASET, "waits"), (DATASET, "over"))
    assert run(*arguments, "github", day="2027-01-08", input=both).stdout == ""
    assert over.exists()
    swept = run("sweep", "--state", "-", "--format", "github", day="2027-01-08", input=state((DATASET, "waits")))
    assert swept.stdout == body.stdout
    assert [file.exists() for file in (over, waits, notes)] == [False, True, True]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"deployment": {"resources": [{}]}}', '{"deployment": null}'])
def test_a_state_that_cannot_be_read_removes_nothing(write: Write, text: str):
    over = write("over", "2026-12-31")
    refused = run("sweep", "--state", "-", day="2027-01-08", input=text)
    assert "expected what `pulumi stack export` prints" in str(refused.exception)
    assert over.exists()


def test_files_with_problems_are_told_and_nothing_is_removed(write: Write):
    over = write("over", "2026-12-31")
    write("faulty", "soon")
    assert run("sweep", day="2027-01-08").exception is not None
    assert over.exists()
