"""What may not happen between one run and the next."""

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.config.yaml.read import parse
from reconciler.lifecycle.removal import Ending, Removals
from reconciler.model.policy import DeleteGuard
from reconciler.model.reference import comparison_key
from reconciler.plan.inventory import Declared
from reconciler.plan.rejections import Rules, left_groups, rejections, replaced

STRIPE = Declared("prod/stripe.yaml", "stripe", "stripe", {"stripe": "US"})
TODAY = date(2027, 1, 10)
UNSAID = Ending()
YESTERDAY, TOMORROW = Ending("2027-01-09"), Ending("2027-01-11")

may_not = Rules(TODAY)
may = Rules(TODAY, Removals(allowed=True))
retires = Rules(TODAY, Removals(allowed=True), removal=("retire",))


def reasons(before, after, rules=may_not):
    return [rejection.reason for rejection in rejections(before, after, rules)]


def ending(unit: Declared, ends: Ending) -> Declared:
    """The unit, with this ending everywhere."""
    return replace(unit, ending=ends, dataset_endings=dict.fromkeys(unit.datasets, ends))


def units(number: int, ends: Ending = UNSAID, of: int = 0) -> dict[str, Declared]:
    """A number of units with a connection and a dataset each."""
    names = [f"u{index}" for index in range(of, of + number)]
    return {name: ending(Declared(f"{name}.yaml", "s", name, {name: "US"}), ends) for name in names}


@pytest.mark.parametrize("rules", [may_not, may, retires])
@pytest.mark.parametrize("before", [{}, {"stripe": STRIPE}])
def test_adding_and_keeping_units_is_allowed(before, rules):
    assert reasons(before, {"stripe": STRIPE, "zoom": Declared("prod/zoom.yaml", "zoom", "zoom")}, rules) == []


def test_removed_file_needs_a_run_that_may_remove():
    first, second = reasons({"stripe": STRIPE}, {})
    assert first.startswith("prod/stripe.yaml is missing: this run would delete the connection stripe\n    Run with ")
    assert second.startswith("prod/stripe.yaml no longer declares the dataset stripe")
    assert "RECONCILER_REMOVALS=allow to delete it, or write `formerly: stripe` in the new file" in first
    assert reasons({"stripe": STRIPE}, {}, may) == []


def test_unit_that_lost_its_connector_is_a_removal():
    after = {"stripe": Declared("prod/stripe.yaml", datasets={"stripe": "US"})}
    assert len(reasons({"stripe": STRIPE}, after)) == 1
    assert reasons({"stripe": STRIPE}, after, may) == []


@pytest.mark.parametrize("rules", [may_not, may, retires])
def test_destination_that_moved_needs_formerly_also_where_removals_are_allowed(rules):
    moved = Declared("prod/payments.yaml", "stripe", "stripe", {"stripe": "US"})
    (reason,) = reasons({"stripe": STRIPE}, {"payments": moved}, rules)
    assert reason.startswith("prod/payments.yaml: ")
    assert "Write `formerly: stripe` in this file" in reason
    renamed = Declared("prod/payments.yaml", "stripe", "stripe", {"stripe": "US"}, formerly="stripe")
    assert reasons({"stripe": STRIPE}, {"payments": renamed}, rules) == []
    assert reasons({"payments": renamed}, {"payments": moved}, rules) == []


def test_location_in_another_case_is_the_same():
    assert reasons({"stripe": STRIPE}, {"stripe": Declared("f", "stripe", "stripe", {"stripe": "us"})}) == []


@pytest.mark.parametrize("rules", [may_not, may, retires])
def test_location_that_changed_is_rejected(rules):
    moved = Declared("prod/stripe.yaml", "stripe", "stripe", {"stripe": "EU"})
    (reason,) = reasons({"stripe": STRIPE}, {"stripe": moved}, rules)
    assert "location of the dataset stripe changed from US to EU" in reason


@pytest.mark.parametrize("rules", [may_not, retires])
def test_dataset_may_move_to_another_file(rules):
    before = {"a": Declared("a.yaml", datasets={"d": "US"}), "b": Declared("b.yaml", datasets={"e": "US"})}
    after = {"a": Declared("a.yaml"), "b": Declared("b.yaml", datasets={"d": "US", "e": "US"})}
    assert reasons(before, after, rules) == []


# Expiry.


def test_units_that_had_expired_at_the_last_run_are_removed_in_any_run():
    gone = {"stripe": ending(STRIPE, YESTERDAY)}
    expired = {"stripe": Declared("prod/stripe.yaml", expired="2027-01-01")}
    for rules in (may_not, may, retires):
        assert reasons(gone, expired, rules) == []
        assert reasons(gone, {}, rules) == []


def test_date_that_no_run_has_announced_is_not_an_expiry():
    expired = {"stripe": Declared("prod/stripe.yaml", expired="2027-01-01")}
    for ends in (Ending(), TOMORROW):
        first, second = reasons({"stripe": ending(STRIPE, ends)}, expired)
        assert first.startswith("prod/stripe.yaml expired on 2027-01-01: this run would delete the connection stripe\n")
        assert second.startswith("prod/stripe.yaml expired on 2027-01-01: this run would delete the dataset stripe\n")
        assert "\n    Write a later date in `expires` to keep it, or run with " in first, (
            "nobody else's file is missing"
        )
        assert "RECONCILER_REMOVALS=allow" in first
        assert "formerly" not in first


# Retiring.


def test_deleted_file_is_rejected_when_removal_needs_retirement_first():
    for ends, rules in ((Ending(), retires), (Ending(guarded=True), may), (Ending(guarded=True), retires)):
        for reason in reasons({"stripe": ending(STRIPE, ends)}, {}, rules):
            assert "Restore the file with `retire: {ticket: …}`" in reason
            assert "RECONCILER_REMOVALS" not in reason


def test_past_day_of_a_guarded_unit_is_rejected_with_what_to_write():
    expired = {"stripe": Declared("prod/stripe.yaml", expired="2027-01-01")}
    for reason in reasons({"stripe": ending(STRIPE, Ending(guarded=True))}, expired, may):
        assert reason.endswith(
            "\n    Write a day in `expires` that is not over, and run: a later run removes it after that day."
        )


def test_recorded_retirement_is_removed_when_removals_are_allowed():
    retired = {"stripe": ending(STRIPE, Ending(retired=True, guarded=True))}
    assert reasons(retired, {}, retires) == []
    assert len(reasons(retired, {}, replace(retires, removals=Removals()))) == 2


def test_policy_loosened_by_the_same_change_does_not_apply_to_it():
    both = replace(may, removal=("retire", "file"))
    assert len(reasons({"stripe": STRIPE}, {}, both)) == 2


# The delete guard.


def test_more_unannounced_removals_than_the_guard_allows_stop_the_run():
    assert reasons(units(10), units(7), may) == []
    (reason,) = reasons(units(10), units(6), replace(may, environment_file="dev/environment.yaml"))
    assert reason.startswith(
        "dev/environment.yaml: this run would remove 4 of 10 connections (`delete_guard` allows 3) and "
        "4 of 10 datasets (`delete_guard` allows 3) without `expires` or `retire`: "
    )
    named = [f"{kind} u{number}" for kind in ("connection", "dataset") for number in range(6, 10)]
    assert reason.endswith(
        f": {', '.join(named)}\n    Restore the files, or run once with RECONCILER_REMOVALS=allow:8."
    )
    (reason,) = reasons(units(100), units(70), may)
    assert ", connection u89, 40 more\n" in reason, "no wall of names"


def test_delete_guard_allows_a_share_of_many():
    assert reasons(units(100), units(80), may) == []
    assert len(reasons(units(100), units(79), may)) == 1


def test_datasets_count_by_themselves():
    before = {"db": Declared("db.yaml", "postgres", "db", {f"db_{n}": "US" for n in range(5)})}
    after = {"db": Declared("db.yaml", "postgres", "db", {"db_0": "US"})}
    (reason,) = reasons(before, after, may)
    assert "this run would remove 4 of 5 datasets (`delete_guard` allows 3) without" in reason


@pytest.mark.parametrize("ends", [YESTERDAY, Ending(retired=True)])
def test_announced_removals_are_not_counted(ends):
    before = {**units(4), **units(10, ends, of=4)}
    assert reasons(before, units(1), may) == []
    assert len(reasons(before, {}, may)) == 1


def test_guard_allows_removals_up_to_the_number_that_the_run_expects():
    for expected, rejected in ((8, 0), (25, 0), (7, 1)):
        assert len(reasons(units(10), units(6), Rules(TODAY, Removals(True, expected)))) == rejected


def test_rejection_by_the_guard_names_the_number_to_allow():
    messages = reasons(units(10), units(6))
    assert len(messages) == 9
    assert all("RECONCILER_REMOVALS=allow:8" in reason for reason in messages)


def test_guard_widened_by_the_same_change_does_not_apply_to_it():
    both = replace(may, guards=(DeleteGuard(0, 0), DeleteGuard(100, 99)))
    (reason,) = reasons({"stripe": STRIPE}, {}, both)
    assert "1 of 1 connections (`delete_guard` allows 0)" in reason


# Replacing.

AIRFLOW = replace(STRIPE, variable="fivetran_stripe_connector_id")
V2 = Declared("prod/stripe.yaml", "stripe", "stripe_v2", {"stripe_v2": "US", "stripe": "US"})
SANDBOX = replace(STRIPE, service="stripe_sandbox")
BOTH = replace(V2, service="stripe_sandbox")
SCHEMA, SERVICE = {"schema": ("stripe", "stripe_v2")}, {"service": ("stripe", "stripe_sandbox")}
SIX, TWELVE = (replace(AIRFLOW, permanent={"timeframe": months, "a.b": "1"}) for months in ("SIX", "TWELVE"))
CONFIG = {"config.timeframe": ("SIX", "TWELVE")}


@pytest.mark.parametrize("rules", [may_not, may, retires])
@pytest.mark.parametrize(
    ("now", "cause", "permission"),
    [
        (V2, "the destination changed from stripe to stripe_v2", "schema: {from: stripe, to: stripe_v2}"),
        (SANDBOX, "the service changed from stripe to stripe_sandbox", "service: {from: stripe, to: stripe_sandbox}"),
        (
            BOTH,
            "the destination changed from stripe to stripe_v2 and the service changed from stripe to stripe_sandbox",
            "schema: {from: stripe, to: stripe_v2}, service: {from: stripe, to: stripe_sandbox}",
        ),
    ],
)
def test_replacement_is_rejected_with_its_cost_when_removals_are_allowed(now, cause, permission, rules):
    (reason,) = reasons({"stripe": AIRFLOW}, {"stripe": now}, rules)
    assert reason.startswith(
        f"prod/stripe.yaml: {cause}, which Fivetran cannot do in an existing connection\n    Restore "
    )
    assert "and gives the Airflow variable fivetran_stripe_connector_id a new id" in reason
    assert "to replace the connection stripe by a new one that syncs its whole history again" in reason
    assert f"`allow_resync: {{{permission}, ticket: …}}`" in reason


def test_key_of_config_that_is_permanent_is_a_replacement_too():
    (reason,) = reasons({"stripe": SIX}, {"stripe": TWELVE}, may)
    assert reason.startswith("prod/stripe.yaml: `config.timeframe` changed from SIX to TWELVE, which Fivetran cannot")
    assert "`allow_resync: {config: {timeframe: {from: SIX, to: TWELVE}}, ticket: …}`" in reason
    moved = replace(TWELVE, connection="stripe_v2", permanent={"timeframe": "TWELVE", "a.b": "[2]"})
    (reason,) = reasons({"stripe": SIX}, {"stripe": moved}, may)
    both = "config: {a.b: {from: 1, to: [2]}, timeframe: {from: SIX, to: TWELVE}}"
    assert f"`allow_resync: {{schema: {{from: stripe, to: stripe_v2}}, {both}, ticket: …}}`" in reason


SPELLINGS = ["a, b", "x: y", "no", "443", "{a", "SIX", '["x"]', "#", "NaN", "null", "[1e5, 9007199254740993]"]
TEXTS = st.text(string.printable) | st.sampled_from(SPELLINGS)
SCALARS = TEXTS | st.booleans() | st.integers(-(2**53), 2**53)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(st.tuples(VALUES, VALUES).map(lambda each: tuple(map(comparison_key, each))))
def test_permission_in_a_rejection_is_yaml_that_allows_the_change(keys):
    assume(keys[0] != keys[1])
    before, after = (replace(STRIPE, permanent={"timeframe": key}) for key in keys)
    (reason,) = reasons({"stripe": before}, {"stripe": after}, may)
    permission = reason.partition("`allow_resync: ")[2].rpartition("` into `connector`")[0]
    document, problems = parse(f"allow_resync: {permission}\n".encode(), environment="", name="", file="")
    assert document is not None
    assert problems == []
    change = document.data["allow_resync"]["config"]["timeframe"]
    resync = {"config.timeframe": (comparison_key(change["from"]), comparison_key(change["to"]))}
    assert reasons({"stripe": before}, {"stripe": replace(after, resync=resync)}, may) == []


def test_adding_or_removing_an_immutable_key_replaces_nothing():
    for before, after in ((SIX, AIRFLOW), (AIRFLOW, SIX), (SIX, SIX)):
        assert reasons({"stripe": before}, {"stripe": after}) == []
    other = replace(TWELVE, service="stripe_sandbox", resync=SERVICE)
    assert reasons({"stripe": SIX}, {"stripe": other}) == [], "another service has other keys"


def test_rejected_replacement_is_reported_without_its_datasets():
    before = {"stripe": STRIPE}
    assert len(reasons(before, {"stripe": replace(V2, datasets={"stripe_v2": "US"})})) == 1


@pytest.mark.parametrize("rules", [may_not, may, retires])
@pytest.mark.parametrize(
    ("now", "resync"), [(V2, SCHEMA), (SANDBOX, SERVICE), (BOTH, {**SCHEMA, **SERVICE}), (TWELVE, CONFIG)]
)
def test_replacement_named_by_its_file_may_delete_the_old_connection(now, resync, rules):
    before, after = {"stripe": SIX}, {"stripe": replace(now, resync=resync)}
    assert reasons(before, after, rules) == []
    assert replaced(before, after, rules.groups) == {"stripe"}


@pytest.mark.parametrize(
    ("now", "resync"),
    [
        (V2, SERVICE),
        (V2, {"schema": ("stripe", "stripe_v3")}),
        (V2, {"schema": ("stripe_v0", "stripe_v2")}),
        (SANDBOX, SCHEMA),
        (BOTH, SCHEMA),
        (BOTH, SERVICE),
        (TWELVE, {"config.timeframe": ("THREE", "TWELVE")}),
        (TWELVE, SCHEMA),
    ],
)
def test_permission_for_another_change_does_not_count(now, resync):
    (reason,) = reasons({"stripe": SIX}, {"stripe": replace(now, resync=resync)}, may)
    assert "(`allow_resync` allows another change: " in reason


def test_renamed_file_may_resync_as_well():
    after = {"payments": replace(V2, formerly="stripe", resync=SCHEMA)}
    assert reasons({"stripe": STRIPE}, after) == []
    assert len(reasons({"stripe": STRIPE}, {"payments": replace(V2, formerly="stripe")})) == 1


def test_another_group_is_another_connection_for_every_unit():
    group = {"group": ("Old", "New")}
    before = {"a": Declared("a.yaml", "s", "a"), "b": Declared("b.yaml", "s", "b"), "c": Declared("c.yaml")}
    after = {"a": replace(before["a"], resync=group), "b": before["b"], "c": before["c"]}
    moves = replace(may_not, groups=("Old", "New"))
    (reason,) = reasons(before, after, moves)
    assert reason.startswith("b.yaml: the group changed from Old to New, which Fivetran cannot ")
    assert "`allow_resync: {group: {from: Old, to: New}, ticket: …}`" in reason
    assert reasons(before, {**after, "b": replace(before["b"], resync=group)}, moves) == []


def test_left_groups_are_those_of_an_environment_that_changes_its_group():
    before = {"a": Declared("a.yaml", "s", "a", resync={"group": ("Old", "New")})}
    assert left_groups(before, ("Old", "New")) == left_groups(before, ("New", "New")) == {"Old"}
    assert left_groups({"a": Declared("a.yaml", "s", "a")}, ("New", "New")) == frozenset()


def test_replacement_that_a_run_left_undone_may_be_made_by_a_later_one():
    after = {"stripe": replace(V2, resync=SCHEMA)}
    assert replaced(after, after, ("", "")) == {"stripe"}
    assert replaced({}, {"stripe": V2}, ("", "")) == frozenset()


def test_connection_that_another_file_declares_is_not_replaced():
    after = {"v2": replace(V2, resync=SCHEMA), "stripe": STRIPE}
    assert replaced(after, after, ("", "")) == frozenset()
