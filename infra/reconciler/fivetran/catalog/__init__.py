"""The catalogue of services, from Fivetran's API: one file per service in `schemas/services/`.

This package reads the files; `reconciler services pull` writes them.
"""

from __future__ import annotations

from reconciler.fivetran.catalog.changes import changes
from reconciler.fivetran.catalog.consent import Condition, Consent
from reconciler.fivetran.catalog.files import (
    SERVICES,
    catalogue,
    config_of,
    find,
    known,
    needs_consent,
    permanent_keys,
    read_file,
)
from reconciler.fivetran.catalog.json_schema import Unreadable, as_schema, from_schema, read, write
from reconciler.fivetran.catalog.metadata import from_metadata
from reconciler.fivetran.catalog.service import Field, Form, Kind, Path, Service, leaves, walk

__all__ = [
    "SERVICES",
    "Condition",
    "Consent",
    "Field",
    "Form",
    "Kind",
    "Path",
    "Service",
    "Unreadable",
    "as_schema",
    "catalogue",
    "changes",
    "config_of",
    "find",
    "from_metadata",
    "from_schema",
    "known",
    "leaves",
    "needs_consent",
    "permanent_keys",
    "read",
    "read_file",
    "walk",
    "write",
]
