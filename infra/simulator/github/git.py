"""A bare git repository, read and written with git's own commands, as GitHub's side of a push."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_TIMEOUT_S = 60
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}


class Conflict(Exception):
    """Two histories cannot be merged without a person."""


@dataclass(frozen=True)
class Signature:
    """Who wrote a commit, and when."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class Change:
    """What happened to one file between two trees."""

    status: str
    path: str
    previous: str | None
    additions: int
    deletions: int
    blob: str | None


def _data(text: str) -> str:
    """Return a text as `git fast-import` reads it."""
    return f"data {len(text.encode())}\n{text}\n"


class Git:
    """One bare repository."""

    def __init__(self, folder: Path, default_branch: str = "main") -> None:
        self.folder = folder
        if not (folder / "HEAD").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._run("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")

    def resolve(self, name: str) -> str | None:
        """Return the commit of a branch, a tag or an object id; None if there is none."""
        for ref in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            done = self._try("rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}")
            if done is not None:
                return done.strip()
        return None

    def branch(self, name: str) -> str | None:
        """Return the commit of a branch."""
        done = self._try("rev-parse", "--quiet", "--verify", "--end-of-options", f"refs/heads/{name}^{{commit}}")
        return done.strip() if done is not None else None

    def refs(self, prefix: str) -> dict[str, str]:
        """Return the references below a prefix with their objects."""
        lines = self._run("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(line.split(" ") for line in lines)

    def update(self, ref: str, sha: str) -> None:
        """Move a reference."""
        self._run("update-ref", ref, sha)

    def delete(self, ref: str) -> None:
        """Delete a reference."""
        self._run("update-ref", "-d", ref)

    def fetch(self, other: Path, branch: str) -> None:
        """Copy the history of a branch of a fork."""
        self._run("fetch", "--quiet", "--no-tags", str(other), f"refs/heads/{branch}")

    def commit(self, sha: str) -> Commit:
        """Read one commit."""
        return self._commits("--no-walk", sha)[0]

    def log(self, head: str, *not_in: str, limit: int | None = None) -> list[Commit]:
        """Return the commits of a history that the others lack, the newest first."""
        most = [f"--max-count={limit}"] if limit is not None else []
        return self._commits("--topo-order", *most, head, *(f"^{each}" for each in not_in))

    def count(self, head: str, not_in: str) -> int:
        """Return how many commits a history has that the other lacks."""
        return int(self._run("rev-list", "--count", head, f"^{not_in}"))

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the commit at which two histories part."""
        found = self._try("merge-base", one, other)
        return found.strip() if found else None

    def contains(self, head: str, sha: str) -> bool:
        """Return whether a history has a commit."""
        return self._try("merge-base", "--is-ancestor", sha, head) is not None

    def changes(self, old: str, new: str) -> list[Change]:
        """Return what differs between two trees."""
        raw = self._run("diff-tree", "-r", "-z", "--raw", "-M", "--no-abbrev", old, new).split("\0")
        counts = self._counts(old, new)
        found, rest = [], iter(raw)
        for head in rest:
            if not head:
                continue
            _, _, _, blob, status = head.split(" ")
            path, previous = next(rest), None
            if status[0] in "RC":
                previous, path = path, next(rest)
            additions, deletions = counts.get(path, (0, 0))
            shown = None if status[0] == "D" else blob
            found.append(Change(_STATUS[status[0]], path, previous, additions, deletions, shown))
        return found

    def file(self, commit: str, path: str) -> tuple[str, bytes] | None:
        """Return a file's blob and content; None if there is no such file."""
        name = f"{commit}:{path}"
        if (self._try("cat-file", "-t", name) or "").strip() != "blob":
            return None
        return self._run("rev-parse", name).strip(), self._bytes("cat-file", "blob", name)

    def folder_entries(self, commit: str, path: str) -> list[tuple[str, str, str]] | None:
        """Return the kind, object and path of what is in a folder; None if there is no such folder."""
        name = f"{commit}:{path}"
        if (self._try("cat-file", "-t", name) or "").strip() != "tree":
            return None
        entries = self._run("ls-tree", "-z", name).split("\0")
        found = []
        for entry in filter(None, entries):
            meta, _, file = entry.partition("\t")
            _, kind, sha = meta.split(" ")
            found.append((kind, sha, f"{path}/{file}".lstrip("/")))
        return found

    def write(self, branch: str, files: Mapping[str, str | None], message: str, who: Signature) -> str:
        """Commit files to a branch, which is created if necessary; None deletes a file. Returns the commit."""
        parent = self.branch(branch)
        signed = f"{who.name} <{who.email}> {int(datetime.fromisoformat(who.date).timestamp())} +0000"
        parts = [f"commit refs/heads/{branch}\nmark :1\nauthor {signed}\ncommitter {signed}\n", _data(message)]
        parts += [f"from {parent}\n"] if parent else []
        for path, text in files.items():
            quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
            parts += [f"D {quoted}\n"] if text is None else [f"M 100644 inline {quoted}\n", _data(text)]
        stream = "".join([*parts, "get-mark :1\ndone\n"])
        return self._run("fast-import", "--quiet", "--done", stdin=stream.encode()).strip()

    def create(
        self, tree: str, parents: Iterable[str], message: str, author: Signature, by: Signature | None = None
    ) -> str:
        """Create a commit object."""
        by = by or author
        extra = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": by.name,
            "GIT_COMMITTER_EMAIL": by.email,
            "GIT_COMMITTER_DATE": by.date,
        }
        named = [word for parent in parents for word in ("-p", parent)]
        return self._run("commit-tree", tree, *named, extra=extra, stdin=message.encode()).strip()

    def merged_tree(self, one: str, other: str) -> str:
        """Return the tree of a merge; raises `Conflict`."""
        done = self._try("merge-tree", "--write-tree", one, other)
        if done is None:
            raise Conflict
        return done.splitlines()[0]

    def rebase(self, base: str, onto: str, head: str, by: Signature) -> list[str]:
        """Apply the commits between two commits onto another one; returns the new ones. Raises `Conflict`."""
        created = []
        for each in reversed(self.log(head, base)):
            if len(each.parents) != 1:
                continue  # as `git rebase` leaves merges out
            parent = each.parents[0]
            here = self.create(self.commit(onto).tree, [parent], "x", by)
            tree = self.merged_tree(here, each.sha)
            onto = self.create(tree, [onto], each.message, each.author, by)
            created.append(onto)
        return created

    def _commits(self, *arguments: str) -> list[Commit]:
        shape = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01"
        found = []
        for record in self._run("log", f"--format={shape}", *arguments, "--").split("\x00\x01"):
            if not record.strip("\n"):
                continue
            sha, tree, parents, name, email, at, by, by_email, by_at, message = record.lstrip("\n").split("\0")
            author, committer = Signature(name, email, at), Signature(by, by_email, by_at)
            found.append(Commit(sha, tree, tuple(parents.split()), author, committer, message.rstrip("\n")))
        return found

    def _counts(self, old: str, new: str) -> dict[str, tuple[int, int]]:
        counts, rest = {}, iter(self._run("diff-tree", "-r", "-z", "--numstat", "-M", old, new).split("\0"))
        for line in rest:
            if not line:
                continue
            added, removed, path = line.split("\t")
            if not path:  # a rename: both names follow
                next(rest)
                path = next(rest)
            counts[path] = (int(added) if added.isdigit() else 0, int(removed) if removed.isdigit() else 0)
        return counts

    def _try(self, *arguments: str) -> str | None:
        try:
            return self._run(*arguments)
        except subprocess.CalledProcessError:
            return None

    def _run(self, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None) -> str:
        return self._bytes(*arguments, stdin=stdin, extra=extra).decode("utf-8", "replace")

    def _bytes(self, *arguments: str, stdin: bytes = b"", extra: dict[str, str] | None = None) -> bytes:
        # Nothing of the person who runs this: no configuration, no hooks, no other repository.
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
        no_config = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
        names = {"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"}
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607
            cwd=self.folder,
            input=stdin,
            env={**kept, **no_config, **names, "LC_ALL": "C", "HOME": str(self.folder), **(extra or {})},
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
        return done.stdout
