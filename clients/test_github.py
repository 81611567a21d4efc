"""GitHub's own command line, gh, on the local GitHub."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.hub import REPOSITORY, UNIT, Hub
from tests.hub import hub as serve

from clients.environments import environment
from clients.fronts import listening
from clients.proxy import connecting
from reconciler.git.propose import Proposal, open_pull_request
from reconciler.model.errors import ReconcilerError

_HOST = "github.example.com"
_TIMEOUT_S = 120
_MERGE = """\
name: merge
on:
  workflow_dispatch:
    inputs:
      environment: {type: choice, required: true, options: [dev, prod]}
      fingerprints: {type: string}
"""


@dataclass
class Gh:
    """The command line, as one person at a GitHub Enterprise Server."""

    hub: Hub
    variables: dict[str, str]

    def run(self, *arguments: str, login: str = "carol", code: int = 0) -> str:
        """Run a command that ends with this exit code; returns what it prints."""
        done = subprocess.run(
            [str(environment("github") / "gh"), *arguments],
            env={**self.variables, "GH_ENTERPRISE_TOKEN": self.hub.people[login]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def api(self, path: str, *arguments: str, **fields: str) -> Any:
        """Call the API below the repository."""
        given = [word for name, value in fields.items() for word in ("-f", f"{name}={value}")]
        printed = self.run("api", f"repos/{REPOSITORY}{path}", *arguments, *given)
        return json.loads(printed) if printed.strip() else None


@pytest.fixture
def gh(tmp_path: Path) -> Iterator[Gh]:
    with (
        serve(tmp_path / "github") as hub,
        listening({_HOST: hub.url}, tmp_path) as fronts,
        connecting(fronts.ports) as proxy,
    ):
        hub.state.public_url = f"https://{_HOST}"
        hub.commit({".github/workflows/merge.yml": _MERGE})
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "HTTPS_PROXY": proxy,
            "SSL_CERT_FILE": str(fronts.certificate),
            "GH_HOST": _HOST,
            "GH_REPO": f"{_HOST}/{REPOSITORY}",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_PROMPT_DISABLED": "1",
            "NO_COLOR": "1",
        }
        yield Gh(hub, variables)


def test_gh_logs_in_and_reads_every_page(gh: Gh):
    assert "Logged in to github.example.com account carol" in gh.run("auth", "status")
    for number in range(5):
        gh.hub.commit({"x": str(number)})
    printed = gh.run("api", "--paginate", f"repos/{REPOSITORY}/commits?per_page=2", "--jq", ".[].sha")
    assert printed.split()[0] == gh.hub.main
    assert len(printed.split()) == 7


def test_gh_dispatches_a_workflow_and_watches_its_run(gh: Gh):
    gh.run("workflow", "run", "merge.yml", "-f", "environment=prod", "-f", "fingerprints=1,2")
    (run,) = gh.hub.repository.runs.values()
    assert run.inputs == {"environment": "prod", "fingerprints": "1,2"}
    assert "Unexpected inputs" in gh.run("workflow", "run", "merge.yml", "-f", "more=1", code=1)
    listed = json.loads(gh.run("run", "list", "--workflow", "merge.yml", "--json", "databaseId,event,status"))
    assert listed == [{"databaseId": run.id, "event": "workflow_dispatch", "status": "queued"}]
    run.status = "in_progress"
    assert "workflow_dispatch" in gh.run("run", "view", str(run.id))
    gh.run("run", "cancel", str(run.id))
    assert (run.status, run.conclusion) == ("completed", "cancelled")
    gh.run("run", "rerun", str(run.id))
    assert (run.status, run.attempt) == ("queued", 2)


def test_gh_opens_reviews_and_merges_a_pull_request(gh: Gh):
    gh.hub.branch("change", {UNIT: "a: 1\n"})
    number = gh.api("/pulls", title="x", head="change", base="main")["number"]
    gh.run("api", f"repos/{REPOSITORY}/pulls/{number}/reviews", "-f", "event=APPROVE", login="bob")
    text = gh.run("api", f"repos/{REPOSITORY}/pulls/{number}/reviews", "-f", "event=APPROVE", code=1)
    assert "Can not approve your own pull request" in text
    assert [each["filename"] for each in gh.api(f"/pulls/{number}/files")] == [UNIT]
    merged = gh.api(f"/pulls/{number}/merge", "-X", "PUT", merge_method="squash")
    assert merged["sha"] == gh.hub.main
    assert gh.api(f"/commits/{merged['sha']}/pulls")[0]["number"] == number


def test_gh_comments_and_closes_issues(gh: Gh):
    number = gh.api("/issues", title="late", body="text")["number"]
    gh.api(f"/issues/{number}/comments", body="why")
    gh.api(f"/issues/{number}", "-X", "PATCH", state="closed")
    assert gh.api("/issues?state=closed")[0]["title"] == "late"
    assert [each.body for each in gh.hub.repository.comments.values()] == ["why"]
    assert "HTTP 403" in gh.run("api", f"repos/{REPOSITORY}/check-runs", "-f", "name=x", code=1)


def test_gh_opens_the_pull_request_of_an_edit(gh: Gh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    gh.hub.branch("change", {UNIT: "a: 1\n"})
    path = os.pathsep.join([str(environment("github")), os.environ["PATH"]])
    variables = {**gh.variables, "PATH": path, "GH_ENTERPRISE_TOKEN": gh.hub.people["carol"]}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proposal = Proposal("change", "main", gh.hub.main, tmp_path, gh.hub.main)
    address = open_pull_request(proposal, "Extend shop", '- expires on 2027-01-31, it\'s "later"\n')
    (pull,) = gh.api("/pulls")
    assert (pull["html_url"], pull["title"], pull["head"]["ref"]) == (address, "Extend shop", "change")
    assert pull["body"] == '- expires on 2027-01-31, it\'s "later"\n'
    with pytest.raises(ReconcilerError, match="The branch change is pushed: correct that and run `gh pr create"):
        open_pull_request(proposal, "Extend shop", "again")
