"""What a connection awaits from a person, and until when that is no failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fivetran.api import Connection
from reconciler.model import commands
from reconciler.model.today import today
from reconciler.resources.run.run import run

#: Read-only config that a person takes to the other side: an account to share with, a key to install, an id to trust.
_TO_HAND_OVER = (
    "service_account",
    "service_account_email",
    "public_key",
    "encoded_public_key",
    "sftp_public_key",
    "external_id",
)


def needs(props: Mapping[str, Any], live: Connection) -> dict[str, str]:
    """Return what the person who is to do something needs for it, in words by what it is; not what Fivetran says."""
    group_id = props["group_id"]
    if "awaiting" in props:
        what = str(props["awaiting"]["what"])
    elif "consent" in props:
        link = commands.reconciler("authorise", props["unit"], environment=commands.environment_of(props["file"]))
        what = f"somebody's consent: {link} makes a link for it"
    else:
        what = "Fivetran says that its set-up is incomplete, and no test says why"
    said = {
        "what": what,
        "setup page": f"https://fivetran.com/dashboard/connections/{live.id}/setup",
        "service account": run.account.service_account(group_id),
        "public key": run.account.public_key(group_id),
    }
    said |= {key: str(live.config[key]) for key in _TO_HAND_OVER if live.config.get(key)}
    return said


def is_overdue(props: Mapping[str, Any]) -> bool:
    """Whether the day until which the file lets a connection wait is over."""
    until = props.get("awaiting", {}).get("until")
    return until is not None and today().isoformat() > until
