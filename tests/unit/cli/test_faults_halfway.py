"""Commands that read several things name what failed, and show the rest: no traceback, no half of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.resources.account import FastClock

from .workspace import DONE, Workspace

#: Answers that are not repeated; `drop_request` stands for those that are.
FIVETRAN: dict[str, dict[str, Any]] = {
    "half of the JSON": {"kind": "garbage"},
    "another server's JSON": {"kind": "status", "status": 200, "body": ["hello"]},
    "no data": {"kind": "status", "status": 200, "body": {"code": "Success", "data": None}},
    "expired key": {"kind": "unauthorized"},
    "forbidden": {"kind": "status", "status": 403, "body": {"code": "Forbidden", "message": "no"}},
    "cut connection": {"kind": "drop_request"},
}


@pytest.fixture
def estate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr("reconciler.fivetran.api.client.Clock", FastClock().clock)
    for name in ("shop", "stripe"):
        workspace.unit(name)
        workspace.connection("stripe", {"schema": name}, **DONE)
        workspace.dataset(name, access=[{"role": "READER", "userByEmail": "hand@example.com"}])
    return workspace


@pytest.mark.parametrize("fault", FIVETRAN.values(), ids=FIVETRAN)
@pytest.mark.parametrize("path", ["^/v1/groups$", "^/v1/connections$"])
def test_page_has_googles_part_when_fivetran_fails(estate: Workspace, path: str, fault: dict[str, Any]):
    estate.admin("POST", "/faults", {**fault, "path": path, "count": None})
    ran = estate.run("report", "--html", "page.html")
    assert ran.code == 3
    assert "not read in dev: GET /" in ran.err
    assert "Traceback" not in ran.err
    page = Path("page.html").read_text(encoding="utf-8")
    assert "Not read: GET /" in page
    assert "user:hand@example.com" in page
    assert page.rstrip().endswith("</html>")


@pytest.mark.parametrize("fault", FIVETRAN.values(), ids=FIVETRAN)
def test_status_prints_no_half_table_when_fivetran_fails(estate: Workspace, fault: dict[str, Any]):
    estate.admin("POST", "/faults", {**fault, "path": "^/v1/connections$", "count": None})
    ran = estate.run("status")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith("Error: GET /connections: ")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("code", ["UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT"])
def test_answer_is_marked_incomplete_when_one_list_cannot_be_read(estate: Workspace, code: str):
    fault = {"method": "GET", "id": "*/datasets/stripe", "code": code, "error": "no.", "times": 0}
    estate.admin("POST", "/gcp/faults", fault)
    ran = estate.run("who-can-read", "user:hand@example.com", "--format", "json")
    assert ran.code == 3
    found = json.loads(ran.out)
    assert {each["dataset"] for each in found["grants"]} == {"shop"}
    assert any("the access list of stripe: " in each for each in found["not_known"])


def test_page_that_cannot_be_written_is_noticed_before_anything_is_read(estate: Workspace):
    Path("file").write_text("")
    before = estate.requests()
    ran = estate.run("report", "--html", "file/page.html")
    assert ran.code == 2
    assert ran.err.startswith("Error: file/page.html: cannot be written: ")
    assert estate.requests() == before
