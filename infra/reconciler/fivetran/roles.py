"""Roles in a Fivetran group, by their current and former names. Pure.

A role in the account reaches every group. The API lists a group's users with it, and it is not a role in the group.
"""

from __future__ import annotations

#: The standard roles on a destination. An account can have custom ones besides.
STANDARD = ("Manage Destination", "Edit Destination", "View Destination", "Create Connection")

#: The role that manages the connectors, the destination, and the roles of others in the group.
ADMINISTRATOR = "Manage Destination"

#: The account role whose users manage everything.
ACCOUNT_ADMINISTRATOR = "Account Administrator"

#: The names of the standard roles before 2025, which Fivetran still accepts.
FORMER = {
    "Destination Administrator": "Manage Destination",
    "Destination Analyst": "Edit Destination",
    "Destination Reviewer": "View Destination",
    "Connector Creator": "Create Connection",
}

_ALLOWS = {
    "Manage Destination": "change and delete connectors, and decide who else can",
    "Edit Destination": "change and delete connectors",
    "View Destination": "see connectors",
    "Create Connection": "create connectors",
}

_OF_ACCOUNTS = frozenset({"Destination Creator"})


def current_name(role: str) -> str:
    """Return the current name of a role."""
    return FORMER.get(role, role)


def is_same(one: str, other: str) -> bool:
    """Return whether two names mean the same role."""
    return current_name(one) == current_name(other)


def is_administrator(role: str) -> bool:
    """Return whether a role in a group manages it. Of custom roles Fivetran does not say what they allow."""
    return current_name(role) == ADMINISTRATOR


def is_account_role(role: str | None) -> bool:
    """Return whether a role is one in the account, and none in a group."""
    return not role or role.startswith("Account ") or role in _OF_ACCOUNTS


def suggest(written: str) -> str | None:
    """Return the standard role that was probably meant; None for one that is right or custom."""
    names = {name.casefold(): name for name in (*STANDARD, *FORMER)}
    meant = names.get(" ".join(written.replace("_", " ").split()).casefold())
    return meant if meant != written else None


def allows(role: str) -> str:
    """Return what a role lets its holder do, as the end of a sentence."""
    return _ALLOWS.get(current_name(role), f"do what the custom role {role} allows")
