"""Edits of one value: only this value changes, and every other line has the same bytes."""

from __future__ import annotations

import copy
import difflib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.edits.source import EditRejected, Source
from reconciler.edits.splices import append, remove, set_value

from .documents import DATA, KEY, SCALAR, documents


def paths(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(deeper for step, value in inner for deeper in paths(value, (*path, step)))]


def at(data: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        data = data[step]
    return data


def blocks_changed(before: bytes, after: bytes) -> int:
    """Return how many separate ranges of lines differ."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(True), after.splitlines(True), autojunk=False)
    return sum(tag != "equal" for tag, *_ in matcher.get_opcodes())


@given(documents())
def test_source_reads_the_values_of_a_file(document: tuple[dict[str, Any], bytes]):
    data, raw = document
    source = Source.read(raw, "a.yaml")
    assert source.data == data
    assert source.raw == raw


@given(documents(), st.data())
def test_set_value_changes_one_value_and_no_other_line(document: tuple[dict[str, Any], bytes], draw: st.DataObject):
    data, raw = document
    path = draw.draw(st.sampled_from(paths(data)[1:]))
    value = draw.draw(SCALAR)
    source = Source.read(raw, "a.yaml")
    edited = set_value(source, path, value)
    expected = copy.deepcopy(data)
    at(expected, path[:-1])[path[-1]] = value
    assert edited.data == expected
    assert blocks_changed(raw, edited.raw) <= 1
    assert set_value(edited, path, value).raw == edited.raw


@given(documents(), st.data())
def test_set_value_adds_a_key_and_keeps_every_line(document: tuple[dict[str, Any], bytes], draw: st.DataObject):
    data, raw = document
    parents = [path for path in paths(data) if isinstance(at(data, path), dict)]
    path = draw.draw(st.sampled_from(parents))
    key = draw.draw(KEY.filter(lambda each: each not in at(data, path)))
    value = draw.draw(SCALAR | DATA)
    order = draw.draw(st.permutations([key, *at(data, path)]))
    source = Source.read(raw, "a.yaml")
    edited = set_value(source, (*path, key), value, order=order)
    expected = copy.deepcopy(data)
    at(expected, path)[key] = value
    assert edited.data == expected
    assert blocks_changed(raw, edited.raw) == 1


def test_set_value_adds_a_key_to_an_empty_item_before_a_tab_and_a_comment():
    source = Source.read(b"- {}\t# why\n- b: 1\n", "a.yaml")
    edited = set_value(source, (0, "a"), 1, order=["a"])
    assert edited.raw == b"- # why\n  a: 1\n- b: 1\n"


@given(documents(), st.data())
def test_append_adds_an_item_and_keeps_every_line(document: tuple[dict[str, Any], bytes], draw: st.DataObject):
    data, raw = document
    lists = [path for path in paths(data) if isinstance(at(data, path), list)]
    if not lists:
        return
    path, value = draw.draw(st.sampled_from(lists)), draw.draw(SCALAR | DATA)
    edited = append(Source.read(raw, "a.yaml"), path, value)
    expected = copy.deepcopy(data)
    at(expected, path).append(value)
    assert edited.data == expected
    assert blocks_changed(raw, edited.raw) == 1


@given(documents(), st.data())
def test_remove_takes_one_entry_and_no_other_line(document: tuple[dict[str, Any], bytes], draw: st.DataObject):
    data, raw = document
    path = draw.draw(st.sampled_from(paths(data)[1:]))
    source = Source.read(raw, "a.yaml")
    try:
        edited = remove(source, path)
    except EditRejected as error:
        if "a comment stands between this entry and the next" not in str(error):
            raise
        assume(False)
    expected = copy.deepcopy(data)
    while len(path) > 1 and len(at(expected, path[:-1])) == 1:
        path = path[:-1]
    del at(expected, path[:-1])[path[-1]]
    assert edited.data == expected
    assert blocks_changed(raw, edited.raw) == 1


def test_remove_rejects_a_key_with_a_question_mark():
    with pytest.raises(EditRejected, match=r"^a.yaml:1:3: a key in the form `\? key`"):
        remove(Source.read(b"? a\n: 1\nb: 2\n", "a.yaml"), ("a",))
