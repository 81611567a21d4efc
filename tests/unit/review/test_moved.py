"""A change of a unit that is renamed at the same time, and datasets that another unit declares than before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.review.previews import unit
from tests.unit.review.quick_engine import Files
from tests.unit.review.test_every_key import review_of

ALONE: Mapping[str, Any] = {"description": "x", "owners": ["a@example.com"]}


def writer(dataset: Any, **more: Any) -> dict[str, Any]:
    """Return a unit whose connector writes a table into the dataset `finance`."""
    connector = {
        "service": "google_sheets",
        "destination": {"schema": "finance", "table": "budget"},
        "config": {"sheet_id": "abc", "named_range": "budget", "auth_type": "ServiceAccount"},
    }
    return {**ALONE, "connector": connector, "dataset": dataset, **more}


def review(folder: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return class, kind and text of what a change does."""
    found = review_of(Files(folder, before), Files(folder, after))
    assert all(each.place for each in found)
    return [(each.severity, each.kind, each.text) for each in found if each.kind != "quota"]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ({"dataset": {"sensitive": True}}, {}, "sensitive_removed"),
        ({"expires": "2027-03-01"}, {"expires": "2027-01-01"}, "removal_moved"),
        ({}, {"expires": "2027-01-01"}, "removal_moved"),
    ],
)
def test_change_of_a_unit_needs_approval_also_when_it_is_renamed(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any], kind: str
):
    before, after = {"shop": unit(**old)}, {"store": unit(formerly="shop", **new)}
    found = review(tmp_path, before, after)
    same = review(tmp_path, {"shop": unit(**old)}, {"shop": unit(**new)})
    assert [each for each in found if each[0] == "stop"] == [each for each in same if each[0] == "stop"]
    assert [each[1] for each in found] == [kind, "unit_renamed"]


def test_dataset_that_another_unit_declares_is_shown_and_its_data_stays(tmp_path: Path):
    found = review(tmp_path, {"finance": {**ALONE, "dataset": {}}, "budget": writer("finance")}, {"budget": writer({})})
    text = "declares the dataset finance in the unit budget, no longer in finance: the dataset and its data stay"
    assert found == [("note", "dataset_moved", text)]


@pytest.mark.parametrize(
    ("sensitive", "more", "kind"),
    [(True, {}, "sensitive_removed"), (False, {"expires": "2027-01-01"}, "removal_moved")],
)
def test_dataset_needs_approval_for_what_changes_while_it_moves_to_another_unit(
    tmp_path: Path, sensitive: bool, more: dict[str, Any], kind: str
):
    before = {"finance": {**ALONE, "dataset": {"sensitive": sensitive}}, "budget": writer("finance")}
    found = review(tmp_path, before, {"budget": writer({}, **more)})
    assert [each[:2] for each in found] == [("stop", kind), ("note", "dataset_moved")]


def test_retirement_ends_for_a_dataset_that_moves_to_a_unit_that_stays(tmp_path: Path):
    retire = {"retire": {"ticket": "T-1"}}
    after = {"finance": {**ALONE, "dataset": {}}, "budget": writer("finance", **retire)}
    found = review(tmp_path, {"budget": writer({}, **retire)}, after)
    assert ("note", "retirement_changed", "no longer retires the dataset finance") in found
