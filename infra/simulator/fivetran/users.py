"""Users: one per owner of an API key."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.fivetran.errors import not_found
from simulator.fivetran.moments import timestamp
from simulator.fivetran.state import FivetranState, Json

#: The standard roles, each with its scope.
_ROLES: Mapping[str, str] = {
    "Account Administrator": "ACCOUNT",
    "Account Analyst": "ACCOUNT",
    "Account Billing": "ACCOUNT",
    "Account Reviewer": "ACCOUNT",
    "Create Connection": "DESTINATION",
    "Edit Destination": "DESTINATION",
    "Manage Destination": "DESTINATION",
    "View Destination": "DESTINATION",
}


def roles() -> list[Json]:
    """Return the standard roles."""
    return [
        {
            "name": name,
            "description": f"The standard role {name}",
            "scope": [scope],
            "is_custom": False,
            "is_deprecated": False,
            "replacement_role_name": None,
        }
        for name, scope in _ROLES.items()
    ]


def owners(state: FivetranState) -> list[str]:
    """Return the ids of all users, in the order of their first keys."""
    return list(dict.fromkeys(each.owner for each in state.credentials.values() if each.kind == "user"))


def is_active(state: FivetranState, user_id: str) -> bool:
    """Return whether a user may log in."""
    return bool(details(state, user_id)["active"])


def details(state: FivetranState, user_id: str) -> Json:
    """Return a user for an answer; 404. A user exists while one of their keys does."""
    for credential in state.credentials.values():
        if credential.kind == "user" and credential.owner == user_id:
            return {
                "id": user_id,
                "email": f"{credential.key}@example.com",
                "given_name": "Simulated",
                "family_name": "User",
                "verified": True,
                "invited": False,
                "picture": None,
                "phone": None,
                "role": "Account Reviewer" if credential.read_only else "Account Administrator",
                "active": not credential.expired,
                "created_at": timestamp(state.now()),
                "logged_in_at": timestamp(state.now()),
            }
    raise not_found("NotFound", f"User with id '{user_id}' not found")
