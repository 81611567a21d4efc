"""The destination as a subfolder's stack has it: found and compared, never written or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.resources.destination.shared import SharedDestinationProvider

from .account import Fivetran, failure
from .test_destination import PROPS

provider = SharedDestinationProvider()


def test_shared_destination_is_found_by_name_and_survives_its_stack(fivetran: Fivetran, new_run):
    made = provider.create(dict(PROPS))
    assert made.id == fivetran.group
    assert provider.read(made.id, dict(PROPS)).id == fivetran.group
    provider.delete(made.id, dict(PROPS))
    assert fivetran.writes() == []
    assert len(fivetran.snapshot()["destinations"]) == 1


@pytest.mark.parametrize("missing", ["group", "destination"])
def test_shared_destination_is_never_made(fivetran: Fivetran, new_run, missing: str):
    if missing == "group":
        fivetran.reset()
    else:
        fivetran.remove_destination(fivetran.group)
    text = failure(provider.create, dict(PROPS))
    assert "Run `pulumi up --stack dev` first: the environment's own stack has it." in text
    assert fivetran.writes() == []


def test_shared_destination_that_differs_from_the_file_is_rejected(fivetran: Fivetran, new_run):
    text = failure(provider.create, {**PROPS, "location": "EU"})
    assert "location: the file says 'EU', Fivetran has 'US'" in text


@pytest.mark.parametrize(
    ("change", "changes", "replaces"),
    [
        ({}, False, []),
        ({"time_zone_offset": "-5"}, False, []),
        ({"group": "Other", "formerly": "Group_Dev"}, True, []),
        ({"group": "Other"}, True, ["group"]),
    ],
)
def test_shared_destination_changes_only_with_its_group(change: dict[str, Any], changes: bool, replaces: list[str]):
    found = provider.diff("id", dict(PROPS), {**PROPS, **change})
    assert (found.changes, list(found.replaces or [])) == (changes, replaces)
