"""`reconciler report --html`."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .workspace import ENVIRONMENT, Workspace

DAY = "2026-11-30"


def write(workspace: Workspace, *arguments: str, code: int = 0) -> tuple[str, dict[str, Any], str]:
    """Write a page. Return its text, its data, and the notes."""
    ran = workspace.run("report", "--html", "page.html", "--today", DAY, *arguments)
    assert ran.code == code, ran.err
    assert ran.out == ""
    text = Path("page.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return text, json.loads(found[1]), ran.err


def unit_of(data: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [unit for unit in data["units"] if unit["name"] == name]
    return found


@pytest.fixture
def estate(workspace: Workspace) -> Workspace:
    """Set up a connection that works, a broken one, and an undeclared one."""
    workspace.unit("fine")
    workspace.unit("broken")
    workspace.connection(
        "stripe", {"schema": "fine"}, is_historical_sync=False, succeeded_at="2026-11-29T10:00:00Z", paused=False
    )
    task = {"code": "reconnect", "message": "Log in again"}
    workspace.connection("stripe", {"schema": "broken"}, setup_state="broken", tasks=[task])
    workspace.connection("jira", {"schema": "by_hand"})
    workspace.dataset("fine", access=[{"role": "READER", "userByEmail": "hand@example.com"}])
    workspace.dataset("broken")
    return workspace


def test_report_writes_a_page_of_files_and_live_readings(estate: Workspace):
    text, data, notes = write(estate)
    fine, broken = unit_of(data, "fine"), unit_of(data, "broken")
    assert (fine["setup"], fine["history"]) == ("connected", True)
    assert fine["connection_url"] == f"https://fivetran.com/dashboard/connections/{fine['id']}/status"
    assert ["user:hand@example.com", None] in fine["people"]
    assert broken["state"] == "attention"
    assert broken["next"].startswith("do what Fivetran asks for")
    assert "write its file with <code>reconciler import -e dev by_hand</code>" in text
    assert notes.startswith("wrote page.html: 2 units, ")
    assert "not read in dev: who" not in notes


def test_report_page_needs_no_credentials_when_offline(estate: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FIVETRAN_APIKEY")
    text, data, _ = write(estate, "--offline")
    assert {unit["state"] for unit in data["units"]} == {"unread"}
    assert "Not read: Fivetran: set-up, syncs, unmanaged connections" in text


def test_report_writes_the_page_and_names_what_failed(estate: Workspace):
    denied = {"method": "GET", "id": "*/datasets/fine", "code": "PERMISSION_DENIED", "times": 0}
    estate.admin("POST", "/gcp/faults", {**denied, "error": "Access Denied"})
    text, data, notes = write(estate, code=3)
    assert unit_of(data, "fine")["setup"] == "connected"
    assert "Not read: the access list of fine: " in text
    assert "not read in dev: the access list of fine: " in notes


def test_report_page_has_all_environments_unless_one_is_named(estate: Workspace):
    fivetran = {**ENVIRONMENT["fivetran"], "group": "Prod"}
    prod = {**ENVIRONMENT, "gcp_project": "prod-project", "fivetran": fivetran}
    estate.write("environment", prod, environment="prod")
    estate.write("other", {"description": "x", "owners": ["a@example.com"], "dataset": {}}, environment="prod")
    assert {unit["environment"] for unit in write(estate, "--offline")[1]["units"]} == {"dev", "prod"}
    assert {unit["environment"] for unit in write(estate, "--offline", "-e", "dev")[1]["units"]} == {"dev"}


def test_report_page_names_the_tests_that_failed_in_the_last_run(estate: Workspace, tmp_path: Path):
    outputs = tmp_path / "outputs.json"
    last = {"outcome": "failed", "messages": ["Validate login: FAILED: no"]}
    outputs.write_text(json.dumps({"units": {"broken": last}}))
    _, data, _ = write(estate, "-e", "dev", "--from-outputs", str(outputs))
    assert "setup test Validate login: FAILED: no" in unit_of(data, "broken")["findings"]
    ran = estate.run("report", "--html", "page.html", "--from-outputs", str(outputs))
    assert ran.code == 2


def test_report_page_links_to_files_on_github_in_its_actions(estate: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/data")
    monkeypatch.setenv("GITHUB_SHA", "0" * 40)
    expected = f"https://github.com/example/data/blob/{'0' * 40}/connectors/dev/fine.yaml"
    assert unit_of(write(estate, "--offline")[1], "fine")["file_url"] == expected
    monkeypatch.setenv("GITHUB_SERVER_URL", "javascript:alert(1)//")
    assert "file_url" not in unit_of(write(estate, "--offline")[1], "fine")


def test_report_page_keeps_the_permissions_of_the_file_and_a_link_to_it(estate: Workspace):
    page = Path("kept.html")
    page.write_text("old", encoding="utf-8")
    page.chmod(0o600)
    Path("page.html").symlink_to(page)
    write(estate, "--offline")
    assert Path("page.html").is_symlink()
    assert page.stat().st_mode & 0o777 == 0o600
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_report_page_is_written_to_a_pipe(estate: Workspace):
    os.mkfifo("page.html")
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(Path("page.html").read_text, "utf-8")
        assert estate.run("report", "--html", "page.html", "--offline", "--today", DAY).code == 0
        assert text.result().startswith("<!doctype html>")
    assert Path("page.html").is_fifo()


@pytest.mark.parametrize("file", ["taken/page.html", "/proc/page.html", "/dev/full"])
def test_report_reports_a_page_that_cannot_be_written(estate: Workspace, file: str):
    Path("taken").write_text("a file", encoding="utf-8")
    ran = estate.run("report", "--html", file, "--offline", "--today", DAY)
    assert ran.code == 2
    assert ran.err.startswith(f"Error: {file}: cannot be written: ")


def test_report_leaves_the_old_page_whole_when_it_is_interrupted(estate: Workspace, monkeypatch: pytest.MonkeyPatch):
    Path("page.html").write_text("old", encoding="utf-8")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    before = sorted(Path.cwd().iterdir())
    assert estate.run("report", "--html", "page.html", "--offline", "--today", DAY).code == 130
    assert Path("page.html").read_text(encoding="utf-8") == "old"
    assert sorted(Path.cwd().iterdir()) == before


def test_report_page_counts_no_authorised_view_among_the_people(workspace: Workspace):
    view = {"view": {"projectId": "dev-project", "datasetId": "other", "tableId": "v"}}
    workspace.unit("fine")
    workspace.dataset("fine", access=[{"role": "READER", "userByEmail": "hand@example.com"}, view])
    _, data, _ = write(workspace)
    assert unit_of(data, "fine")["people"] == [["projectOwners", None], ["user:hand@example.com", None]]
    assert any("view:dev-project.other.v" in grant for grant in data["grants"])
