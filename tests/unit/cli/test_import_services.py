"""`reconciler import` of a connection of every service that the local Fivetran has."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import settings
from tests.every_service import Filled, awaiting, full, least

from reconciler.config import load
from reconciler.fivetran.api import FivetranClient
from reconciler.fivetran.config_diff import differences
from reconciler.model import DestinationSchema, Reference

from .workspace import Workspace

CANARY = "canary_every_4711"


def in_clear(node: Any) -> Any:
    """Return a file's tree with a value in place of each reference."""
    if Reference.parse(node) is not None:
        return CANARY
    if isinstance(node, Mapping):
        return {key: in_clear(inner) for key, inner in node.items()}
    return [in_clear(inner) for inner in node] if isinstance(node, list) else node


def kept_by_fivetran(node: Any) -> Any:
    """Return a file's tree with `held_by: fivetran` in place of each reference."""
    if Reference.parse(node) is not None:
        return {"held_by": "fivetran"}
    if isinstance(node, Mapping):
        return {key: kept_by_fivetran(inner) for key, inner in node.items()}
    return [kept_by_fivetran(inner) for inner in node] if isinstance(node, list) else node


USUAL: dict[str, Any] = {}
OTHER: dict[str, Any] = {"schema_in_config": True, "empty_config": "null"}
#: The daily run imports all in both forms. Others import each service in both: with all fields, and with the least.
CASES: list[tuple[Any, dict[str, Any]]] = [(full, USUAL), (least, OTHER), (awaiting, USUAL)]
if settings.get_current_profile_name() == "daily":
    CASES += [(full, OTHER), (least, USUAL), (awaiting, OTHER)]


@pytest.mark.parametrize(("units", "options"), CASES, ids=[units.__name__ for units, _ in CASES])
def test_import_writes_every_service_with_its_live_config_and_no_secret(
    workspace: Workspace, units: Any, options: dict[str, Any]
):
    workspace.admin("PATCH", "/options", options)
    filled: dict[str, Filled] = {each.connection_name: each for each in units()}
    ids = {
        name: workspace.connection(
            each.service,
            {**each.destination, **in_clear(each.config)},
            auth=in_clear(each.auth),
            succeeded_at="2026-11-24T10:00:00Z",
        )
        for name, each in filled.items()
    }
    assert filled
    ran = workspace.run("import", "--all")
    assert (ran.code, ran.err.count("\n")) == (0, 1), ran.err
    assert ran.err.startswith(f"dev: {len(filled)} written.")
    written = {file.name: file.read_text() for file in (workspace.specs / "dev").glob("*.yaml")}
    assert CANARY not in str(written)

    assert workspace.run("validate").code == 0
    fleet = load(workspace.specs, workspace.specs.parent).fleet("dev")
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
        assert list(differences(kept_by_fivetran(each.config), connector.config)) == [], each
        assert list(differences(dict(connector.config), live[connector.adopt.connection])) == []


def test_import_leaves_out_config_keys_outside_the_catalogue(workspace: Workspace):
    workspace.admin(
        "PUT",
        "/services/stripe_like",
        {"name": "x", "config": {"api_key": "secret", "mode": "text", "nested": {"password": "secret"}}},
    )
    workspace.admin("PATCH", "/options", {"unknown_config_key": "store"})
    workspace.connection("stripe", {"schema": "stripe", "brand_new": "y", "api_key": CANARY})
    workspace.connection(
        "stripe_like", {"schema": "other", "mode": "y", "api_key": CANARY, "nested": {"password": "x"}}
    )
    assert workspace.run("import", "--all").code == 0
    known = (workspace.specs / "dev" / "stripe.yaml").read_text()
    assert "brand_new: " not in known
    assert "    # Not in this file, because" not in known
    flat = " ".join(line.strip().lstrip("# ") for line in known.splitlines())
    assert "config.brand_new. `reconciler services pull stripe`" in flat
    unknown = (workspace.specs / "dev" / "other.yaml").read_text()
    assert re.search(r"    mode: (['\"])y\1\n", unknown)
    assert CANARY not in unknown
    assert "password: {held_by: fivetran}" in unknown
