"""A service as JSON Schema in its file, and the API's metadata that it is made from."""

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field, Form, InvalidService

EDITOR = jsonschema_rs.validator_for(
    json.loads((catalog.SERVICES.parent / "service.schema.json").read_text(encoding="utf-8"))
)
LONG = "A choice that is much too long to stand beside others on one line"
FILE = f"""\
# yaml-language-server: $schema=../service.schema.json
$schema: https://json-schema.org/draft/2020-12/schema
title: "On: a 'name'"
x-status: beta
x-consent:
  not:
    anyOf:
      - {{required: [auth]}}
      - properties: {{config: {{properties: {{mode: {{const: AllApps}}}}, required: [mode]}}}}
        required: [config]
x-secret: [plain]
type: object
properties:
  destination: {{type: object, required: [schema], maxProperties: 1}}
  config:
    type: object
    properties:
      anything: {{}}
      choices:
        type: [array, "null"]
        items:
          enum:
            - {LONG}
            - {LONG} too
      free: {{type: object}}
      list: {{type: array}}
      matrix: {{type: array, items: {{type: array, items: {{type: integer}}}}}}
      maybe: {{enum: ["", "null", null]}}
      mode: {{enum: ["", "1", AllApps, "NO", "a,b"], x-immutable: true}}
      plain: {{type: string, format: password}}
      stored:
        type: object
        properties:
          id: {{type: string}}
        readOnly: true
    required: [choices]
  auth:
    type: object
    properties:
      token: {{type: [string, "null"], format: password}}
"""
SERVICE = catalog.Service(
    id="made_up",
    name="On: a 'name'",
    status="beta",
    form=Form.SCHEMA,
    consent=catalog.Consent(
        True, (catalog.ConsentCondition(("auth",)), catalog.ConsentCondition(("config", "mode"), "AllApps"))
    ),
    secret=("plain",),
    config={
        "anything": Field("any"),
        "choices": Field("list", required=True, nullable=True, items=Field("choice", choices=(LONG, f"{LONG} too"))),
        "free": Field("object"),
        "list": Field("list", items=Field("any")),
        "matrix": Field("list", items=Field("list", items=Field("integer"))),
        "maybe": Field("choice", choices=("", "null"), nullable=True),
        "mode": Field("choice", choices=("", "1", "AllApps", "NO", "a,b"), immutable=True),
        "plain": Field("secret"),
        "stored": Field("object", fields={"id": Field("string")}, readonly=True),
    },
    auth={"token": Field("secret", nullable=True)},
)


def test_service_is_read_from_its_file():
    assert catalog.read("made_up", FILE) == SERVICE


def test_service_is_written_as_its_file():
    assert catalog.write(SERVICE) == FILE


DESTINATION = {"type": "object", "required": ["schema"], "maxProperties": 1}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "x",
    "x-consent": False,
    "type": "object",
    "properties": {"destination": DESTINATION},
}


def with_config(config: Any) -> dict[str, Any]:
    return {**SCHEMA, "properties": {"destination": DESTINATION, "config": config}}


def with_field(field: Any) -> dict[str, Any]:
    return with_config({"type": "object", "properties": {"a": field}})


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "expected a mapping of"),
        ([], "expected a mapping of"),
        ({"title": "x"}, "expected a mapping of"),
        ({**SCHEMA, "surprise": "x"}, "expected a mapping of"),
        ({**SCHEMA, "type": "array"}, "and `type: object`"),
        ({**SCHEMA, "$schema": "http://json-schema.org/draft-07/schema#"}, "2020-12"),
        ({**SCHEMA, "title": ["x"]}, "expected text in `title`"),
        ({**SCHEMA, "x-status": True}, "expected text in `title` and `x-status`"),
        ({**SCHEMA, "x-secret": "a"}, "`x-secret`: expected a list"),
        ({**SCHEMA, "x-consent": "never"}, "`x-consent`: expected true, false"),
        ({**SCHEMA, "properties": {}}, "`properties`: expected `destination`"),
        ({**SCHEMA, "properties": {"destination": {"required": ["table"]}}}, "`destination`: expected one of"),
        (with_config({"type": "object"}), "`config`: expected `type: object` with"),
        (with_config([]), "`config`: expected a schema"),
        (with_config({"type": "object", "properties": []}), "`config`: `properties` is a mapping"),
        (with_config({"type": "object", "properties": {"a b": {}}}), "a name has no spaces"),
        (with_config({"type": "object", "properties": {"a": {}}, "required": ["b"]}), "`required` is a list"),
        (with_config({"type": "object", "properties": {"a": {}}, "readOnly": True}), "`config`: expected"),
        (with_field({"type": "strnig"}), r"`config\.a`: `type` is one of string"),
        (with_field({"type": ["string", "integer"]}), r"`config\.a`: `type` is one of string"),
        (with_field({"enum": []}), r"`config\.a`: `enum` is a list of texts"),
        (with_field({"enum": [None]}), r"`config\.a`: `enum` is a list of texts"),
        (with_field({"enum": ["a", 1]}), r"`config\.a`: `enum` is a list of texts"),
        (with_field({"enum": ["a"], "type": "string"}), r"`config\.a`: `enum` is .* with no `type`"),
        (with_field({"type": "integer", "format": "password"}), "`format` is `password`, of a string"),
        (with_field({"type": "string", "format": "date"}), "`format` is `password`"),
        (with_field({"type": "string", "readOnly": False}), "are true or absent"),
        (with_field({"type": "string", "items": {}}), "`items` needs `type: array`"),
        (with_field({"properties": {"b": {}}}), "need `type: object`"),
        (with_field({"minLength": 1}), "expected a schema with some of"),
        (with_field({"type": "array", "items": {"type": "x"}}), r"`config\.a\[\]`: `type` is one of"),
    ],
)
def test_schema_that_describes_no_service_is_rejected_by_reader_and_editor(schema: Any, message: str):
    with pytest.raises(InvalidService, match=message):
        catalog.from_schema("made_up", schema)
    assert EDITOR.is_valid(SCHEMA)
    if "`required` is a list" not in message:  # JSON Schema cannot compare a list with the keys beside it
        assert not EDITOR.is_valid(schema)


KEYWORDS = ("type", "format", "enum", "items", "properties", "required", "readOnly", "x-immutable")
WORDS = st.sampled_from(["string", "null", "array", "object", "integer", "password", "a", "b", None, True, False, 1])
ANY = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
        | inner.map(lambda node: {"type": "object", "properties": {"a": node}})
        | inner.map(lambda node: {"type": "array", "items": node})
    ),
    max_leaves=8,
)


@given(st.sampled_from([with_config, with_field]), ANY)
def test_reader_and_editor_accept_the_same_schemas(place: Callable[[Any], dict[str, Any]], node: Any):
    schema = place(node)
    try:
        accepted = catalog.from_schema("made_up", schema) is not None
    except InvalidService as error:
        assume("`required` is a list" not in str(error))  # JSON Schema cannot compare a list with the keys beside it
        accepted = False
    assert EDITOR.is_valid(schema) is accepted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("title: x: y", "not valid YAML, line 1"),
        ("title: x\n---\ntitle: y", "a second document, line 2"),
        ("title: &x y\nx-status: *x", "not a plain mapping, list or scalar, line 2"),
        ("[a]: x", "not a plain mapping, list or scalar, line 1"),
    ],
)
def test_text_that_is_not_plain_yaml_is_rejected(text: str, message: str):
    with pytest.raises(InvalidService, match=message):
        catalog.read("made_up", text)


@pytest.mark.parametrize("name", ["a b", "a.b", "a[]", "(a)", ""])
def test_field_whose_name_a_path_cannot_hold_is_not_written(name: str):
    metadata = {"properties": {name: {"type": "string"}}}
    with pytest.raises(InvalidService, match="of a field cannot be written"):
        catalog.write(entry(metadata))


NAMES = st.text(st.characters(exclude_characters="[]().", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
CHOICES = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=12).filter(str.isprintable)
FLAGS = st.fixed_dictionaries(
    {}, optional={name: st.booleans() for name in ("readonly", "immutable", "nullable")} | {"title": st.text()}
)
SCALARS = st.sampled_from(
    [{"type": kind} for kind in ("string", "integer", "number", "boolean", "object", "array", "strange")]
    + [{"type": "string", "format": "password"}, {"type": "string", "format": "date"}, {}]
) | st.lists(CHOICES, min_size=1, max_size=30, unique=True).map(lambda choices: {"type": "string", "enum": choices})


def with_flags(nodes: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(nodes, FLAGS).map(lambda pair: {**pair[1], **pair[0]})


@st.composite
def objects(draw: st.DrawFn, nodes: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, nodes, max_size=5))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    return {"type": "object", "properties": properties, "required": required}


NODES = st.recursive(
    with_flags(SCALARS),
    lambda inner: with_flags(objects(inner) | inner.map(lambda items: {"type": "array", "items": items})),
    max_leaves=12,
)


def entry(config: Mapping[str, Any], auth: Mapping[str, Any] | None = None, **more: Any) -> catalog.Service:
    facts = {"name": "x", "status": None, "config": config, "auth": auth or {}, "known": None, **more}
    return catalog.from_metadata("made_up", **facts)


@given(objects(NODES), objects(NODES), CHOICES, st.none() | st.sampled_from(["beta", "general_availability"]))
def test_metadata_written_and_read_again_is_the_same_service(
    config: dict[str, Any], auth: dict[str, Any], name: str, status: str | None
):
    made = entry(config, auth, name=name, status=status)
    text = catalog.write(made)
    assert catalog.read("made_up", text) == made
    assert catalog.write(catalog.read("made_up", text)) == text


@given(objects(NODES), CHOICES)
def test_written_file_is_json_schema_to_any_reader(config: dict[str, Any], name: str):
    made = entry(config, name=name)
    schema = yaml.safe_load(catalog.write(made))
    assert schema == catalog.as_schema(made)
    jsonschema_rs.meta.validate(schema)
    assert [str(error) for error in EDITOR.iter_errors(schema)] == []


@given(objects(NODES), st.randoms(use_true_random=False))
def test_order_of_the_api_s_fields_does_not_change_the_file(config: dict[str, Any], random: Any):
    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            items = [(key, shuffled(value)) for key, value in node.items()]
            random.shuffle(items)
            return dict(items)
        return random.sample(node, len(node)) if isinstance(node, list) else node

    assert catalog.write(entry(shuffled(config))) == catalog.write(entry(config))


@pytest.mark.parametrize(
    ("keys", "form"),
    [
        ("schema", Form.SCHEMA),
        ("", Form.SCHEMA),
        ("schema table", Form.TABLE),
        ("schema table_group_name", Form.GROUP),
        ("schema table table_group_name", Form.TABLE_OR_GROUP),
        ("schema_prefix", Form.PREFIX),
    ],
)
def test_destination_keys_are_the_form_and_not_fields(keys: str, form: Form):
    properties = {key: {"type": "string"} for key in [*keys.split(), "other"]}
    for order in itertools.permutations(properties.items()):
        made = entry({"properties": dict(order)})
        assert made.form is form
        assert set(made.config) == {"other"}


def test_schema_of_a_database_is_a_field_beside_its_prefix():
    made = entry({"properties": {"schema_prefix": {"type": "string"}, "schema": {"type": "string"}}})
    assert (made.form, made.config) == (Form.PREFIX, {"schema": Field("string")})


def test_text_in_auth_is_secret_and_a_choice_is_not():
    auth = {"client": {"type": "object", "properties": {"id": {"type": "string"}}}, "mode": {"enum": ["A", "B"]}}
    made = entry({}, {"properties": auth})
    assert made.field(("auth", "client", "id")) == Field("secret")
    assert made.field(("auth", "mode")) == Field("choice", choices=("A", "B"))


def test_field_keeps_what_the_metadata_says():
    properties = {
        "key": {"type": "string", "format": "password"},
        "mode": {"type": "string", "enum": ["B", "A"], "immutable": True, "readonly": False},
        "made": {"type": "string", "readonly": True},
        "days": {"type": "integer", "nullable": True},
    }
    made = entry({"properties": properties, "required": ["key"]})
    assert made.config == {
        "key": Field("secret", required=True),
        "mode": Field("choice", choices=("A", "B"), immutable=True),
        "made": Field("string", readonly=True),
        "days": Field("integer", nullable=True),
    }
    assert made.permanent_keys == ("mode",)
    assert made.readonly_keys == {"made"}


def test_consent_and_secrets_are_kept_from_the_file():
    text: dict[str, Any] = {"type": "string"}
    items = {"type": "object", "properties": {"value": text, "key": text}}
    config = {"properties": {"hook": text, "list": {"type": "array", "items": items}}}
    known = catalog.from_schema("made_up", {**SCHEMA, "x-consent": True, "x-secret": ["hook", "list[].value", "gone"]})
    made = entry(config, known=known)
    assert str(made.consent) == "always"
    assert made.secret == ("hook", "list[].value", "gone")
    secret = [made.field(("config", *path)) for path in (("hook",), ("list", 0, "value"))]
    assert secret == [Field("secret")] * 2
    assert made.field(("config", "list", 0, "key")) == Field("string")


def test_new_service_with_auth_is_assumed_to_need_consent_without_it():
    assert str(entry({}, {"properties": {"token": {"type": "string"}}}).consent) == "unless auth"
    assert str(entry({}).consent) == "never"


@pytest.mark.parametrize(
    "config",
    [{"properties": []}, {"properties": {"a": "string"}}, {"properties": {"a": {"type": "array", "items": 1}}}],
)
def test_metadata_of_another_shape_is_rejected(config: dict[str, Any]):
    with pytest.raises(InvalidService, match="is not an object"):
        entry(config)
