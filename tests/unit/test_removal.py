"""What may not happen between one run and the next."""

import pytest

from reconciler.removal import Declared, refusals

STRIPE = Declared("prod/stripe.yaml", "stripe", "stripe", {"stripe": "US"})


def reasons(before, after, *, allowed=False):
    return [refusal.reason for refusal in refusals(before, after, removals_allowed=allowed)]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("before", [{}, {"stripe": STRIPE}])
def test_adding_and_keeping_units_is_allowed(before, allowed):
    assert (
        reasons(before, {"stripe": STRIPE, "zoom": Declared("prod/zoom.yaml", "zoom", "zoom")}, allowed=allowed) == []
    )


def test_a_removed_file_needs_a_run_that_may_remove():
    first, second = reasons({"stripe": STRIPE}, {})
    assert first.startswith("prod/stripe.yaml is gone: this run would delete the connection stripe.")
    assert second.startswith("prod/stripe.yaml no longer declares the dataset stripe")
    assert "RECONCILER_REMOVALS=allow" in first
    assert reasons({"stripe": STRIPE}, {}, allowed=True) == []


def test_a_unit_that_lost_its_connector_is_a_removal():
    after = {"stripe": Declared("prod/stripe.yaml", datasets={"stripe": "US"})}
    assert len(reasons({"stripe": STRIPE}, after)) == 1
    assert reasons({"stripe": STRIPE}, after, allowed=True) == []


@pytest.mark.parametrize("allowed", [True, False])
def test_a_destination_that_moved_needs_formerly_also_where_removals_are_allowed(allowed):
    moved = Declared("prod/payments.yaml", "stripe", "stripe", {"stripe": "US"})
    (reason,) = reasons({"stripe": STRIPE}, {"payments": moved}, allowed=allowed)
    assert "`formerly: stripe` in prod/payments.yaml" in reason
    renamed = Declared("prod/payments.yaml", "stripe", "stripe", {"stripe": "US"}, formerly="stripe")
    assert reasons({"stripe": STRIPE}, {"payments": renamed}, allowed=allowed) == []
    assert reasons({"payments": renamed}, {"payments": moved}, allowed=allowed) == []


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    ("now", "said"),
    [
        (
            Declared("prod/stripe.yaml", "stripe", "stripe_v2", {"stripe": "US"}),
            "destination changed from stripe to stripe_v2",
        ),
        (
            Declared("prod/stripe.yaml", "stripe_sandbox", "stripe", {"stripe": "US"}),
            "service changed from stripe to stripe_s",
        ),
        (
            Declared("prod/stripe.yaml", "stripe", "stripe", {"stripe": "EU"}),
            "location of dataset stripe changed from US to EU",
        ),
    ],
)
def test_a_replacement_is_refused_even_where_removals_are_allowed(now, said, allowed):
    (reason,) = reasons({"stripe": STRIPE}, {"stripe": now}, allowed=allowed)
    assert said in reason


def test_a_location_in_another_case_is_the_same():
    assert reasons({"stripe": STRIPE}, {"stripe": Declared("f", "stripe", "stripe", {"stripe": "us"})}) == []


def test_a_dataset_may_move_to_another_file():
    before = {"a": Declared("a.yaml", datasets={"d": "US"}), "b": Declared("b.yaml", datasets={"e": "US"})}
    after = {"a": Declared("a.yaml"), "b": Declared("b.yaml", datasets={"d": "US", "e": "US"})}
    assert reasons(before, after) == []
