"""Fetches one commit from `origin`, for the workflows: `make fetch COMMIT=…`. Nothing is checked out.

A job that reads a stranger's pull request checks out without storing its token, so that nothing else finds it. This
hands GITHUB_TOKEN to git in variables of this one command, not in its arguments, which other processes can read.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys


def main() -> int:
    """Fetch the commit, and return the exit code."""
    commit = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        print("usage: make fetch COMMIT=<40 hexadecimal digits>", file=sys.stderr)
        return 2
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
    command = ["git", "-c", "core.hooksPath=/dev/null", "fetch", *options, "origin", commit]
    env = {**os.environ, **credentials(), "GIT_TERMINAL_PROMPT": "0"}
    code = subprocess.run(command, env=env, check=False).returncode
    if code != 0:
        text = "If the branch was pushed again, the run of that push reviews its commit."
        print(f"fetch: {commit} could not be fetched. {text}", file=sys.stderr)
    return code


def credentials() -> dict[str, str]:
    """Return the variables with which git sends the token, to GitHub only."""
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    if not token or not server:
        return {}
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server.rstrip('/')}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {encoded}",
    }


if __name__ == "__main__":
    sys.exit(main())
