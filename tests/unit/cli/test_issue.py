"""`reconciler issue` with what it reads from Fivetran, BigQuery and a review."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from tests.hub import REPOSITORY, Hub
from tests.hub import hub as serve
from tests.unit.cli.test_hostile_files import HOSTILE, assert_inert
from tests.unit.cli.test_output import LINKED, Rendered
from tests.unit.review.documents import item, review

from .workspace import DONE, Workspace, days_ago

DAY = "2027-01-03"
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
    workspace.unit("late")
    workspace.connection("stripe", {"schema": "late"}, **{**DONE, "succeeded_at": days_ago(1)})
    workspace.unit("silent", schedule={"by": "airflow", "task_id": "t"})
    workspace.connection(
        "stripe", {"schema": "silent"}, **{**DONE, "schedule_type": "manual", "succeeded_at": days_ago(9)}
    )
    workspace.connection("jira", {"schema": "by_hand"}, **DONE, created_at=days_ago(12))
    workspace.dataset("scratch")
    (tmp_path / "CODEOWNERS").write_text("* @example/data\n/connectors/dev/other.yaml @eve\n")
    drift = item("sets paused back to false", fingerprint=None)
    (tmp_path / "review.json").write_text(review(item("deletes dataset shop"), drift))
    ran = workspace.run("issue", "-e", "dev", "--today", DAY, "--review", "review.json")
    assert ran.code == 0, ran.err
    (found,) = hub.repository.issues.values()
    body = found.body or ""
    assert body.splitlines()[1] == "Owners: @example/data"
    broken, silent = "broken.yaml`: its setup state", "silent.yaml`: its last successful sync"
    late = "late.yaml`: it is late: its last successful sync was at"
    age = f"created {days_ago(12)[:10]} ("
    order = [
        "`gh workflow run merge.yml -f environment=dev -f refresh=true -f fingerprints=9978cfef8f8d379a`",
        "needs approval",
        "What a run would change",
        broken,
        late,
        silent,
        "connection by",
        age,
        "scratch: created",
    ]
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


def test_issue_notifies_the_owners_of_the_environment_about_what_no_file_declares(
    hub: Hub, workspace: Workspace, tmp_path: Path
):
    workspace.dataset("scratch")
    (tmp_path / "CODEOWNERS").write_text("* @eve\n/connectors/dev/environment.yaml @example/platform\n")
    assert workspace.run("issue", "-e", "dev", "--today", DAY).code == 0
    (found,) = hub.repository.issues.values()
    assert (found.body or "").splitlines()[1] == "Owners: @example/platform"


def test_issue_notifies_the_owners_of_a_file_that_a_run_rejects(hub: Hub, workspace: Workspace, tmp_path: Path):
    (tmp_path / "CODEOWNERS").write_text("* @eve\n/connectors/dev/shop.yaml @example/shop\n")
    (tmp_path / "review.json").write_text(review(rejected=["connectors/dev/shop.yaml:3:1: dataset shop would move"]))
    assert workspace.run("issue", "-e", "dev", "--today", DAY, "--review", "review.json").code == 0
    (found,) = hub.repository.issues.values()
    assert (found.body or "").splitlines()[1] == "Owners: @example/shop"
    assert "`connectors/dev/shop.yaml:3:1`: dataset shop would move" in (found.body or "")


def test_issue_says_for_each_stack_how_to_apply_what_waits(hub: Hub, workspace: Workspace, tmp_path: Path):
    environment = workspace.specs / "dev" / "environment.yaml"
    environment.write_text(environment.read_text() + "stacks: [crm]\n")
    for stack in ("dev", "dev.crm"):
        (tmp_path / f"{stack}.json").write_text(review(item("pauses", fingerprint=None), environment=stack))
    options = [part for stack in ("dev", "dev.crm") for part in ("--review", f"{stack}.json")]
    assert workspace.run("issue", "-e", "dev", "--today", DAY, *options).code == 0
    (found,) = hub.repository.issues.values()
    for inputs in ("environment=dev -f refresh=true", "environment=dev -f folder=crm -f refresh=true"):
        assert f"`gh workflow run merge.yml -f {inputs}`" in (found.body or "")


def test_issue_shows_text_of_others_as_text(hub: Hub, workspace: Workspace, tmp_path: Path):
    (tmp_path / "CODEOWNERS").write_text("* @example/data\n")
    texts = [text.replace("\x1b", "").replace("\x07", "") for text in HOSTILE]
    (tmp_path / "review.json").write_text(review(*map(item, texts), rejected=texts))
    ran = workspace.run("issue", "-e", "dev", "--today", DAY, "--review", "review.json", "--summary", "summary.md")
    assert ran.code == 0, ran.err
    (found,) = hub.repository.issues.values()
    first, owners, *rest = (found.body or "").splitlines()
    assert (first, owners) == ("<!-- reconciler: dev -->", "Owners: @example/data")
    for page in ("\n".join(rest), (tmp_path / "summary.md").read_text()):
        assert_inert(page)
        rendered = Rendered()
        rendered.feed(MarkdownIt("gfm-like", {"linkify": False}).render(page))
        assert rendered.elements <= {"h2", "h3", "blockquote", "ul", "li", "p", "code"}
        assert not any(LINKED.search(each) for each in rendered.outside_code)
