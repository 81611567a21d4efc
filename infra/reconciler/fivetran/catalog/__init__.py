"""The catalogue of services, from Fivetran's API: one file per service in `schemas/services/`.

This package reads the files; `reconciler services pull` writes them.
"""

from __future__ import annotations

from reconciler.fivetran.catalog.changes import changes
from reconciler.fivetran.catalog.consent import Consent, ConsentCondition
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
from reconciler.fivetran.catalog.json_schema import InvalidService, as_schema, from_schema, read, write
from reconciler.fivetran.catalog.metadata import from_metadata
from reconciler.fivetran.catalog.service import Field, Form, Kind, Path, Service, leaves, walk

__all__ = [
    "SERVICES",
    "Consent",
    "ConsentCondition",
    "Field",
    "Form",
    "InvalidService",
    "Kind",
    "Path",
    "Service",
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
