"""Run `git` on a repository, and read commits, trees and files from its object store.

Nothing here checks out, fetches or writes. Commits may come from a stranger, so no command takes a name that `git`
could read as an option or a reference, and what a tree lists is counted before it is believed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from reconciler.model.errors import ReconcilerError, printable

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

#: Seconds that one command may take.
_TIMEOUT_S = 120
_CHUNK = 1 << 16
_MOST_CONFLICTS = 20
#: Bytes of the names in a tree that are read.
_LONGEST_LIST = 16 * 1024 * 1024

_FETCH_ALL = "Fetch the commit with all its files: `git fetch --refetch --no-filter`."

#: No question at a terminal, no replaced objects, and no download of an object that is missing.
_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}


#: What git answers outside a work tree.
_OUTSIDE = (b"not a git repository", b"must be run in a work tree")

#: What git answers for a commit that has no earlier one with the other in common.
_UNRELATED = b"unrelated histories"

#: Of a file in a work tree. `free`: no repository, or no git, knows about it.
FileState = Literal["committed", "changed", "untracked", "free"]


class NoRepository(ReconcilerError):
    """A folder is in no work tree of git."""


class TooManyEntries(ReconcilerError):
    """A tree lists more than the caller takes."""


@dataclass(frozen=True)
class TreeEntry:
    """One entry of a commit's tree."""

    mode: str
    """`100644` for a file, `100755` for an executable, `120000` for a symbolic link, `160000` for a submodule."""
    object: str
    path: bytes
    """From the top of the repository. A tree may hold any bytes but NUL."""


class Repository:
    """A git repository on this machine.

    Args:
        folder: The repository, its work tree, or a folder in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *arguments: str, stdin: bytes = b"", step: str = "") -> bytes:
        """Run a command of `git` and return its stdout.

        Raises `ReconcilerError` with git's message and the step.
        """
        try:
            done = subprocess.run(
                self._command(*arguments), input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=False, env=_env()
            )
        except OSError as error:
            raise ReconcilerError(f"git: {error.strerror}\n    Install git, and put it on PATH.") from None
        except subprocess.TimeoutExpired:
            raise ReconcilerError(f"git {arguments[0]}: no answer in {_TIMEOUT_S} s") from None
        if done.returncode != 0:
            raise _failure(arguments[0], done.stderr, step)
        return done.stdout

    def state_of(self, file: str) -> FileState:
        """Return whether a file of the work tree is as in the last commit; `free` outside a repository.

        Raises `ReconcilerError` where git does not answer: the file may have changes then.
        """
        command = self._command("status", "--porcelain", "-z", "--untracked-files=all", "--", file)
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False, env=_env())
        except FileNotFoundError:
            return "free"
        except (OSError, subprocess.TimeoutExpired):
            raise ReconcilerError("git status: no answer\n    Run `git status` to see why.") from None
        if done.returncode == 0:
            return "untracked" if done.stdout.startswith(b"??") else "changed" if done.stdout else "committed"
        if any(each in done.stderr for each in _OUTSIDE):
            return "free"
        raise _failure("status", done.stderr, "Run `git status` to see why.")

    def require_commit(self, commit: str) -> None:
        """Check that the repository has a commit. Raises `ReconcilerError`, which says how to fetch it."""
        if not COMMIT.fullmatch(commit):
            raise ReconcilerError("a commit is named by its 40 hexadecimal digits\n    Name no branch and no tag.")
        answer = self.run("cat-file", "--batch-check=%(objecttype)", stdin=f"{commit}\n".encode()).decode().strip()
        if answer.endswith(" missing"):
            raise ReconcilerError(
                f"the repository does not have the commit {commit}\n"
                f"    Fetch it: `git fetch --no-tags --depth=1 origin {commit}`."
            )
        if answer != "commit":
            raise ReconcilerError(f"{commit} is a {answer}, not a commit\n    Name the commit.")

    def merge_tree(self, base: str, commit: str) -> str:
        """Return the tree that a merge of a commit into a base would make, as git merges without a work tree.

        Writes objects to the store, and nothing else. Raises `ReconcilerError` for a conflict.
        """
        command = self._command("merge-tree", "--write-tree", "-z", "--no-messages", "--name-only", base, commit)
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False, env=_env())
        except subprocess.TimeoutExpired:
            raise ReconcilerError(f"git merge-tree: no answer in {_TIMEOUT_S} s") from None
        tree, *files = done.stdout.decode("utf-8", "backslashreplace").split("\0")
        if done.returncode == 1 and COMMIT.fullmatch(tree):
            shown = ", ".join(printable(each) for each in files[:_MOST_CONFLICTS] if each)
            raise ReconcilerError(
                f"{commit[:12]} conflicts with {base[:12]}: {shown}\n    Merge the default branch into it."
            )
        if done.returncode != 0 or not COMMIT.fullmatch(tree):
            step = "Commit the change on a branch of the default branch." if _UNRELATED in done.stderr else ""
            raise _failure("merge-tree", done.stderr, step)
        return tree

    def list_tree(self, commit: str, folder: str, most: int) -> list[TreeEntry]:
        """Return all files, links and submodules below a folder of a commit.

        A tree may name the same tree many times, and so list more than any disk holds: the list is read as it comes,
        and ends with `TooManyEntries` after `most` entries, or 16 MiB.
        """
        command = self._command("ls-tree", "-r", "-z", "--full-tree", commit, "--", folder)
        entries: list[TreeEntry] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_env()) as process:
            assert process.stdout is not None  # noqa: S101 (started with a pipe)
            assert process.stderr is not None  # noqa: S101 (started with a pipe)
            try:
                for record in _records(process.stdout):
                    meta, _, path = record.partition(b"\t")
                    mode, _, object_ = meta.decode("ascii").split(" ")
                    entries.append(TreeEntry(mode, object_, path))
                    if len(entries) > most:
                        raise TooManyEntries(f"more than {most:,} files below {folder}")
                message = process.stderr.read()
            finally:
                process.kill()
        if process.returncode != 0 and message:
            raise _failure("ls-tree", message, _FETCH_ALL)
        return entries

    def sizes(self, objects: Iterable[str]) -> dict[str, int | None]:
        """Return the bytes of each file; None for a file that the repository does not have."""
        wanted = list(dict.fromkeys(objects))
        form = "--batch-check=%(objecttype) %(objectsize)"
        answer = self.run("cat-file", form, stdin=_lines(wanted), step=_FETCH_ALL)
        found: dict[str, int | None] = {}
        for object_, line in zip(wanted, answer.splitlines(), strict=True):
            kind, _, size = line.decode("ascii").partition(" ")
            found[object_] = int(size) if kind == "blob" else None
        return found

    def contents(self, objects: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Return the bytes of files that the repository has. Check their `sizes` first: all are read at once."""
        wanted = list(dict.fromkeys(objects))
        answer, at = self.run("cat-file", "--batch=%(objectsize)", stdin=_lines(wanted)) if wanted else b"", 0
        for object_ in wanted:
            end = answer.index(b"\n", at)
            size, begin = int(answer[at:end]), end + 1
            yield object_, answer[begin : begin + size]
            at = begin + size + 1

    def _command(self, *arguments: str) -> list[str]:
        return ["git", "-C", str(self._folder), *arguments]


def _env() -> dict[str, str]:
    return {**os.environ, **_VARIABLES}


def _lines(objects: list[str]) -> bytes:
    return "".join(f"{object_}\n" for object_ in objects).encode()


def _records(stream: IO[bytes]) -> Iterator[bytes]:
    rest, total = b"", 0
    while chunk := stream.read(_CHUNK):
        total += len(chunk)
        if total > _LONGEST_LIST:
            raise TooManyEntries(f"names of more than {_LONGEST_LIST // 1024**2} MiB")
        *records, rest = (rest + chunk).split(b"\0")
        yield from records


def _failure(command: str, message: bytes, step: str = "") -> ReconcilerError:
    lines = message.decode("utf-8", "replace").strip().splitlines() or ["failed"]
    text = printable(next((each for each in lines if each.startswith("fatal: ")), lines[0]).removeprefix("fatal: "))[
        :300
    ]
    is_outside = any(each in message for each in _OUTSIDE)
    return (NoRepository if is_outside else ReconcilerError)(
        f"git {command}: {text}" + (f"\n    {step}" if step else "")
    )
