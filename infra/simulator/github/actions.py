"""GitHub Actions: workflows, which are files of the default branch, their dispatch, and their runs."""

from __future__ import annotations

from typing import Any

import yaml
from aiohttp import web

from simulator.github import render
from simulator.github.errors import ApiError, not_found
from simulator.github.request import Call
from simulator.github.state import Repository, WorkflowRun

_FOLDER = ".github/workflows"
_EPOCH = "2026-01-01T00:00:00Z"


def workflows(call: Call, repository: Repository) -> dict[str, int]:
    """Return the paths of the workflows with their ids."""
    head = repository.git.branch(repository.default_branch)
    entries = repository.git.folder_entries(head, _FOLDER) if head else None
    for _, _, path in entries or []:
        if path.endswith((".yml", ".yaml")):
            repository.workflow_ids.setdefault(path, call.state.next_id())
    return repository.workflow_ids


def read(repository: Repository, commit: str, path: str) -> dict[Any, Any]:
    """Return a workflow file; empty if it is none."""
    found = repository.git.file(commit, path)
    try:
        content = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        return {}
    return content if isinstance(content, dict) else {}


def _workflow(call: Call, repository: Repository) -> tuple[str, int]:
    wanted = call.path("workflow")
    for path, number in workflows(call, repository).items():
        if wanted in (str(number), path.rpartition("/")[2]):
            return path, number
    raise not_found()


def _shown(call: Call, repository: Repository, path: str, number: int) -> dict[str, Any]:
    head = repository.git.branch(repository.default_branch) or ""
    page = f"{call.host}/{repository.name}"
    return {
        "id": number,
        "node_id": f"W_{number}",
        "name": str(read(repository, head, path).get("name") or path),
        "path": path,
        "state": "active",
        "created_at": _EPOCH,
        "updated_at": _EPOCH,
        "url": f"{call.base}/repos/{repository.name}/actions/workflows/{number}",
        "html_url": f"{page}/blob/{repository.default_branch}/{path}",
        "badge_url": f"{page}/workflows/{number}/badge.svg",
    }


async def list_workflows(call: Call) -> web.Response:
    """List the workflows."""
    repository = call.repository(actions="read")
    found = workflows(call, repository)
    return call.page([_shown(call, repository, path, number) for path, number in found.items()], "workflows")


async def get_workflow(call: Call) -> web.Response:
    """Get a workflow by its id or its file's name."""
    repository = call.repository(actions="read")
    return web.json_response(_shown(call, repository, *_workflow(call, repository)))


async def dispatch(call: Call) -> web.Response:
    """Start a workflow by hand."""
    repository = call.repository(actions="write")
    path, _ = _workflow(call, repository)
    sent = await call.body()
    ref = str(sent.get("ref") or "").removeprefix("refs/heads/")
    commit = repository.git.branch(ref) if ref else None
    if commit is None:
        raise ApiError(422, f"No ref found for: {sent.get('ref')}")
    content = read(repository, commit, path)
    # YAML 1.1 reads the key `on` as true.
    triggers = content.get("on", content.get(True))
    names = [triggers] if isinstance(triggers, str) else list(triggers or [])
    if "workflow_dispatch" not in names:
        raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
    declared = ((triggers.get("workflow_dispatch") or {}).get("inputs") if isinstance(triggers, dict) else None) or {}
    given = sent.get("inputs") or {}
    if unknown := [name for name in given if name not in declared]:
        raise ApiError(422, f"Unexpected inputs provided: {unknown}")
    about: dict[str, Any]
    for name, about in ((name, about or {}) for name, about in declared.items()):
        if about.get("required") and name not in given and "default" not in about:
            raise ApiError(422, f"Required input '{name}' not provided")
        if about.get("type") == "choice" and given.get(name, "") not in ("", *about.get("options", [])):
            raise ApiError(422, f"Provided value '{given[name]}' for input '{name}' not in the list of allowed values")
    defaults = {name: about["default"] for name, about in declared.items() if about and "default" in about}
    found = add_run(call, repository, path, "workflow_dispatch", commit=commit, branch=ref)
    found.inputs = {**defaults, **given}
    if not sent.get("return_run_details"):
        return web.Response(status=204)
    shown = render.workflow_run(call, repository, found)
    details = {"workflow_run_id": found.id, "run_url": shown["url"], "html_url": shown["html_url"]}
    return web.json_response(details)


def add_run(call: Call, repository: Repository, path: str, event: str, *, commit: str, branch: str) -> WorkflowRun:
    """Add a run of a workflow, which is queued."""
    workflows(call, repository)
    name = str(read(repository, commit, path).get("name") or path)
    now, number = call.state.timestamp(), sum(each.path == path for each in repository.runs.values()) + 1
    run_id = call.state.next_id()
    login = call.actor.login
    found = WorkflowRun(run_id, number, path, name, event, commit, branch, login, now, now)
    repository.runs[found.id] = found
    return found


async def list_runs(call: Call) -> web.Response:
    """List the runs of the repository or of one workflow, the newest first."""
    repository = call.repository(actions="read")
    path = _workflow(call, repository)[0] if "workflow" in call.request.match_info else ""
    wanted = {
        name: call.query(query)
        for name, query in {"branch": "branch", "event": "event", "head": "head_sha", "actor": "actor"}.items()
    }
    status = call.query("status")
    found = [
        each
        for each in repository.runs.values()
        if path in ("", each.path)
        and all(value in ("", getattr(each, name)) for name, value in wanted.items())
        and status in ("", each.status, each.conclusion)
    ]
    found.sort(key=lambda each: each.id, reverse=True)
    return call.page([render.workflow_run(call, repository, each) for each in found], "workflow_runs")


async def get_run(call: Call) -> web.Response:
    """Get a run."""
    repository = call.repository(actions="read")
    return web.json_response(render.workflow_run(call, repository, _run(call, repository)))


async def list_jobs(call: Call) -> web.Response:
    """List the jobs of a run's last attempt."""
    repository = call.repository(actions="read")
    run = _run(call, repository)
    return call.page([render.job(call, repository, run, each) for each in run.jobs], "jobs")


async def list_artifacts(call: Call) -> web.Response:
    """List what a run has kept: nothing, since none runs here."""
    repository = call.repository(actions="read")
    _run(call, repository)
    return call.page([], "artifacts")


async def get_attempt(call: Call) -> web.Response:
    """Get an attempt of a run."""
    repository = call.repository(actions="read")
    known = call.state.attempts.get((call.number("run"), call.number("attempt")))
    if known is not None:
        return web.json_response({name: value for name, value in known.items() if name != "jobs"})
    run = _run(call, repository)
    if run.attempt != call.number("attempt"):
        raise not_found()
    return web.json_response(render.workflow_run(call, repository, run))


async def list_jobs_of_attempt(call: Call) -> web.Response:
    """List the jobs of an attempt."""
    call.repository(actions="read")
    known = call.state.attempts.get((call.number("run"), call.number("attempt")))
    return call.page(known.get("jobs", []), "jobs") if known is not None else await list_jobs(call)


async def cancel_run(call: Call) -> web.Response:
    """Cancel a run that has not ended."""
    repository = call.repository(actions="write")
    found = _run(call, repository)
    if found.status == "completed":
        raise ApiError(409, "Cannot cancel a workflow run that is completed.")
    found.status, found.conclusion, found.updated = "completed", "cancelled", call.state.timestamp()
    return web.json_response({}, status=202)


async def rerun(call: Call) -> web.Response:
    """Run a completed run again."""
    repository = call.repository(actions="write")
    found = _run(call, repository)
    if found.status != "completed":
        raise ApiError(403, "This workflow is already running")
    found.status, found.conclusion, found.updated = "queued", None, call.state.timestamp()
    found.attempt += 1
    return web.json_response({}, status=201)


def _run(call: Call, repository: Repository) -> WorkflowRun:
    found = repository.runs.get(call.number("run"))
    if found is None:
        raise not_found()
    return found
