"""Users, roles and system keys of the account.

The owner of a user's API key is a user, without being created.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from simulator.fivetran.errors import conflict, invalid, not_found, required
from simulator.fivetran.scalars import timestamp
from simulator.fivetran.state import Credential, FivetranState, Json, User

#: The standard roles, each with its scope.
_STANDARD: Mapping[str, str] = {
    "Account Administrator": "ACCOUNT",
    "Account Analyst": "ACCOUNT",
    "Account Billing": "ACCOUNT",
    "Account Reviewer": "ACCOUNT",
    "Destination Creator": "ACCOUNT",
    "Create Connection": "DESTINATION",
    "Edit Destination": "DESTINATION",
    "Manage Destination": "DESTINATION",
    "View Destination": "DESTINATION",
    "Edit Connection": "CONNECTOR",
    "Manage Connection": "CONNECTOR",
    "View Connection": "CONNECTOR",
    "Team Manager": "TEAM",
    "Team Member": "TEAM",
}
#: Former names of standard roles, each with the name that replaced it.
_FORMER: Mapping[str, str] = {
    "Connector Creator": "Create Connection",
    "Destination Administrator": "Manage Destination",
    "Destination Analyst": "Edit Destination",
    "Destination Reviewer": "View Destination",
}
#: The account roles by which a user sees every destination.
SEES_DESTINATIONS = frozenset({"Account Administrator", "Account Analyst", "Account Reviewer"})
_ADMINISTRATOR = "Account Administrator"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_DETAILS = ("given_name", "family_name", "phone", "picture")


def roles(state: FivetranState) -> list[Json]:
    """Return the standard roles, their former names and the account's custom roles."""
    standard = [_role(name, scope) for name, scope in _STANDARD.items()]
    former = [_role(name, _STANDARD[now], replaced_by=now) for name, now in _FORMER.items()]
    return [*standard, *former, *(_role(name, scope, custom=True) for name, scope in state.custom_roles.items())]


def _role(name: str, scope: str, *, replaced_by: str | None = None, custom: bool = False) -> Json:
    return {
        "name": name,
        "description": f"The {'custom' if custom else 'standard'} role {name}",
        "scope": [scope],
        "is_custom": custom,
        "is_deprecated": replaced_by is not None,
        "replacement_role_name": replaced_by,
    }


def checked_role(state: FivetranState, body: Mapping[str, Any], scope: str) -> str:
    """Return the role of a request, as it is stored; 400 for one that no role of this scope has."""
    name = body.get("role")
    if not isinstance(name, str) or not name:
        raise required("role")
    known = {role["name"]: role for role in roles(state) if scope in role["scope"]}
    if name not in known:
        raise invalid(f"Invalid role: '{name}'")
    return known[name]["replacement_role_name"] or name if state.options.former_roles == "replace" else name


def everyone(state: FivetranState) -> list[User]:
    """Return all users: the owners of keys in the order of their first keys, then those who were invited."""
    owners = dict.fromkeys(each.owner for each in state.credentials.values() if each.kind == "user")
    found = [find(state, owner) for owner in owners]
    return [*found, *(user for user in state.users.values() if user.id not in owners)]


def find(state: FivetranState, user_id: str) -> User:
    """Return a user; 404."""
    if user_id in state.users:
        return state.users[user_id]
    for credential in state.credentials.values():
        if credential.kind == "user" and credential.owner == user_id:
            return _owner(state, credential)
    raise not_found("NotFound", f"User with id '{user_id}' not found")


def find_address(state: FivetranState, email: str) -> User:
    """Return the user with an e-mail address; 404."""
    for user in everyone(state):
        if user.email.lower() == email.lower():
            return user
    raise not_found("NotFound", f"User with email '{email}' not found")


def invite(state: FivetranState, body: Mapping[str, Any]) -> User:
    """Invite a user, who has access only once the invitation is accepted."""
    for name in ("email", "given_name", "family_name"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise required(name)
    email = body["email"]
    if _ADDRESS.fullmatch(email) is None:
        raise invalid(f"Invalid email: '{email}'")
    if any(user.email.lower() == email.lower() for user in everyone(state)):
        raise conflict(f"User with email '{email}' already exists")
    role = checked_role(state, body, "ACCOUNT") if body.get("role") is not None else None
    user = User(state.new_member_id(), email, state.now(), role=role)
    _take_details(user, body)
    state.users[user.id] = user
    return user


def change(state: FivetranState, user_id: str, body: Mapping[str, Any]) -> User:
    """Change a user's name, picture or account role."""
    user = find(state, user_id)
    role = checked_role(state, body, "ACCOUNT") if body.get("role") is not None else user.role
    _keep_administrator(state, user, role)
    user.role = role
    _take_details(user, body)
    state.users[user.id] = user
    return user


def remove_role(state: FivetranState, user_id: str) -> None:
    """Take the account role from a user, who stays in the account."""
    user = find(state, user_id)
    _keep_administrator(state, user, None)
    user.role = None
    state.users[user.id] = user


def delete(state: FivetranState, user_id: str) -> None:
    """Delete a user, with every membership and every key."""
    user = find(state, user_id)
    _keep_administrator(state, user, None)
    state.users.pop(user_id, None)
    state.drop_member("user", user_id)
    for key in [each.key for each in state.credentials.values() if each.kind == "user" and each.owner == user_id]:
        del state.credentials[key]


def details(user: User) -> Json:
    """Return a user for an answer."""
    return {
        "id": user.id,
        "email": user.email,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "verified": user.verified,
        "invited": user.invited,
        "picture": user.picture,
        "phone": user.phone,
        "role": user.role,
        "active": user.active,
        "created_at": timestamp(user.created_at),
        "logged_in_at": timestamp(user.logged_in_at),
    }


def system_keys(state: FivetranState) -> Iterator[Json]:
    """Return the system keys for an answer, without their secrets."""
    for each in state.credentials.values():
        if each.kind == "system":
            permissions = [
                {"resource_type": kind, "access_level": level} for kind, level in (each.permissions or {}).items()
            ]
            yield {
                "id": each.owner,
                "name": each.key,
                "key": each.key,
                "permissions": permissions,
                "created_at": timestamp(state.now()),
                "updated_at": timestamp(state.now()),
                "expired_at": each.expires_at,
            }


def system_key(state: FivetranState, key_id: str) -> Json:
    """Return a system key for an answer; 404."""
    for each in system_keys(state):
        if each["id"] == key_id:
            return each
    raise not_found("NotFound", f"System key with id '{key_id}' not found")


def may(state: FivetranState, credential: Credential, resource: str, *, write: bool) -> bool:
    """Return whether a key may read, or change, resources of a type."""
    if resource == "SYSTEM_KEY":
        # System keys are managed by keys of users who are account administrators, and by no others.
        return credential.kind == "user" and find(state, credential.owner).role == _ADMINISTRATOR
    if credential.permissions is None:
        return True
    level = credential.permissions.get(resource, "NONE")
    return level == "MANAGE" or (level == "READ" and not write)


def _owner(state: FivetranState, credential: Credential) -> User:
    return User(
        credential.owner,
        f"{credential.key}@example.com",
        datetime(2025, 1, 1, tzinfo=UTC),
        given_name="Simulated",
        family_name="User",
        role="Account Reviewer" if credential.read_only else _ADMINISTRATOR,
        invited=False,
        verified=True,
        active=not credential.expired,
        logged_in_at=state.now(),
    )


def _take_details(user: User, body: Mapping[str, Any]) -> None:
    for name in _DETAILS:
        if name in body:
            setattr(user, name, body[name])


def _keep_administrator(state: FivetranState, user: User, role: str | None) -> None:
    others = (each for each in everyone(state) if each.id != user.id and each.role == _ADMINISTRATOR)
    if user.role == _ADMINISTRATOR and role != _ADMINISTRATOR and not any(others):
        raise conflict("An account needs an Account Administrator")
