"""Route requests to the local GitHub.

As GitHub's REST documentation describes them, with and without `/api/v3`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from simulator.github import actions, checks, contents, graphql, issues, people, pulls, refs, settings
from simulator.github.auth import authenticate
from simulator.github.errors import ApiError
from simulator.github.request import Call
from simulator.github.state import Fault, State

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Operation = Callable[[Call], Awaitable[web.Response]]

_LARGEST_REQUEST = 2**24

#: Below a repository: `/repos/{owner}/{name}`, or `/repositories/{repository_id}` to which renamed ones redirect.
_REPOSITORY: tuple[tuple[str, str, Operation], ...] = (
    ("GET", "", contents.get_repository),
    ("GET", "/issues", issues.list_issues),
    ("POST", "/issues", issues.create_issue),
    ("GET", "/issues/comments/{id}", issues.get_comment),
    ("PATCH", "/issues/comments/{id}", issues.update_comment),
    ("DELETE", "/issues/comments/{id}", issues.delete_comment),
    ("GET", "/issues/{number}", issues.get_issue),
    ("PATCH", "/issues/{number}", issues.update_issue),
    ("GET", "/issues/{number}/comments", issues.list_comments),
    ("POST", "/issues/{number}/comments", issues.create_comment),
    ("GET", "/pulls", pulls.list_pulls),
    ("POST", "/pulls", pulls.create_pull),
    ("GET", "/pulls/{number}", pulls.get_pull),
    ("PATCH", "/pulls/{number}", pulls.update_pull),
    ("GET", "/pulls/{number}/files", pulls.list_files),
    ("GET", "/pulls/{number}/commits", pulls.list_commits),
    ("GET", "/pulls/{number}/merge", pulls.is_merged),
    ("PUT", "/pulls/{number}/merge", pulls.merge),
    ("GET", "/pulls/{number}/reviews", pulls.list_reviews),
    ("POST", "/pulls/{number}/reviews", pulls.create_review),
    ("POST", "/pulls/{number}/reviews/{review}/events", pulls.submit_review),
    ("PUT", "/pulls/{number}/reviews/{review}/dismissals", pulls.dismiss_review),
    ("POST", "/check-runs", checks.create),
    ("GET", "/check-runs/{id}", checks.get),
    ("PATCH", "/check-runs/{id}", checks.update),
    ("GET", "/commits", contents.list_commits),
    ("GET", "/commits/{ref:.+}/check-runs", checks.list_for_ref),
    ("GET", "/commits/{ref:.+}/pulls", contents.pulls_of_commit),
    ("GET", "/commits/{ref:.+}", contents.get_commit),
    ("GET", "/compare/{basehead:.+}", contents.compare),
    ("GET", "/contents/{path:.*}", contents.get_content),
    ("GET", "/environments/{environment}", settings.get_environment),
    ("GET", "/environments/{environment}/deployment-branch-policies", settings.list_branch_policies),
    ("GET", "/environments/{environment}/variables", settings.list_environment_variables),
    ("GET", "/environments/{environment}/secrets", settings.list_environment_secrets),
    ("GET", "/actions/variables", settings.list_variables),
    ("GET", "/actions/secrets", settings.list_secrets),
    ("GET", "/actions/organization-variables", settings.list_organisation_variables),
    ("GET", "/actions/organization-secrets", settings.list_organisation_secrets),
    ("GET", "/actions/permissions/workflow", settings.get_workflow_permissions),
    ("GET", "/rules/branches/{branch:.+}", settings.list_rules),
    ("GET", "/rulesets/{id}", settings.get_ruleset),
    ("GET", "/codeowners/errors", settings.list_codeowners_errors),
    ("GET", "/branches/{branch}/protection", settings.get_protection),
    ("GET", "/branches/{branch:.+}", contents.get_branch),
    ("GET", "/git/commits/{ref}", contents.get_git_commit),
    ("GET", "/git/ref/{ref:.+}", refs.get_ref),
    ("POST", "/git/refs", refs.create_ref),
    ("PATCH", "/git/refs/{ref:.+}", refs.update_ref),
    ("DELETE", "/git/refs/{ref:.+}", refs.delete_ref),
    ("GET", "/actions/workflows", actions.list_workflows),
    ("GET", "/actions/workflows/{workflow}", actions.get_workflow),
    ("POST", "/actions/workflows/{workflow}/dispatches", actions.dispatch),
    ("GET", "/actions/workflows/{workflow}/runs", actions.list_runs),
    ("GET", "/actions/runs", actions.list_runs),
    ("GET", "/actions/runs/{run}", actions.get_run),
    ("GET", "/actions/runs/{run}/jobs", actions.list_jobs),
    ("GET", "/actions/runs/{run}/artifacts", actions.list_artifacts),
    ("GET", "/actions/runs/{run}/attempts/{attempt}", actions.get_attempt),
    ("GET", "/actions/runs/{run}/attempts/{attempt}/jobs", actions.list_jobs_of_attempt),
    ("POST", "/actions/runs/{run}/cancel", actions.cancel_run),
    ("POST", "/actions/runs/{run}/rerun", actions.rerun),
)

_REST: tuple[tuple[str, str, Operation], ...] = (
    ("GET", "/", people.root),
    ("GET", "/user", people.get_self),
    ("GET", "/users/{user}", people.get_user),
    ("GET", "/orgs/{org}/teams/{team}", people.get_team),
    ("GET", "/orgs/{org}/teams/{team}/members", people.list_members),
    ("GET", "/orgs/{org}/teams/{team}/memberships/{user}", people.get_membership),
    ("GET", "/app", people.get_app),
    ("GET", "/app/installations", people.list_installations),
    ("POST", "/app/installations/{id}/access_tokens", people.create_installation_token),
    ("GET", "/installation/repositories", people.list_installed_repositories),
    ("GET", "/rate_limit", people.rate_limit),
    ("GET", "/meta", people.meta),
    ("GET", "/repos/{owner}/{name}/installation", people.get_repository_installation),
)

#: Only an App itself asks these, and an App itself asks no others.
_BY_APP = (
    people.get_app,
    people.list_installations,
    people.create_installation_token,
    people.get_repository_installation,
)


def build_app(state: State) -> web.Application:
    """Return the application on this state."""
    app = web.Application(middlewares=[_transport(state)], client_max_size=_LARGEST_REQUEST)
    for prefix in ("", "/api/v3"):
        for method, path, operation in _REST:
            app.router.add_route(method, f"{prefix}{path}", _handler(state, operation))
        for root in ("/repos/{owner}/{name}", "/repositories/{repository_id}"):
            for method, path, operation in _REPOSITORY:
                app.router.add_route(method, f"{prefix}{root}{path}", _handler(state, operation))
    for path in ("/graphql", "/api/graphql"):
        app.router.add_post(path, _handler(state, graphql.answer))
    return app


def _handler(state: State, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        actor = authenticate(state, request)
        if actor.is_app_itself != (operation in _BY_APP):
            raise ApiError(
                401, "A JSON web token could not be decoded" if not actor.is_app_itself else "Bad credentials"
            )
        return await operation(Call(state, request, actor))

    return handle


def _transport(state: State) -> Middleware:
    """Return the middleware that logs requests, plays faults, follows renames and formats errors."""

    @web.middleware
    async def transport(request: web.Request, handler: Handler) -> web.StreamResponse:
        record = {"method": request.method, "path": request.path_qs, "status": 0}
        state.requests.append(record)
        fault = _fault(state, request)
        if fault is not None and not fault.is_lost:
            answer = _play(request, fault)
        else:
            answer = _moved(state, request) or await _answer(request, handler)
            if fault is not None:
                answer = _play(request, fault)
        record["status"] = answer.status
        answer.headers.setdefault("X-GitHub-Request-Id", f"{len(state.requests):04X}")
        return answer

    return transport


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return ApiError(404, "Not Found").response()
    except web.HTTPRequestEntityTooLarge:
        return ApiError(413, "Request Entity Too Large").response()


def _moved(state: State, request: web.Request) -> web.StreamResponse | None:
    """Return the redirect of a repository that has another name now."""
    found = re.match(r"(/api/v3)?/repos/([^/]+/[^/]+)(.*)", request.path_qs)
    number = state.renamed.get(found[2].lower()) if found else None
    if found is None or number is None:
        return None
    host = state.public_url.rstrip("/") or f"{request.scheme}://{request.host}"
    url = f"{host}{found[1] or ''}/repositories/{number}{found[3]}"
    permanent = request.method in ("GET", "HEAD")
    body = {"message": "Moved Permanently" if permanent else "Temporary Redirect", "url": url}
    return web.json_response(body, status=301 if permanent else 307, headers={"Location": url})


def _fault(state: State, request: web.Request) -> Fault | None:
    for fault in state.faults:
        if fault.times > 0 and fault.method in ("", request.method) and fault.path in request.path:
            fault.times -= 1
            return fault
    return None


def _play(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.drops:
        assert request.transport is not None  # noqa: S101
        request.transport.abort()
        return web.Response(status=500)
    if fault.text is not None:
        return web.Response(text=fault.text, status=fault.status, content_type="text/html", headers=fault.headers)
    answer = ApiError(fault.status, fault.message).response()
    answer.headers.update(fault.headers)
    return answer
