"""Check runs, and runs of workflows with their jobs, as the API shows them."""

from __future__ import annotations

from typing import Any

from simulator.github.render.people import app, user
from simulator.github.render.repositories import minimal_repository
from simulator.github.render.shared import node_id
from simulator.github.request import Call
from simulator.github.state import CheckRun, Repository, WorkflowRun


def check_run(call: Call, repository: Repository, found: CheckRun) -> dict[str, Any]:
    """Return a check run."""
    url = f"{call.base}/repos/{repository.name}/check-runs/{found.id}"
    output = {name: found.output.get(name) for name in ("title", "summary", "text")}
    return {
        "id": found.id,
        "node_id": node_id("CheckRun", found.id),
        "name": found.name,
        "head_sha": found.head,
        "external_id": found.external_id,
        "url": url,
        "html_url": f"{call.host}/{repository.name}/runs/{found.id}",
        "details_url": found.details_url or f"{call.host}/{repository.name}/runs/{found.id}",
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": found.started,
        "completed_at": found.completed,
        "output": {**output, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": found.app.id},
        "app": app(call, found.app),
        "pull_requests": [],
    }


def workflow_run(call: Call, repository: Repository, found: WorkflowRun) -> dict[str, Any]:
    """Return a run of a workflow."""
    url = f"{call.base}/repos/{repository.name}/actions/runs/{found.id}"
    workflow = repository.workflow_ids.get(found.path, 0)
    at = repository.git.commit(found.head)
    who = {"name": at.author.name, "email": at.author.email}
    minimal = minimal_repository(call, repository)
    return {
        "id": found.id,
        "name": found.name,
        "node_id": node_id("WorkflowRun", found.id),
        "head_branch": found.branch,
        "head_sha": found.head,
        "path": f"{found.path}",
        "display_title": found.name,
        "run_number": found.number,
        "run_attempt": found.attempt,
        "event": found.event,
        "status": found.status,
        "conclusion": found.conclusion,
        "workflow_id": workflow,
        "check_suite_id": found.id,
        "check_suite_node_id": node_id("CheckSuite", found.id),
        "url": url,
        "html_url": f"{call.host}/{repository.name}/actions/runs/{found.id}",
        "pull_requests": [],
        "created_at": found.created,
        "updated_at": found.updated,
        "run_started_at": found.created,
        "actor": user(call, found.actor),
        "triggering_actor": user(call, found.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{call.base}/repos/{repository.name}/check-suites/{found.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{call.base}/repos/{repository.name}/actions/workflows/{workflow}",
        "head_commit": {
            "id": at.sha,
            "tree_id": at.tree,
            "message": at.message,
            "timestamp": at.committer.date,
            "author": who,
            "committer": who,
        },
        "repository": minimal,
        "head_repository": minimal,
    }


def job(call: Call, repository: Repository, run: WorkflowRun, known: dict[str, Any]) -> dict[str, Any]:
    """Return a job of a run."""
    number = known.get("id", run.id)
    api, page = f"{call.base}/repos/{repository.name}/actions", f"{call.host}/{repository.name}/actions/runs/{run.id}"
    return {
        "id": number,
        "run_id": run.id,
        "run_url": f"{api}/runs/{run.id}",
        "run_attempt": run.attempt,
        "node_id": node_id("Job", number),
        "head_sha": run.head,
        "head_branch": run.branch,
        "workflow_name": run.name,
        "url": f"{api}/jobs/{number}",
        "html_url": f"{page}/job/{number}",
        "check_run_url": f"{call.base}/repos/{repository.name}/check-runs/{number}",
        "name": "job",
        "status": run.status,
        "conclusion": run.conclusion,
        "created_at": run.created,
        "started_at": run.created,
        "completed_at": run.updated if run.status == "completed" else None,
        "steps": [],
        "labels": [],
        **dict.fromkeys(("runner_id", "runner_name", "runner_group_id", "runner_group_name")),
        **known,
    }
