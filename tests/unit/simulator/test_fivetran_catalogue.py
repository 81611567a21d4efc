"""The services that the local Fivetran knows, and how it describes them."""

from pathlib import Path
from typing import Any

import pytest
from tests.every import for_every

from simulator.fivetran.catalogue import Catalogue, CatalogueError, Condition, Field, Need, parse_service

from .fivetran_account import Account

CATALOGUE = Catalogue.load()


def _fields(fields: Any, path: str = "") -> Any:
    for name, field in fields.items():
        yield f"{path}{name}", field
        yield from _fields(field.fields, f"{path}{name}.")
        if field.items is not None:
            yield from _fields({"0": field.items}, f"{path}{name}.")


@for_every("service", CATALOGUE.connections.values(), ids=lambda service: service.id)
def test_needs_of_a_service_are_fields_that_it_has(service: Any):
    known = {path for path, _ in _fields(service.config)} | {f"auth.{path}" for path, _ in _fields(service.auth)}
    for need in service.needs:
        assert {path for path in need.any_of if path not in known} == set()
        assert need.condition is None or need.condition.path in known


@for_every("service", CATALOGUE.connections.values(), ids=lambda service: service.id)
def test_default_is_a_value_its_field_can_have(service: Any):
    kinds = {"text": str, "int": int, "number": (int, float), "bool": bool}
    for path, field in _fields(service.config):
        if field.default is not None:
            assert field.kind != "secret", path
            fits = field.default in field.values if field.kind == "enum" else type(field.default) is kinds[field.kind]
            assert fits, path


def test_every_service_that_files_can_name_can_be_created_here():
    described = {file.stem for file in (Path(__file__).parents[3] / "schemas" / "services").glob("*.yaml")}
    assert len(described) >= 183
    assert described <= CATALOGUE.connections.keys()


def test_all_four_ways_to_name_a_destination_schema_occur():
    forms = {service.form for service in CATALOGUE.connections.values()}
    assert forms == {"schema", "schema_table", "schema_prefix", "schema_table_group"}


def test_registering_a_service_changes_no_other_catalogue():
    one = Catalogue.load()
    one.register("novelty", {})
    assert "novelty" not in Catalogue.load().connections


def test_catalogue_notation_is_read():
    service = parse_service(
        "s",
        {
            "config": {
                "a": "one of X Y = Y, immutable",
                "b": "int = 3, required, readonly",
                "c": [{"d": "secret"}],
                "e": {"f": ["text"]},
            },
            "needs": ["a or c unless a=X", "e.f"],
        },
    )
    assert service.config == {
        "a": Field("enum", ("X", "Y"), "Y", frozenset({"immutable"})),
        "b": Field("int", (), 3, frozenset({"required", "readonly"})),
        "c": Field("list", items=Field("object", fields={"d": Field("secret")})),
        "e": Field("object", fields={"f": Field("list", items=Field("text"))}),
    }
    assert service.needs == (Need(("a", "c"), Condition("a", "X", negated=True)), Need(("e.f",)))


@pytest.mark.parametrize(
    "definition",
    [
        {"config": {"a": "colour"}},
        {"config": {"a": "text, shiny"}},
        {"config": {"a": ["text", "int"]}},
        {"config": {"a": 5}},
        {"form": "scheme"},
        {"novelty": 1},
        {"needs": ["a when b"]},
        [],
    ],
)
def test_definition_that_cannot_be_read_is_rejected(definition: Any):
    with pytest.raises(CatalogueError):
        parse_service("s", definition)


def test_required_field_is_required(account: Account):
    account.admin("PUT", "/services/strict", {"config": {"must": "text, required"}})
    body = {"group_id": account.group(), "service": "strict", "config": {"schema": "s"}}
    answer = account.http.post("/v1/connections", json=body)
    assert answer.json()["message"] == "Field 'must' is required"


def test_list_of_connector_types_is_paged_and_has_no_fields(account: Account):
    first = account.data("GET", "/v1/metadata/connector-types?limit=10")
    assert len(first["items"]) == 10
    assert "next_cursor" in first
    everything = account.data("GET", "/v1/metadata/connector-types?limit=1000")["items"]
    assert {item["id"] for item in everything} == CATALOGUE.connections.keys()
    assert all(item.keys().isdisjoint({"config", "auth"}) for item in everything)


def test_connector_types_details_describe_its_fields(account: Account):
    details = account.data("GET", "/v1/metadata/connector-types/google_cloud_function")
    config = details["config"]
    assert config["required"] == ["schema"]
    assert config["properties"]["schema"] == {"type": "string", "readonly": False, "immutable": True}
    pair = config["properties"]["secrets_list"]["items"]["properties"]
    assert (pair["value"]["format"], "format" in pair["key"]) == ("password", False)
    assert config["properties"]["service_account_email"]["readonly"] is True
    ads = account.data("GET", "/v1/metadata/connector-types/google_ads")
    assert ads["auth"]["properties"]["client_access"]["properties"].keys() >= {"client_id", "client_secret"}
    assert "THREE" in ads["config"]["properties"]["timeframe_months"]["enum"]
    assert account.http.get("/v1/metadata/connector-types/papyrus").status_code == 404
