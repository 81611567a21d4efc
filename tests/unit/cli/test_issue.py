"""`reconciler issue` with what it reads from Fivetran, BigQuery and a review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub import REPOSITORY, Hub
from tests.hub import hub as serve
from tests.unit.review.documents import item, review

from .workspace import Workspace

DAY = "2027-01-03"
DONE = {"is_historical_sync": False, "succeeded_at": "2026-11-24T10:00:00Z"}
ALONE = {"description": "x", "owners": ["owner@example.com"], "dataset": {}}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve(tmp_path / "github") as found:
        for name, value in (("TOKEN", found.bot), ("REPOSITORY", REPOSITORY), ("API_URL", found.url)):
            monkeypatch.setenv(f"GITHUB_{name}", value)
        yield found


def test_issue_lists_what_needs_attention_and_notifies_its_owners(hub: Hub, workspace: Workspace, tmp_path: Path):
    workspace.unit("broken")
    workspace.connection("stripe", {"schema": "broken"}, setup_state="broken")
    workspace.connection("jira", {"schema": "by_hand"}, **DONE)
    workspace.dataset("scratch")
    (tmp_path / "CODEOWNERS").write_text("* @example/data\n/connectors/dev/other.yaml @eve\n")
    drift = item("sets paused back to false", fingerprint=None)
    (tmp_path / "review.json").write_text(review(item("deletes dataset shop"), drift))
    ran = workspace.run("issue", "-e", "dev", "--today", DAY, "--review", "review.json")
    assert ran.code == 0, ran.err
    (found,) = hub.repository.issues.values()
    body = found.body or ""
    assert body.splitlines()[1] == "Owners: @example/data"
    order = ["needs approval", "What a run would change", "broken.yaml`: its setup state", "connection by", "scratch"]
    assert sorted(order, key=body.index) == order


def test_issue_is_closed_while_nothing_but_a_far_expiry_is_left(hub: Hub, workspace: Workspace, tmp_path: Path):
    workspace.write("later", {**ALONE, "expires": "2028-01-04"})
    workspace.write("soon", {**ALONE, "expires": "2027-01-04"})
    assert workspace.run("issue", "-e", "dev", "--today", DAY).code == 0
    (found,) = hub.repository.issues.values()
    assert "later.yaml" in (found.body or "")
    (workspace.specs / "dev" / "soon.yaml").unlink()
    assert workspace.run("issue", "-e", "dev", "--today", DAY, "--summary", "summary.md").code == 0
    assert found.state == "closed"
    assert "later.yaml" in (tmp_path / "summary.md").read_text()
