"""Each service that the local Fivetran knows: it can be connected, it syncs, and the API's metadata describes it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.every import for_every

from simulator.fivetran.catalogue import Catalogue, Field, Service

from .fivetran_account import Account

SERVICES = Catalogue.load().connections
_KINDS = {"int": "integer", "number": "number", "bool": "boolean", "list": "array", "object": "object"}
_VALUES: dict[str, Any] = {"text": "x", "secret": "canary", "int": 1, "number": 1.5, "bool": True}


def _value(field: Field, path: list[str]) -> Any:
    if path:
        return {path[0]: _value(field.fields[path[0]], path[1:])}
    if field.items is not None:
        return [_value(field.items, [])]
    if field.fields:
        return {name: _value(inner, []) for name, inner in field.fields.items()}
    return field.values[0] if field.values else _VALUES[field.kind]


def _complete(service: Service) -> dict[str, Any]:
    """What a person would fill in: the first of each thing that the service needs."""
    body: dict[str, Any] = {"config": {key: f"my_{key}" for key in service.destination_keys}, "auth": {}}
    for need in (*service.needs, *service.consent):
        part, _, rest = need.any_of[0].partition(".")
        if part == "auth" and rest:
            name, *path = rest.split(".")
            if name in service.auth:
                body["auth"][name] = _value(service.auth[name], path)
        else:
            name, *path = need.any_of[0].split(".")
            body["config"][name] = _value(service.config[name], path)
    return body


@for_every("service", SERVICES.values(), ids=lambda service: service.id)
def test_service_connects_with_what_it_needs_and_then_syncs(account: Account, service: Service):
    account.admin("POST", "/reset")  # a snapshot of all services, for each of them, takes half a minute
    account.options(package_use="unchecked")
    body = {"group_id": account.group(service.id), "service": service.id, **_complete(service)}
    created = account.data("POST", "/v1/connections", body)
    if created["status"]["setup_state"] != "connected":
        assert service.consent
        account.admin("POST", f"/connections/{created['id']}/authorise")
    shown = account.data("GET", f"/v1/connections/{created['id']}")
    status = shown["status"]
    assert (status["setup_state"], status["is_historical_sync"], status["tasks"]) == ("connected", False, [])
    assert "canary" not in str(shown)
    readonly = {name for name, field in service.config.items() if "readonly" in field.flags}
    assert readonly <= shown["config"].keys()
    config = account.data("GET", f"/v1/connections/{created['id']}/schemas")
    assert config["schemas"]
    assert account.snapshot(created["id"])["written_datasets"]


@for_every("service", [item for item in SERVICES.values() if item.needs], ids=lambda item: item.id)
def test_service_does_not_connect_without_what_it_needs(account: Account, service: Service):
    config = {key: f"my_{key}" for key in service.destination_keys}
    body = {"group_id": account.group(service.id), "service": service.id, "config": config}
    status = account.data("POST", "/v1/connections", body)["status"]
    assert status["setup_state"] == "incomplete"


def _described(fields: Mapping[str, Field], node: Any, where: str) -> None:
    assert node.keys() >= fields.keys()
    for name, field in fields.items():
        shown = node[name]
        assert shown["type"] == _KINDS.get(field.kind, "string"), f"{where}.{name}"
        assert (shown.get("format") == "password") is (field.kind == "secret")
        assert shown["readonly"] is ("readonly" in field.flags)
        assert shown.get("immutable", False) is ("immutable" in field.flags)
        assert tuple(shown.get("enum", ())) == field.values
        _described(field.fields, shown.get("properties", {}), f"{where}.{name}")
        if field.items is not None:
            _described({"items": field.items}, shown, f"{where}.{name}")


@for_every("service", SERVICES.values(), ids=lambda service: service.id)
def test_metadata_describe_each_of_its_fields(account: Account, service: Service):
    details = account.data("GET", f"/v1/metadata/connector-types/{service.id}")
    properties = details["config"]["properties"]
    assert set(properties) == set(service.config) | set(service.destination_keys)
    assert set(service.destination_keys) <= set(details["config"]["required"])
    _described(service.config, properties, service.id)
    _described(service.auth, details.get("auth", {}).get("properties", {}), service.id)


@pytest.mark.parametrize(
    ("service", "field", "form"),
    [
        ("google_cloud_function", "service_account_email", r"g-[a-z-]+@[a-z-]+\.iam\.gserviceaccount\.com"),
        ("sftp", "public_key", r"ssh-rsa [A-Za-z0-9+/=]{300,} fivetran user key"),
        ("postgres", "public_key", r"ssh-rsa [A-Za-z0-9+/=]{300,} fivetran user key"),
        ("apple_search_ads", "encoded_public_key", r"[A-Za-z0-9+/=]{300,}"),
        ("google_drive", "service_account", r"g-[a-z-]+@[a-z-]+\.iam\.gserviceaccount\.com"),
        ("s3", "external_id", r"[a-z_]+"),
        ("segment", "webhook_url", r"https://webhooks\.fivetran\.com/webhooks/[0-9a-f-]{36}"),
    ],
)
def test_generated_values_exist_before_the_connection_works(account: Account, service: str, field: str, form: str):
    config = {key: f"my_{key}" for key in SERVICES[service].destination_keys}
    body = {"group_id": account.group(), "service": service, "config": config, "run_setup_tests": False}
    connection = account.data("POST", "/v1/connections", body)
    assert re.fullmatch(form, connection["config"][field])
    assert account.data("GET", f"/v1/connections/{connection['id']}")["config"] == connection["config"]


def test_values_of_the_service_exist_once_it_is_connected(account: Account):
    body = {"group_id": account.group(), "service": "salesforce", "config": {"schema": "s"}}
    connection = account.data("POST", "/v1/connections", body)
    names = {"connecting_user", "connecting_user_email", "organization_id", "connection_type"}
    assert names.isdisjoint(connection["config"])
    account.admin("POST", f"/connections/{connection['id']}/authorise")
    shown = account.data("GET", f"/v1/connections/{connection['id']}")["config"]
    assert names <= shown.keys()
    assert (len(shown["organization_id"]), shown["organization_id"][:3]) == (18, "00D")
