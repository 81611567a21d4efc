"""The marker in a variable's description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.airflow.marker import Marker, find_marker, mark

markers = st.builds(
    Marker, st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True), st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
)


@given(st.text(max_size=40).filter(lambda text: "[" not in text), markers, markers)
def test_description_keeps_its_text_and_holds_the_last_marker(text: str, first: Marker, second: Marker):
    once = mark(text, first)
    assert find_marker(once) == first
    assert text.rstrip() in once
    assert mark(once, second) == once.replace(str(first), str(second))
    assert mark(once, first) == once


def test_new_description_says_where_to_change_the_value():
    assert mark("", Marker("dev", "minor_osprey")) == (
        "The id of a Fivetran connection. Change its YAML file, not this variable. "
        "[fivetran-reconciler environment=dev connection=minor_osprey]"
    )


@pytest.mark.parametrize(
    "description",
    [
        "",
        "[fivetran-reconciler]",
        "[fivetran-reconciler environment=Dev connection=a]",
        "[fivetran-reconciler environment= connection=a]",
        "fivetran-reconciler environment=dev connection=a",
        f"{Marker('dev', 'a')} {Marker('prod', 'a')}",
    ],
)
def test_description_without_exactly_one_marker_is_not_ours(description: str):
    assert find_marker(description) is None
