"""`config`, `auth` and `destination` against the catalogue, where the cases in `tests/config` do not reach."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import load
from reconciler.config.rules import fields
from reconciler.config.rules.services import check_destination_forms, warn_unknown_services
from reconciler.config.specs import Specs
from reconciler.config.yaml.document import Document
from reconciler.config.yaml.read import parse
from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import Consent, Field, Form, Service, files
from reconciler.model.errors import ReconcilerError

Catalogue = Callable[..., None]


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue of one service, `made_up`, with these fields."""

    def write(config: Mapping[str, Field], auth: Mapping[str, Field] | None = None) -> None:
        service = Service("made_up", "Made up", Form.SCHEMA, Consent(False), config, auth or {})
        (tmp_path / "made_up.yaml").write_text(catalog.write(service))
        files._known.cache_clear()
        files._find.cache_clear()

    monkeypatch.setattr(files, "SERVICES", tmp_path)
    return write


def specs(connector: Any) -> Specs:
    raw = json.dumps({"description": "x", "owners": ["a@example.com"], "connector": connector, "dataset": {}})
    document, problems = parse(raw.encode(), environment="dev", name="x", file="dev/x.yaml")
    assert document is not None
    assert problems == []
    return Specs({}, {"dev": {"x": document}}, {"dev": frozenset({"x"})})


def problems(connector: dict[str, Any]) -> list[str]:
    given_ = {"service": "made_up", "destination": {"schema": "x"}, **connector}
    return [problem.message for problem in fields.check_config_and_auth(specs(given_))]


def mapping(**fields: Field) -> Field:
    return Field("object", fields=fields)


def list_of(items: Field) -> Field:
    return Field("list", items=items)


REQUIRED = {
    "host": Field("string", required=True),
    "list": list_of(mapping(key=Field("string", required=True))),
    "more": mapping(deep=Field("integer", required=True)),
}


def test_key_that_a_create_needs_is_missing(made_up: Catalogue):
    made_up(REQUIRED)
    assert problems({"config": {}}) == ["`host` is missing in `config`, and `made_up` requires it"]
    assert problems({}) == ["`host` is missing in `config`, and `made_up` requires it"]
    assert problems({"config": {"host": "x", "list": [{}], "more": {}}}) == [
        "`key` is missing in `list`, and `made_up` requires it",
        "`deep` is missing in `more`, and `made_up` requires it",
    ]
    assert problems({"config": {"host": {"env": "HOST"}, "list": [{"key": "x"}], "more": {"deep": 1}}}) == []


def test_key_with_a_slip_is_not_missing_as_well(made_up: Catalogue):
    made_up(REQUIRED)
    assert problems({"config": {"hsot": "x"}}) == ["unknown key `hsot` in `config`"]


def test_connection_that_is_adopted_has_what_its_create_needed(made_up: Catalogue):
    made_up(REQUIRED)
    assert problems({"config": {}, "adopt": "duel_salutation"}) == []


def test_address_of_a_function_follows_from_its_name(made_up: Catalogue):
    made_up({"function_trigger": Field("secret", required=True)})
    assert problems({"function": {"name": "casa"}}) == []
    assert problems({}) == ["`function_trigger` is missing in `config`, and `made_up` requires it"]


def test_required_keys_of_auth_are_checked_when_auth_is_declared(made_up: Catalogue):
    made_up({}, {"token": Field("secret", required=True), "client": Field("string")})
    assert problems({}) == problems({"auth": {}}) == []
    assert problems({"auth": {"client": "x"}}) == ["`token` is missing in `auth`, and `made_up` requires it"]


def test_undescribed_fields_accept_any_value(made_up: Catalogue):
    made_up({"any": Field("any"), "free": mapping(), "list": list_of(Field("any"))})
    anything: list[Any] = [1, True, "x", 1.5, {"env": "X"}, {"a": 1}, ["b"]]
    for value in anything:
        assert problems({"config": {"any": value, "list": [value]}}) == []
    assert problems({"config": {"free": {"a": {"b": [1]}}}}) == []
    assert problems({"config": {"free": [1]}}) == ["`free`: expected a mapping; found a list"]


def test_choice_is_accepted_in_both_spellings(made_up: Catalogue):
    made_up({"mode": Field("choice", choices=("AllApps", "SPECIFIC_APPS", "direct"))})
    for right in ("AllApps", "ALL_APPS", "SPECIFIC_APPS", "SpecificApps", "direct"):
        assert problems({"config": {"mode": right}}) == []
    for wrong in ("allapps", "all_apps", "DIRECT", "Direct", ""):
        assert problems({"config": {"mode": wrong}}) == ["`mode`: expected one of AllApps, SPECIFIC_APPS, direct"]


def test_long_list_of_choices_is_cut(made_up: Catalogue):
    made_up({"region": Field("choice", choices=tuple(f"r{number:02}" for number in range(40)))})
    [message] = problems({"config": {"region": "x"}})
    assert message.endswith("r10, r11 and 28 more")


def test_held_by_is_accepted_in_place_of_a_value_of_any_type(made_up: Catalogue):
    nested = {"b": list_of(Field("secret")), "c": mapping(d=Field("string"))}
    made_up({"a": Field("integer"), **nested, "e": Field("boolean"), "f": Field("secret")})
    assert problems({"config": {key: {"held_by": "fivetran"} for key in "abcef"}}) == []


def test_number_that_yaml_writes_with_a_point_is_whole_when_it_is(made_up: Catalogue):
    made_up({"port": Field("integer"), "share": Field("number")})
    assert problems({"config": {"port": 5432.0, "share": 5}}) == []
    assert problems({"config": {"port": 1.5, "share": False}}) == [
        "`port`: expected a whole number; found a decimal number",
        "`share`: expected a number; found a boolean",
    ]


def test_broken_file_of_the_catalogue_is_named(made_up: Catalogue):
    made_up({})
    (files.SERVICES / "made_up.yaml").write_text("config: [")
    with pytest.raises(ReconcilerError, match=r"made_up\.yaml: not valid YAML"):
        problems({})


def test_service_without_a_file_is_a_notice_and_nothing_else():
    unknown = specs({"service": "strpe", "destination": {"schema_prefix": "x"}, "config": {"x": 1}, "auth": {"y": 2}})
    assert list(fields.check_config_and_auth(unknown)) == []
    assert list(check_destination_forms(unknown)) == []
    [notice] = warn_unknown_services(unknown)
    assert notice.message == "the service `strpe` is not in the catalogue, so `config` and `auth` are not checked"
    assert notice.hint is not None
    assert notice.hint.startswith("did you mean `stripe`? Otherwise, if Fivetran has it,")


@pytest.mark.parametrize("service", ["stripe", "Stripe", "", None, 1, ["stripe"], "../../x"])
def test_service_that_is_known_or_no_id_at_all_gives_no_notice(service: Any):
    document = Document("dev", "x", "dev/x.yaml", {"connector": {"service": service}}, {}, {})
    assert list(warn_unknown_services(Specs({}, {"dev": {"x": document}}, {}))) == []


def test_notice_keeps_no_environment_from_its_fleet(tmp_path: Path):
    (tmp_path / "dev").mkdir()
    for name in ("environment", "stripe"):
        text = (Path(__file__).parents[2] / "config" / "good" / "smallest" / "dev" / f"{name}.yaml").read_text()
        (tmp_path / "dev" / f"{name}.yaml").write_text(text.replace("service: stripe", "service: acme"))
    loaded = load(tmp_path, tmp_path)
    assert loaded.problems == ()
    assert loaded.notices == loaded.notices_of("dev") != ()
    assert "dev" in loaded.fleets


SERVICES = list(catalog.catalogue().values())
CANARY = "canary4711"
KEYS = st.sampled_from(["key", "value", "x"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([CANARY, 4711, True, 47.11, {"env": CANARY.upper()}, {"secret": CANARY, "version": 4711}]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def connectors(draw: st.DrawFn) -> dict[str, Any]:
    service = draw(st.sampled_from(SERVICES))
    names = st.sampled_from([*service.config, *service.auth, "x", "schema", "password"])
    trees = {tree: draw(st.dictionaries(names, VALUES, max_size=4)) for tree in ("config", "auth")}
    return {"service": service.id, "destination": {"schema": "x"}, **trees}


@given(connectors())
def test_config_problems_show_no_value_and_are_reported_once(connector: dict[str, Any]):
    found = specs(connector)
    problems = list(fields.check_config_and_auth(found))
    text = "\n".join(str(problem) for problem in problems).lower()
    assert "4711" not in text
    assert "47.11" not in text
    assert len({(problem.line, problem.column, problem.message) for problem in problems}) == len(problems)
