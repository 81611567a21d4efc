"""`reconciler import` of a connection of every service that the local Fivetran knows, made by hand."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.every_service import Filled, awaiting, full, least

from reconciler.config import load
from reconciler.fivetran.api import FivetranClient
from reconciler.fivetran.config_diff import differences
from reconciler.model import DestinationSchema, Reference

from .shop import Shop

CANARY = "canary_every_4711"


def in_clear(node: Any) -> Any:
    """A file's tree with a value in place of each reference."""
    if Reference.parse(node) is not None:
        return CANARY
    if isinstance(node, Mapping):
        return {key: in_clear(inner) for key, inner in node.items()}
    return [in_clear(inner) for inner in node] if isinstance(node, list) else node


def held(node: Any) -> Any:
    """A file's tree with every reference to what Fivetran holds."""
    if Reference.parse(node) is not None:
        return {"held_by": "fivetran"}
    if isinstance(node, Mapping):
        return {key: held(inner) for key, inner in node.items()}
    return [held(inner) for inner in node] if isinstance(node, list) else node


@pytest.mark.parametrize("options", [{}, {"schema_in_config": True, "empty_config": "null"}], ids=["", "otherwise"])
@pytest.mark.parametrize("units", [full, least, awaiting], ids=lambda units: units.__name__)
def test_import_writes_every_service_with_its_live_config_and_no_secret(
    shop: Shop, units: Any, options: dict[str, Any]
):
    shop.admin("PATCH", "/options", options)
    filled: dict[str, Filled] = {each.connection_name: each for each in units()}
    ids = {
        name: shop.connection(
            each.service,
            {**each.destination, **in_clear(each.config)},
            auth=in_clear(each.auth),
            succeeded_at="2026-11-24T10:00:00Z",
        )
        for name, each in filled.items()
    }
    assert filled
    ran = shop.run("import", "--all")
    assert (ran.code, ran.err.count("\n")) == (0, 1), ran.err
    assert ran.err.startswith(f"dev: {len(filled)} written.")
    written = {file.name: file.read_text() for file in (shop.specs / "dev").glob("*.yaml")}
    assert CANARY not in str(written)

    assert shop.run("validate").code == 0
    fleet = load(shop.specs, shop.specs.parent).fleet("dev")
    assert len(fleet.units) == len(filled)
    with FivetranClient.from_environment() as client:
        live = {each: client.get_connection(each).config for each in ids.values()}
    for unit in fleet.units:
        connector = unit.connector
        assert connector is not None
        each = filled[connector.destination.connection_name]
        assert connector.service == each.service
        assert connector.destination == DestinationSchema(**each.destination)
        assert connector.adopt is not None
        assert connector.adopt.connection == ids[each.connection_name]
        assert list(differences(held(each.config), connector.config)) == [], each
        assert list(differences(dict(connector.config), live[connector.adopt.connection])) == []


def test_import_leaves_out_config_keys_outside_the_catalogue(shop: Shop):
    shop.admin(
        "PUT",
        "/services/stripe_like",
        {"name": "x", "config": {"api_key": "secret", "mode": "text", "nested": {"password": "secret"}}},
    )
    shop.admin("PATCH", "/options", {"unknown_config_key": "store"})
    shop.connection("stripe", {"schema": "stripe", "brand_new": "y", "api_key": CANARY})
    shop.connection("stripe_like", {"schema": "other", "mode": "y", "api_key": CANARY, "nested": {"password": "x"}})
    assert shop.run("import", "--all").code == 0
    known = (shop.specs / "dev" / "stripe.yaml").read_text()
    assert "brand_new: " not in known
    assert "    # Not here, since the catalogue does not know it so: config.brand_new." not in known
    flat = " ".join(line.strip().lstrip("# ") for line in known.splitlines())
    assert "config.brand_new. `reconciler services pull stripe`" in flat
    unknown = (shop.specs / "dev" / "other.yaml").read_text()
    assert re.search(r"    mode: (['\"])y\1\n", unknown)
    assert CANARY not in unknown
    assert "password: {held_by: fivetran}" in unknown
