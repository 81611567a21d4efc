"""`reconciler report`."""

import json
from pathlib import Path
from typing import Any

import pytest

from .workspace import DONE, ENVIRONMENT, Workspace

DAY = "2027-01-03"
UNTIL = {"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"], "until": "2027-01-05"}


@pytest.fixture
def busy(workspace: Workspace) -> Workspace:
    """Set up an environment with an entry in each section."""
    workspace.unit("fine")
    workspace.unit("broken")
    workspace.unit("stopped")
    workspace.unit("waits", awaiting={"what": "the vendor installs our key", "until": "2027-02-01"})
    for name in ("fine", "stopped"):
        workspace.connection("stripe", {"schema": name}, **DONE, paused=name == "stopped")
    task = {"code": "reconnect", "message": "Log in *again*"}
    workspace.connection("stripe", {"schema": "broken"}, setup_state="broken", tasks=[task])
    workspace.connection("stripe", {"schema": "waits"}, setup_state="incomplete", paused=True)
    alone = {"description": "x", "owners": ["owner@example.com"], "dataset": {}}
    workspace.write("soon", {**alone, "expires": "2027-01-04"})
    workspace.write("later", {**alone, "expires": "2028-01-04"})
    workspace.write("retired", {**alone, "retire": {"ticket": "DENG-1"}})
    workspace.write("seen", {**alone, "dataset": {"access": [UNTIL]}})
    workspace.connection("jira", {"schema": "by_hand"}, **DONE)
    workspace.dataset("scratch")
    return workspace


def test_report_lists_each_finding_in_its_section_with_file_and_owners(busy: Workspace):
    ran = busy.run("report", "--today", DAY)
    assert ran.code == 0
    file = f"{busy.specs.name}/dev"
    lines = [line for line in ran.out.splitlines() if line]
    assert lines[0] == f"dev on {DAY}"
    assert [line for line in lines[1:] if not line.startswith(" ")] == [
        "Needs attention",
        "Pending",
        "Paused by hand",
        "Expiring and retired",
        "Expiring access",
        "Unmanaged",
    ]
    found = [line.strip() for line in lines if line.startswith(" ")]
    why = "its setup state is broken; Fivetran: reconnect: Log in *again*"
    assert found[0] == f"{file}/broken.yaml: {why} (owner@example.com)"
    assert found[1].startswith(f"{file}/waits.yaml: pending: the vendor installs our key, until 2027-02-01 (")
    assert found[2].startswith(f"{file}/stopped.yaml: it is paused, and not by its file")
    assert found[3].startswith(f"{file}/soon.yaml: warned: expires on 2027-01-04, in 1 day: ")
    assert found[4].startswith(f"{file}/later.yaml: ahead: expires on 2028-01-04, removed on 2028-01-12 (")
    assert found[5].startswith(
        f"{file}/retired.yaml: retired (DENG-1): delete the file after a run has paused its connection ("
    )
    assert found[6].startswith(
        f"{file}/seen.yaml: access ends on 2027-01-05, in 2 days: roles/bigquery.dataViewer for "
    )
    assert found[7].startswith("connection by_hand (")
    assert found[8].startswith("dataset scratch: created 20")
    assert len(found) == 9


def test_report_formats_all_sections_as_json_and_escaped_markdown(busy: Workspace):
    found = json.loads(busy.run("report", "--today", DAY, "--format", "json").out)
    assert {section: len(lines) for section, lines in found.items() if isinstance(lines, list)} == {
        "to_see_to": 1,
        "awaited": 1,
        "paused_by_hand": 1,
        "no_recent_success": 0,
        "ends": 3,
        "access": 1,
        "undeclared": 2,
    }
    assert found["ends"][0]["file"] == f"{busy.specs.name}/dev/soon.yaml"
    page = busy.run("report", "--today", DAY, "--format", "github").out.splitlines()
    assert page[:3] == [f"## dev on {DAY}", "", "### Needs attention"]
    assert (
        f"- `{busy.specs.name}/dev/broken.yaml`: its setup state is broken; Fivetran: reconnect: Log in \\*again\\* "
        "(owner@<!-- -->example.com)"
    ) in page


def test_report_needs_no_credentials_when_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: Workspace):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    headings = [
        line for line in busy.run("report", "--offline", "--today", DAY).out.splitlines() if line[:1] not in ("", " ")
    ]
    assert headings == [f"dev on {DAY}", "Expiring and retired", "Expiring access"]
    assert busy.run("report", "--today", DAY).code == 2
    assert busy.run("report", "--offline", "--from-outputs", "-").code == 2


def test_report_names_setup_tests_that_failed_in_the_last_run(workspace: Workspace, tmp_path: Path):
    workspace.unit("stripe")
    workspace.connection("stripe", {"schema": "stripe"}, setup_state="incomplete", paused=True)
    outputs = tmp_path / "outputs.json"
    unit: dict[str, Any] = {"outcome": "failed", "messages": ["Validate Login: FAILED: no"]}
    outputs.write_text(json.dumps({"units": {"stripe": unit}}))
    page = workspace.run("report", "--today", DAY, "--from-outputs", str(outputs)).out
    assert "setup test Validate Login: FAILED: no" in page


def test_report_prints_no_findings_when_nothing_needs_attention(workspace: Workspace):
    workspace.write("environment", ENVIRONMENT)
    assert workspace.run("report", "--today", DAY).out == f"dev on {DAY}: no findings\n"
    assert workspace.run("report", "--today", DAY, "--format", "github").out == (f"## dev on {DAY}\n\nNo findings.\n")
