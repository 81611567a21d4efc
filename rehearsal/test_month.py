"""Thirty days of pull requests, merges, edits by hand, expiries and faults on an estate of 60 units.

On each day the workflows do what they always do, with the real engine and `reconciler review`. `reconciler agrees`
compares with the reviews that the local GitHub has. What must hold on each evening: nothing undeclared is touched,
nothing declared is missing, nothing is left over, and nothing was deleted without a review or a schedule.
`REHEARSAL_SEED` repeats a month, `REHEARSAL_DAYS` and `REHEARSAL_UNITS` make it smaller.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.engine.admin import Admin
from tests.engine.workspace import Workspace
from tests.hub import REPOSITORY, Hub, hub

from rehearsal.estate import BY_HAND, GRACE, Estate, Files, Stopped
from rehearsal.scene import APP, APP_MAY

DAYS = int(os.environ.get("REHEARSAL_DAYS", "30"))
UNITS = int(os.environ.get("REHEARSAL_UNITS", "60"))
SEED = int(os.environ.get("REHEARSAL_SEED", "1"))
FIRST = date(2027, 1, 1)


def live(admin: Admin) -> dict[str, Any]:
    """Return the connections by name."""
    return admin.connections()


def datasets(admin: Admin) -> set[str]:
    """Return the ids of the datasets."""
    return set(admin.gcp("GET", "/state")["projects"]["dev-project"]["datasets"])


def merge(estate: Estate, number: int | None, head: Files, trouble: str = "") -> None:
    """Merge a pull request that a code owner approved, and repeat the run until it ends."""
    estate.files = head
    if number is not None:
        estate.hub.merge(number)
    for attempt in range(5):
        try:
            done = estate.apply(trouble=trouble if attempt == 0 else "")
        except Stopped as stopped:
            estate.note(f"stopped: {stopped}")
            estate.approved |= stopped.fingerprints
            continue
        if done is not None and done.code == 0:
            return
        estate.note(f"attempt {attempt}: {'killed' if done is None else 'failed'}")
    raise AssertionError("\n".join([*estate.diary, done.out if done else "killed"]))


def night(estate: Estate) -> None:
    """Let the daily run of the next day apply what is scheduled, and ask about the rest."""
    estate.day += timedelta(days=1)
    estate.report_drift()
    for _ in range(3):
        try:
            done = estate.apply(refresh=True)
        except Stopped as stopped:
            estate.note(f"the daily run asks: {stopped}")
            estate.approved |= stopped.fingerprints
            continue
        assert done is not None
        assert done.code == 0, "\n".join([*estate.diary, done.out])
        break
    else:
        raise AssertionError("\n".join([*estate.diary, "the daily run asks again and again"]))
    estate.drift.clear()
    swept = estate.sweep()
    if swept:
        estate.note(f"swept {', '.join(swept)}")


def check_evening(estate: Estate, foreign: dict[str, Any], before: set[str], before_datasets: set[str]) -> None:
    """Hold what must be true on every evening."""
    story = "\n".join(estate.diary)
    now, now_datasets = live(estate.admin), datasets(estate.admin)
    foreign = foreign | estate.undeclared
    assert {name: now.get(name) for name in foreign} == foreign, story
    declared = {
        name for name, unit in estate.files.items() if date.fromisoformat(unit["expires"]) + GRACE >= estate.day
    }
    assert now.keys() - foreign.keys() == declared, story
    assert now_datasets - {"others"} == declared, story
    for name in declared:
        unit = estate.files[name]
        dataset = estate.admin.dataset("dev-project", name)
        assert "curious" not in str(dataset["access"]), story
        assert str(dataset.get("defaultTableExpirationMs")) != "3600000", story
        settings = now[name]["sync_frequency"], now[name]["config"]["historical_sync_time_frame"]
        assert settings == (360, "ALL_TIME"), f"{name}\n{story}"
        should_pause = "paused" in unit["connector"] or date.fromisoformat(unit["expires"]) < estate.day
        if should_pause or name not in estate.paused_by_hand:
            assert now[name]["paused"] == should_pause, f"{name}\n{story}"
    gone = {("connection_deleted", f"connection {name}") for name in before - now.keys()}
    gone |= {("dataset_deleted", f"dataset {name}") for name in before_datasets - now_datasets}
    assert gone <= estate.may_be_deleted, story


@pytest.fixture
def github(tmp_path: Path) -> Iterator[Hub]:
    """Serve a repository on a local GitHub."""
    with hub(tmp_path / "github") as found:
        yield found


@pytest.mark.parametrize("seed", [SEED], ids=[f"{DAYS} days, {UNITS} units, seed {SEED}"])
def test_month_of_runs_changes_only_what_was_declared_and_reviewed(
    workspace: Workspace, admin: Admin, github: Hub, seed: int
):
    app = github.state.add_app(APP, "example", APP_MAY)
    github.state.install(app, REPOSITORY)
    estate = Estate(workspace, admin, github, app, random.Random(seed), FIRST)
    chance = estate.chance
    for _ in range(UNITS):
        estate.new_unit(chance.randint(3, 60))
    head, estate.files = estate.files, {}
    merge(estate, estate.propose(head), head)
    group = admin.snapshot()["groups"][0]["id"]
    admin.make(group_id=group, service="stripe", config={"schema": "by_hand", "api_key": "x"}, paused=True)
    admin.gcp("PUT", "/datasets/dev-project/others", {})
    foreign = {"by_hand": live(admin)["by_hand"]}
    for day in range(DAYS):
        before, before_datasets = set(live(admin)), datasets(admin)
        if chance.random() < 0.8:
            main = estate.copy_files()
            estate.note("; ".join(estate.change_files(chance.randint(1, 4))))
            head, estate.files = estate.files, main
            number = estate.propose(head)
            if chance.random() < 0.3:
                estate.note(estate.edit_by_hand(only_pause=True))
            merge(estate, number, head, chance.choice(["", "", "", "kill", "errors"]))
        # At the latest on the last days, each kind of edit was dealt once.
        if chance.random() < 0.7 or len(BY_HAND) - len(estate.dealt) >= DAYS - day:
            estate.note(estate.edit_by_hand())
        night(estate)
        check_evening(estate, foreign, before, before_datasets)
    assert len(estate.dealt) == min(len(BY_HAND), DAYS)
    estate.note(f"by hand there were: {', '.join(sorted(estate.dealt))}")
