"""Who gains and who loses access to change connectors, as a reviewer reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.config import load
from reconciler.review.consequence import Consequence
from reconciler.review.preview import Step, read_preview
from reconciler.review.requests import requests_of
from reconciler.review.review import find_consequences

from .previews import ENVIRONMENT, TODAY, consequences, stack, step

ANN, TEAM = "user:ann@example.com", "team:Data Engineering"
EDIT, VIEW = "Edit Destination", "View Destination"
GROUP = "in the Fivetran group Group_Dev"


def review(folder: Path, operation: str, old: Any, new: Any, *grants: dict[str, Any]) -> list[Consequence]:
    """Return what a reviewer gets for one step of the group's access."""
    environment = {**ENVIRONMENT, "fivetran": {**ENVIRONMENT["fivetran"], "access": list(grants)}}
    common = {"group": "Group_Dev", "undeclared_access": "reported"}
    states = [None if state is None else {**common, **state} for state in (old, new)]
    return consequences(folder, {"environment": environment}, step(operation, "GroupAccess", "dev", *states))


def found(consequences: list[Consequence]) -> list[tuple[str, str]]:
    return [(each.severity, each.text) for each in consequences]


def grant(role: str, member: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "members": [member], **more}


def test_each_grant_and_revocation_stops_and_names_what_the_role_allows(tmp_path: Path):
    old, new = {"members": {ANN: EDIT, "user:bob@example.com": VIEW}}, {"members": {ANN: VIEW, TEAM: EDIT}}
    items = review(tmp_path, "update", old, new, grant(VIEW, ANN), grant(EDIT, TEAM, ticket="DENG-1"))
    assert sorted(found(items)) == [
        ("stop", f"changes the role of {ANN} {GROUP} from {EDIT} to {VIEW}, who can then see connectors"),
        ("stop", f"grants {EDIT} {GROUP} to {TEAM} (DENG-1), who can then change and delete connectors"),
        (
            "stop",
            f"revokes {VIEW} {GROUP} from user:bob@example.com, who can no longer see connectors. "
            f"Members of {TEAM} ({EDIT}) have that role",
        ),
    ]
    assert all(each.fingerprint("dev") for each in items)
    lines = {each.object.rpartition(": ")[2]: each.place.rpartition("/")[2] for each in items}
    assert lines[TEAM] == "environment.yaml:14:7"


def test_lapsed_role_and_an_undeclared_one_are_revoked_without_a_review(tmp_path: Path):
    old = {"members": {ANN: VIEW}, "until": {ANN: "2026-11-30"}, "undeclared": {TEAM: EDIT}}
    new = {"members": {}, "undeclared_access": "revoked"}
    items = review(
        tmp_path, "update", {**old, "undeclared_access": "revoked"}, new, grant(VIEW, ANN, until="2026-11-30")
    )
    assert found(items) == [
        ("note", f"revokes {EDIT} {GROUP} from {TEAM}, whom no file declares"),
        ("note", f"revokes {VIEW} {GROUP} from {ANN}: its last day was 2026-11-30"),
    ]
    assert [each.is_scheduled for each in items] == [False, True]


def test_later_last_day_is_stopped_and_an_earlier_one_is_noted(tmp_path: Path):
    short, long = ({"members": {ANN: VIEW}, "until": {ANN: day}} for day in ("2026-12-10", "2026-12-20"))
    later = review(tmp_path, "update", short, long, grant(VIEW, ANN, until="2026-12-20"))
    assert found(later) == [("stop", f"keeps {VIEW} {GROUP} for {ANN} until 2026-12-20, instead of until 2026-12-10")]
    permanent = review(tmp_path, "update", short, {"members": {ANN: VIEW}}, grant(VIEW, ANN))
    assert found(permanent) == [("stop", f"keeps {VIEW} {GROUP} for {ANN}, instead of until 2026-12-10")]
    earlier = review(tmp_path, "update", long, short, grant(VIEW, ANN, until="2026-12-10"))
    assert [each.severity for each in earlier] == ["note"]


def test_later_last_day_is_stopped_when_the_address_is_in_another_case(tmp_path: Path):
    old = {"members": {ANN.replace("ann", "ANN"): VIEW}, "until": {ANN.replace("ann", "ANN"): "2026-12-10"}}
    later = review(tmp_path, "update", old, {"members": {ANN: VIEW}}, grant(VIEW, ANN))
    assert found(later) == [("stop", f"keeps {VIEW} {GROUP} for {ANN}, instead of until 2026-12-10")]
    same = {"members": {ANN: VIEW}, "until": {ANN: "2026-12-10"}}
    assert review(tmp_path, "update", old, same, grant(VIEW, ANN, until="2026-12-10")) == []


def test_first_list_is_one_consequence_that_names_all_members(tmp_path: Path):
    new = {"members": {ANN: VIEW, TEAM: EDIT}, "undeclared_access": "revoked"}
    [item] = review(tmp_path, "create", None, new, grant(VIEW, ANN), grant(EDIT, TEAM))
    text = f"declares who can change connectors {GROUP}: {EDIT} to {TEAM}; {VIEW} to {ANN}. Revokes the roles of all"
    assert (item.severity, item.text) == ("stop", f"{text} other users and teams")


@pytest.mark.parametrize("recorded", [None, "2027-02-01"])
def test_role_whose_last_day_a_change_moves_into_the_past_is_stopped(tmp_path: Path, recorded: str | None):
    old = {"members": {ANN: VIEW}, "until": {ANN: recorded} if recorded else {}}
    [revoked] = review(tmp_path, "update", old, {"members": {}}, grant(VIEW, ANN, until="2026-11-30"))
    assert revoked.severity == "stop"
    assert not revoked.is_scheduled
    assert revoked.text.endswith("who can no longer see connectors. The file says that its last day was 2026-11-30")


def test_last_administrator_that_gets_another_role_is_shown_as_kept(tmp_path: Path):
    manage = "Manage Destination"
    kept = ". Where no other administrator is left, the run keeps this role and fails"
    for others, end in (({}, kept), ({TEAM: manage}, "")):
        old, new = {"members": {ANN: manage, **others}}, {"members": {ANN: VIEW, **others}}
        [changed] = review(tmp_path, "update", old, new, grant(VIEW, ANN))
        assert changed.text.endswith(f"to {VIEW}, who can then see connectors{end}")


def test_policy_that_begins_to_revoke_names_the_members_that_the_preview_found(tmp_path: Path):
    old, new = {"members": {ANN: VIEW, "user:b@x.org": VIEW}}, {"members": {ANN: VIEW}, "undeclared_access": "revoked"}
    messages = [
        f"connectors/dev/environment.yaml:5:3: revokes {role} {GROUP} from {member}\n"
        for role, member in ((EDIT, TEAM), (VIEW, "user:b@x.org"), (VIEW, "user:Dan@example.com"))
    ]
    review(tmp_path, "update", old, new, grant(VIEW, ANN))
    states = [{"group": "Group_Dev", "undeclared_access": "reported", **each} for each in (old, new)]
    document = {
        "steps": [stack(), step("update", "GroupAccess", "dev", *states)],
        "diagnostics": [{"severity": "warning", "message": each} for each in messages],
    }
    preview = read_preview(json.dumps(document), "preview.json", "dev")
    shown = find_consequences(preview, load(tmp_path, tmp_path, TODAY), "dev", TODAY, {})
    [begins] = [each.text for each in shown if each.kind == "fivetran_access_complete"]
    assert begins.endswith(f"that no file declares: {TEAM} ({EDIT}) and user:Dan@example.com ({VIEW})")


def test_policy_that_begins_to_revoke_is_stopped(tmp_path: Path):
    old, new = {"members": {ANN: VIEW}}, {"members": {ANN: VIEW}, "undeclared_access": "revoked"}
    text = "revokes the roles in the Fivetran group Group_Dev from all users and teams that no file declares"
    text += ": `reconciler unmanaged -e dev` lists them"
    assert found(review(tmp_path, "update", old, new, grant(VIEW, ANN))) == [("stop", text)]


def test_removed_list_leaves_the_members_their_roles(tmp_path: Path):
    [item] = review(tmp_path, "delete", {"members": {ANN: VIEW}}, None)
    assert item.severity == "note"
    assert f"{ANN} keep their role" in item.text


def test_forecast_counts_a_request_for_each_changed_role():
    old, new = {"members": {ANN: VIEW, "user:bob@example.com": VIEW}}, {"members": {ANN: VIEW, TEAM: EDIT}}
    assert requests_of(Step("update", "GroupAccess", "dev", old, new)) == 4
    assert requests_of(Step("create", "GroupAccess", "dev", {}, new)) == 4
    assert requests_of(Step("delete", "GroupAccess", "dev", old)) == 0
