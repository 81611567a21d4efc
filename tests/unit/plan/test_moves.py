"""Units that files give to another stack: neither deleted by the one, nor created by the other."""

from __future__ import annotations

from reconciler.plan.inventory import Declared
from reconciler.plan.moves import is_declared, moved_in, moved_out

SHOP = Declared("prod/shop.yaml", service="stripe", connection="shop", datasets={"shop": "US"})
RAW = Declared("prod/raw.yaml", datasets={"raw": "US"})
ELSEWHERE = {
    "connection shop": ["shop", "prod.ads", "prod/ads/shop.yaml"],
    "dataset shop": ["shop", "prod.ads", "prod/ads/shop.yaml"],
}


def test_moved_out_names_each_unit_once_with_the_command():
    (rejection,) = moved_out({"shop": SHOP, "raw": RAW}, {"raw": RAW}, ELSEWHERE)
    assert rejection.reason == (
        "prod/ads/shop.yaml: shop now belongs to the stack prod.ads, and this stack has its resources\n"
        "    Move them first: `reconciler move shop --to prod.ads`."
    )
    assert (is_declared(SHOP, ELSEWHERE), is_declared(RAW, ELSEWHERE)) == (True, False)


def test_moved_out_follows_a_unit_that_was_renamed_on_the_way():
    renamed = {key: ["store", "prod.ads", "prod/ads/store.yaml"] for key in ELSEWHERE}
    (rejection,) = moved_out({"shop": SHOP}, {}, renamed)
    assert "`reconciler move store --to prod.ads`" in rejection.reason


def test_moved_in_rejects_only_units_that_are_new_here():
    recorded = {"shop": "prod"}
    (rejection,) = moved_in({}, {"shop": SHOP, "raw": RAW}, recorded, "prod.ads")
    assert rejection.reason.startswith(
        "prod/shop.yaml: the stack prod has the resources of shop: this run would create"
    )
    assert moved_in({"shop": SHOP}, {"shop": SHOP}, recorded, "prod.ads") == ()
