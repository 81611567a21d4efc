"""The admin routes about users, teams and roles in groups. The docstring of `admin` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from simulator.fivetran import memberships, users
from simulator.fivetran.admin_request import Action, read_body
from simulator.fivetran.by_hand import ByHandError, build_by_hand
from simulator.fivetran.memberships import Kind
from simulator.fivetran.state import FivetranState, Json, Membership, Team, User
from simulator.fivetran.transport import STATE

_FIXED = frozenset({"id", "created_at", "logged_in_at", "users"})


async def _access(request: web.Request) -> Any:
    state = request.app[STATE]
    found: dict[str, dict[str, str]] = {group_id: {} for group_id in state.groups}
    for (kind, member_id, group_id), membership in state.memberships.items():
        found[group_id][_member(state, kind, member_id)] = membership.role
    return {
        "users": [users.details(user) for user in users.everyone(state)],
        "teams": [_team(state, team) for team in state.teams.values()],
        "groups": found,
    }


async def _create_user(request: web.Request) -> Any:
    state, values = request.app[STATE], await read_body(request)
    defaults = {"id": state.new_member_id(), "created_at": state.now(), "verified": True, "logged_in_at": state.now()}
    if values.get("verified") is False:
        defaults["logged_in_at"] = None
    if not isinstance(values.get("email"), str):
        raise ByHandError("a user needs an email")
    user = build_by_hand(User, {**defaults, **values})
    state.users[user.id] = user
    return {"id": user.id}


async def _change_user(request: web.Request) -> Any:
    state = request.app[STATE]
    user = _find_user(state, request.match_info["user"])
    _set(user, await read_body(request))
    if user.verified and user.logged_in_at is None:
        user.logged_in_at = state.now()
    state.users[user.id] = user
    return {"id": user.id}


async def _delete_user(request: web.Request) -> Any:
    state = request.app[STATE]
    user = _find_user(state, request.match_info["user"])
    state.users.pop(user.id, None)
    state.drop_member("user", user.id)
    return {}


async def _create_team(request: web.Request) -> Any:
    state, values = request.app[STATE], await read_body(request)
    names = values.pop("users", [])
    if not isinstance(values.get("name"), str) or not isinstance(names, list):
        raise ByHandError("a team needs a name, and its users are a list of addresses")
    members = {_find_user(state, str(each)).id: Membership("Team Member", state.now()) for each in names}
    team = build_by_hand(Team, {"id": state.new_member_id(), "created_at": state.now(), "users": members, **values})
    state.teams[team.id] = team
    return {"id": team.id}


async def _change_team(request: web.Request) -> Any:
    state, values = request.app[STATE], await read_body(request)
    team = _find_team(state, request.match_info["team"])
    if "users" in values:
        names = values.pop("users")
        team.users = {_find_user(state, str(each)).id: Membership("Team Member", state.now()) for each in names}
    _set(team, values)
    return {"id": team.id}


async def _delete_team(request: web.Request) -> Any:
    state = request.app[STATE]
    memberships.delete_team(state, _find_team(state, request.match_info["team"]).id)
    return {}


async def _change_access(request: web.Request) -> Any:
    state, target = request.app[STATE], request.match_info["group"]
    found = [group.id for group in state.groups.values() if target in (group.id, group.name)]
    if len(found) != 1:
        raise ByHandError(f"{len(found)} groups have the id or name {target!r}")
    values = await read_body(request)
    for member, role in values.items():
        kind, member_id = _find_member(state, member)
        if role is None:
            state.memberships.pop((kind, member_id, found[0]), None)
        elif isinstance(role, str):
            state.memberships[kind, member_id, found[0]] = Membership(role, state.now())
        else:
            raise ByHandError("a role is a text, or null to remove the member")
    return {}


async def _register_role(request: web.Request) -> Any:
    scope = (await read_body(request)).get("scope")
    if scope not in ("ACCOUNT", "DESTINATION", "CONNECTOR", "TEAM"):
        raise ByHandError("a custom role has a scope: ACCOUNT, DESTINATION, CONNECTOR or TEAM")
    request.app[STATE].custom_roles[request.match_info["role"]] = scope
    return {}


def _find_user(state: FivetranState, target: str) -> User:
    for user in users.everyone(state):
        if target in (user.id, user.email):
            return user
    raise ByHandError(f"no user has the id or address {target!r}")


def _find_team(state: FivetranState, target: str) -> Team:
    for team in state.teams.values():
        if target in (team.id, team.name):
            return team
    raise ByHandError(f"no team has the id or name {target!r}")


def _find_member(state: FivetranState, member: str) -> tuple[Kind, str]:
    kind, _, name = member.partition(":")
    if kind == "user":
        return "user", _find_user(state, name).id
    if kind == "team":
        return "team", _find_team(state, name).id
    raise ByHandError("a member is user:ADDRESS or team:NAME")


def _member(state: FivetranState, kind: Kind, member_id: str) -> str:
    if kind == "team":
        return f"team:{state.teams[member_id].name}"
    return f"user:{users.find(state, member_id).email}"


def _team(state: FivetranState, team: Team) -> Json:
    return {**memberships.team(team), "users": [users.find(state, each).email for each in team.users]}


def _set(record: User | Team, values: Mapping[str, Any]) -> None:
    known = {*vars(record)} - _FIXED
    if unknown := values.keys() - known:
        raise ByHandError(f"cannot set {', '.join(sorted(unknown))}")
    for name, value in values.items():
        setattr(record, name, value)


ROUTES: tuple[tuple[str, str, Action], ...] = (
    ("GET", "/access", _access),
    ("POST", "/users", _create_user),
    ("PATCH", "/users/{user}", _change_user),
    ("DELETE", "/users/{user}", _delete_user),
    ("POST", "/teams", _create_team),
    ("PATCH", "/teams/{team}", _change_team),
    ("DELETE", "/teams/{team}", _delete_team),
    ("PATCH", "/groups/{group}/access", _change_access),
    ("PUT", "/roles/{role}", _register_role),
)
