"""Check services: whether they are known, and the form of their destination.

A service without a file in the catalogue works all the same, so that it has none is a notice and no problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from reconciler.config.specs import Specs, destination
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


def find_service(unit: Document) -> Service | None:
    """Find a unit's service in the catalogue; None without a connector or an entry."""
    service_id = unit.at(*_SERVICE)
    return catalog.find(service_id) if isinstance(service_id, str) else None


def find_field(unit: Document, path: Path) -> Field | None:
    """Find the catalogue's field at a path of a unit; for a misspelt key, a secret field only."""
    service = find_service(unit)
    if service is None:
        return None
    found = service.field(path[1:])
    above = service.field(path[1:-1]) if found is None else None
    if above is not None and isinstance(path[-1], str):
        secrets = [name for name, field in above.fields.items() if field.kind == "secret"]
        near = get_close_matches(path[-1][:80], secrets, n=1, cutoff=_NEAR)
        found = above.fields[near[0]] if near else None
    return found


def warn_unknown_services(specs: Specs) -> Iterator[Problem]:
    """Warn for each connector whose `config` and `auth` cannot be checked."""
    for unit in specs.all_units():
        service_id = unit.at(*_SERVICE)
        if not isinstance(service_id, str) or not _ID.fullmatch(service_id) or service_id in catalog.known():
            continue
        message = f"the service {shown(service_id)} is not in the catalogue, so `config` and `auth` are not checked"
        pull = f"if Fivetran has it, add it to the catalogue: {commands.reconciler('services pull', service_id)}"
        near = get_close_matches(service_id[:80], catalog.known(), n=1, cutoff=_NEAR)
        yield unit.on_value(_SERVICE, message, f"did you mean {shown(near[0])}? Otherwise, {pull}" if near else pull)


def check_destination_forms(specs: Specs) -> Iterator[Problem]:
    """Check the keys of `destination`: the API takes one form a service, and rejects others late."""
    for unit in specs.all_units():
        service, target = find_service(unit), destination(unit)
        if service is None or target is None:
            continue
        if tuple(target.as_config()) not in service.form.keys:
            forms = " or ".join(_form(keys) for keys in service.form.keys)
            message = f"{shown(service.id)} accepts {forms}, not {_form(tuple(target.as_config()))}"
            yield unit.on_key(_DESTINATION, message, _suggest_form(service.form, target))


def _form(keys: tuple[str, ...]) -> str:
    return f"{{{', '.join(keys)}}}"


def _suggest_form(form: Form, target: DestinationSchema) -> str:
    """Say what to write, with the names of the file."""
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
