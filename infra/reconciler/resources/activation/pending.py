"""What a connection waits for, and until when that is not a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.model import commands
from reconciler.model.today import today
from reconciler.resources.run.run import run

#: Read-only config that a person needs in the source: an account to share with, a key to install, an id to trust.
_TO_HAND_OVER = (
    "service_account",
    "service_account_email",
    "public_key",
    "encoded_public_key",
    "sftp_public_key",
    "external_id",
)


def needs(props: Mapping[str, Any], live: Connection) -> dict[str, str]:
    """Return what a person needs to finish the set-up, by label. Texts of Fivetran are not in it."""
    group_id = props["group_id"]
    if "awaiting" in props:
        what = str(props["awaiting"]["what"])
    elif "consent" in props:
        link = commands.reconciler("authorise", props["unit"], environment=commands.environment_of(props["file"]))
        what = f"a user's consent: {link} prints a link for it"
    else:
        what = "Fivetran reports an incomplete set-up without a failed test"
    found = {
        "what": what,
        "setup page": f"https://fivetran.com/dashboard/connections/{live.id}/setup",
        "service account": run.account.service_account(group_id),
        "public key": run.account.public_key(group_id),
    }
    found |= {key: str(live.config[key]) for key in _TO_HAND_OVER if live.config.get(key)}
    return found


def is_overdue(props: Mapping[str, Any]) -> bool:
    """Return whether the last day on which the file lets the connection wait is over."""
    until = props.get("awaiting", {}).get("until")
    return until is not None and today().isoformat() > until
