"""References of a repository: branches and tags, created, moved and deleted."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from simulator.github.errors import ApiError, invalid, not_found
from simulator.github.request import Call
from simulator.github.state import Repository


def _ref(call: Call, repository: Repository, name: str, sha: str) -> dict[str, Any]:
    url = f"{call.base}/repos/{repository.name}/git"
    kind = {"type": "commit", "sha": sha, "url": f"{url}/commits/{sha}"}
    return {"ref": name, "node_id": f"REF_{repository.id}_{name}", "url": f"{url}/{name}", "object": kind}


async def get_ref(call: Call) -> web.Response:
    """Get a reference."""
    repository = call.repository(contents="read")
    name = f"refs/{call.path('ref')}"
    sha = repository.git.refs(name).get(name)
    if sha is None:
        raise not_found()
    return web.json_response(_ref(call, repository, name, sha))


async def create_ref(call: Call) -> web.Response:
    """Create a reference."""
    repository = call.repository(contents="write")
    sent = await call.body()
    name, sha = str(sent.get("ref") or ""), str(sent.get("sha") or "")
    if not name.startswith(("refs/heads/", "refs/tags/")):
        raise ApiError(422, "Reference name must start with 'refs/' and have at least two slashes.")
    if repository.git.resolve(sha) != sha:
        raise ApiError(422, "Object does not exist")
    if name in repository.git.refs(name):
        raise ApiError(422, "Reference already exists")
    repository.git.update(name, sha)
    return web.json_response(_ref(call, repository, name, sha), status=201)


async def update_ref(call: Call) -> web.Response:
    """Move a reference: forward only, unless it is forced."""
    repository = call.repository(contents="write")
    name = f"refs/{call.path('ref')}"
    old = repository.git.refs(name).get(name)
    sent = await call.body()
    sha = str(sent.get("sha") or "")
    if old is None:
        raise ApiError(422, "Reference does not exist")
    if repository.git.resolve(sha) != sha:
        raise invalid("Reference", "sha", "invalid")
    if not sent.get("force") and not repository.git.contains(sha, old):
        raise ApiError(422, "Update is not a fast forward")
    repository.git.update(name, sha)
    call.state.sync(repository)
    return web.json_response(_ref(call, repository, name, sha))


async def delete_ref(call: Call) -> web.Response:
    """Delete a reference."""
    repository = call.repository(contents="write")
    name = f"refs/{call.path('ref')}"
    if name not in repository.git.refs(name):
        raise ApiError(422, "Reference does not exist")
    repository.git.delete(name)
    return web.Response(status=204)
