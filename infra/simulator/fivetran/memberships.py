"""Teams, and who has which role in a group: users and teams. No HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from simulator.fivetran import groups, users
from simulator.fivetran.errors import conflict, not_found, required
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import FivetranState, Json, Membership, Team

Kind = Literal["user", "team"]


def find_team(state: FivetranState, team_id: str) -> Team:
    """Return a team; 404."""
    if team_id not in state.teams:
        raise not_found("NotFound_Team", f"Team with id '{team_id}' not found")
    return state.teams[team_id]


def create_team(state: FivetranState, body: Mapping[str, Any]) -> Team:
    """Create a team without users."""
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise required("name")
    role = users.checked_role(state, body, "ACCOUNT") if body.get("role") is not None else None
    if any(team.name == name for team in state.teams.values()):
        raise conflict(f"Team with name '{name}' already exists")
    team = Team(state.new_member_id(), name, state.now(), description=body.get("description"), role=role)
    state.teams[team.id] = team
    return team


def change_team(state: FivetranState, team_id: str, body: Mapping[str, Any]) -> Team:
    """Change a team's name, description or account role."""
    team = find_team(state, team_id)
    if body.get("role") is not None:
        team.role = users.checked_role(state, body, "ACCOUNT")
    team.name = body.get("name") or team.name
    team.description = body.get("description", team.description)
    return team


def delete_team(state: FivetranState, team_id: str) -> None:
    """Delete a team with its memberships."""
    find_team(state, team_id)
    del state.teams[team_id]
    state.drop_member("team", team_id)


def team(team: Team) -> Json:
    """Return a team for an answer."""
    return {"id": team.id, "name": team.name, "description": team.description, "role": team.role}


def team_user(state: FivetranState, team_id: str, user_id: str) -> Json:
    """Return a user's membership in a team for an answer; 404."""
    found = find_team(state, team_id).users.get(user_id)
    if found is None:
        raise not_found("NotFound", f"User with id '{user_id}' is not a member of the team")
    return {"user_id": user_id, "role": found.role, "created_at": timestamp(found.created_at)}


def team_users(state: FivetranState, team_id: str) -> list[Json]:
    """Return the memberships of a team for an answer."""
    return [team_user(state, team_id, user_id) for user_id in find_team(state, team_id).users]


def add_team_user(state: FivetranState, team_id: str, body: Mapping[str, Any]) -> Json:
    """Add a user to a team."""
    members = find_team(state, team_id).users
    user_id = body.get("user_id")
    if not isinstance(user_id, str) or not user_id:
        raise required("user_id")
    users.find(state, user_id)
    if user_id in members:
        raise conflict(f"User with id '{user_id}' is already a member of the team")
    members[user_id] = Membership(users.checked_role(state, body, "TEAM"), state.now())
    return team_user(state, team_id, user_id)


def change_team_user(state: FivetranState, team_id: str, user_id: str, body: Mapping[str, Any]) -> Json:
    """Change a user's role in a team."""
    team_user(state, team_id, user_id)
    find_team(state, team_id).users[user_id].role = users.checked_role(state, body, "TEAM")
    return team_user(state, team_id, user_id)


def remove_team_user(state: FivetranState, team_id: str, user_id: str) -> None:
    """Remove a user from a team."""
    team_user(state, team_id, user_id)
    del find_team(state, team_id).users[user_id]


def find_member(state: FivetranState, kind: Kind, member_id: str) -> None:
    """Raise 404 unless there is such a user or team."""
    if kind == "user":
        users.find(state, member_id)
    else:
        find_team(state, member_id)


def of_member(state: FivetranState, kind: Kind, member_id: str) -> list[Json]:
    """Return a member's roles in groups for an answer."""
    find_member(state, kind, member_id)
    return [
        _shown(group_id, found)
        for (each, id_, group_id), found in state.memberships.items()
        if (each, id_) == (kind, member_id)
    ]


def get(state: FivetranState, kind: Kind, member_id: str, group_id: str) -> Json:
    """Return a member's role in a group for an answer; 404."""
    find_member(state, kind, member_id)
    groups.find(state, group_id)
    found = state.memberships.get((kind, member_id, group_id))
    if found is None:
        raise not_found("NotFound", f"The {kind} with id '{member_id}' is not a member of the group '{group_id}'")
    return _shown(group_id, found)


def add(state: FivetranState, kind: Kind, member_id: str, group_id: object, body: Mapping[str, Any]) -> Json:
    """Give a member a role in a group."""
    find_member(state, kind, member_id)
    if not isinstance(group_id, str) or not group_id:
        raise required("id")
    groups.find(state, group_id)
    role = users.checked_role(state, body, "DESTINATION")
    if (kind, member_id, group_id) in state.memberships and state.options.duplicate_membership == "conflict":
        raise conflict(f"The {kind} with id '{member_id}' is already a member of the group")
    state.memberships[kind, member_id, group_id] = Membership(role, state.now())
    return get(state, kind, member_id, group_id)


def change(state: FivetranState, kind: Kind, member_id: str, group_id: str, body: Mapping[str, Any]) -> Json:
    """Change a member's role in a group."""
    get(state, kind, member_id, group_id)
    state.memberships[kind, member_id, group_id].role = users.checked_role(state, body, "DESTINATION")
    return get(state, kind, member_id, group_id)


def remove(state: FivetranState, kind: Kind, member_id: str, group_id: str) -> None:
    """Take a member's role in a group away."""
    get(state, kind, member_id, group_id)
    del state.memberships[kind, member_id, group_id]


def users_of_group(state: FivetranState, group_id: str, *, active: bool | None) -> list[Json]:
    """Return the users of a group for an answer: by a role in it and, by option, by one in the account."""
    groups.find(state, group_id)
    found: list[Json] = []
    for user in users.everyone(state):
        membership = state.memberships.get(("user", user.id, group_id))
        inherits = state.options.account_users_in_groups == "listed" and user.role in users.SEES_DESTINATIONS
        if active in (None, user.active) and (membership is not None or inherits):
            role = membership.role if membership is not None else user.role
            found.append({**users.details(user), "role": role})
    return found


def _shown(group_id: str, found: Membership) -> Json:
    return {"id": group_id, "role": found.role, "created_at": timestamp(found.created_at)}
