"""Every service that the local Fivetran knows, with a config and auth that connect.

`full` gives each field a value, another than its default where there is one; `least` what the service needs and no
more, so that Fivetran fills in the rest by itself. `awaiting` are those that only a person can authorise, and some
that another file would give `auth`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fivetran.catalog import Service as Described
from reconciler.fivetran.catalog import find
from simulator.fivetran.catalogue import Catalogue, Field, Service

#: The variable that every reference names.
VARIABLE = "EVERY_SECRET"


@dataclass(frozen=True)
class Filled:
    """A connector as a file has it, and whether it waits for a person's consent."""

    name: str
    service: str
    destination: Mapping[str, str]
    config: Mapping[str, Any] = field(default_factory=dict)
    auth: Mapping[str, Any] = field(default_factory=dict)
    awaits: bool = False

    @property
    def connection_name(self) -> str:
        """What Fivetran calls it."""
        return ".".join(self.destination.values())

    def as_unit(self) -> dict[str, Any]:
        """The unit's file."""
        trees = {"config": dict(self.config), "auth": dict(self.auth)}
        connector = {"service": self.service, "destination": dict(self.destination)}
        dataset = "datasets" if "schema_prefix" in self.destination else "dataset"
        return {
            "description": f"Data from {self.service}.",
            "owners": ["owner@example.com"],
            "connector": connector | {key: value for key, value in trees.items() if value},
            dataset: {"public": {}} if dataset == "datasets" else {},
        }


def full() -> Iterator[Filled]:
    """Each service with a value in every field that takes one."""
    for service in _connectable():
        described = find(service.id)
        config = _values("config", service.config, described)
        yield Filled(service.id, service.id, _destination(service), config, _values("auth", service.auth, described))


def least() -> Iterator[Filled]:
    """Each service with what it needs to connect and no more."""
    for service in _connectable():
        described = find(service.id)
        parts: dict[str, dict[str, Any]] = {"config": {}, "auth": {}}
        for path in [need.any_of[0] for need in (*service.needs, *service.consent)]:
            part, key = ("auth", path.removeprefix("auth.")) if path.startswith("auth.") else ("config", path)
            found = _field(service, path)
            assert found is not None
            parts[part][key] = _value((part, key), found, described)
        yield Filled(f"{service.id}_least", service.id, _destination(service, "_least"), parts["config"], parts["auth"])


def awaiting() -> Iterator[Filled]:
    """Services that need a person's consent, with nothing in its place."""
    for service in _services():
        if service.consent and not service.needs:
            yield Filled(f"{service.id}_awaits", service.id, _destination(service, "_awaits"), awaits=True)


def _services() -> list[Service]:
    return [service for _, service in sorted(Catalogue.load().connections.items())]


def _connectable() -> list[Service]:
    """Those to which a file can give what consent stands for."""
    return [service for service in _services() if all(_field(service, each.any_of[0]) for each in service.consent)]


def _field(service: Service, path: str) -> Field | None:
    return service.auth.get(path.removeprefix("auth.")) if path.startswith("auth.") else service.config.get(path)


def _destination(service: Service, ending: str = "") -> dict[str, str]:
    first, *second = service.destination_keys
    return {first: f"{service.id}{ending}", **dict.fromkeys(second, "part")}


def _values(part: str, fields: Mapping[str, Field], described: Described | None) -> dict[str, Any]:
    taken = {name: each for name, each in fields.items() if "readonly" not in each.flags}
    return {name: _value((part, name), each, described) for name, each in taken.items()}


def _value(path: tuple[str | int, ...], found: Field, described: Described | None) -> Any:
    known = described.field(path) if described else None
    if found.kind == "secret" or (known is not None and known.kind == "secret"):
        return {"env": VARIABLE, "version": 1}
    if found.items is not None:
        return [_value((*path, 0), found.items, described)]
    if found.kind == "object":
        return {name: _value((*path, name), each, described) for name, each in found.fields.items()}
    if choices := found.values or (known.choices if known else ()):
        return next((choice for choice in choices if choice not in ("", found.default)), found.default)
    return {"text": f"Some {path[-1]}", "int": 17, "number": 17.5, "bool": found.default is not True}[found.kind]
