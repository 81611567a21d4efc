"""`reconciler propose` where git, the remote or gh fail: what went wrong, what to do, and nothing half done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .test_edits import Folder, folder
from .test_new_promote_rotate import put_gh, remote

__all__ = ["folder", "remote"]

CANARY = "canary_4711"
BRANCH = "reconciler/change-stripe-in-dev"


@dataclass(frozen=True)
class Scene:
    """A changed file in a clone, its remote, and the means to break things."""

    folder: Folder
    remote: Path
    patch: pytest.MonkeyPatch

    @property
    def git(self) -> Path:
        """The folder of git's own files."""
        return Path(".git")

    def hook(self, folder: Path, name: str, script: str) -> None:
        """Write a hook of git."""
        file = folder / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)


def no_git(scene: Scene) -> None:
    scene.patch.setenv("PATH", "/nowhere")


def no_repository(scene: Scene) -> None:
    shutil.rmtree(scene.git)


def no_remote(scene: Scene) -> None:
    scene.folder.git("remote", "remove", "origin")


def several_remotes(scene: Scene) -> None:
    scene.folder.git("remote", "rename", "origin", "one")
    scene.folder.git("remote", "add", "two", str(scene.remote))


def remote_is_gone(scene: Scene) -> None:
    shutil.rmtree(scene.remote)


def remote_is_closed(scene: Scene) -> None:
    scene.folder.git("remote", "set-url", "origin", f"http://user:{CANARY}@127.0.0.1:9/x.git")


def remote_is_empty(scene: Scene) -> None:
    shutil.rmtree(scene.remote)
    scene.folder.git("init", "-q", "--bare", "-b", "main", str(scene.remote))


def remote_rejects(scene: Scene) -> None:
    scene.hook(scene.remote, "pre-receive", "echo 'no direct branches here' >&2; exit 1")


def hook_rejects(scene: Scene) -> None:
    scene.hook(scene.git, "pre-push", "echo 'run the tests first' >&2; exit 1")


def no_author(scene: Scene) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        scene.patch.delenv(f"GIT_{name}_NAME")
        scene.patch.delenv(f"GIT_{name}_EMAIL")
    scene.patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    scene.patch.setenv("EMAIL", "")
    scene.folder.git("config", "user.useConfigOnly", "true")


def no_signing_key(scene: Scene) -> None:
    scene.folder.git("config", "commit.gpgsign", "true")
    scene.folder.git("config", "gpg.program", "/nowhere/gpg")


def proposed_already(scene: Scene) -> None:
    scene.folder.git("push", "-q", "origin", f"main:refs/heads/{BRANCH}")


def behind(scene: Scene) -> None:
    scene.folder.git("stash", "-q")
    scene.folder.commit(scene.folder.text.replace("agreed", "another"))
    scene.folder.git("push", "-q", "origin", "main")
    scene.folder.git("reset", "-q", "--hard", "HEAD~1")
    scene.folder.git("stash", "pop", "-q")


def damaged(scene: Scene) -> None:
    head = scene.folder.git("rev-parse", "HEAD^{tree}").strip()
    (scene.git / "objects" / head[:2] / head[2:]).unlink()


def linked(scene: Scene) -> None:
    scene.folder.file.rename(scene.folder.file.with_name("other.yaml"))
    scene.folder.file.symlink_to("other.yaml")


def without_commits(scene: Scene) -> None:
    shutil.rmtree(scene.git)
    scene.folder.git("init", "-q", "-b", "main")


#: What is broken, and what the reader has to do.
TROUBLES: dict[Callable[[Scene], None], str] = {
    no_git: "Install git",
    no_repository: "Propose the files without this command",
    no_remote: "git remote add origin",
    several_remotes: "Name one `origin`",
    remote_is_gone: "Check the address of the remote",
    remote_is_closed: "Check the address of the remote",
    remote_is_empty: "Push a first commit to it",
    remote_rejects: "no direct branches here",
    hook_rejects: "run the tests first",
    no_author: "Check user.name, user.email",
    no_signing_key: "the signing key",
    proposed_already: "this change is proposed already",
    behind: "git pull",
    damaged: "Run `git status` to see why",
    linked: "stripe.yaml: a symbolic link",
    without_commits: "Run `git status` to see why",
}


@pytest.fixture
def scene(folder: Folder, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    folder.file.write_text(folder.text.replace("agreed", "settled"))
    return Scene(folder, remote, monkeypatch)


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: each.__name__)
def test_propose_says_what_to_do_and_leaves_everything_as_it_was(scene: Scene, trouble: Callable[[Scene], None]):
    trouble(scene)
    before = (scene.git / "HEAD").read_text() if scene.git.is_dir() else ""
    ran = scene.folder.run("propose", "--yes")
    printed = ran.out + ran.err
    assert ran.code == 2
    assert "Traceback" not in printed
    assert CANARY not in printed
    assert TROUBLES[trouble] in ran.err
    assert "\n    " in ran.err[ran.err.index("Error: ") :]
    assert before == ((scene.git / "HEAD").read_text() if scene.git.is_dir() else "")


@pytest.mark.parametrize("busy", ["index.lock", f"refs/heads/{BRANCH}"])
def test_propose_opens_the_pull_request_when_the_work_tree_cannot_follow(scene: Scene, busy: str):
    put_gh(scene.folder, scene.patch, "echo https://example.com/pull/7")
    if busy == "index.lock":
        (scene.git / busy).touch()
    else:
        scene.folder.git("branch", BRANCH)
    ran = scene.folder.run("propose", "--yes")
    assert ran.code == 0, ran.err
    assert "the work tree is as it was" in ran.err
    assert ran.out.endswith("https://example.com/pull/7\n")
    assert (scene.git / "HEAD").read_text() == "ref: refs/heads/main\n"
    assert (BRANCH in scene.folder.git("branch", "--list", BRANCH)) == (busy != "index.lock")
    assert BRANCH in scene.folder.git("--git-dir", str(scene.remote), "branch", "--list", BRANCH)
