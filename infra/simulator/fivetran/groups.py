"""Operations on groups, without HTTP."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from simulator.fivetran import fields
from simulator.fivetran.errors import conflict, not_found
from simulator.fivetran.state import Credential, FivetranState, Group, Membership


def find(state: FivetranState, group_id: str) -> Group:
    """Return the group with this id; 404."""
    try:
        return state.groups[group_id]
    except KeyError:
        raise not_found("NotFound_Group", f"Group with id '{group_id}' not found") from None


def create(state: FivetranState, body: Mapping[str, Any], by: Credential) -> Group:
    """Create an empty group. By option, the user of the key manages it."""
    name = _name(state, body)
    group = Group(state.new_id(), name, state.now())
    state.groups[group.id] = group
    if by.kind == "user" and state.options.creator_in_group:
        state.memberships["user", by.owner, group.id] = Membership("Manage Destination", state.now())
    return group


def rename(state: FivetranState, group_id: str, body: Mapping[str, Any]) -> Group:
    """Rename a group in place."""
    group = find(state, group_id)
    group.name = _name(state, body, group)
    return group


def delete(state: FivetranState, group_id: str) -> None:
    """Delete a group. A group in use is rejected or emptied, by option."""
    find(state, group_id)
    linked = list(state.connections_in(group_id))
    if (linked or group_id in state.destinations) and state.options.delete_used_group == "conflict":
        raise conflict(f"Group with id '{group_id}' still has a destination or connections")
    for connection in linked:
        state.drop_connection(connection)
    state.destinations.pop(group_id, None)
    for key in [key for key in state.memberships if key[2] == group_id]:
        del state.memberships[key]
    del state.groups[group_id]


def service_account(state: FivetranState, group_id: str) -> str:
    """Return the Google service account with which Fivetran writes for a group."""
    local_part = "g-" + group_id.replace("_", "-")
    return f"{local_part}@{state.options.service_account_project}.iam.gserviceaccount.com"


def public_key(group_id: str) -> str:
    """Return a public key for a group: always the same, and without a private key."""
    modulus = b"".join(hashlib.sha256(f"{group_id}/{part}".encode()).digest() for part in range(8))
    blob = b"\x00\x00\x00\x07ssh-rsa\x00\x00\x00\x03\x01\x00\x01\x00\x00\x01\x01\x00" + modulus
    return f"ssh-rsa {base64.b64encode(blob).decode()} fivetran user key"


def _name(state: FivetranState, body: Mapping[str, Any], own: Group | None = None) -> str:
    fields.require(body, "name")
    name: str = fields.accept(body, fields.GROUP, state.options)["name"]
    if state.options.duplicate_group_name == "conflict" and any(
        group.name == name for group in state.groups.values() if group is not own
    ):
        raise conflict(f"Group with name '{name}' already exists")
    return name
