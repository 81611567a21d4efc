"""Keep a draft within the size of a file: values that Fivetran keeps anyway are left out first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.config.build.to_yaml import unit_text
from reconciler.config.yaml.document import Path
from reconciler.config.yaml.read import MAX_BYTES
from reconciler.importer.draft import Draft
from reconciler.model import Connector, Environment, Sync

#: Half of a file, because the rest of the file is smaller than the config.
_MOST_OF_CONFIG = MAX_BYTES // 2


def fitting(draft: Draft, environment: Environment) -> Draft:
    """Return the draft without values that make its file too large; a comment lists them."""
    connector = draft.unit.connector
    if connector is None or _size(draft, environment) <= MAX_BYTES:
        return draft
    if connector.sync is not None:
        tables = sum(len(schema.tables) for schema in connector.sync.schemas.values())
        columns = sum(len(t.columns) for s in connector.sync.schemas.values() for t in s.tables.values())
        comment = (
            f"Not here, since a file may have {MAX_BYTES // 1024**2} MiB: what is selected in Fivetran "
            f"({tables:,} tables and {columns:,} columns). It stays as it is."
        )
        # Without `schemas`, `new` still decides about what the source adds.
        sync = None if connector.sync.new == "allow_all" else Sync(connector.sync.new)
        draft = _with(draft, replace(connector, sync=sync), ("connector", "adopt"), comment)
    return draft if _size(draft, environment) <= MAX_BYTES else _without_config(draft)


def _without_config(draft: Draft) -> Draft:
    """Return the draft without the largest values of its config."""
    connector = draft.unit.connector
    assert connector is not None  # noqa: S101 (only such a draft is too large)
    config: dict[str, Any] = dict(connector.config)
    sizes = {key: len(repr(node).encode("utf-8", "replace")) for key, node in config.items()}
    left_out = []
    while config and sum(sizes[key] for key in config) * 4 > _MOST_OF_CONFIG:
        largest = max(config, key=lambda key: sizes[key])
        del config[largest]
        left_out.append(largest)
    comment = (
        f"Not in `config`, since a file may have {MAX_BYTES // 1024**2} MiB: {', '.join(left_out)}. It stays as it is."
    )
    return _with(draft, replace(connector, config=config), ("connector", "adopt"), comment)


def _with(draft: Draft, connector: Connector, at: Path, comment: str) -> Draft:
    comments = {**draft.comments, at: "\n".join(filter(None, (draft.comments.get(at), comment)))}
    return Draft(replace(draft.unit, connector=connector), comments)


def _size(draft: Draft, environment: Environment) -> int:
    return len(unit_text(draft.unit, environment, comments=draft.comments).encode("utf-8", "replace"))
