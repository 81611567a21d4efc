"""Read the roles in a Fivetran group, with names as they may be logged and stored."""

from __future__ import annotations

from reconciler.fivetran.group_access import LiveAccess, read_access
from reconciler.resources.operation import printable
from reconciler.resources.run.run import run
from reconciler.secrets import known_values_of_run
from reconciler.secrets.masking import MASK, mask


def read_members(group_id: str) -> LiveAccess:
    """Read who has a role in a group. Raises FivetranError: Forbidden where the key may not."""
    live = read_access(run.account.client(), group_id)
    values = known_values_of_run(ask=False).values
    return live.masked(lambda text: printable(mask(text, values) or MASK))
