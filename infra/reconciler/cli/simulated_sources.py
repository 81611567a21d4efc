"""Give the sources of the local Fivetran the schemas, tables and columns that files select.

Without them a run would start no connection whose file names a table that only the real source has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from reconciler.model import Connector, Fleet
from reconciler.model.connector import TableSync
from reconciler.model.errors import ReconcilerError


def create_sources(admin_url: str, fleets: Collection[Fleet]) -> None:
    """Add what files select to the sources of their connections.

    Raises `ReconcilerError` for more than the local services take.
    """
    connectors = [unit.connector for fleet in fleets for unit in fleet.units if unit.connector]
    selecting = [each for each in connectors if each.sync is not None and each.sync.schemas]
    with httpx.Client(base_url=admin_url, trust_env=False) as admin:
        created: set[str] = set()
        for each in selecting:
            name = each.destination.connection_name
            path = f"/sources/{quote(name, safe='')}"
            if name not in created:
                usual = admin.get(f"/sources/{quote(each.service, safe='')}")
                if not usual.is_success:
                    continue  # the local services do not have the service either
                admin.put(path, json={"schemas": _schemas(usual.json(), each)}).raise_for_status()
                created.add(name)
            if not admin.patch(path, json={"schemas": _selected(each)}).is_success:
                text = "the local services do not take the tables that its file names"
                raise ReconcilerError(f"connection {name}: {text}\n    Name fewer of them.")


def _schemas(source: Mapping[str, Any], connector: Connector) -> Mapping[str, Any]:
    """Return the schemas of a service's usual source, which may be written as one schema or table."""
    if "schemas" in source:
        return dict(source["schemas"])
    own = str(source.get("schema") or connector.destination.schema or "public")
    return {own: source.get("tables") or {connector.destination.table or "data": {"columns": source.get("columns")}}}


def _selected(connector: Connector) -> Mapping[str, Any]:
    schemas = connector.sync.schemas if connector.sync else {}
    return {
        name: {table: _table(selection) for table, selection in schema.tables.items()}
        for name, schema in schemas.items()
    }


def _table(selection: TableSync) -> Mapping[str, Any]:
    """Return a table as the local services take it; what a file excludes is neither a key nor locked."""
    free = {"locked": None}
    columns = {
        name: {} if word == "included" else {**free, "primary_key": False} for name, word in selection.columns.items()
    }
    return {
        **({} if selection.included else free),
        **({"columns": columns, "supports_columns": True} if columns else {}),
        **({"sync_modes": ["SOFT_DELETE", "HISTORY", "LIVE"]} if selection.mode else {}),
    }
