"""Check runs, which only Apps write."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.github import render
from simulator.github.errors import ApiError, invalid, not_allowed, not_found
from simulator.github.request import Call
from simulator.github.state import CheckRun, Repository

_CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out")
_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
_LONGEST = 65_535
_MOST_OF_A_NAME = 1000


async def create(call: Call) -> web.Response:
    """Create a check run on a commit."""
    repository = _writable(call)
    sent = await call.body()
    name, head = sent.get("name"), sent.get("head_sha")
    if not isinstance(name, str) or not name:
        raise invalid("CheckRun", "name", "missing_field")
    if not isinstance(head, str) or repository.git.resolve(head) != head:
        raise ApiError(422, f"No commit found for SHA: {head}")
    assert call.actor.app is not None  # noqa: S101
    now = call.state.timestamp()
    found = CheckRun(call.state.next_id(), call.actor.app, name, head, "queued", None, now, None, None, "", {})
    _change(call, found, sent)
    same = [
        each for each in repository.check_runs.values() if (each.name, each.head, each.app) == (name, head, found.app)
    ]
    for old in same[: max(0, len(same) + 1 - _MOST_OF_A_NAME)]:
        del repository.check_runs[old.id]
    repository.check_runs[found.id] = found
    return web.json_response(render.check_run(call, repository, found), status=201)


async def update(call: Call) -> web.Response:
    """Change a check run: only the App that created it may."""
    repository = _writable(call)
    found = _run(call, repository)
    if found.app is not call.actor.app:
        raise ApiError(403, "Invalid app_id `check_run` was not created by this app.")
    sent = await call.body()
    if isinstance(sent.get("name"), str):
        found.name = sent["name"]
    _change(call, found, sent)
    return web.json_response(render.check_run(call, repository, found))


def _writable(call: Call) -> Repository:
    if call.actor.app is None:
        call.repository(metadata="read")
        raise ApiError(403, "You must authenticate via a GitHub App.")
    if call.actor.is_app_itself:
        raise not_allowed(by_app=True)
    return call.repository(checks="write")


def _change(call: Call, found: CheckRun, sent: dict[str, Any]) -> None:
    if "output" in sent:
        found.output = _output(sent["output"])
    found.details_url = sent.get("details_url", found.details_url)
    found.external_id = str(sent.get("external_id", found.external_id))
    found.started = sent.get("started_at", found.started)
    status, conclusion = sent.get("status", found.status), sent.get("conclusion", found.conclusion)
    if status not in _STATUSES:
        raise invalid("CheckRun", "status", "invalid")
    if conclusion is not None:
        if conclusion not in _CONCLUSIONS:
            raise invalid("CheckRun", "conclusion", "invalid")
        status = "completed"  # a conclusion completes a check run
    elif status == "completed":
        raise invalid("CheckRun", "conclusion", "missing_field")
    found.status, found.conclusion = str(status), conclusion
    if status == "completed":
        found.completed = sent.get("completed_at") or found.completed or call.state.timestamp()


def _output(output: Any) -> dict[str, Any]:
    if not isinstance(output, dict) or not isinstance(output.get("summary"), str):
        raise invalid("CheckRun", "output", "invalid")
    for name in ("summary", "text"):
        if len(str(output.get(name) or "").encode()) > _LONGEST:
            raise invalid("CheckRun", name, "custom", f"Only {_LONGEST} characters are allowed")
    return output


async def get(call: Call) -> web.Response:
    """Get a check run."""
    repository = call.repository(checks="read")
    return web.json_response(render.check_run(call, repository, _run(call, repository)))


async def list_for_ref(call: Call) -> web.Response:
    """List the check runs of a commit; unless all are wanted, the latest of each name and App."""
    repository = call.repository(checks="read")
    head = call.commit(repository, call.path("ref"))
    name, app, status = call.query("check_name"), call.query("app_id"), call.query("status")
    found = [
        each
        for each in repository.check_runs.values()
        if each.head == head
        and name in ("", each.name)
        and app in ("", str(each.app.id))
        and status in ("", each.status)
    ]
    if call.query("filter", "latest") == "latest":
        found = list({(each.app.id, each.name): each for each in found}.values())
    found.sort(key=lambda each: each.id, reverse=True)
    return call.page([render.check_run(call, repository, each) for each in found], "check_runs")


def _run(call: Call, repository: Repository) -> CheckRun:
    found = repository.check_runs.get(call.number("id"))
    if found is None:
        raise not_found()
    return found
