"""Read who has a role in a Fivetran group, and which API keys expire, for the commands that report it."""

from __future__ import annotations

from datetime import date

from reconciler.fivetran.api import FivetranClient, Forbidden, NotFound, SystemKey
from reconciler.fivetran.group_roles import LiveRoles, read_access
from reconciler.health.fivetran_access import UndeclaredMember, describe_key, expiring_keys, undeclared_members
from reconciler.model import Environment
from reconciler.model.errors import printable
from reconciler.secrets import KnownValues, known_values_of_run
from reconciler.secrets.masking import MASK, mask


def find_undeclared_members(
    client: FivetranClient, group_id: str, environment: Environment, day: date
) -> tuple[list[UndeclaredMember], str]:
    """Return the undeclared members, and the reason if they cannot be read.

    Nothing is read where the file declares no access.
    """
    if environment.fivetran_access is None:
        return [], ""
    what = f"a role in the Fivetran group {environment.group}"
    try:
        live = read_masked_access(client, group_id)
    except Forbidden as error:
        return [], f"cannot read which members have {what}: {error.answer}"
    unread = f"cannot read which teams have {what}: this API key may not read teams" if live.is_without_teams else ""
    return list(undeclared_members(live, environment, day, client.account_info().user_id)), unread


def read_masked_access(client: FivetranClient, group_id: str) -> LiveRoles:
    """Read the roles in a group. Names and roles in it may be shown. Raises Forbidden."""
    known = known_values_of_run(ask=False)
    return read_access(client, group_id).masked(lambda text: mask_name(text, known))


def list_keys(client: FivetranClient) -> list[SystemKey]:
    """Return the system keys; none unless the API key is an account administrator's."""
    try:
        return list(client.list_system_keys())
    except (Forbidden, NotFound):
        return []


def describe_expiring_keys(client: FivetranClient, day: date) -> list[str]:
    """Return a line for each system key that expires soon."""
    known = known_values_of_run(ask=False)
    return [
        describe_key(key, mask_name(key.name, known), last, day) for key, last in expiring_keys(list_keys(client), day)
    ]


def mask_name(name: str, known: KnownValues) -> str:
    """Return the name of a user, a team, a role or a key as it may be shown."""
    return printable(mask(name, known.values) or MASK)
