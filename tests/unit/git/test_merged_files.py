"""The files of a pull request as they are after its merge, without a work tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.git.head_files import CommitLimits, read_head_files
from reconciler.git.repository import Repository
from reconciler.model.errors import ReconcilerError

from .commits import FILE, FOLDER, Commits, git


@pytest.fixture
def commits(tmp_path: Path) -> Commits:
    return Commits(tmp_path / "repository")


def after(commits: Commits, files: Mapping[str, str], *parents: str) -> str:
    """Return a commit with these files that follows others."""
    tree = git(commits.folder, "rev-parse", f"{commits.of(files)}^{{tree}}")
    return git(commits.folder, "commit-tree", tree, "-m", "x", *(part for each in parents for part in ("-p", each)))


def merged(commits: Commits, head: str, onto: str, **limits: int):
    return read_head_files(Repository(commits.folder), head, "connectors", CommitLimits(**limits), onto=onto)


def test_head_files_keep_what_the_default_branch_added_since(commits: Commits):
    base = after(commits, {"a.yaml": "a: 1\n"})
    main = after(commits, {"a.yaml": "a: 1\n", "new.yaml": "n: 1\n"}, base)
    head = after(commits, {"a.yaml": "a: 2\n"}, base)
    assert merged(commits, head, main).files == {"dev/a.yaml": b"a: 2\n", "dev/new.yaml": b"n: 1\n"}
    assert read_head_files(Repository(commits.folder), head, "connectors").files == {"dev/a.yaml": b"a: 2\n"}


def test_head_files_leave_out_what_the_default_branch_deleted_since(commits: Commits):
    base = after(commits, {"a.yaml": "a: 1\n", "old.yaml": "o: 1\n"})
    main = after(commits, {"a.yaml": "a: 1\n"}, base)
    head = after(commits, {"a.yaml": "a: 2\n", "old.yaml": "o: 1\n"}, base)
    assert merged(commits, head, main).files == {"dev/a.yaml": b"a: 2\n"}


def test_head_files_name_the_files_of_a_conflict(commits: Commits):
    base = after(commits, {"a.yaml": "a: 1\n"})
    main = after(commits, {"a.yaml": "a: 2\n"}, base)
    head = after(commits, {"a.yaml": "a: 3\n"}, base)
    with pytest.raises(ReconcilerError, match=r"conflicts with \w{12}: connectors/dev/a.yaml\n    Merge the default"):
        merged(commits, head, main)


def test_head_files_of_another_history_say_where_to_commit(commits: Commits):
    main, head = after(commits, {"a.yaml": "a: 1\n"}), after(commits, {"b.yaml": "b: 1\n"})
    with pytest.raises(ReconcilerError, match=r"unrelated histories\n    Commit the change on a branch of the default"):
        merged(commits, head, main)


def test_head_files_do_not_merge_a_tree_that_lists_too_much(commits: Commits):
    base = after(commits, {"a.yaml": "a: 1\n"})
    blob = commits.blob("x")
    tree = commits.tree([(FILE, blob, f"{number}") for number in range(10)])
    for _ in range(5):
        tree = commits.tree([(FOLDER, tree, f"{number}") for number in range(10)])
    head = git(commits.folder, "commit-tree", commits.tree([(FOLDER, tree, "bomb")]), "-p", base, "-m", "x")
    found = merged(commits, head, base, all_entries=1_000)
    assert [each.message for each in found.problems] == ["more than 1,000 files below ."]
