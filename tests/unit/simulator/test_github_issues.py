"""Issues, comments, check runs, Actions, teams, Apps and tokens of the local GitHub, as its documentation has them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from tests.hub import REPOSITORY, Hub
from tests.hub import hub as serve

from simulator.github.state import Fault, Team

MERGE = """\
name: merge
on:
  workflow_dispatch:
    inputs:
      environment: {type: choice, required: true, options: [dev, prod]}
      fingerprints: {type: string}
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serve(tmp_path) as found:
        yield found


def issue(hub: Hub, title: str = "x", **more: Any) -> Any:
    return hub.done("POST", "/issues", hub.bot, {"title": title, **more})


def check(hub: Hub, **more: Any) -> dict[str, Any]:
    return {"name": "reconciler/dev", "head_sha": hub.main, "status": "completed", "conclusion": "success", **more}


def test_issue_is_opened_closed_and_reopened(hub: Hub):
    number = issue(hub, body="text", labels=["reconciler"])["number"]
    closed = hub.done("PATCH", f"/issues/{number}", hub.bot, {"state": "closed", "state_reason": "not_planned"})
    assert (closed["state"], closed["state_reason"]) == ("closed", "not_planned")
    assert closed["closed_by"]["login"] == "github-actions[bot]"
    opened = hub.done("PATCH", f"/issues/{number}", hub.bot, {"state": "open"})
    assert (opened["state"], opened["closed_at"], opened["state_reason"]) == ("open", None, "reopened")
    assert [each["name"] for each in opened["labels"]] == ["reconciler"]


def test_issues_are_filtered_and_paged_with_pull_requests_among_them(hub: Hub):
    hub.branch("change", {"x": "1"})
    number = hub.open("change")
    for each in range(3):
        issue(hub, str(each), labels=["a"] if each else [])
    assert [each["title"] for each in hub.done("GET", "/issues", hub.bot, labels="a")] == ["2", "1"]
    everything = hub.ask("GET", "/issues", hub.bot, state="all", per_page="3")
    assert everything.links["next"]["url"] == everything.links["last"]["url"]
    assert [each["number"] for each in httpx.get(everything.links["next"]["url"], headers=job(hub)).json()] == [number]
    shown = hub.done("GET", f"/issues/{number}", hub.bot)
    assert shown["pull_request"]["url"].endswith(f"/pulls/{number}")


def job(hub: Hub) -> dict[str, str]:
    return {"Authorization": f"Bearer {hub.bot}"}


def test_comment_is_changed_by_its_author_or_a_user_with_write_access(hub: Hub):
    number = issue(hub)["number"]
    found = hub.done("POST", f"/issues/{number}/comments", hub.people["eve"], {"body": "mine"})
    path = f"/issues/comments/{found['id']}"
    assert hub.done("PATCH", path, hub.people["eve"], {"body": "again"})["body"] == "again"
    assert hub.done("PATCH", path, hub.people["ann"], {"body": "hers"})["user"]["login"] == "eve"
    other = hub.done("POST", f"/issues/{number}/comments", hub.people["ann"], {"body": "x"})
    assert hub.ask("PATCH", f"/issues/comments/{other['id']}", hub.people["eve"], {"body": "x"}).status_code == 403
    assert hub.ask("DELETE", path, hub.bot).status_code == 204
    assert hub.ask("GET", path, hub.bot).status_code == 404


@pytest.mark.parametrize("body", ["", " \n", None, "x" * 65_537])
def test_comment_has_a_body_of_at_most_65536_characters(hub: Hub, body: str | None):
    number = issue(hub)["number"]
    assert hub.ask("POST", f"/issues/{number}/comments", hub.bot, {"body": body}).status_code == 422


def test_check_run_is_written_by_apps_only(hub: Hub):
    answer = hub.ask("POST", "/check-runs", hub.people["carol"], check(hub))
    assert (answer.status_code, answer.json()["message"]) == (403, "You must authenticate via a GitHub App.")
    assert hub.done("POST", "/check-runs", hub.bot, check(hub))["app"]["id"] == 15368


def test_check_run_is_changed_by_its_app_only(hub: Hub):
    app = hub.state.add_app("own", "example", {"checks": "write"})
    found = hub.done("POST", "/check-runs", hub.bot, check(hub))
    other = hub.state.app_token(app, REPOSITORY)
    path, sent = f"/check-runs/{found['id']}", {"conclusion": "failure"}
    assert hub.ask("PATCH", path, other, sent).status_code == 403
    assert hub.done("PATCH", path, hub.bot, sent)["conclusion"] == "failure"


def test_check_runs_are_the_latest_of_each_app_and_name_unless_all(hub: Hub):
    app = hub.state.add_app("own", "example", {"checks": "write"})
    for token in (hub.bot, hub.bot, hub.state.app_token(app, REPOSITORY)):
        hub.done("POST", "/check-runs", token, check(hub))
    path = f"/commits/{hub.main}/check-runs"
    assert hub.done("GET", path, hub.bot)["total_count"] == 2
    assert hub.done("GET", path, hub.bot, filter="all")["total_count"] == 3
    found = hub.done("GET", path, hub.bot, app_id=str(app.id))["check_runs"]
    assert [each["app"]["slug"] for each in found] == ["own"]
    assert hub.done("GET", path, hub.bot, check_name="other")["total_count"] == 0


@pytest.mark.parametrize("more", [{"head_sha": "0" * 40}, {"name": ""}, {"conclusion": "fine"}, {"conclusion": None}])
def test_check_run_of_wrong_values_is_invalid(hub: Hub, more: dict[str, Any]):
    assert hub.ask("POST", "/check-runs", hub.bot, check(hub, **more)).status_code == 422


def test_dispatch_starts_a_run_with_declared_inputs_only(hub: Hub):
    hub.commit({".github/workflows/merge.yml": MERGE, ".github/workflows/other.yml": "on: push\n"})
    path = "/actions/workflows/merge.yml/dispatches"
    inputs = {"environment": "prod", "fingerprints": "1,2"}
    assert hub.ask("POST", path, hub.bot, {"ref": "main", "inputs": inputs}).status_code == 204
    (run,) = hub.done("GET", "/actions/workflows/merge.yml/runs", hub.bot)["workflow_runs"]
    assert (run["event"], run["status"], run["head_sha"]) == ("workflow_dispatch", "queued", hub.main)
    assert hub.repository.runs[run["id"]].inputs == inputs
    wrong = [{}, {"environment": "x"}, {"environment": "dev", "more": "1"}]
    assert {hub.ask("POST", path, hub.bot, {"ref": "main", "inputs": each}).status_code for each in wrong} == {422}
    other = "/actions/workflows/other.yml/dispatches"
    assert hub.ask("POST", other, hub.bot, {"ref": "main"}).status_code == 422
    assert hub.ask("POST", path.replace("merge", "none"), hub.bot, {"ref": "main"}).status_code == 404


def test_run_ends_when_it_is_cancelled_and_can_run_again(hub: Hub):
    hub.commit({".github/workflows/merge.yml": MERGE})
    sent = {"path": ".github/workflows/merge.yml"}
    run = hub.done("POST", f"//_admin/repositories/{REPOSITORY}/runs", "", sent)
    path = f"/actions/runs/{run['id']}"
    assert hub.done("GET", path, hub.bot)["status"] == "in_progress"
    assert hub.ask("POST", f"{path}/cancel", hub.bot).status_code == 202
    assert hub.done("GET", path, hub.bot)["conclusion"] == "cancelled"
    assert hub.ask("POST", f"{path}/rerun", hub.bot).status_code == 201
    assert hub.done("GET", path, hub.bot)["run_attempt"] == 2


def test_token_may_do_only_what_it_is_granted(hub: Hub):
    token = hub.state.workflow_token(REPOSITORY, {"contents": "read"})
    answer = hub.ask("POST", "/issues", token, {"title": "x"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert hub.ask("GET", "/contents/README.md", token).status_code == 200
    assert hub.ask("GET", "//user", token).status_code == 403
    assert hub.ask("GET", "/issues", "wrong").status_code == 401
    assert hub.ask("GET", "/contents/README.md", hub.state.user_token("stranger")).status_code == 404


def test_viewer_is_the_login_of_a_person_or_an_installation(hub: Hub):
    query = {"query": "query UserCurrent { viewer { login } }"}
    for token, login in ((hub.bot, "github-actions[bot]"), (hub.people["ann"], "ann")):
        assert hub.done("POST", "//graphql", token, query) == {"data": {"viewer": {"login": login}}}
    assert "doesn't exist" in hub.done("POST", "//graphql", hub.bot, {"query": "{ other }"})["errors"][0]["message"]


def test_team_is_seen_by_members_and_by_apps_that_may_read_members(hub: Hub):
    hub.state.teams["example", "data"] = Team(1, "example", "data", {"bob": "member", "ann": "member"}, {"ann"})
    path = "//orgs/example/teams/data/memberships/"
    app = hub.state.add_app("own", "example", {"members": "read"})
    token = hub.state.app_token(app, REPOSITORY)
    assert hub.done("GET", f"{path}bob", token)["state"] == "active"
    assert hub.done("GET", f"{path}ann", hub.people["bob"])["state"] == "pending"
    assert hub.ask("GET", f"{path}eve", token).status_code == 404
    assert hub.ask("GET", f"{path}bob", hub.people["eve"]).status_code == 404
    assert hub.ask("GET", f"{path}bob", hub.bot).status_code == 403


def test_contents_have_a_file_in_base64_and_a_large_one_without_text(hub: Hub):
    hub.commit({"large": "x" * 1_000_001, "docs/a.md": "a"})
    found = hub.done("GET", "/contents/README.md", hub.bot, ref=hub.main)
    assert base64.b64decode(found["content"]) == b"data\n"
    assert hub.done("GET", "/contents/large", hub.bot)["encoding"] == "none"
    assert [each["path"] for each in hub.done("GET", "/contents/docs", hub.bot)] == ["docs/a.md"]
    assert hub.ask("GET", "/contents/none", hub.bot).status_code == 404


def test_references_are_created_moved_forward_and_deleted(hub: Hub):
    first, second = hub.main, hub.commit({"x": "1"})
    token = hub.people["ann"]
    hub.done("POST", "/git/refs", token, {"ref": "refs/heads/new", "sha": second})
    assert hub.done("GET", "/git/ref/heads/new", hub.bot)["object"]["sha"] == second
    assert hub.ask("PATCH", "/git/refs/heads/new", token, {"sha": first}).status_code == 422
    assert hub.done("PATCH", "/git/refs/heads/new", token, {"sha": first, "force": True})["object"]["sha"] == first
    assert hub.ask("DELETE", "/git/refs/heads/new", token).status_code == 204
    assert hub.ask("GET", "/git/ref/heads/new", hub.bot).status_code == 404


def test_renamed_repository_redirects_to_its_id(hub: Hub):
    hub.done("PATCH", f"//_admin/repositories/{REPOSITORY}", "", {"name": "example/new"})
    answer = hub.ask("GET", "/contents/README.md", hub.bot)
    assert (answer.status_code, answer.json()["message"]) == (301, "Moved Permanently")
    assert hub.ask("POST", "/issues", hub.people["ann"], {"title": "x"}).status_code == 307
    found = httpx.get(answer.headers["Location"], headers={"Authorization": f"Bearer {hub.people['ann']}"})
    assert found.json()["name"] == "README.md"


def signed(key: rsa.RSAPrivateKey, claims: dict[str, Any]) -> str:
    def encode(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    text = f"{encode(json.dumps({'alg': 'RS256'}).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{text}.{encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def test_app_gets_a_token_for_less_than_it_was_granted_and_not_for_more(hub: Hub):
    key, other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    granted = {"checks": "write", "contents": "read"}
    sent = {"slug": "own", "owner": "example", "permissions": granted, "public_key": pem, "repositories": [REPOSITORY]}
    app = hub.done("POST", "//_admin/apps", "", sent)
    now = int(time.time())
    claims = {"iss": str(app["id"]), "iat": now - 5, "exp": now + 300}
    path = f"//app/installations/{app['installation_id']}/access_tokens"
    assert hub.ask("POST", path, signed(other, claims)).status_code == 401
    assert hub.ask("POST", path, signed(key, {**claims, "exp": now + 3600})).status_code == 401
    token = signed(key, claims)
    assert hub.ask("POST", path, token, {"permissions": {"contents": "write"}}).status_code == 422
    found = hub.done("POST", path, token, {"permissions": {"checks": "write"}})
    assert found["permissions"] == {"checks": "write", "metadata": "read"}
    assert hub.done("POST", "/check-runs", found["token"], check(hub))["app"]["id"] == app["id"]
    assert hub.ask("GET", "/contents/README.md", found["token"]).status_code == 403


def test_fault_can_lose_the_answer_of_a_request_that_was_carried_out(hub: Hub):
    hub.state.faults.append(Fault("POST", "/issues", drops=True, is_lost=True))
    with pytest.raises(httpx.RemoteProtocolError):
        issue(hub)
    assert [each.title for each in hub.repository.issues.values()] == ["x"]
