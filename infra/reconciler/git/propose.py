"""Commit files on a branch of their own and push it.

The work tree, the index and other branches stay untouched, except by `switch`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.commands import shell
from reconciler.model.errors import ReconcilerError, printable

_TIMEOUT_S = 120
_LONGEST_BRANCH = 60
#: `https://github.com/…`, `ssh://git@github.com/…` and `git@github.com:…`.
_HOST = re.compile(r"(?:(?:https?|ssh)://(?:[^@/]+@)?|[^@/:]+@)([^/:]+)")
_DEFAULT_BRANCH = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)


@dataclass(frozen=True)
class FileVersion:
    """The bytes of a file before and after a change; None where there is no file."""

    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Proposal:
    """A pushed branch with one commit."""

    branch: str
    base: str
    """The default branch of the remote."""
    commit: str
    top: Path
    """The top of the work tree."""
    parent: str
    """The newest commit of the default branch, on which the commit stands."""
    host: str = ""
    """The host of the remote; empty for a folder."""


def branch_name(meaning: str) -> str:
    """Return the name of the branch for a change: `reconciler/extend-shop-to-2027-01-31`."""
    words = re.sub(r"[^a-z0-9]+", "-", meaning.lower()).strip("-")
    return f"reconciler/{words[:_LONGEST_BRANCH].strip('-')}"


def propose(files: Mapping[Path, FileVersion], meaning: str, text: str) -> Proposal:
    """Commit the files on a new branch from the remote's default branch, and push it.

    Args:
        files: By their paths in the work tree.
        meaning: The subject of the commit.
        text: The rest of its message.

    Raises:
        ReconcilerError: There is no git, repository or remote; the branch exists; or a file differs from the default
            branch. Nothing is pushed then.
    """
    git = _Git(next(iter(files)).parent)
    remote = git.remote()
    listed = git.run("ls-remote", "--symref", remote, "HEAD", step=f"Check the address of the remote {remote}.")
    found = _DEFAULT_BRANCH.search(listed)
    if found is None:
        raise ReconcilerError(f"the remote {remote} has no default branch\n    Push a first commit to it.")
    base, branch = found[1], branch_name(meaning)
    git.require_new(remote, branch)
    git.run("fetch", "--quiet", "--no-tags", remote, f"refs/heads/{base}")
    parent = git.run("rev-parse", "FETCH_HEAD").strip()
    commit = git.commit(files, parent, f"{remote}/{base}", f"{meaning}\n\n{text}".strip())
    step = f"The branch {branch} is not in {remote}. Correct that, then run again."
    git.run("push", "--quiet", remote, f"{commit}:refs/heads/{branch}", step=step)
    return Proposal(branch, base, commit, git.top, parent, git.host(remote))


def switch(proposal: Proposal, files: Iterable[Path]) -> bool:
    """Put the work tree on the pushed branch, if that changes no file in it.

    Args:
        proposal: What was pushed.
        files: The files of its commit, which are in the work tree as they are in the commit.

    Returns:
        Whether the work tree is on the branch now. Otherwise everything is as it was.
    """
    git = _Git(proposal.top)
    if git.run("rev-parse", "HEAD").strip() != proposal.parent:
        return False
    branch = f"refs/heads/{proposal.branch}"
    names = [path.resolve().relative_to(git.top.resolve()).as_posix() for path in files]
    try:
        git.run("update-ref", branch, proposal.commit, "")
    except ReconcilerError:
        return False  # there is a branch of this name
    try:
        git.run("-C", str(git.top), "update-index", "--add", "--remove", "--", *names)
        git.run("symbolic-ref", "HEAD", branch)
    except ReconcilerError:
        git.run("update-ref", "-d", branch, proposal.commit)
        return False  # another process of git is at work
    return True


def open_pull_request(proposal: Proposal, title: str, body: str) -> str | None:
    """Open a pull request with `gh` and return its address; None if `gh` is not installed."""
    if shutil.which("gh") is None:
        return None
    command = ["gh", "api", "repos/{owner}/{repo}/pulls", "--method", "POST", "--jq", ".html_url"]
    fields = {"title": title, "head": proposal.branch, "base": proposal.base}
    command += [word for name, value in fields.items() for word in ("--raw-field", f"{name}={value}")]
    command += ["--field", "body=@-"]
    host = {"GH_HOST": proposal.host} if proposal.host and "GH_HOST" not in os.environ else {}
    try:
        done = subprocess.run(
            command,
            cwd=proposal.top,
            input=body,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env={**os.environ, **host, "GH_PROMPT_DISABLED": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ReconcilerError(f"gh: no answer\n    {_by_hand(proposal)}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["failed"]
        message = printable(lines[0].removeprefix("gh: "))[:300]
        raise ReconcilerError(f"gh: {message}\n    {_by_hand(proposal)}")
    return done.stdout.strip()


def _by_hand(proposal: Proposal) -> str:
    create = shell("gh", "pr", "create", "--head", proposal.branch, "--base", proposal.base, "--fill")
    return f"The branch {proposal.branch} is pushed: correct that and run {create}."


#: What to do when a command of git fails that names no step of its own.
_STEPS = {
    "commit-tree": "Check user.name, user.email and the signing key: `git config --list --show-origin`.",
    "fetch": "Check the remote, then run again.",
}

#: Lines that git prints beside the reason of a rejected push.
_BESIDE = ("To ", "hint: ", "error: failed to push some refs", "! [remote rejected]")


def _reason(command: str, message: str) -> str:
    """Return why git failed; for a push, what the remote or a hook printed."""
    lines = [each.removeprefix("remote: ").strip() for each in message.splitlines()]
    lines = [each for each in lines if each] or ["failed"]
    found = [next((each for each in lines if each.startswith(("fatal: ", "error: "))), lines[0])]
    if command == "push":
        found = [each for each in lines if not each.startswith(_BESIDE)][:3] or found
    return printable("; ".join(found))[:300]


class _Git:
    """Runs `git` with the user's settings and credentials."""

    def __init__(self, folder: Path) -> None:
        while not folder.exists():
            folder = folder.parent
        self._folder = folder
        try:
            top = self.run("rev-parse", "--show-toplevel").removesuffix("\n")
        except FileNotFoundError:
            raise ReconcilerError("git: not found\n    Install git, or leave out --pull-request.") from None
        except ReconcilerError:
            raise ReconcilerError(f"{folder}: not in a git repository\n    Leave out --pull-request.") from None
        self.top = Path(top)

    def run(self, *arguments: str, stdin: bytes = b"", index: str = "", step: str = "") -> str:
        """Run a command and return its stdout."""
        env = {
            **os.environ,
            "GIT_LITERAL_PATHSPECS": "1",
            "LC_ALL": "C",
            **({"GIT_INDEX_FILE": index} if index else {}),
        }
        command = ["git", "-C", str(self._folder), *arguments]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, timeout=_TIMEOUT_S, check=False, env=env)
        except subprocess.TimeoutExpired:
            text = f"git {arguments[0]}: no answer in {_TIMEOUT_S} s"
            raise ReconcilerError(f"{text}\n    Check the network and the remote, then run again.") from None
        if done.returncode != 0:
            reason = _reason(arguments[0], done.stderr.decode("utf-8", "replace"))
            step = step or _STEPS.get(arguments[0], "Run `git status` to see why.")
            raise ReconcilerError(f"git {arguments[0]}: {reason}\n    {step}")
        return done.stdout.decode("utf-8", "replace")

    def remote(self) -> str:
        """Return the remote to push to: `origin`, or the only one."""
        remotes = self.run("remote").split()
        if "origin" in remotes or len(remotes) == 1:
            return "origin" if "origin" in remotes else remotes[0]
        if not remotes:
            raise ReconcilerError(
                "the repository has no remote\n    Add one (`git remote add origin URL`), or leave out --pull-request."
            )
        raise ReconcilerError(f"several remotes, and none is `origin`: {', '.join(remotes)}\n    Name one `origin`.")

    def host(self, remote: str) -> str:
        """Return the host of a remote; empty for a folder."""
        found = _HOST.match(self.run("remote", "get-url", remote).strip())
        return found[1] if found is not None else ""

    def require_new(self, remote: str, branch: str) -> None:
        """Check that no branch of this name exists, here or in the remote."""
        if self.run("ls-remote", "--heads", remote, f"refs/heads/{branch}").strip():
            raise ReconcilerError(
                f"{remote} has the branch {branch}: this change is proposed already\n"
                f"    Look at its pull request (`gh pr view {branch}`), or delete the branch."
            )

    def commit(self, files: Mapping[Path, FileVersion], parent: str, shown: str, message: str) -> str:
        """Write a commit with the files on top of another one, by an index of its own."""
        with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
            index = str(Path(folder) / "index")
            self.run("read-tree", parent, index=index)
            for path, version in files.items():
                self._stage(path, version, shown, index)
            tree = self.run("write-tree", index=index).strip()
        sign = ["-S"] if self._config("commit.gpgsign") == "true" else []
        return self.run("commit-tree", *sign, "-p", parent, "-F", "-", tree, stdin=message.encode()).strip()

    def _stage(self, path: Path, version: FileVersion, shown: str, index: str) -> None:
        name = path.resolve().relative_to(self.top.resolve()).as_posix()
        mode, current = self._entry(name, index)
        before = None if version.before is None else self._hash(name, version.before)
        if current != before:
            raise ReconcilerError(
                f"{name}: the file differs from {shown}\n    Update the branch (`git pull`), and run the command again."
            )
        if version.after is None:
            self.run("update-index", "--force-remove", "--", name, index=index)
            return
        self.run(
            "update-index", "--add", "--cacheinfo", f"{mode},{self._hash(name, version.after)},{name}", index=index
        )

    def _entry(self, name: str, index: str) -> tuple[str, str | None]:
        """Return the mode and the object of a file in an index; None if it has no such file."""
        listed = self.run("-C", str(self.top), "ls-files", "-s", "--", name, index=index)
        mode, _, rest = listed.partition(" ")
        return mode or "100644", rest.partition(" ")[0] or None

    def _hash(self, name: str, content: bytes) -> str:
        """Store a file as git would store it from the work tree, and return its object."""
        return self.run("-C", str(self.top), "hash-object", "-w", "--path", name, "--stdin", stdin=content).strip()

    def _config(self, key: str) -> str:
        try:
            return self.run("config", "--type=bool", "--get", key).strip()
        except ReconcilerError:
            return ""
