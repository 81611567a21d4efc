"""What holds for the ends of any fleet, on any day."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.lifecycle.expiry import LABEL, Expiries, Stage, apply_expiry, compute_expiry
from reconciler.model import Dataset, Fleet, Grant, Unit
from reconciler.model.policy import ExpiryPolicy, Never, Policy, Retire
from reconciler.plan.inventory import declarations
from reconciler.plan.rejections import Rules, rejections

from .fleets import connector, dataset, exists, fleet

#: Few enough that days meet.
DAYS = st.dates(date(2026, 12, 25), date(2027, 1, 10))
ENDS = st.none() | st.just(Never("x")) | DAYS
#: Usual ones, and those of which every day is another stage.
SPANS = st.sampled_from([timedelta(days) for days in (0, 1, 7, 400)])
EXPIRES = st.builds(ExpiryPolicy, warn=SPANS, grace=SPANS)
FORBIDDEN = st.just(ExpiryPolicy(forbidden=True))
RETIRES = st.sampled_from([None, Retire("DENG-1")])


@st.composite
def fleets(draw: st.DrawFn, policy: st.SearchStrategy[ExpiryPolicy] = EXPIRES) -> Fleet:
    """Connectors with their datasets, datasets alone, and datasets of either kind that further connectors write."""
    units: list[Unit] = []
    for name in "abc"[: draw(st.integers(1, 3))]:
        make = connector if draw(st.booleans()) else dataset
        units.append(make(name, draw(ENDS), retire=draw(RETIRES)))
        units += [
            connector(f"{name}{number}", draw(ENDS), to=name, retire=draw(RETIRES))
            for number in range(draw(st.integers(0, 2)))
        ]
    return fleet(*units, policy=Policy(draw(policy), draw(st.sampled_from(["file", "retire"]))))


def running(of: Fleet, today: date) -> set[str]:
    """The connectors that an end does not keep from running."""
    return {unit.name for unit in apply_expiry(of, today).fleet.units if unit.connector and not unit.connector.ended}


@given(fleets(FORBIDDEN), DAYS)
def test_nothing_expires_is_labelled_or_paused_when_expiry_is_forbidden(of: Fleet, today: date):
    staged = apply_expiry(of, today)
    for unit, left in zip(of.units, staged.fleet.units, strict=True):
        paused = unit.retire is not None and unit.connector is not None
        assert left == unit or (paused and left.connector is not None and left.connector.ended)
        assert all(LABEL not in each.labels for each in left.all_datasets)
    for declaration in declarations(staged).values():
        assert declaration.expired is None
        assert declaration.ending.removed_on is None
        assert all(ending.removed_on is None for ending in declaration.dataset_endings.values())


@given(fleets(), DAYS, DAYS)
def test_expiry_stages_never_go_back_with_the_days(of: Fleet, one: date, other: date):
    first, second = sorted((one, other))
    for before, after in zip(exists(of, first), exists(of, second), strict=True):
        assert after <= before
    assert running(of, second) <= running(of, first)


@given(ENDS, EXPIRES, DAYS, DAYS)
def test_stages_never_go_back_as_days_pass(expires, policy: ExpiryPolicy, one: date, other: date):
    order = list(Stage)
    first, second = (compute_expiry(expires, policy, day) for day in sorted((one, other)))
    assert order.index(first.stage) <= order.index(second.stage)


@given(fleets(), DAYS)
def test_dataset_expires_with_the_last_connector_that_writes_it(of: Fleet, today: date):
    connectors, datasets = exists(of, today)
    by_name = {unit.name: unit for unit in of.units}
    for unit in of.units:
        for each in unit.datasets:
            writers = {writer.name for writer in of.writers_of(each)}
            if writers & connectors:
                assert each.id in datasets
            if not writers or writers & connectors:
                continue
            own = by_name[unit.name].expires
            # `validate` rejects a date in the dataset's own file that is later than every connector's.
            later = (
                isinstance(own, date)
                and compute_expiry(own, of.environment.policy.expiry, today).stage is not Stage.REMOVED
            )
            assert (each.id in datasets) == (isinstance(own, Never) or later)


@given(DAYS | st.none(), DAYS, DAYS, DAYS)
def test_shared_dataset_expires_with_its_last_connector_or_later(own, first, second, today):
    of = fleet(dataset("s", own), connector("a", first, to="s"), connector("b", second, to="s"))
    lives = Expiries(of, today)
    assert lives.dataset_expiry(of.units[0], of.units[0].datasets[0]).last_day == max(
        filter(None, (own, first, second))
    )


@given(fleets(), DAYS, st.data())
def test_later_date_before_the_removal_acts_as_if_it_was_the_first_one(of: Fleet, today: date, data: st.DataObject):
    unit, grace = data.draw(st.sampled_from(of.units)), of.environment.policy.expiry.grace.days
    ends = today + timedelta(data.draw(st.integers(-grace, 60)))
    later = max(today, ends + timedelta(data.draw(st.integers(1, 400))))
    short, extended = (
        replace(of, units=tuple(replace(each, expires=end) if each is unit else each for each in of.units))
        for end in (ends, later)
    )
    was, now = apply_expiry(short, today), apply_expiry(extended, today)
    before, after = declarations(was), declarations(now)
    assert rejections(before, after, Rules(today, removal=(of.environment.policy.removal,))) == ()
    (left,) = (each for each in now.fleet.units if each.name == unit.name)
    if unit.retire is None:
        assert left.connector == unit.connector
    assert {each.id for each in left.datasets} == {each.id for each in unit.datasets}
    # What does not depend on that date does not change with it.
    for name in set(after) - {unit.name, unit.dataset_unit}:
        assert after[name] == before[name]


@given(fleets(), DAYS, DAYS)
def test_announced_removal_is_allowed_when_its_day_comes(of: Fleet, one: date, other: date):
    first, second = sorted((one, other))
    before, after = (declarations(apply_expiry(of, day)) for day in (first, second))
    assert rejections(before, after, Rules(second, removal=(of.environment.policy.removal,))) == ()


@given(st.lists(st.none() | DAYS, max_size=4), DAYS, st.booleans())
def test_access_stays_through_its_last_day_also_when_expiry_is_forbidden(ends, today, forbidden):
    grants = tuple(Grant("roles/bigquery.dataViewer", (f"user:{i}@example.com",), until=e) for i, e in enumerate(ends))
    access = Dataset("d", "US", access=grants)
    unit = dataset("d", datasets=(access,), former_datasets=(replace(access, id="old"),))
    staged = apply_expiry(fleet(unit, policy=Policy(ExpiryPolicy(forbidden=forbidden))), today)
    left = tuple(grant for grant in grants if grant.until is None or grant.until >= today)
    assert [each.access for each in staged.fleet.units[0].all_datasets] == [left, left]
    assert staged.expiries.fleet.units[0] == unit
