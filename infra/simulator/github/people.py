"""People, teams, Apps and their installations, and the limits of requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from simulator.github import render
from simulator.github.errors import ApiError, not_allowed, not_found
from simulator.github.request import Call
from simulator.github.state import App, Team

_LEVELS = ("read", "write", "admin")


async def get_self(call: Call) -> web.Response:
    """Get the person whose token it is; an installation is none."""
    if call.actor.app is not None:
        raise not_allowed(by_app=True)
    return web.json_response({**render.user(call, call.actor.login), **_profile()})


async def get_user(call: Call) -> web.Response:
    """Get an account."""
    found = call.state.accounts.get(call.path("user").lower())
    if found is None:
        raise not_found()
    return web.json_response({**render.user(call, found.login), **_profile()})


def _profile() -> dict[str, Any]:
    empty = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
    numbers = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    return {**empty, **numbers, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}


def _team(call: Call) -> Team:
    organisation, slug = call.path("org").lower(), call.path("team").lower()
    allowed = call.actor.permissions
    if allowed is not None and allowed.get("members") not in _LEVELS:
        raise not_allowed(by_app=call.actor.app is not None)
    if call.actor.app is None and not _is_member(call, organisation, call.actor.login):
        raise not_found()
    found = call.state.teams.get((organisation, slug))
    if found is None:
        raise not_found()
    return found


def _is_member(call: Call, organisation: str, login: str) -> bool:
    teams = (each for each in call.state.teams.values() if each.organisation.lower() == organisation)
    return any(login.lower() in (member.lower() for member in each.members) for each in teams)


async def get_team(call: Call) -> web.Response:
    """Get a team that its organisation's members see."""
    return web.json_response(render.team(call, _team(call)))


async def get_membership(call: Call) -> web.Response:
    """Get the membership of a person, who may not have accepted yet."""
    team, login = _team(call), call.path("user").lower()
    for member, role in team.members.items():
        if member.lower() == login:
            state = "pending" if member in team.pending else "active"
            url = f"{call.base}/orgs/{team.organisation}/teams/{team.slug}/memberships/{member}"
            return web.json_response({"url": url, "role": role, "state": state})
    raise not_found()


async def list_members(call: Call) -> web.Response:
    """List the active members of a team."""
    team = _team(call)
    return call.page([render.user(call, each) for each in team.members if each not in team.pending])


async def get_app(call: Call) -> web.Response:
    """Get the App that asks."""
    app = _itself(call)
    installed = sum(each is app for each, _ in call.state.installations.values())
    return web.json_response({**render.app(call, app), "installations_count": installed})


def _itself(call: Call) -> App:
    if call.actor.app is None or not call.actor.is_app_itself:
        raise ApiError(401, "A JSON web token could not be decoded")
    return call.actor.app


def _installation(call: Call, number: int, app: App) -> dict[str, Any]:
    url = f"{call.base}/app/installations/{number}/access_tokens"
    return {
        "id": number,
        "account": render.user(call, app.owner),
        "repository_selection": "selected",
        "access_tokens_url": url,
        "repositories_url": f"{call.base}/installation/repositories",
        "html_url": f"{call.host}/organizations/{app.owner}/settings/installations/{number}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": call.state.account(app.owner).id,
        "target_type": "Organization",
        "permissions": app.permissions,
        "events": [],
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
    }


async def list_installations(call: Call) -> web.Response:
    """List the installations of the App that asks."""
    app = _itself(call)
    found = [number for number, (each, _) in call.state.installations.items() if each is app]
    return call.page([_installation(call, number, app) for number in found])


async def get_repository_installation(call: Call) -> web.Response:
    """Get the installation of the App that asks in a repository."""
    app, name = _itself(call), f"{call.path('owner')}/{call.path('name')}".lower()
    for number, (each, repositories) in call.state.installations.items():
        if each is app and name in (one.lower() for one in repositories):
            return web.json_response(_installation(call, number, app))
    raise not_found()


async def create_installation_token(call: Call) -> web.Response:
    """Create a token of an installation for an hour; it may have less than the installation, and not more."""
    app, number = _itself(call), call.number("id")
    installed, repositories = call.state.installations.get(number, (None, frozenset()))
    if installed is not app:
        raise not_found()
    sent = await call.body()
    if wanted := sent.get("repositories"):
        chosen = frozenset(each for each in repositories if each.partition("/")[2] in wanted)
        if len(chosen) != len(set(wanted)):
            raise ApiError(422, "There is at least one repository that does not exist or is not accessible.")
        repositories = chosen
    permissions = dict(sent.get("permissions") or app.permissions)
    for name, level in permissions.items():
        granted = app.permissions.get(name, "")
        if granted not in _LEVELS or level not in _LEVELS or _LEVELS.index(level) > _LEVELS.index(granted):
            raise ApiError(422, "The permissions requested are not granted to this installation.")
    expires = call.state.now() + timedelta(hours=1)
    token = call.state.app_token(app, *repositories, permissions=permissions, expires=expires)
    kept = {**permissions, "metadata": "read"}
    shown = {"token": token, "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ"), "permissions": kept}
    return web.json_response({**shown, "repository_selection": "selected"}, status=201)


async def list_installed_repositories(call: Call) -> web.Response:
    """List the repositories that an installation's token is for."""
    if call.actor.app is None or call.actor.repositories is None:
        raise ApiError(403, "You must authenticate with an installation access token.")
    names = sorted(call.actor.repositories)
    found = [call.state.repositories[each.lower()] for each in names if each.lower() in call.state.repositories]
    return call.page([render.repository(call, each) for each in found], "repositories")


async def rate_limit(call: Call) -> web.Response:
    """Show the limits, which nothing here reaches; faults stand for that."""
    reset = int(call.state.now().timestamp()) + 3600
    one = {"limit": 5000, "remaining": 4999, "reset": reset, "used": 1, "resource": "core"}
    return web.json_response({"resources": {"core": one, "search": one, "graphql": one}, "rate": one})


async def root(call: Call) -> web.Response:
    """Show where the API begins, and the scopes of a person's token."""
    answer = web.json_response({"current_user_url": f"{call.base}/user"})
    if call.actor.app is None and call.actor.permissions is None:
        answer.headers["X-OAuth-Scopes"] = "read:org, repo, workflow"
    return answer


async def meta(call: Call) -> web.Response:  # noqa: ARG001
    """Show what the server is."""
    return web.json_response({"verifiable_password_authentication": False, "installed_version": "3.19.0"})
