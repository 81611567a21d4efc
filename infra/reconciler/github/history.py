"""Read the default branch's history: which pull requests a push brought, and what was before each."""

from __future__ import annotations

from typing import Any

from reconciler.github.client import GitHub
from reconciler.model.errors import ReconcilerError

#: Commits of the branch that one push may have; each costs a request.
_MOST_COMMITS = 300
#: Commits of one pull request, as GitHub counts them.
_MOST_OF_A_PULL = 250


class History:
    """Commits and their pull requests, each read once."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._parents: dict[str, list[str]] = {}
        self._pulls: dict[str, list[dict[str, Any]]] = {}

    def merged(self, since: str, commit: str) -> list[dict[str, Any]]:
        """Return the pull requests merged into the default branch after one commit and up to another.

        Args:
            since: The commit before; empty, or of zeros only, for what was merged as `commit` alone.
            commit: The last commit.
        """
        pushed = self._pushed(since, commit) if since.strip("0") else [commit]
        commits = {*pushed, *self._parents}
        found: dict[int, dict[str, Any]] = {}
        for sha in pushed:
            for pull in self._merged_pulls(sha):
                if pull["merge_commit_sha"] in commits:
                    found[pull["number"]] = pull
        return [found[number] for number in sorted(found)]

    def commit_before(self, pull: dict[str, Any]) -> str | None:
        """Return the commit of the base branch that a pull request was merged into.

        That is the first parent of a merge commit or a squashed one. A rebase may have brought several commits, whose
        first ones are the pull request's own and must not decide who its owners are. So commits are skipped, as many
        as the pull request has, up to the end of another pull request.
        """
        sha = str(pull["merge_commit_sha"])
        own = min(int(self._github.get(f"/pulls/{pull['number']}")["commits"]), _MOST_OF_A_PULL)
        for _ in range(max(own, 1)):
            parents = self._parents_of(sha)
            if not parents:
                return None
            before = parents[0]
            is_own = len(parents) == 1 and len(self._parents_of(before)) == 1 and not self._ends_another(before, pull)
            if not is_own:
                return before
            sha = before
        return sha

    def _pushed(self, since: str, commit: str) -> list[str]:
        """Return the commits of the branch itself, the newest first: those that merges brought are left out."""
        for each in self._github.list(f"/compare/{since}...{commit}", "commits"):
            self._parents[each["sha"]] = [parent["sha"] for parent in each["parents"]]
        chain, sha = [], commit
        while sha in self._parents:
            chain.append(sha)
            if len(chain) > _MOST_COMMITS:
                raise ReconcilerError(
                    f"more than {_MOST_COMMITS} commits were pushed since {since}\n    Name a later commit as --since."
                )
            sha = (self._parents[sha] or [""])[0]
        return chain or [commit]

    def _parents_of(self, sha: str) -> list[str]:
        if sha not in self._parents:
            found = self._github.get(f"/git/commits/{sha}")
            self._parents[sha] = [parent["sha"] for parent in found["parents"]]
        return self._parents[sha]

    def _merged_pulls(self, sha: str) -> list[dict[str, Any]]:
        if sha not in self._pulls:
            found = self._github.list(f"/commits/{sha}/pulls")
            self._pulls[sha] = [pull for pull in found if self._is_merged_here(pull)]
        return self._pulls[sha]

    def _is_merged_here(self, pull: dict[str, Any]) -> bool:
        base = pull["base"]
        own = base["repo"]["full_name"].lower() == self._github.repository.lower()
        return own and base["ref"] == base["repo"]["default_branch"] and bool(pull.get("merged_at"))

    def _ends_another(self, sha: str, pull: dict[str, Any]) -> bool:
        return any(
            each["merge_commit_sha"] == sha and each["number"] != pull["number"] for each in self._merged_pulls(sha)
        )
