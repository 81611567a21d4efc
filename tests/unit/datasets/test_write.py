"""Whatever somebody else writes beside a write of ours, mending the list comes to the one that should be there."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler import access
from reconciler.datasets import Write, missing, renamed

Entry = dict[str, Any]

ROLES = ("READER", "WRITER")
MEMBERS: list[Entry] = [{"role": role, "userByEmail": f"{name}@example.com"} for role in ROLES for name in "abc"]
VIEWS: list[Entry] = [{"view": {"projectId": "p", "datasetId": "d", "tableId": name}} for name in "uvw"]


def lists(*entries: Entry) -> st.SearchStrategy[tuple[Entry, ...]]:
    """Access lists, each entry at most once."""
    return st.lists(st.sampled_from(entries), unique_by=str).map(tuple)


everything = lists(*MEMBERS, *VIEWS)


def has(entries: Any, entry: Entry) -> bool:
    return not missing([entry], entries)


@given(before=everything, written=everything, after=everything)
def test_a_mended_list_lacks_nothing_and_needs_no_more_mending(before: Any, written: Any, after: Any):
    write = Write(before, written)
    mended = write.mended(after)
    assert write.lost(mended) == []
    assert write.returned(mended) == []
    for entry in MEMBERS:
        if has(written, entry):
            assert has(mended, entry)  # ours are there
        elif has(before, entry):
            assert not has(mended, entry)  # whom the write took access from has not got it back
        else:
            assert has(mended, entry) == has(after, entry)  # the next run's
    for entry in VIEWS:
        if has(before, entry) and not has(written, entry):
            assert has(mended, entry)  # authorised in between
        elif has(written, entry) and not has(before, entry):
            assert not has(mended, entry)  # withdrawn in between
        else:
            assert has(mended, entry) == has(after, entry)  # whatever its owner did since


@given(before=everything, written=lists(*MEMBERS))
def test_a_write_that_nobody_disturbed_needs_no_mending(before: Any, written: Any):
    written = (*written, *(entry for entry in before if entry in VIEWS))
    write = Write(before, written)
    assert (write.lost(written), write.returned(written)) == ([], [])


def test_entries_are_the_same_in_every_spelling():
    spelled = {"role": "roles/bigquery.dataViewer", "userByEmail": "A@Example.com", "domain": "", "views": []}
    assert missing([spelled], [{"role": "READER", "userByEmail": "a@example.com"}]) == []
    as_function = {"datasets": [{"datasets": [{"projectId": "p", "datasetId": "d"}], "targetTypes": ["VIEWS"]}]}
    as_rest = {"dataset": {"dataset": {"projectId": "p", "datasetId": "d"}, "targetTypes": ["VIEWS"]}}
    assert missing([as_function], [as_rest]) == []


def until(day: date | None) -> Entry:
    condition = {} if day is None else {"condition": vars(access.until(day, f"T-{day}"))}
    return {"role": "READER", "userByEmail": "a@example.com", **condition}


def test_who_keeps_a_role_for_longer_loses_nothing_and_who_keeps_it_for_less_is_told_what_is_left():
    day, later = date(2026, 12, 1), date(2026, 12, 2)
    hours = {**until(None), "condition": {"title": "hours", "expression": "x"}}
    for longer, shorter in ((until(later), until(day)), (until(None), until(day)), (until(None), hours)):
        assert Write((shorter,), (longer,)).losses == []
        assert [
            (entry, [each.as_property() for each in left]) for entry, left in Write((longer,), (shorter,)).losses
        ] == [(longer, [shorter])]
    again = {**until(day), "condition": vars(access.until(day, "another ticket"))}
    assert Write((until(day),), (again,)).losses == []
    others = ({**until(None), "role": "WRITER"}, {**until(None), "userByEmail": "b@example.com"})
    assert Write((until(None),), others).losses == [(until(None), [])]


def test_an_entry_that_bigquery_keeps_for_a_member_of_another_name_is_the_one_that_was_sent():
    sent = {"role": "READER", "groupByEmail": "team@example.io"}
    kept = {"role": "READER", "groupByEmail": "team@example.com"}
    assert renamed([*MEMBERS, sent], [*MEMBERS, kept]) == [(sent, kept)]
    for other in ({**kept, "role": "WRITER"}, {"role": "READER", "domain": "example.com"}, *VIEWS, *MEMBERS):
        assert renamed([*MEMBERS, sent], [*MEMBERS, other]) == []
