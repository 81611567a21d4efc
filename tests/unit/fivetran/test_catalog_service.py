"""What the catalogue answers about a service."""

import itertools
from typing import Any

import jsonschema_rs
import pytest
from tests.every import for_every

from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field, Form
from reconciler.model.errors import ReconcilerError


def service(config: dict[str, Field], auth: dict[str, Field] | None = None) -> catalog.Service:
    return catalog.Service("made_up", "Made up", Form.SCHEMA, catalog.Consent(False), config, auth or {})


def test_service_without_a_file_is_not_found_and_needs_no_consent():
    assert catalog.find("nothing_like_it") is None
    assert not catalog.needs_consent("nothing_like_it", {}, has_auth=False)


def test_service_is_read_once():
    assert catalog.find("stripe") is catalog.find("stripe")


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        (Form.SCHEMA, (("schema",),)),
        (Form.TABLE, (("schema", "table"),)),
        (Form.GROUP, (("schema", "table_group_name"),)),
        (Form.TABLE_OR_GROUP, (("schema", "table"), ("schema", "table_group_name"))),
        (Form.PREFIX, (("schema_prefix",),)),
    ],
)
def test_form_has_the_keys_of_a_destination(form: Form, keys: tuple[tuple[str, ...], ...]):
    assert form.keys == keys


def test_field_is_found_by_its_path_through_mappings_and_lists():
    secrets = Field("object", fields={"value": Field("secret")})
    config = {"port": Field("integer"), "secrets_list": Field("list", items=secrets)}
    found = service(config, {"token": Field("secret")})
    assert found.field(("config", "port")) == Field("integer")
    assert found.field(("config", "secrets_list", 3, "value")) == Field("secret")
    assert found.field(("config", "secrets_list", 3)) == secrets
    assert found.field(("auth", "token")) == Field("secret")
    for nowhere in [("config", "prot"), ("config", "port", "x"), ("config", "secrets_list", "value"), ("else", "x")]:
        assert found.field(nowhere) is None


def test_service_lists_its_read_only_and_permanent_keys():
    items = Field("object", fields={"f": Field("string", immutable=True)})
    config = {
        "a": Field("string", readonly=True),
        "b": Field("choice", choices=("X", "Y"), immutable=True),
        "c": Field("list", items=Field("object", fields={"d": Field("string")}), readonly=True),
        "e": Field("list", items=items),
    }
    found = service(config)
    assert found.readonly_keys == {"a", "c"}
    assert found.permanent_keys == ("b",), "and not what a list holds, whose items come and go"


def not_when(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"not": conditions[0] if len(conditions) == 1 else {"anyOf": list(conditions)}}


def with_config(schema: dict[str, Any]) -> dict[str, Any]:
    return {"properties": {"config": schema}, "required": ["config"]}


def has_value(key: str, value: str) -> dict[str, Any]:
    return with_config({"properties": {key: {"const": value}}, "required": [key]})


AUTH = {"required": ["auth"]}
TOKEN = with_config({"required": ["api_token"]})
ACCOUNT = has_value("auth_type", "ServiceAccount")
DEEP = with_config({"properties": {"deep": {"required": ["key"]}}, "required": ["deep"]})


@pytest.mark.parametrize(
    ("schema", "text", "config", "has_auth", "needed"),
    [
        (False, "never", {}, False, False),
        (True, "always", {"api_key": "x"}, True, True),
        (not_when(AUTH), "unless auth", {}, False, True),
        (not_when(AUTH), "unless auth", {}, True, False),
        (not_when(AUTH, TOKEN), "unless auth or config.api_token", {"api_token": {"env": "TOKEN"}}, False, False),
        (not_when(AUTH, TOKEN), "unless auth or config.api_token", {"api_token": ""}, False, True),
        (not_when(ACCOUNT), "unless config.auth_type = ServiceAccount", {"auth_type": "ServiceAccount"}, False, False),
        (not_when(ACCOUNT), "unless config.auth_type = ServiceAccount", {"auth_type": "SERVICE_ACCOUNT"}, False, False),
        (not_when(ACCOUNT), "unless config.auth_type = ServiceAccount", {"auth_type": "OAuth"}, True, True),
        (not_when(ACCOUNT), "unless config.auth_type = ServiceAccount", {"auth_type": {"env": "X"}}, False, True),
        (not_when(has_value("auth", "token")), "unless config.auth = token", {"auth": "token"}, False, False),
        (not_when(has_value("auth", "token")), "unless config.auth = token", {}, True, True),
        (not_when(DEEP), "unless config.deep.key", {"deep": {"key": 1}}, False, False),
        (not_when(DEEP), "unless config.deep.key", {"deep": "key"}, False, True),
    ],
)
def test_consent_is_needed_where_its_schema_holds(
    schema: bool | dict[str, Any], text: str, config: dict[str, object], has_auth: bool, needed: bool
):
    found = catalog.Consent.from_schema(schema)
    assert found.needed(config, has_auth) is needed
    assert found.as_schema() == schema
    assert str(found) == text


@for_every("service_id", sorted(catalog.known()))
def test_consent_agrees_with_a_json_schema_validator(service_id: str):
    found = catalog.find(service_id)
    assert found is not None
    validator = jsonschema_rs.validator_for(found.consent.as_schema())
    values = {condition.path[-1]: condition.value or "x" for condition in found.consent.unless}
    values.pop("auth", None)
    configs = [{}, {"else": "x"}, dict.fromkeys(values, "else"), values, *({key: values[key]} for key in values)]
    for config, auth in itertools.product(configs, [{}, {"auth": {"token": "x"}}]):
        needed = found.needs_consent(config, bool(auth))
        assert validator.is_valid({"config": config, **auth}) is needed, (config, auth)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        "never",
        {},
        AUTH,
        {"not": {}},
        {"not": AUTH, "type": "object"},
        {"not": {"anyOf": [AUTH]}},
        {"not": {"required": ["auth", "config"]}},
        {"not": {"required": ["config"]}},
        {"not": {"required": ["api_token"]}},
        {"not": {"properties": {"auth": {"required": ["token"]}}, "required": ["auth"]}},
        {"not": {"properties": {"config": {"required": ["a"]}}}},
        {"not": {"properties": [], "required": ["config"]}},
        not_when(has_value("a", 1)),  # type: ignore[arg-type]
    ],
)
def test_consent_of_another_form_is_rejected(schema: Any):
    with pytest.raises(ValueError, match="expected true, false, or `not`"):
        catalog.Consent.from_schema(schema)


@pytest.mark.parametrize(
    ("service_id", "config", "has_auth", "needed"),
    [
        ("google_sheets", {"auth_type": "ServiceAccount"}, False, False),
        ("google_sheets", {}, False, True),
        ("google_sheets", {}, True, False),
        ("zendesk", {"api_token": {"env": "TOKEN"}}, False, False),
        ("zendesk", {}, False, True),
        ("stripe", {}, False, False),
    ],
)
def test_catalogue_knows_which_connectors_need_consent(
    service_id: str, config: dict[str, object], has_auth: bool, needed: bool
):
    assert catalog.needs_consent(service_id, config, has_auth) is needed


def test_error_about_a_file_has_its_name_and_its_fault(tmp_path):
    file = tmp_path / "made_up.yaml"
    text = (catalog.SERVICES / "stripe.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("required: [schema]", "required: [anywhere]"), encoding="utf-8")
    with pytest.raises(ReconcilerError, match=r"made_up\.yaml: `destination`: expected one of the forms"):
        catalog.read_file(file)
    with pytest.raises(ReconcilerError, match=r"nowhere\.yaml: cannot be read: No such file"):
        catalog.read_file(tmp_path / "nowhere.yaml")
