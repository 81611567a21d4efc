"""The simulated routes of users, teams, their roles in groups, and system keys.

Roles on single connections are not simulated.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from simulator.fivetran import memberships, users
from simulator.fivetran.errors import required
from simulator.fivetran.memberships import Kind
from simulator.fivetran.paging import listing
from simulator.fivetran.state import Json
from simulator.fivetran.transport import STATE, body, success


def _active(request: web.Request) -> bool | None:
    return {"true": True, "false": False}.get(request.query.get("active", "").lower())


def _as_is(item: Json) -> Json:
    return item


async def list_users(request: web.Request) -> web.Response:
    """`GET /v1/users`: all users, or those whose `active` matches."""
    wanted = _active(request)
    found = [user for user in users.everyone(request.app[STATE]) if wanted in (None, user.active)]
    return listing(request, "Users list retrieved successfully", found, users.details)


async def invite_user(request: web.Request) -> web.Response:
    """`POST /v1/users`."""
    user = users.invite(request.app[STATE], body(request))
    return success("User has been created", users.details(user), status=201)


async def get_user(request: web.Request) -> web.Response:
    """`GET /v1/users/{user_id}`."""
    found = users.find(request.app[STATE], request.match_info["user_id"])
    return success("User details retrieved successfully", users.details(found))


async def change_user(request: web.Request) -> web.Response:
    """`PATCH /v1/users/{user_id}`."""
    user = users.change(request.app[STATE], request.match_info["user_id"], body(request))
    return success("User has been updated", users.details(user))


async def delete_user(request: web.Request) -> web.Response:
    """`DELETE /v1/users/{user_id}`."""
    user_id = request.match_info["user_id"]
    users.delete(request.app[STATE], user_id)
    return success(f"User with id '{user_id}' has been deleted")


async def remove_user_role(request: web.Request) -> web.Response:
    """`DELETE /v1/users/{user_id}/role`."""
    users.remove_role(request.app[STATE], request.match_info["user_id"])
    return success("User role in account has been removed")


async def list_roles(request: web.Request) -> web.Response:
    """`GET /v1/roles`."""
    return listing(request, "Roles list retrieved successfully", users.roles(request.app[STATE]), _as_is)


async def list_group_users(request: web.Request) -> web.Response:
    """`GET /v1/groups/{group_id}/users`."""
    found = memberships.users_of_group(request.app[STATE], request.match_info["group_id"], active=_active(request))
    return listing(request, "Group users retrieved successfully", found, _as_is)


async def add_group_user(request: web.Request) -> web.Response:
    """`POST /v1/groups/{group_id}/users`: by the user's address. The answer is 200 without data."""
    state, sent = request.app[STATE], body(request)
    email = sent.get("email")
    if not isinstance(email, str) or not email:
        raise required("email")
    user = users.find_address(state, email)
    memberships.add(state, "user", user.id, request.match_info["group_id"], sent)
    return success("User has been added to the group")


async def remove_group_user(request: web.Request) -> web.Response:
    """`DELETE /v1/groups/{group_id}/users/{user_id}`."""
    user_id = request.match_info["user_id"]
    memberships.remove(request.app[STATE], "user", user_id, request.match_info["group_id"])
    return success(f"User with id '{user_id}' has been removed from the group")


async def list_teams(request: web.Request) -> web.Response:
    """`GET /v1/teams`."""
    found = list(request.app[STATE].teams.values())
    return listing(request, "Teams retrieved successfully", found, memberships.team)


async def create_team(request: web.Request) -> web.Response:
    """`POST /v1/teams`."""
    team = memberships.create_team(request.app[STATE], body(request))
    return success("Team has been created", memberships.team(team), status=201)


async def get_team(request: web.Request) -> web.Response:
    """`GET /v1/teams/{team_id}`."""
    team = memberships.find_team(request.app[STATE], request.match_info["team_id"])
    return success("Team details retrieved successfully", memberships.team(team))


async def change_team(request: web.Request) -> web.Response:
    """`PATCH /v1/teams/{team_id}`."""
    team = memberships.change_team(request.app[STATE], request.match_info["team_id"], body(request))
    return success("Team has been updated", memberships.team(team))


async def delete_team(request: web.Request) -> web.Response:
    """`DELETE /v1/teams/{team_id}`."""
    memberships.delete_team(request.app[STATE], request.match_info["team_id"])
    return success("Team has been deleted")


async def remove_team_role(request: web.Request) -> web.Response:
    """`DELETE /v1/teams/{team_id}/role`."""
    memberships.find_team(request.app[STATE], request.match_info["team_id"]).role = None
    return success("Team role in account has been removed")


async def list_team_users(request: web.Request) -> web.Response:
    """`GET /v1/teams/{team_id}/users`."""
    found = memberships.team_users(request.app[STATE], request.match_info["team_id"])
    return listing(request, "Team users retrieved successfully", found, _as_is)


async def add_team_user(request: web.Request) -> web.Response:
    """`POST /v1/teams/{team_id}/users`."""
    found = memberships.add_team_user(request.app[STATE], request.match_info["team_id"], body(request))
    return success("User has been added to the team", found, status=201)


async def get_team_user(request: web.Request) -> web.Response:
    """`GET /v1/teams/{team_id}/users/{user_id}`."""
    match = request.match_info
    found = memberships.team_user(request.app[STATE], match["team_id"], match["user_id"])
    return success("User membership retrieved successfully", found)


async def change_team_user(request: web.Request) -> web.Response:
    """`PATCH /v1/teams/{team_id}/users/{user_id}`."""
    match = request.match_info
    found = memberships.change_team_user(request.app[STATE], match["team_id"], match["user_id"], body(request))
    return success("User membership has been updated", found)


async def remove_team_user(request: web.Request) -> web.Response:
    """`DELETE /v1/teams/{team_id}/users/{user_id}`."""
    match = request.match_info
    memberships.remove_team_user(request.app[STATE], match["team_id"], match["user_id"])
    return success("User has been removed from the team")


def _list_memberships(kind: Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        found = memberships.of_member(request.app[STATE], kind, request.match_info["member_id"])
        return listing(request, f"{kind.title()} group memberships retrieved successfully", found, _as_is)

    return handler


def _add_membership(kind: Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        sent = body(request)
        found = memberships.add(request.app[STATE], kind, request.match_info["member_id"], sent.get("id"), sent)
        return success("Group membership has been created", found, status=201)

    return handler


def _get_membership(kind: Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        match = request.match_info
        found = memberships.get(request.app[STATE], kind, match["member_id"], match["group_id"])
        return success(f"{kind.title()} group membership retrieved successfully", found)

    return handler


def _change_membership(kind: Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        match = request.match_info
        found = memberships.change(request.app[STATE], kind, match["member_id"], match["group_id"], body(request))
        # Only the answer about a team has data.
        return success("Group membership has been updated", found if kind == "team" else None)

    return handler


def _remove_membership(kind: Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        match = request.match_info
        memberships.remove(request.app[STATE], kind, match["member_id"], match["group_id"])
        return success("Group membership has been deleted")

    return handler


async def list_system_keys(request: web.Request) -> web.Response:
    """`GET /v1/system-keys`."""
    found = list(users.system_keys(request.app[STATE]))
    return listing(request, "System keys retrieved successfully", found, _as_is)


async def get_system_key(request: web.Request) -> web.Response:
    """`GET /v1/system-keys/{key_id}`."""
    found = users.system_key(request.app[STATE], request.match_info["key_id"])
    return success("System key details retrieved successfully", found)


def _membership_routes(kind: Kind) -> tuple[tuple[str, str, Handler], ...]:
    path = f"/v1/{kind}s/{{member_id}}/groups"
    return (
        ("GET", path, _list_memberships(kind)),
        ("POST", path, _add_membership(kind)),
        ("GET", f"{path}/{{group_id}}", _get_membership(kind)),
        ("PATCH", f"{path}/{{group_id}}", _change_membership(kind)),
        ("DELETE", f"{path}/{{group_id}}", _remove_membership(kind)),
    )


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/users", list_users),
    ("POST", "/v1/users", invite_user),
    ("GET", "/v1/users/{user_id}", get_user),
    ("PATCH", "/v1/users/{user_id}", change_user),
    ("DELETE", "/v1/users/{user_id}", delete_user),
    ("DELETE", "/v1/users/{user_id}/role", remove_user_role),
    ("GET", "/v1/roles", list_roles),
    ("GET", "/v1/groups/{group_id}/users", list_group_users),
    ("POST", "/v1/groups/{group_id}/users", add_group_user),
    ("DELETE", "/v1/groups/{group_id}/users/{user_id}", remove_group_user),
    ("GET", "/v1/teams", list_teams),
    ("POST", "/v1/teams", create_team),
    ("GET", "/v1/teams/{team_id}", get_team),
    ("PATCH", "/v1/teams/{team_id}", change_team),
    ("DELETE", "/v1/teams/{team_id}", delete_team),
    ("DELETE", "/v1/teams/{team_id}/role", remove_team_role),
    ("GET", "/v1/teams/{team_id}/users", list_team_users),
    ("POST", "/v1/teams/{team_id}/users", add_team_user),
    ("GET", "/v1/teams/{team_id}/users/{user_id}", get_team_user),
    ("PATCH", "/v1/teams/{team_id}/users/{user_id}", change_team_user),
    ("DELETE", "/v1/teams/{team_id}/users/{user_id}", remove_team_user),
    *_membership_routes("user"),
    *_membership_routes("team"),
    ("GET", "/v1/system-keys", list_system_keys),
    ("GET", "/v1/system-keys/{key_id}", get_system_key),
)
