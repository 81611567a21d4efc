"""The catalogue as connector metadata, in the form of `/v1/metadata/connector-types`."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.fivetran.catalogue import Field, Service
from simulator.fivetran.state import Json

_TYPES = {"int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"}


def summary(service: Service) -> Json:
    """Return a connector type as lists show it."""
    features = [{"id": "API_CONFIGURABLE"}, {"id": "RE_SYNC"}]
    if service.auth:
        features.append({"id": "AUTHORIZATION_VIA_API"})
    return {
        "id": service.id,
        "name": service.name,
        "type": service.type,
        "description": f"{service.name}, as the local Fivetran knows it",
        "connector_class": "lite" if service.lite else "standard",
        "service_status": service.status,
        "service_status_updated_at": "2024-01-01",
        "supported_features": features,
    }


def details(service: Service) -> Json:
    """Return a connector type with the fields of `config` and `auth`."""
    naming = {key: {"type": "string", "readonly": False, "immutable": True} for key in service.destination_keys}
    wanted = [name for name, field in service.config.items() if "required" in field.flags]
    answer = summary(service)
    answer["config"] = {
        "type": "object",
        "properties": {**naming, **_properties(service.config)},
        "required": [*service.destination_keys, *wanted],
    }
    if service.auth:
        answer["auth"] = {"type": "object", "properties": _properties(service.auth)}
    return answer


def _properties(fields: Mapping[str, Field]) -> Json:
    return {name: _node(field) for name, field in fields.items()}


def _node(field: Field) -> Json:
    node: Json = {"type": _TYPES.get(field.kind, "string"), "readonly": "readonly" in field.flags}
    if "immutable" in field.flags:
        node["immutable"] = True
    if "required" not in field.flags:
        node["nullable"] = True
    if field.kind == "secret":
        node["format"] = "password"
    if field.values:
        node["enum"] = list(field.values)
    if field.fields:
        node["properties"] = _properties(field.fields)
    if field.items is not None:
        node["items"] = _node(field.items)
    return node
