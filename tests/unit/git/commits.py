"""Commits made of raw trees, as a stranger may write them: `git add` would not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

FILE, EXECUTABLE, LINK, SUBMODULE, FOLDER = "100644", "100755", "120000", "160000", "040000"

#: No settings of the machine, and a fixed author.
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run a command of git in a repository."""
    environment = {**os.environ, **_ENVIRONMENT}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


class Commits:
    """A repository without a work tree."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        git(folder, "init", "--quiet", "--bare", "--template=")

    def blob(self, content: bytes | str) -> str:
        """Store a file's content."""
        raw = content if isinstance(content, bytes) else content.encode()
        return git(self.folder, "hash-object", "-w", "--stdin", stdin=raw)

    def tree(self, entries: Iterable[tuple[str, str, bytes | str]]) -> str:
        """Store a tree of modes, objects and names."""
        kinds = {FOLDER: "tree", SUBMODULE: "commit"}
        raw = b"".join(
            f"{mode} {kinds.get(mode, 'blob')} {object_}\t".encode()
            + (name if isinstance(name, bytes) else name.encode())
            + b"\0"
            for mode, object_, name in entries
        )
        return git(self.folder, "mktree", "-z", "--missing", stdin=raw)

    def commit(self, tree: str) -> str:
        """Store a commit of a tree."""
        return git(self.folder, "commit-tree", tree, "-m", "x")

    def of(self, files: Mapping[str, str | bytes], *more: tuple[str, str, bytes | str], folder: str = "dev") -> str:
        """Return a commit with these files in `connectors/<folder>`, and more entries beside them."""
        entries = [(FILE, self.blob(content), name) for name, content in files.items()]
        inner = self.tree([*entries, *more])
        return self.commit(self.tree([(FOLDER, self.tree([(FOLDER, inner, folder)]), "connectors")]))
