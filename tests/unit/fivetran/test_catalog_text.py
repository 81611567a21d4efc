"""The text of a service's file, and the API's metadata that it is made from."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field, Form, Unreadable

FILE = """\
# yaml-language-server: $schema=../service.schema.json
name: "On: a 'name'"
status: beta
destination: schema
consent: unless auth
secret: [plain]
config:
  choices[] (required, nullable):
    - A choice that is much too long to stand beside others in one line
    - Another choice that is much too long to stand beside others in one line
  free: object
  matrix[][]: integer
  mode (immutable): ["", "1", AllApps, "NO", "a,b"]
  plain: secret
  told (read-only):
    id: string
auth:
  token: secret
"""


def test_a_file_says_all_there_is_and_is_written_as_it_is_read():
    found = catalog.read("made_up", FILE)
    assert catalog.write(found) == FILE
    assert found == catalog.Service(
        id="made_up",
        name="On: a 'name'",
        status="beta",
        form=Form.SCHEMA,
        consent=catalog.Consent(True, (catalog.Condition("auth"),)),
        secret=("plain",),
        config={
            "choices": Field(
                "list",
                required=True,
                nullable=True,
                items=Field(
                    "choice",
                    choices=(
                        "A choice that is much too long to stand beside others in one line",
                        "Another choice that is much too long to stand beside others in one line",
                    ),
                ),
            ),
            "free": Field("object"),
            "matrix": Field("list", items=Field("list", items=Field("integer"))),
            "mode": Field("choice", choices=("", "1", "AllApps", "NO", "a,b"), immutable=True),
            "plain": Field("secret"),
            "told": Field("object", fields={"id": Field("string")}, readonly=True),
        },
        auth={"token": Field("secret")},
    )


HEAD = "name: x\ndestination: schema\nconsent: never\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("- a", "expected a mapping"),
        ("name: x\nconsent: never", "expected a mapping"),
        (f"{HEAD}surprise: x", "expected a mapping"),
        (f"{HEAD}config: [a]", "`config`: expected a mapping"),
        (f"{HEAD}config: {{a b: string}}", "`config`: 'a b' is no field"),
        (f"{HEAD}config: {{'a (sometimes)': string}}", "is no field"),
        (f"{HEAD}config: {{a: strnig}}", r"`config\.a`: expected one of any, boolean"),
        (f"{HEAD}config: {{a: []}}", r"`config\.a`: expected one of"),
        (f"{HEAD}config: {{a: {{b: [[x]]}}}}", r"`config\.a\.b`: expected one of"),
        (f"{HEAD}secret: a", "`secret` is a list"),
        ("name: [x]\ndestination: schema\nconsent: never", "are texts"),
        ("name: x\ndestination: schema\nconsent: perhaps", "`consent`: never, always or unless"),
        ("name: x: y", "not valid YAML, line 1"),
    ],
)
def test_what_is_no_service_is_refused_with_what_is_wrong(text: str, message: str):
    with pytest.raises(Unreadable, match=message):
        catalog.read("made_up", text)


@pytest.mark.parametrize("name", ["a b", "a.b", "a[]", "(a)", ""])
def test_a_field_whose_name_would_read_as_something_else_is_not_written(name: str):
    metadata = {"properties": {name: {"type": "string"}}}
    with pytest.raises(Unreadable, match="of a field cannot be written"):
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
    return catalog.from_metadata(
        "made_up", **{"name": "x", "status": None, "config": config, "auth": auth or {}, **more}
    )


@given(objects(NODES), objects(NODES), CHOICES, st.none() | st.sampled_from(["beta", "general_availability"]))
def test_metadata_written_and_read_again_is_the_same_service(
    config: dict[str, Any], auth: dict[str, Any], name: str, status: str | None
):
    made = entry(config, auth, name=name, status=status)
    text = catalog.write(made)
    assert catalog.read("made_up", text) == made
    assert catalog.write(catalog.read("made_up", text)) == text
    # Another reader of YAML takes every text for a text.
    assert_texts(yaml.safe_load(text))


def assert_texts(node: Any) -> None:
    assert isinstance(node, str | list | dict), node
    for inner in [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []:
        assert_texts(inner)


@given(objects(NODES), st.randoms(use_true_random=False))
def test_the_order_in_which_the_api_tells_its_fields_makes_no_difference(config: dict[str, Any], random: Any):
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
def test_the_keys_of_the_destination_are_the_form_and_no_fields(keys: str, form: Form):
    properties = {key: {"type": "string"} for key in [*keys.split(), "other"]}
    for order in itertools.permutations(properties.items()):
        made = entry({"properties": dict(order)})
        assert made.form is form
        assert set(made.config) == {"other"}


def test_a_database_s_own_schema_is_a_field_beside_the_prefix():
    made = entry({"properties": {"schema_prefix": {"type": "string"}, "schema": {"type": "string"}}})
    assert (made.form, made.config) == (Form.PREFIX, {"schema": Field("string")})


def test_every_text_in_auth_is_a_secret_and_a_choice_is_none():
    auth = {"client": {"type": "object", "properties": {"id": {"type": "string"}}}, "mode": {"enum": ["A", "B"]}}
    made = entry({}, {"properties": auth})
    assert made.field(("auth", "client", "id")) == Field("secret")
    assert made.field(("auth", "mode")) == Field("choice", choices=("A", "B"))


def test_what_the_api_tells_of_a_field_is_in_the_catalogue():
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


def test_what_the_api_does_not_tell_is_kept_from_the_file():
    text: dict[str, Any] = {"type": "string"}
    items = {"type": "object", "properties": {"value": text, "key": text}}
    config = {"properties": {"hook": text, "list": {"type": "array", "items": items}}}
    by_hand = "consent: always\nsecret: [hook, 'list[].value', gone]"
    known = catalog.read("made_up", f"name: x\ndestination: schema\n{by_hand}")
    made = entry(config, known=known)
    assert str(made.consent) == "always"
    assert made.secret == ("hook", "list[].value", "gone")
    secret = [made.field(("config", *path)) for path in (("hook",), ("list", 0, "value"))]
    assert secret == [Field("secret")] * 2
    assert made.field(("config", "list", 0, "key")) == Field("string")


def test_a_new_service_that_takes_auth_is_guessed_to_need_consent_without_it():
    assert str(entry({}, {"properties": {"token": {"type": "string"}}}).consent) == "unless auth"
    assert str(entry({}).consent) == "never"


@pytest.mark.parametrize(
    "config",
    [{"properties": []}, {"properties": {"a": "string"}}, {"properties": {"a": {"type": "array", "items": 1}}}],
)
def test_metadata_of_another_form_is_refused(config: dict[str, Any]):
    with pytest.raises(Unreadable, match="is no object"):
        entry(config)
