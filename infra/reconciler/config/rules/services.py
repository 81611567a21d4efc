"""Rules about services: which one it is, and where such a connector writes.

A service without a file in the catalogue works all the same, so that it has none is a notice and no problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from reconciler.config.documents import Specs, destination
from reconciler.config.yaml.document import Document, Path, shown
from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field, Form, Service
from reconciler.model import DestinationSchema, commands
from reconciler.model.errors import Problem

_SERVICE = ("connector", "service")
_DESTINATION = ("connector", "destination")
#: Two names this similar (difflib) are one with a slip. Lower, and a service would be taken for another of its family.
_NEAR = 0.85
_ID = re.compile(r"[a-z0-9][a-z0-9_]*")


def service_of(unit: Document) -> Service | None:
    """What the catalogue knows of a unit's service; None when there is no connector, or no file for its service."""
    service_id = unit.at(*_SERVICE)
    return catalog.find(service_id) if isinstance(service_id, str) else None


def field_meant(unit: Document, path: Path) -> Field | None:
    """What the catalogue knows of the value at a path of a unit; under a key with a slip in it, of a secret only."""
    service = service_of(unit)
    if service is None:
        return None
    found = service.field(path[1:])
    above = service.field(path[1:-1]) if found is None else None
    if above is not None and isinstance(path[-1], str):
        secrets = [name for name, field in above.fields.items() if field.kind == "secret"]
        near = get_close_matches(path[-1][:80], secrets, n=1, cutoff=_NEAR)
        found = above.fields[near[0]] if near else None
    return found


def services_are_in_the_catalogue(specs: Specs) -> Iterator[Problem]:
    """A notice for each connector of which only its place is checked, not what it says to the service."""
    for unit in specs.all_units():
        service_id = unit.at(*_SERVICE)
        if not isinstance(service_id, str) or not _ID.fullmatch(service_id) or service_id in catalog.known():
            continue
        message = f"the service {shown(service_id)} is not in the catalogue, so `config` and `auth` are not checked"
        pull = f"if Fivetran has it, add it to the catalogue: {commands.reconciler('services pull', service_id)}"
        near = get_close_matches(service_id[:80], catalog.known(), n=1, cutoff=_NEAR)
        yield unit.on_value(_SERVICE, message, f"did you mean {shown(near[0])}? Otherwise, {pull}" if near else pull)


def destinations_have_their_service_s_form(specs: Specs) -> Iterator[Problem]:
    """The API takes one form of destination for each service, and refuses the others when it is too late."""
    for unit in specs.all_units():
        service, target = service_of(unit), destination(unit)
        if service is None or target is None:
            continue
        if tuple(target.as_config()) not in service.form.keys:
            forms = " or ".join(_form(keys) for keys in service.form.keys)
            message = f"{shown(service.id)} takes {forms}, not {_form(tuple(target.as_config()))}"
            yield unit.on_key(_DESTINATION, message, _right(service.form, target))


def _form(keys: tuple[str, ...]) -> str:
    return f"{{{', '.join(keys)}}}"


def _right(form: Form, target: DestinationSchema) -> str:
    """What to write, with the names that the file has."""
    name = shown(target.schema_prefix or target.schema).strip("`")
    match form:
        case Form.PREFIX:
            return (
                f"write {{schema_prefix: {name}}}: each schema of the source is written to its own dataset, "
                f"{name}_<schema>, declared in `datasets`"
            )
        case Form.SCHEMA:
            return f"write {{schema: {name}}}: all tables are written to that dataset"
        case Form.TABLE:
            return f"write {{schema: {name}, table: NAME}}: one table in that dataset"
    return f"write {{schema: {name}, table_group_name: NAME}}: all tables are written to that dataset"
