"""Pull requests of the local GitHub, held against what GitHub's documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hub import REPOSITORY, UNIT, Hub
from tests.hub import hub as serve


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serve(tmp_path) as found:
        yield found


def opened(hub: Hub, branch: str = "change", files: dict[str, str | None] | None = None) -> int:
    hub.branch(branch, files or {UNIT: "a: 1\n"})
    return hub.open(branch)


def test_merge_commit_keeps_the_commits_and_names_both_parents(hub: Hub):
    before, number = hub.main, opened(hub)
    head = hub.pull(number)["head"]["sha"]
    merged = hub.merge(number)
    assert hub.main == merged == hub.pull(number)["merge_commit_sha"]
    assert [each["sha"] for each in hub.done("GET", f"/commits/{merged}", hub.bot)["parents"]] == [before, head]
    for sha in (merged, head):
        assert [each["number"] for each in hub.done("GET", f"/commits/{sha}/pulls", hub.bot)] == [number]


def test_squash_brings_one_commit_that_the_pull_request_is_listed_for(hub: Hub):
    before, number = hub.main, opened(hub)
    hub.commit({UNIT: "a: 2\n"}, "change")
    head, merged = hub.pull(number)["head"]["sha"], hub.merge(number, "squash")
    shown = hub.done("GET", f"/commits/{merged}", hub.bot)
    assert [each["sha"] for each in shown["parents"]] == [before]
    assert shown["commit"]["message"] == f"Change (#{number})"
    assert [each["number"] for each in hub.done("GET", f"/commits/{merged}/pulls", hub.bot)] == [number]
    assert hub.pull(number)["head"]["sha"] == head


def test_rebase_brings_each_commit_anew(hub: Hub):
    number = opened(hub)
    hub.commit({"other": "x"}, "change", message="second")
    hub.commit({"README.md": "moved on\n"}, message="elsewhere")
    before, merged = hub.main, hub.merge(number, "rebase")
    compared = hub.done("GET", f"/compare/{before}...{merged}", hub.bot)
    assert [each["commit"]["message"] for each in compared["commits"]] == ["x", "second"]
    assert compared["status"] == "ahead"
    for each in compared["commits"]:
        found = hub.done("GET", f"/commits/{each['sha']}/pulls", hub.bot)
        assert [pull["merge_commit_sha"] for pull in found] == [merged]


def test_merge_with_a_conflict_is_not_possible(hub: Hub):
    number = opened(hub, files={"README.md": "one\n"})
    hub.commit({"README.md": "two\n"})
    assert hub.ask("PUT", f"/pulls/{number}/merge", hub.people["carol"], {}).status_code == 405


def test_merge_of_a_head_that_moved_is_a_conflict(hub: Hub):
    number = opened(hub)
    old = hub.pull(number)["head"]["sha"]
    hub.commit({UNIT: "a: 3\n"}, "change")
    assert hub.ask("PUT", f"/pulls/{number}/merge", hub.people["carol"], {"sha": old}).status_code == 409


def test_push_moves_the_head_until_the_merge(hub: Hub):
    number = opened(hub)
    pushed = hub.commit({UNIT: "a: 2\n"}, "change")
    assert hub.pull(number)["head"]["sha"] == pushed
    assert hub.repository.git.refs("refs/pull") == {f"refs/pull/{number}/head": pushed}
    hub.merge(number)
    hub.commit({UNIT: "a: 3\n"}, "change")
    assert hub.pull(number)["head"]["sha"] == pushed


def test_files_have_the_old_name_of_a_renamed_one(hub: Hub):
    number = opened(hub, files={"README.md": None, "READ.md": "data\n"})
    found = hub.done("GET", f"/pulls/{number}/files", hub.bot)
    assert [(each["status"], each["filename"], each["previous_filename"]) for each in found] == [
        ("renamed", "READ.md", "README.md")
    ]


def test_review_is_of_the_head_and_can_be_dismissed(hub: Hub):
    number = opened(hub)
    first = hub.review(number)
    assert (first["state"], first["commit_id"]) == ("APPROVED", hub.pull(number)["head"]["sha"])
    path = f"/pulls/{number}/reviews/{first['id']}/dismissals"
    assert hub.done("PUT", path, hub.people["carol"], {"message": "stale"})["state"] == "DISMISSED"
    assert hub.ask("PUT", path, hub.people["carol"], {"message": "again"}).status_code == 422


def test_review_of_the_author_approves_nothing(hub: Hub):
    number = opened(hub)
    answer = hub.ask("POST", f"/pulls/{number}/reviews", hub.people["ann"], {"event": "APPROVE"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == ["Can not approve your own pull request"]


def test_review_without_an_event_is_pending_and_unseen(hub: Hub):
    number = opened(hub)
    found = hub.done("POST", f"/pulls/{number}/reviews", hub.people["bob"], {})
    assert found["state"] == "PENDING"
    assert hub.done("GET", f"/pulls/{number}/reviews", hub.people["ann"]) == []
    sent = {"event": "APPROVE"}
    path = f"/pulls/{number}/reviews/{found['id']}/events"
    assert hub.done("POST", path, hub.people["bob"], sent)["state"] == "APPROVED"


def test_pull_request_of_a_fork_brings_its_commits(hub: Hub):
    fork = hub.state.add_repository("eve/data", parent=REPOSITORY)
    fork.git.fetch(hub.repository.git.folder, "main")
    fork.git.update("refs/heads/main", hub.main)
    sha = fork.git.write("change", {UNIT: "a: 1\n"}, "x", hub.state.signature("eve"))
    number = hub.open("eve:change", login="eve")
    shown = hub.pull(number)
    assert (shown["head"]["repo"]["full_name"], shown["head"]["repo"]["fork"]) == ("eve/data", True)
    assert hub.repository.git.refs("refs/pull") == {f"refs/pull/{number}/head": sha}


def test_two_pull_requests_of_one_branch_are_rejected(hub: Hub):
    opened(hub)
    answer = hub.ask("POST", "/pulls", hub.people["ann"], {"title": "x", "head": "change", "base": "main"})
    assert answer.json()["errors"][0]["message"] == "A pull request already exists for example:change."


def test_compare_pages_its_commits_and_lists_the_files_once(hub: Hub):
    before = hub.main
    for number in range(5):
        hub.commit({f"file{number}": "x"}, message=str(number))
    first = hub.ask("GET", f"/compare/{before}...main", hub.bot, per_page="2")
    assert (first.json()["total_commits"], len(first.json()["files"])) == (5, 5)
    second = hub.ask("GET", first.links["next"]["url"].partition(REPOSITORY)[2], hub.bot).json()
    assert [each["commit"]["message"] for each in second["commits"]] == ["2", "3"]
    assert "files" not in second
    assert hub.done("GET", f"/compare/main...{before}", hub.bot)["status"] == "behind"


def test_merge_queue_moves_the_branch_once_for_several(hub: Hub):
    numbers = [opened(hub, f"change{each}", {f"connectors/dev/{each}.yaml": "a: 1\n"}) for each in range(2)]
    found = hub.done("POST", f"//_admin/repositories/{REPOSITORY}/merge-queue", "", {"pulls": numbers})
    assert found["after"] == hub.main == found["merged"][-1]
    compared = hub.done("GET", f"/compare/{found['before']}...{found['after']}", hub.bot)
    assert compared["total_commits"] == 4
