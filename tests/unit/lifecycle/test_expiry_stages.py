"""When things end: each stage on each day, for connectors, datasets alone and shared datasets."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from reconciler.lifecycle import airflow, expiry
from reconciler.lifecycle.expiry import DataFate, Expiries, Expiry, Stage, apply_expiry, compute_expiry
from reconciler.lifecycle.removal import Ending
from reconciler.model.policy import ExpiryPolicy, Never, Retire
from reconciler.plan.inventory import declarations

from .fleets import LAST, USUAL, connector, dataset, exists, fleet


def on(day: str) -> date:
    return date.fromisoformat(day)


@pytest.mark.parametrize(
    ("today", "now"),
    [
        ("2026-12-16", Stage.AHEAD),
        ("2026-12-17", Stage.WARNED),
        ("2026-12-31", Stage.WARNED),
        ("2027-01-01", Stage.PAUSED),
        ("2027-01-07", Stage.PAUSED),
        ("2027-01-08", Stage.REMOVED),
        ("2030-01-01", Stage.REMOVED),
    ],
)
def test_date_is_the_last_good_day_then_come_the_days_of_grace(today: str, now: Stage):
    assert compute_expiry(LAST, USUAL, on(today)) == Expiry(now, LAST, date(2027, 1, 8))


def test_unit_is_removed_on_the_next_day_without_grace():
    strict = ExpiryPolicy(warn=timedelta(0), grace=timedelta(0))
    assert [compute_expiry(LAST, strict, on(day)).stage for day in ("2026-12-30", "2026-12-31", "2027-01-01")] == [
        Stage.AHEAD,
        Stage.WARNED,
        Stage.REMOVED,
    ]


def test_last_day_of_the_calendar_is_accepted():
    assert compute_expiry(date.max, USUAL, LAST) == Expiry(Stage.AHEAD, date.max, date.max)


@pytest.mark.parametrize("expires", [None, Never("tier 1")])
def test_unit_without_a_date_does_not_expire(expires: Never | None):
    assert compute_expiry(expires, USUAL, date.max) == Expiry()


def test_label_is_the_moment_of_removal_in_unix_milliseconds_and_is_read_back():
    end = compute_expiry(LAST, USUAL, LAST)
    assert end.label == str(int(datetime(2027, 1, 8, tzinfo=UTC).timestamp() * 1000)) == "1799366400000"
    assert expiry.removed_on({expiry.LABEL: end.label}) == date(2027, 1, 8)
    assert expiry.removed_on({"realm": "dev"}) is None
    assert expiry.removed_on({expiry.LABEL: "soon"}) is None
    assert expiry.removed_on({expiry.LABEL: "9" * 20}) == expiry.removed_on({expiry.LABEL: "9" * 63}) == date.max


SHARED = (dataset("sheets"), connector("early", date(2026, 12, 10), to="sheets"), connector("late", LAST, to="sheets"))


@pytest.mark.parametrize(
    ("units", "today", "left"),
    [
        ((connector("a", LAST),), "2027-01-07", ({"a"}, {"a"})),
        ((connector("a", LAST),), "2027-01-08", (set(), set())),
        ((dataset("a", LAST),), "2027-01-07", (set(), {"a"})),
        ((dataset("a", LAST),), "2027-01-08", (set(), set())),
        (SHARED, "2026-12-17", ({"early", "late"}, {"sheets"})),
        (SHARED, "2026-12-18", ({"late"}, {"sheets"})),
        (SHARED, "2027-01-07", ({"late"}, {"sheets"})),
        (SHARED, "2027-01-08", (set(), set())),
        # The dataset's own file names an earlier day: it stays for its connectors.
        ((dataset("sheets", date(2026, 6, 1)), *SHARED[1:]), "2027-01-07", ({"late"}, {"sheets"})),
        # Its own connector is gone, another still writes.
        (
            (connector("a", date(2026, 12, 10)), connector("b", LAST, to="a")),
            "2026-12-31",
            ({"b"}, {"a"}),
        ),
        ((*SHARED, connector("for_good", Never("x"), to="sheets")), "2030-01-01", ({"for_good"}, {"sheets"})),
        ((*SHARED, connector("undated", to="sheets")), "2030-01-01", ({"undated"}, {"sheets"})),
    ],
)
def test_dataset_expires_with_its_last_connector(units, today: str, left):
    assert exists(fleet(*units), on(today)) == left


@pytest.mark.parametrize(
    ("units", "data"),
    [
        ((connector("a", LAST),), [DataFate.DELETED]),
        ((dataset("a", LAST),), [DataFate.DELETED]),
        (SHARED, [DataFate.DELETED, DataFate.ELSEWHERE, DataFate.ELSEWHERE]),
        ((connector("a", LAST), connector("b", date(2026, 12, 10), to="a")), [DataFate.DELETED, DataFate.ELSEWHERE]),
        ((connector("a", date(2026, 12, 10)), connector("b", LAST, to="a")), [DataFate.KEPT, DataFate.ELSEWHERE]),
        ((connector("a", LAST), connector("b", Never("x"), to="a")), [DataFate.KEPT, DataFate.ELSEWHERE]),
    ],
)
def test_data_is_deleted_with_its_unit_when_no_other_unit_writes_it(units, data: list[DataFate]):
    lives = Expiries(fleet(*units), LAST)
    assert [lives.data_fate(unit) for unit in units] == data


def test_expired_connector_is_paused_without_variable_until_its_date_is_later():
    units = (connector("a", LAST), connector("b", LAST, retire=Retire("DENG-1")), connector("c"))
    during = apply_expiry(fleet(*units), on("2027-01-01"))
    paused = {unit.name: unit.connector.paused for unit in during.fleet.units if unit.connector}
    assert paused == {"a": "expired on 2026-12-31", "b": "retired: DENG-1", "c": None}
    assert airflow.variables(during.fleet, {"a": 1, "b": 2, "c": 3}) == {"c_connector_id": 3}

    extended = apply_expiry(fleet(replace(units[0], expires=on("2027-03-01"))), on("2027-01-01"))
    assert extended.fleet.units[0].connector == units[0].connector


def test_pause_of_the_files_own_stays_where_nothing_has_ended():
    unit = connector("a", LAST)
    assert unit.connector
    paused = replace(unit, connector=replace(unit.connector, paused="INC-1"))
    days = ("2026-12-31", "2027-01-01")
    left = [apply_expiry(fleet(paused), on(day)).fleet.units[0].connector for day in days]
    reasons = [connector and connector.paused for connector in left]
    assert reasons == ["INC-1", "expired on 2026-12-31"]


def test_preflight_gets_units_of_which_nothing_is_left():
    before, after = (declarations(apply_expiry(fleet(*SHARED), on(day))) for day in ("2027-01-07", "2027-01-08"))
    assert before["late"].ending == Ending("2027-01-08")
    assert before["early"].expired == "2026-12-10"
    assert before["sheets"].ending_of("sheets") == Ending("2027-01-08")
    assert before["sheets"].expired is None
    assert {name: unit.expired for name, unit in after.items()} == {
        "early": "2026-12-10",
        "late": "2026-12-31",
        "sheets": "2026-12-31",
    }
    assert all(unit.connection is None and not unit.datasets for unit in after.values())
