"""What the catalogue says of a service, asked by those who use it."""

import pytest

from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Field, Form
from reconciler.model.errors import ReconcilerError


def service(text: str, name: str = "made_up") -> catalog.Service:
    return catalog.read(name, f"name: Made up\ndestination: schema\nconsent: never\n{text}")


def test_a_service_without_a_file_is_not_found_and_needs_no_consent_that_anybody_knows_of():
    assert catalog.find("nothing_like_it") is None
    assert not catalog.needs_consent("nothing_like_it", {}, has_auth=False)


def test_a_service_is_read_once():
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
def test_a_form_is_the_keys_of_a_destination(form: Form, keys: tuple[tuple[str, ...], ...]):
    assert form.keys == keys


def test_a_field_is_found_by_the_way_to_it_through_mappings_and_lists():
    found = service("config:\n  port: integer\n  secrets_list[]:\n    value: secret\nauth:\n  token: secret\n")
    assert found.field(("config", "port")) == Field("integer")
    assert found.field(("config", "secrets_list", 3, "value")) == Field("secret")
    assert found.field(("config", "secrets_list", 3)) == Field("object", fields={"value": Field("secret")})
    assert found.field(("auth", "token")) == Field("secret")
    for nowhere in [("config", "prot"), ("config", "port", "x"), ("config", "secrets_list", "value"), ("else", "x")]:
        assert found.field(nowhere) is None


def test_keys_that_are_fivetran_s_or_cannot_change_are_known():
    listed = "  c[] (read-only):\n    d: string\n  e[]:\n    f (immutable): string\n"
    found = service(f"config:\n  a (read-only): string\n  b (immutable): [X, Y]\n{listed}")
    assert found.readonly_keys == {"a", "c"}
    assert found.permanent_keys == ("b",), "and not what a list holds, whose items come and go"


@pytest.mark.parametrize(
    ("line", "config", "has_auth", "needed"),
    [
        ("never", {}, False, False),
        ("always", {"api_key": "x"}, True, True),
        ("unless auth", {}, False, True),
        ("unless auth", {}, True, False),
        ("unless auth or api_token", {"api_token": {"env": "TOKEN"}}, False, False),
        ("unless auth or api_token", {"api_token": ""}, False, True),
        ("unless auth_type = ServiceAccount", {"auth_type": "ServiceAccount"}, False, False),
        ("unless auth_type = ServiceAccount", {"auth_type": "SERVICE_ACCOUNT"}, False, False),
        ("unless auth_type = ServiceAccount", {"auth_type": "OAuth"}, True, True),
        ("unless auth_type = ServiceAccount", {"auth_type": {"env": "X"}}, False, True),
        ("unless auth = token", {"auth": "token"}, False, False),
        ("unless auth = token", {}, True, True),
        ("unless deep.key", {"deep": {"key": 1}}, False, False),
        ("unless deep.key", {"deep": "key"}, False, True),
    ],
)
def test_consent_is_needed_unless_what_the_line_names_is_there(
    line: str, config: dict[str, object], has_auth: bool, needed: bool
):
    found = catalog.Consent.parse(line)
    assert found.needed(config, has_auth) is needed
    assert str(found) == line


@pytest.mark.parametrize("line", ["", "Never", "unless", "unless ", "if a", "unless a or", "unless a = ", "unless a b"])
def test_another_line_about_consent_is_refused(line: str):
    with pytest.raises(ValueError, match="`consent`"):
        catalog.Consent.parse(line)


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
def test_the_catalogue_knows_who_needs_consent(
    service_id: str, config: dict[str, object], has_auth: bool, needed: bool
):
    assert catalog.needs_consent(service_id, config, has_auth) is needed


def test_a_file_that_cannot_be_read_is_named_with_what_is_wrong(tmp_path):
    file = tmp_path / "made_up.yaml"
    file.write_text("name: x\ndestination: anywhere\nconsent: never\n")
    with pytest.raises(ReconcilerError, match=r"made_up\.yaml: `destination`: expected one of schema, schema"):
        catalog.read_file(file)
    with pytest.raises(ReconcilerError, match=r"nowhere\.yaml: cannot be read: No such file"):
        catalog.read_file(tmp_path / "nowhere.yaml")
