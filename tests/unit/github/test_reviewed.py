"""What counts as reviewed, against the local GitHub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from tests.hub import REPOSITORY, UNIT, Hub

from reconciler.github.client import GitHub
from reconciler.github.reviewed import record, reviewed
from reconciler.model.errors import ReconcilerError
from simulator.github.state import App, Fault, Team

ONE, TWO, THREE = "1" * 16, "2" * 16, "3" * 16
METHODS = ("merge", "squash", "rebase")
MORNING = datetime(2026, 1, 1, 8, tzinfo=UTC)


@pytest.fixture
def github(hub: Hub) -> Iterator[GitHub]:
    hub.state.fixed_now = MORNING
    with GitHub(hub.bot, REPOSITORY, hub.url) as found:
        yield found


def later(hub: Hub) -> None:
    assert hub.state.fixed_now is not None
    hub.state.fixed_now += timedelta(minutes=1)


def opened(hub: Hub, name: str = "shop", *commits: Mapping[str, str | None]) -> int:
    """Open a pull request of these commits."""
    first, *others = commits or ({f"connectors/dev/{name}.yaml": "a: 1\n"},)
    hub.branch(name, first)
    for files in others:
        hub.commit(files, name)
    return hub.open(name)


def head(hub: Hub, number: int) -> str:
    return str(hub.pull(number)["head"]["sha"])


def reviewed_pull(hub: Hub, github: GitHub, *fingerprints: str, name: str = "shop", by: str = "bob") -> int:
    """Open a pull request, record its review, and have it approved after that."""
    number = opened(hub, name)
    record(github, "dev", head(hub, number), fingerprints or [ONE], app=None)
    later(hub)
    hub.review(number, by)
    return number


def found(github: GitHub, commit: str, app: int | None = None, since: str = "") -> set[str]:
    return reviewed(github, "dev", commit, app, since=since)[0]


def reason(github: GitHub, commit: str) -> str:
    fingerprints, (text,) = reviewed(github, "dev", commit, app=None, since="")
    assert fingerprints == set()
    return text.partition(": ")[2]


@pytest.mark.parametrize("method", METHODS)
def test_reviewed_is_the_set_of_the_approved_head(hub: Hub, github: GitHub, method: str):
    commit = hub.merge(reviewed_pull(hub, github), method)
    assert reviewed(github, "dev", commit, app=None, since="") == ({ONE}, [])
    assert reviewed(github, "prod", commit, app=None, since="")[0] == set()


def test_reviewed_is_nothing_when_the_head_moved_after_the_approval(hub: Hub, github: GitHub):
    number = reviewed_pull(hub, github)
    hub.commit({UNIT: "a: 2\n"}, "shop")
    record(github, "dev", head(hub, number), [ONE], app=None)
    assert reason(github, hub.merge(number)) == "no one but its author has approved its last commit"


@pytest.mark.parametrize("event", ["REQUEST_CHANGES", "dismissed"])
def test_reviewed_is_nothing_when_the_owner_takes_the_approval_back(hub: Hub, github: GitHub, event: str):
    number = reviewed_pull(hub, github)
    if event == "dismissed":
        (approval,) = hub.done("GET", f"/pulls/{number}/reviews", hub.bot)
        path = f"/pulls/{number}/reviews/{approval['id']}/dismissals"
        hub.done("PUT", path, hub.people["carol"], {"message": "x"})
    else:
        hub.review(number, "bob", event)
    assert found(github, hub.merge(number)) == set()


def test_reviewed_keeps_an_approval_that_a_comment_follows(hub: Hub, github: GitHub):
    number = reviewed_pull(hub, github)
    hub.review(number, "bob", "COMMENT")
    assert found(github, hub.merge(number)) == {ONE}


def test_reviewed_is_empty_when_no_code_owner_approves(hub: Hub, github: GitHub):
    commit = hub.merge(reviewed_pull(hub, github, by="eve"))
    assert reason(github, commit) == "no approval of its last commit by an owner of connectors/dev/shop.yaml (@bob)"


def test_reviewed_counts_the_owner_who_approved_after_the_record(hub: Hub, github: GitHub):
    hub.commit({".github/CODEOWNERS": "* @bob @carol\n"})
    number = opened(hub)
    hub.review(number, "carol")
    later(hub)
    record(github, "dev", head(hub, number), [ONE], app=None)
    later(hub)
    hub.review(number, "bob")
    assert found(github, hub.merge(number)) == {ONE}


def test_reviewed_is_nothing_when_a_renamed_file_has_no_owner(hub: Hub, github: GitHub):
    hub.commit({".github/CODEOWNERS": "/connectors/ @bob\n", "other/shop.yaml": "a: 1\n"})
    number = opened(hub, "shop", {"other/shop.yaml": None, UNIT: "a: 1\n"})
    record(github, "dev", head(hub, number), [ONE], app=None)
    hub.review(number)
    assert reason(github, hub.merge(number)) == "CODEOWNERS names no owner of other/shop.yaml"


def test_reviewed_leaves_out_what_was_recorded_after_the_approval(hub: Hub, github: GitHub):
    number = reviewed_pull(hub, github)
    later(hub)
    record(github, "dev", head(hub, number), [ONE, TWO], app=None)
    assert found(github, hub.merge(number)) == {ONE}


def test_reviewed_is_nothing_when_the_pull_request_is_not_merged(hub: Hub, github: GitHub):
    number = reviewed_pull(hub, github)
    assert reviewed(github, "dev", head(hub, number), app=None, since="") == (
        set(),
        ["no pull request was merged with this push"],
    )


def test_reviewed_is_nothing_when_the_base_is_another_branch(hub: Hub, github: GitHub):
    hub.branch("release", {"x": "1"})
    hub.branch("shop", {UNIT: "a: 1\n"})
    number = hub.open("shop", base="release")
    record(github, "dev", head(hub, number), [ONE], app=None)
    hub.review(number)
    assert found(github, hub.merge(number)) == set()


# The App


def own_app(hub: Hub) -> tuple[App, GitHub]:
    app = hub.state.add_app("own-app", "example", {"checks": "write", "contents": "read"})
    return app, GitHub(hub.state.app_token(app, REPOSITORY), REPOSITORY, hub.url)


def test_reviewed_reads_check_runs_of_the_app_only_when_it_is_named(hub: Hub, github: GitHub):
    app, client = own_app(hub)
    number = opened(hub)
    with client as own:
        record(own, "dev", head(hub, number), [TWO], app.id)
    record(github, "dev", head(hub, number), [ONE], app=None)
    hub.review(number)
    commit = hub.merge(number)
    assert found(github, commit, app=app.id) == {TWO}
    assert found(github, commit) == {ONE}


def test_record_rejects_a_token_of_another_app(hub: Hub, github: GitHub):
    with pytest.raises(ReconcilerError, match=r"github-actions \(15368\), and a merge counts the App 4711"):
        record(github, "dev", hub.main, [ONE], 4711)


def test_record_is_written_once_when_the_answer_is_lost(hub: Hub, monkeypatch: pytest.MonkeyPatch):
    hub.state.faults.append(Fault("POST", "/check-runs", drops=True, is_lost=True))
    with GitHub(hub.bot, REPOSITORY, hub.url, sleep=lambda _: None) as github:
        record(github, "dev", hub.main, [ONE], app=None)
    assert len(hub.repository.check_runs) == 1


# Several pull requests in one push


@pytest.mark.parametrize("method", METHODS)
def test_reviewed_is_of_all_pull_requests_of_a_push(hub: Hub, github: GitHub, method: str):
    numbers = [reviewed_pull(hub, github, each, name=f"unit{each[0]}") for each in (ONE, TWO)]
    unapproved = opened(hub, "unit3")
    record(github, "dev", head(hub, unapproved), [THREE], app=None)
    before = hub.main
    sent = {"pulls": [*numbers, unapproved], "method": method}
    hub.done("POST", f"//_admin/repositories/{REPOSITORY}/merge-queue", "", sent)
    fingerprints, reasons = reviewed(github, "dev", hub.main, app=None, since=before)
    assert fingerprints == {ONE, TWO}
    assert reasons == [f"#{unapproved}: no one but its author has approved its last commit"]


def test_reviewed_leaves_out_what_was_merged_before_the_push(hub: Hub, github: GitHub):
    before = hub.merge(reviewed_pull(hub, github, ONE, name="one"))
    commit = hub.merge(reviewed_pull(hub, github, TWO, name="two"))
    assert found(github, commit, since=before) == {TWO}


@pytest.mark.parametrize("since", ["0" * 40, ""])
def test_reviewed_is_of_the_commit_alone_when_nothing_was_before(hub: Hub, github: GitHub, since: str):
    hub.merge(reviewed_pull(hub, github, ONE, name="one"))
    commit = hub.merge(reviewed_pull(hub, github, TWO, name="two"))
    assert found(github, commit, since=since) == {TWO}


def test_reviewed_is_nothing_when_the_branch_went_back(hub: Hub, github: GitHub):
    commit = hub.main
    later_commit = hub.merge(reviewed_pull(hub, github))
    assert found(github, commit, since=later_commit) == set()


def test_reviewed_asks_for_the_branch_and_not_for_commits_of_merges(hub: Hub, github: GitHub):
    before, number = hub.main, opened(hub, "shop", *({UNIT: f"a: {each}\n"} for each in range(9)))
    commit = hub.merge(number)
    hub.state.requests.clear()
    reviewed(github, "dev", commit, app=None, since=before)
    assert sum(each["path"].partition("?")[0].endswith("/pulls") for each in hub.state.requests) == 1


# Code owners


@pytest.mark.parametrize("method", METHODS)
def test_owners_are_those_before_the_merge_and_not_when_it_was_opened(hub: Hub, github: GitHub, method: str):
    number = reviewed_pull(hub, github)
    hub.commit({".github/CODEOWNERS": "* @carol\n"})
    assert "(@carol)" in reason(github, hub.merge(number, method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("since", [True, False], ids=["push", "commit"])
def test_owners_are_not_those_that_the_pull_request_makes(hub: Hub, github: GitHub, method: str, since: bool):
    before = hub.main
    taken = {".github/CODEOWNERS": "* @eve\n"}, {".github/CODEOWNERS": "* @bob\n", UNIT: "a: 1\n"}
    number = opened(hub, "shop", *taken)
    record(github, "dev", head(hub, number), [ONE], app=None)
    hub.review(number, "eve")
    commit = hub.merge(number, method)
    fingerprints, (text,) = reviewed(github, "dev", commit, app=None, since=before if since else "")
    assert fingerprints == set()
    assert text.endswith("(@bob)")


def test_owners_after_a_rebase_are_those_of_the_pull_request_before(hub: Hub, github: GitHub):
    owners = opened(hub, "owners", {".github/CODEOWNERS": "* @carol\n"})
    hub.merge(owners, "rebase")
    number = opened(hub, "shop", {UNIT: "a: 1\n"}, {UNIT: "a: 2\n"})
    record(github, "dev", head(hub, number), [ONE], app=None)
    hub.review(number, "carol")
    assert found(github, hub.merge(number, "rebase")) == {ONE}


def test_owner_is_an_active_member_of_a_team(hub: Hub, github: GitHub):
    hub.state.teams["example", "data"] = Team(1, "example", "data", {"bob": "member", "carol": "member"}, {"carol"})
    hub.commit({".github/CODEOWNERS": "* @example/data\n"})
    commit = hub.merge(reviewed_pull(hub, github, name="one"))
    other = hub.merge(reviewed_pull(hub, github, name="two", by="carol"))
    text = "GITHUB_TOKEN may not read the members of @example/data, which owns connectors/dev/one.yaml"
    assert reason(github, commit) == text
    app = hub.state.add_app("own", "example", {**hub.state.apps[15368].permissions, "members": "read"})
    with GitHub(hub.state.app_token(app, REPOSITORY), REPOSITORY, hub.url) as own:
        assert found(own, commit) == {ONE}
        assert "no approval of its last commit by an owner" in reason(own, other)


@pytest.mark.parametrize("owners", [{".github/CODEOWNERS": None}, {".github/CODEOWNERS": "# none\n"}])
def test_reviewed_is_nothing_without_owners(hub: Hub, github: GitHub, owners: dict[str, str | None]):
    hub.commit(owners)
    assert found(github, hub.merge(reviewed_pull(hub, github))) == set()


def test_reviewed_is_nothing_when_codeowners_is_too_large_to_read(hub: Hub, github: GitHub):
    hub.commit({".github/CODEOWNERS": "* @bob\n" + "# x\n" * 300_000})
    assert "no CODEOWNERS file that can be read" in reason(github, hub.merge(reviewed_pull(hub, github)))
