"""A home for the CLI that is the user's own, apart from one thing: the CLI keeps no log there.

The CLI logs each property of each resource, several times, to a file in the `logs` folder of its home. That is about
half of what the engine does in a preview, no flag turns it off, and the file holds what state holds. Without a folder
to write to, the CLI continues without a log.
"""

from __future__ import annotations

import os
from pathlib import Path

from installer.cache import cache_root

#: The folders that the CLI keeps in its home. They stay those of the user's home.
SHARED = ("plugins", "workspaces", "policies", "templates", "templates-policy", "schemas", "cloud-api-cache", "bin")


def variables() -> dict[str, str]:
    """Make the home, and return the variables that name it; none for a user who chose a home."""
    home = cache_root() / "pulumi-home"
    if os.environ.get("PULUMI_HOME", str(home)) != str(home):
        return {}
    users = Path.home() / ".pulumi"
    home.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        (users / name).mkdir(parents=True, exist_ok=True)
        _link(home / name, users / name)
    # A file in the place of the folder.
    _link(home / "logs", Path(os.devnull))
    return {
        "PULUMI_HOME": str(home),
        # Where `pulumi login` writes.
        "PULUMI_CREDENTIALS_PATH": os.environ.get("PULUMI_CREDENTIALS_PATH") or str(users),
    }


def _link(link: Path, target: Path) -> None:
    """Make a link in one step, since two runs may do so at once."""
    if link.is_symlink() and link.readlink() == target:
        return
    new = link.with_name(f"{link.name}.{os.getpid()}")
    new.symlink_to(target)
    new.replace(link)
