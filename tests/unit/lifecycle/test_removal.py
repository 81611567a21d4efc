"""What allows one removal, and the rules that the engine and BigQuery receive for it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.lifecycle.expiry import Expiry, Stage
from reconciler.lifecycle.removal import (
    DeletionRules,
    Ending,
    Removals,
    dataset_ending,
    deletion_rules,
    explain_removal,
    may_remove,
)
from reconciler.model import Dataset, Unit
from reconciler.model.errors import ReconcilerError
from reconciler.model.policy import ExpiryPolicy, Never, Policy, Retire

TODAY = date(2027, 1, 10)
DATASET = Dataset("d", "US")
ENDS = Expiry(Stage.AHEAD, TODAY, TODAY + timedelta(8))
PROD = Policy(ExpiryPolicy(forbidden=True), "retire")


def unit(expires: date | Never | None = None, retire: Retire | None = None) -> Unit:
    return Unit("u", "u.yaml", "d", ("o@example.com",), datasets=(DATASET,), expires=expires, retire=retire)


@pytest.mark.parametrize(
    ("text", "removals"),
    [
        ("allow", Removals(True)),
        ("allow:25", Removals(True, 25)),
        ("allow:0", Removals(True, 0)),
        ("", Removals()),
    ],
)
def test_removals_parse_the_variable(text: str, removals: Removals):
    assert Removals.parse(text) == removals


@pytest.mark.parametrize("text", ["Allow", "yes", "true", "allow:", "allow:many", "allow:-1", "allow ", "allow:²"])
def test_removals_reject_another_form_of_the_variable(text: str):
    with pytest.raises(ReconcilerError, match="expected `allow`, or `allow:<number>`"):
        Removals.parse(text)


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    ("ending", "without", "with_permission"),
    [
        (Ending(), False, True),
        (Ending("2027-01-10"), True, True),
        (Ending("2027-01-11"), False, True),
        (Ending(guarded=True), False, False),
        (Ending("2027-01-10", guarded=True), True, True),
        (Ending("2027-01-11", guarded=True), False, False),
        (Ending(retired=True, guarded=True), True, True),
    ],
)
def test_recorded_ending_and_permission_decide_about_a_removal(ending, without, with_permission, allowed):
    assert may_remove(ending, TODAY, removals_allowed=allowed) is (with_permission if allowed else without)


def test_rejected_removal_says_what_to_do():
    assert explain_removal(Ending()) == "Run with RECONCILER_REMOVALS=allow to delete it."
    assert "`retire: {ticket: …}`" in explain_removal(Ending(guarded=True))


@pytest.mark.parametrize(
    ("policy", "of", "life", "rules"),
    [
        (Policy(), unit(), Expiry(), DeletionRules()),
        (Policy(), unit(TODAY), ENDS, DeletionRules(contents=True)),
        (Policy(), unit(Never("x")), Expiry(), DeletionRules(protect=True)),
        (Policy(), unit(retire=Retire("T")), Expiry(), DeletionRules(retain=True)),
        (Policy(), unit(retire=Retire("T", "delete")), Expiry(), DeletionRules(contents=True)),
        (Policy(), unit(Never("x"), Retire("T", "delete")), Expiry(), DeletionRules(contents=True)),
        (Policy(removal="retire"), unit(), Expiry(), DeletionRules(protect=True)),
        (Policy(removal="retire"), unit(TODAY), ENDS, DeletionRules(contents=True)),
        (PROD, unit(), Expiry(), DeletionRules(protect=True)),
        (PROD, unit(retire=Retire("T")), Expiry(), DeletionRules(retain=True)),
        (PROD, unit(retire=Retire("T", "delete")), Expiry(), DeletionRules()),
    ],
)
def test_deletion_rules_are_set_before_the_deletion(policy, of, life, rules):
    assert deletion_rules(policy, dataset_ending(policy, of, DATASET, life)) == rules


@given(
    st.none() | st.just(TODAY) | st.just(Never("x")),
    st.none() | st.builds(Retire, st.just("T"), st.sampled_from(["keep", "delete"])),
    st.sampled_from(["retire", "file"]),
    st.sampled_from([Expiry(), ENDS]),
)
def test_contents_are_never_deleted_when_expiry_is_forbidden(expires, retire, removal, life):
    policy = Policy(ExpiryPolicy(forbidden=True), removal)
    of = unit(expires, retire)
    assert not deletion_rules(policy, dataset_ending(policy, of, DATASET, life)).contents
