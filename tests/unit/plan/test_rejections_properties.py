"""What holds for every step, whatever files and states there are."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.lifecycle.removal import Ending, Removals, may_remove
from reconciler.model.policy import DeleteGuard
from reconciler.plan.inventory import Declared
from reconciler.plan.rejections import Rules, rejections

TODAY = date(2027, 1, 10)
NAMES = st.sampled_from("abcdefgh")
DAYS = st.integers(-3, 3).map(lambda days: (TODAY + timedelta(days)).isoformat())
ENDINGS = st.builds(Ending, st.none() | DAYS, st.booleans(), st.booleans())
REMOVALS = st.sampled_from([Removals(), Removals(True), Removals(True, 3), Removals(True, 99)])
GUARDS = st.builds(DeleteGuard, st.integers(0, 100), st.integers(0, 9))


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Declared]:
    """Units that each have a connection, a dataset or both, of their own name."""
    found = {}
    for name in draw(st.sets(NAMES)):
        connection, dataset = draw(st.sampled_from([(True, True), (True, False), (False, True), (False, False)]))
        found[name] = Declared(
            file=f"{name}.yaml",
            service="s" if connection else None,
            connection=name if connection else None,
            datasets={name: "US"} if dataset else {},
            expired=draw(st.none() | DAYS),
            ending=draw(ENDINGS) if connection else Ending(),
            dataset_endings={name: ending} if dataset and (ending := draw(ENDINGS)) != Ending() else {},
        )
    return found


def gone(before: dict[str, Declared], after: dict[str, Declared]) -> list[Ending]:
    """The rejections of everything that is removed."""
    connections = {unit.connection for unit in after.values()}
    datasets = {dataset for unit in after.values() for dataset in unit.datasets}
    return [unit.ending for unit in before.values() if unit.connection and unit.connection not in connections] + [
        unit.ending_of(dataset) for unit in before.values() for dataset in unit.datasets if dataset not in datasets
    ]


def expired(ending: Ending) -> bool:
    return ending.removed_on is not None and ending.removed_on <= TODAY.isoformat()


@given(fleets(), fleets(), st.sampled_from([Removals(True), Removals(True, 99)]), GUARDS)
def test_removal_needs_a_retirement_or_expiry_that_an_earlier_run_recorded(before, after, removals, guard):
    rules = Rules(TODAY, removals, removal=("retire",), guards=(guard,))
    if any(not ending.retired and not expired(ending) for ending in gone(before, after)):
        assert rejections(before, after, rules)


@given(fleets(), fleets(), GUARDS)
def test_removal_without_permission_is_only_of_expired_units(before, after, guard):
    rejected = rejections(before, after, Rules(TODAY, guards=(guard,)))
    assert bool(rejected) == any(not expired(ending) for ending in gone(before, after))


@given(fleets(), fleets(), GUARDS)
def test_announced_removals_never_count_for_the_guard(before, after, guard):
    going = gone(before, after)
    if all(ending.retired or expired(ending) for ending in going):
        assert rejections(before, after, Rules(TODAY, Removals(True), guards=(guard,))) == ()


@given(fleets(), fleets(), REMOVALS, GUARDS)
def test_stricter_run_rejects_all_that_a_laxer_one_does(before, after, removals, guard):
    lax = Rules(TODAY, removals, guards=(guard,))
    strict = Rules(TODAY, removals, removal=("file", "retire"), guards=(guard, DeleteGuard(0, 0)))
    assert bool(rejections(before, after, lax)) <= bool(rejections(before, after, strict))


@given(fleets(), fleets(), REMOVALS)
def test_state_allows_every_removal_that_preflight_allows(before, after, removals):
    """Else a run would begin that its deletions end."""
    rules = Rules(TODAY, removals, guards=(DeleteGuard(100, 99),))
    if not rejections(before, after, rules):
        assert all(may_remove(ending, TODAY, removals_allowed=removals.allowed) for ending in gone(before, after))


@given(fleets())
def test_declared_unit_is_read_back_unchanged(units):
    for unit in units.values():
        assert Declared.of(unit.as_property()) == unit
