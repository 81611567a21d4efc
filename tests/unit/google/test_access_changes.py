"""What is granted and revoked between two access lists, and the list that is to be written."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.google.bigquery import access
from reconciler.google.bigquery.access import AccessEntry, MemberNames, parse_entry
from reconciler.google.bigquery.access.changes import access_changes, find_deleted_members, merge_entries
from reconciler.google.bigquery.access.live_entries import entry_key, find_renamed, have_same_entries, missing_entries

Live = dict[str, Any]

ROLES = ("READER", "WRITER")
MEMBERS: list[Live] = [{"role": role, "userByEmail": f"{name}@example.com"} for role in ROLES for name in "abc"]
VIEWS: list[Live] = [{"view": {"projectId": "p", "datasetId": "d", "tableId": name}} for name in "uvw"]
OWNERS = {"role": "OWNER", "specialGroup": "projectOwners"}
TEAM = {"role": "READER", "groupByEmail": "team@example.io"}
RENAMED = {"role": "READER", "groupByEmail": "team@example.com"}


def lists(*entries: Live) -> st.SearchStrategy[tuple[Live, ...]]:
    """Access lists, each entry at most once."""
    return st.lists(st.sampled_from(entries), unique_by=str).map(tuple)


def entries(*live: Live) -> list[AccessEntry]:
    """Entries of people, groups and service accounts."""
    return [entry for each in live if (entry := parse_entry(each)) is not None]


def until(day: date | None, ticket: str | None = "T-1") -> Live:
    condition = {} if day is None else {"condition": vars(access.until_condition(day, ticket))}
    return {"role": "READER", "userByEmail": "a@example.com", **condition}


def described(before: tuple[Live, ...], after: tuple[Live, ...]) -> list[str]:
    return [change.describe("d", MemberNames()) for change in access_changes(before, after)]


@given(declared=lists(*MEMBERS), live=lists(*MEMBERS, *VIEWS, OWNERS))
def test_merged_list_has_what_is_declared_and_the_views_that_are_there(declared: Any, live: Any):
    wanted = merge_entries(entries(*declared), live, {})
    assert have_same_entries(wanted, [*declared, OWNERS, *(each for each in live if each in VIEWS)])
    assert merge_entries(entries(*declared), wanted, {}) == wanted


def test_merged_list_keeps_what_bigquery_made_of_an_entry():
    kept_as = {entry_key(TEAM): RENAMED}
    assert have_same_entries(merge_entries(entries(TEAM), [RENAMED, OWNERS], kept_as), [RENAMED, OWNERS])
    assert have_same_entries(merge_entries(entries(TEAM), [OWNERS], kept_as), [TEAM, OWNERS])


@given(before=lists(*MEMBERS), after=lists(*MEMBERS))
def test_each_added_or_removed_entry_is_one_change(before: Any, after: Any):
    changes = access_changes(before, after)
    assert [change.entry for change in changes if change.is_grant] == missing_entries(after, before)
    assert [change.entry for change in changes if not change.is_grant] == missing_entries(before, after)


def test_change_names_role_dataset_member_last_day_and_ticket():
    timed = until(date(2027, 1, 31), "DENG-1234")
    grant = "roles/bigquery.dataViewer on dataset d"
    assert described((), (timed,)) == [f"grants {grant} to user:a@example.com until 2027-01-31 (DENG-1234)"]
    assert described((timed,), ()) == [f"revokes {grant} from user:a@example.com until 2027-01-31 (DENG-1234)"]
    assert described((), (VIEWS[0],)) == []


def test_ticket_of_a_grant_without_an_end_is_that_of_the_file():
    (change,) = access_changes((), (until(None),))
    assert change.describe("d", MemberNames(), "DENG-1").endswith("to user:a@example.com (DENG-1)")


def test_later_last_day_is_a_grant_and_an_earlier_one_a_loss():
    day, later = date(2026, 12, 1), date(2026, 12, 2)
    grant = "roles/bigquery.dataViewer on dataset d"
    assert described((until(day),), (until(later),)) == [
        f"grants {grant} to user:a@example.com until 2026-12-02 (T-1) (previously until 2026-12-01 (T-1))"
    ]
    assert described((until(None),), (until(day),)) == [
        f"revokes {grant} from user:a@example.com; the grant until 2026-12-01 (T-1) stays"
    ]
    assert described((until(day),), (until(None),)) == [
        f"grants {grant} to user:a@example.com (previously until 2026-12-01 (T-1))"
    ]
    assert described((until(day, "T-1"),), (until(day, "T-2"),)) == []


def test_deleted_member_is_found_by_the_name_it_had():
    gone = {"role": "READER", "iamMember": "deleted:user:a@example.com?uid=123"}
    assert list(find_deleted_members([*MEMBERS, gone])) == [
        ("deleted:user:a@example.com?uid=123", "user:a@example.com")
    ]


def test_missing_entries_ignores_spelling_and_empty_fields():
    spelled = {"role": "roles/bigquery.dataViewer", "userByEmail": "A@Example.com", "domain": "", "view": {}}
    assert missing_entries([spelled], [{"role": "READER", "userByEmail": "a@example.com"}]) == []
    blank = {"role": "", "dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}}
    as_rest = {"dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}}
    assert missing_entries([blank], [as_rest]) == []


def test_merge_keeps_unknown_resources_and_removes_unknown_members():
    model, member = {"model": {"projectId": "p", "modelId": "m"}}, {"role": "READER", "newKind": "x"}
    assert merge_entries([], [model, member], {}) == [model, OWNERS]
    assert described((model, member), (model, OWNERS)) == [
        "grants roles/bigquery.dataOwner on dataset d to projectOwners",
        'removes the entry {"newKind": "x", "role": "READER"} from the access list of dataset d',
    ]


def test_renamed_members_are_paired_with_their_own_names():
    sent = [{"role": "READER", "groupByEmail": f"{name}@example.io"} for name in "abc"]
    kept = [{"role": "READER", "groupByEmail": f"{name}@example.com"} for name in "cba"]
    assert find_renamed(sent, kept) == [*zip(sent, reversed(kept), strict=True)]
    assert find_renamed(sent[:2], kept[:1]) == [(sent[0], kept[0]), (sent[1], kept[0])]
    assert find_renamed([sent[0], kept[2]], [kept[2]]) == [(sent[0], kept[2])]


def test_find_renamed_pairs_an_entry_with_the_renamed_one_bigquery_stored():
    assert find_renamed([*MEMBERS, TEAM], [*MEMBERS, RENAMED]) == [(TEAM, RENAMED)]
    for other in ({**RENAMED, "role": "WRITER"}, {"role": "READER", "domain": "example.com"}, *VIEWS, *MEMBERS):
        assert find_renamed([*MEMBERS, TEAM], [*MEMBERS, other]) == []
