"""The `destination` of a live connection, in the form of its service."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.fivetran import catalog
from reconciler.fivetran.api import Connection
from reconciler.fivetran.catalog import Form
from reconciler.model import DESTINATION_KEYS, DestinationSchema

_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SERVICE = re.compile(r"[a-z0-9][a-z0-9_]*")
_LONGEST_NAME = 1024


def destination_of(connection: Connection) -> DestinationSchema:
    """Return the destination from the config, else from the connection's name and the service's form.

    For services outside the catalogue, a name with a dot is a schema and a table.
    """
    service = catalog.find(connection.service)
    named = {key: value for key in DESTINATION_KEYS if isinstance(value := connection.config.get(key), str) and value}
    for keys in service.form.keys if service is not None else _any_form():
        found = {key: named[key] for key in keys if key in named}
        if len(found) == len(keys) and DestinationSchema(**found).connection_name == connection.schema:
            return DestinationSchema(**found)
    return _by_name(connection.schema, service.form if service is not None else None)


def _by_name(name: str, form: Form | None) -> DestinationSchema:
    if form is Form.PREFIX:
        return DestinationSchema(schema_prefix=name)
    schema, dot, rest = name.partition(".")
    if not dot or form is Form.SCHEMA:
        return DestinationSchema(schema=name)
    if form in (Form.GROUP, Form.TABLE_OR_GROUP):
        return DestinationSchema(schema=schema, table_group_name=rest)
    return DestinationSchema(schema=schema, table=rest)


def _any_form() -> Iterable[tuple[str, ...]]:
    """Return every form, those with more keys first: the schema alone fits a schema and a table too."""
    return sorted({keys for form in Form for keys in form.keys}, key=lambda keys: (-len(keys), keys))


def undeclarable(connection: Connection) -> str | None:
    """Return why no file can declare a connection; None if one can."""
    if not _SERVICE.fullmatch(connection.service):
        return f"{connection.service!r} is not a service id"
    destination, service = destination_of(connection), catalog.find(connection.service)
    written = destination.as_config()
    if not all(_NAME.fullmatch(name) and len(name) <= _LONGEST_NAME for name in written.values()):
        return "its schema has characters other than lower-case letters, digits and underscores"
    if service is not None and tuple(written) not in service.form.keys:
        return f"it is named {connection.schema}, and the catalogue has {service.form} for {service.id}"
    return None
