"""A local GitHub in this process, with one repository, its people and their tokens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from tests.served import PLAIN, served

from simulator.github.admin import build_admin
from simulator.github.app import build_app
from simulator.github.state import Repository, State

REPOSITORY = "example/data"
#: What the jobs of a workflow are granted.
JOB = {"contents": "read", "pull_requests": "write", "issues": "write", "checks": "write", "actions": "write"}
CODEOWNERS = "* @bob\n"
UNIT = "connectors/dev/shop.yaml"


class Hub:
    """The local GitHub, and what people do on it."""

    def __init__(self, folder: Path) -> None:
        self.state = State(folder)
        self.repository: Repository = self.state.add_repository(REPOSITORY)
        self.repository.roles.update({"ann": "write", "bob": "write", "carol": "admin", "eve": "read"})
        self.bot = self.state.workflow_token(REPOSITORY, JOB, token="ghs_job")
        self.people = {
            login: self.state.user_token(login, token=f"ghp_{login}") for login in ("ann", "bob", "carol", "eve")
        }
        self.url = ""
        self.commit({".github/CODEOWNERS": CODEOWNERS, "README.md": "data\n"}, message="Begin")

    @property
    def main(self) -> str:
        """The commit of the default branch."""
        return self.repository.git.branch("main") or ""

    def commit(
        self, files: Mapping[str, str | None], branch: str = "main", *, login: str = "ann", message: str = "x"
    ) -> str:
        """Push a commit."""
        sha = self.repository.git.write(branch, files, message, self.state.signature(login))
        self.state.sync(self.repository)
        return sha

    def branch(self, name: str, files: Mapping[str, str | None], *, message: str = "x") -> str:
        """Push a branch with one commit more than the default branch."""
        self.repository.git.update(f"refs/heads/{name}", self.main)
        return self.commit(files, name, message=message)

    def ask(self, method: str, path: str, token: str, body: Any = None, **query: str) -> httpx.Response:
        """Send a request below the repository, or to a path of its own if that begins with `//`."""
        url = f"{self.url}{path[1:]}" if path.startswith("//") else f"{self.url}/repos/{REPOSITORY}{path}"
        with httpx.Client(
            trust_env=False, verify=PLAIN, headers={"Authorization": f"Bearer {token}"} if token else {}
        ) as http:
            return http.request(method, url, json=body, params=query or None)

    def done(self, method: str, path: str, token: str, body: Any = None, **query: str) -> Any:
        """Send a request that succeeds; returns its answer."""
        answer = self.ask(method, path, token, body, **query)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def open(self, branch: str, *, login: str = "ann", title: str = "Change", base: str = "main") -> int:
        """Open a pull request; returns its number."""
        sent = {"title": title, "head": branch, "base": base}
        return int(self.done("POST", "/pulls", self.people[login], sent)["number"])

    def pull(self, number: int) -> Any:
        """Return a pull request."""
        return self.done("GET", f"/pulls/{number}", self.people["carol"])

    def review(self, number: int, login: str = "bob", event: str = "APPROVE") -> Any:
        """Review a pull request."""
        return self.done("POST", f"/pulls/{number}/reviews", self.people[login], {"event": event, "body": "x"})

    def merge(self, number: int, method: str = "merge") -> str:
        """Merge a pull request; returns the commit."""
        sent = {"merge_method": method}
        return str(self.done("PUT", f"/pulls/{number}/merge", self.people["carol"], sent)["sha"])


@contextlib.contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """Serve a local GitHub until the block ends."""
    found = Hub(folder)
    app = build_app(found.state)
    app.add_subapp("/_admin/", build_admin(found.state))
    with served(app) as found.url:
        yield found
