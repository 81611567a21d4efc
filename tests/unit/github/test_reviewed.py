"""What counts as reviewed, against the local GitHub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reconciler.github.client import GitHub
from reconciler.github.reviewed import record, reviewed
from reconciler.model.errors import ReconcilerError
from simulator.github.app import State

HEAD, MERGE, BASE = "a" * 40, "b" * 40, "c" * 40
REPOSITORY = "example/data"
APP = 4711
ONE, TWO = "1" * 16, "2" * 16
LATER = "2026-01-02T00:00:00Z"


@pytest.fixture
def merged(served: tuple[State, str]) -> Iterator[tuple[State, GitHub]]:
    """A pull request that its code owner approved and that was merged."""
    state, url = served
    base = {"sha": BASE, "ref": "main", "repo": {"full_name": REPOSITORY, "default_branch": "main"}}
    pull = {"number": 7, "user": {"login": "ann"}, "head": {"sha": HEAD}, "base": base, "merged_at": LATER}
    state.pulls = [{**pull, "merge_commit_sha": MERGE}]
    state.files = {7: [{"filename": "connectors/dev/x.yaml"}]}
    state.contents = {(BASE, ".github/CODEOWNERS"): "connectors/ @bob\n"}
    state.reviews = {7: [review("bob")]}
    with GitHub("bot-token", REPOSITORY, url) as github:
        record(github, "dev", HEAD, [ONE])
        yield state, github


def review(login: str, verdict: str = "APPROVED", commit: str = HEAD) -> dict[str, object]:
    return {"user": {"login": login}, "state": verdict, "commit_id": commit, "submitted_at": LATER}


def found(github: GitHub) -> set[str]:
    return reviewed(github, "dev", MERGE)[0]


def test_reviewed_is_the_set_of_the_approved_head(merged):
    _, github = merged
    assert reviewed(github, "dev", MERGE) == ({ONE}, [])
    assert reviewed(github, "prod", MERGE)[0] == set()


@pytest.mark.parametrize(
    "reviews",
    [
        [],
        [review("eve")],
        [review("bob", commit="d" * 40)],
        [review("bob"), review("bob", "CHANGES_REQUESTED")],
        [review("bob"), review("bob", "DISMISSED")],
    ],
    ids=["none", "no owner", "older commit", "changes requested", "dismissed"],
)
def test_reviewed_is_nothing_when_no_owner_approves_the_head(merged, reviews):
    state, github = merged
    state.reviews[7] = reviews
    assert found(github) == set()


def test_reviewed_keeps_an_approval_that_a_comment_follows(merged):
    state, github = merged
    state.reviews[7].append(review("bob", "COMMENTED"))
    assert found(github) == {ONE}


def test_reviewed_is_nothing_when_the_author_approves(merged):
    state, github = merged
    state.pulls[0]["user"]["login"] = "Bob"
    assert found(github) == set()


def test_reviewed_is_nothing_when_a_renamed_file_has_no_owner(merged):
    state, github = merged
    state.files[7][0]["previous_filename"] = "other/x.yaml"
    assert found(github) == set()


def test_reviewed_reads_check_runs_of_github_actions_only(merged):
    state, github = merged
    state.check_runs[0]["app"]["slug"] = "other"
    assert found(github) == set()


def test_reviewed_reads_check_runs_of_the_app_only_when_it_is_named(merged, served):
    state, github = merged
    assert reviewed(github, "dev", MERGE, APP)[0] == set()
    state.users["app-token"] = "own-app[bot]"
    state.apps["own-app"] = APP
    with GitHub("app-token", REPOSITORY, served[1]) as own:
        record(own, "dev", HEAD, [TWO], APP)
    assert reviewed(github, "dev", MERGE, APP)[0] == {TWO}
    assert found(github) == {ONE}


def test_record_rejects_a_token_of_another_app(merged):
    _, github = merged
    with pytest.raises(ReconcilerError, match=r"github-actions \(15368\), and .* counts the App 4711"):
        record(github, "dev", HEAD, [ONE], APP)


def test_reviewed_leaves_out_what_was_recorded_after_the_approval(merged):
    state, github = merged
    state.now = "2026-01-03T00:00:00Z"
    record(github, "dev", HEAD, [ONE, TWO])
    assert found(github) == {ONE}


def test_reviewed_is_nothing_when_the_pull_request_is_not_merged(merged):
    state, github = merged
    state.pulls[0]["merged_at"] = None
    assert found(github) == set()
