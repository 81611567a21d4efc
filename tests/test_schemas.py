"""The schemas by themselves, and their agreement with the code that reads the same files."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from reconciler import model
from reconciler.config import load
from reconciler.config.build import fleet as build
from reconciler.config.schema import schemas
from reconciler.config.schema.check import check
from reconciler.config.yaml.document import Document
from reconciler.config.yaml.read import parse
from reconciler.model import policy

ROOT = Path(__file__).parents[1]
KINDS: tuple[schemas.Kind, ...] = ("unit", "environment")
EVERY_FIELD = ROOT / "tests" / "config" / "good" / "every_field"

#: Free trees in the API's own shape: their keys are Fivetran's.
FREE = {"config", "auth"}

#: Mappings whose keys the user chooses.
CHOSEN = ("datasets", "schemas", "tables", "columns", "external_secrets_keys_config")


def nodes(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every subschema with the way to it. Conditions are left out: they repeat what stands elsewhere."""
    yield path, node
    for group in ("properties", "patternProperties", "$defs"):
        for name, inner in node.get(group, {}).items():
            yield from nodes(inner, (*path, group, name))
    for single in ("items", "additionalProperties"):
        if isinstance(node.get(single), dict):
            yield from nodes(node[single], (*path, single))


def resolved(kind: schemas.Kind, node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    return {**schemas.schema(kind)["$defs"][node["$ref"].removeprefix("#/$defs/")], **node}


def properties(kind: schemas.Kind, node: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted path of every property a file can have; `*` stands for a key the user chooses."""
    node = resolved(kind, node)
    if path.rpartition(".")[2] in FREE:
        return
    for name, inner in node.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from properties(kind, inner, f"{path}.{name}")
    if isinstance(node.get("items"), dict):
        yield from properties(kind, node["items"], path)
    for inner in node.get("patternProperties", {}).values():
        yield from properties(kind, inner, f"{path}.*")


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_valid_and_names_no_place_on_the_network_but_its_dialect(kind: schemas.Kind):
    schema = schemas.schema(kind)
    jsonschema_rs.meta.validate(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:reconciler:schema:{kind}"
    assert json.dumps(schema).count("http") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described_in_a_sentence(kind: schemas.Kind):
    for path, node in nodes(schemas.schema(kind)):
        for name, inner in node.get("properties", {}).items():
            described = resolved(kind, inner)
            assert described.get("title"), (path, name)
            assert described.get("description", "").endswith("."), (path, name)


@pytest.mark.parametrize("kind", KINDS)
def test_mappings_reject_unknown_keys_except_the_trees_of_the_api(kind: schemas.Kind):
    for path, node in nodes(schemas.schema(kind)):
        if path == ("$defs", "value"):
            continue
        if "properties" in node or node.get("type") == "object":
            assert "additionalProperties" in node or "$ref" in node, path
            assert node.get("additionalProperties", False) is not True, path
        if "properties" in node:
            assert node["additionalProperties"] is False, path


@pytest.mark.parametrize("kind", KINDS)
def test_every_pattern_and_condition_has_an_error_message(kind: schemas.Kind):
    def assert_message(node: Any, words: bool = False) -> None:
        if isinstance(node, list):
            for inner in node:
                assert_message(inner, words)
        elif isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                assert "patternErrorMessage" in node, node
            if isinstance(node.get("not"), dict) or "oneOf" in node:
                assert words or "errorMessage" in node, node
            for key, inner in node.items():
                assert_message(inner, words or "errorMessage" in node or key == "if")

    assert_message(schemas.schema(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_examples_and_defaults_are_valid(kind: schemas.Kind):
    definitions = {"$defs": schemas.schema(kind)["$defs"]}
    for path, node in nodes(schemas.schema(kind)):
        validator = jsonschema_rs.validator_for({**definitions, **node})
        for example in [*node.get("examples", []), *([node["default"]] if "default" in node else [])]:
            assert validator.is_valid(example), (path, example)


def test_policy_is_read_without_its_invalid_parts():
    written = {
        "expiry": "never",
        "people": {"need": ["ticket", "x"], "longest": "3 days", "warn": "7d"},
        "trust": "any",
    }
    valid = schemas.valid_part("environment", ("properties", "policy"), {**written, "public_access": {}, "other": 1})
    assert valid == {"people": {"need": ["ticket"], "warn": "7d"}, "trust": "any"}


def test_definitions_in_both_schemas_are_the_same():
    unit, environment = (schemas.schema(kind)["$defs"] for kind in KINDS)
    both = unit.keys() & environment.keys()
    assert {"location", "labels", "condition", "member"} <= both
    for name in both:
        assert environment[name] == unit[name], name


class Recording(dict[str, Any]):
    """A mapping of a file that notes which keys are asked for."""

    def __init__(self, data: Mapping[str, Any], path: str, asked: set[str]) -> None:
        self.path, self.asked = path, asked
        super().__init__({key: self.wrapped(value, f"{path}.{key}") for key, value in data.items()})

    def wrapped(self, value: Any, path: str) -> Any:
        if isinstance(value, dict) and path.rpartition(".")[2] not in FREE:
            return Recording(value, path, self.asked)
        if isinstance(value, list):
            return [self.wrapped(item, path) for item in value]
        return value

    def __getitem__(self, key: str) -> Any:
        self.asked.add(f"{self.path}.{key}")
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(f"{self.path}.{key}")
        return super().get(key, default)


def recorded(file: Path, asked: set[str]) -> Document:
    document, problems = parse(file.read_bytes(), environment="dev", name=file.stem, file=file.name)
    assert problems == []
    assert document is not None
    return dataclasses.replace(document, data=Recording(document.data, "", asked))


def test_loader_reads_exactly_the_fields_of_the_schemas():
    asked: dict[str, set[str]] = {"unit": set(), "environment": set()}
    environment = recorded(EVERY_FIELD / "dev" / "environment.yaml", asked["environment"])
    files = [file for file in (EVERY_FIELD / "dev").glob("*.yaml") if file.stem != "environment"]
    build.fleet(environment, {file.stem: recorded(file, asked["unit"]) for file in files})

    known = {kind: set(properties(kind, schemas.schema(kind))) for kind in KINDS}
    chosen = "|".join(map(re.escape, CHOSEN))
    asked["unit"] = {re.sub(rf"\.({chosen})\.[^.]+(?=\.)", r".\1.*", path) for path in asked["unit"]}
    assert asked["unit"] == known["unit"]
    assert asked["environment"] == known["environment"]


def test_model_fields_come_from_schema_fields_of_the_same_name():
    follows = {
        "Unit": {"name", "file", "dataset_unit", "former_datasets", "folder"},
        "Connector": {"needs_consent", "ended", "permanent", "settings"},
        "Destination": {"settings"},
        "Dataset": {"id"},
        "Environment": {"fivetran_access", "name", "file"},
        "FivetranSchedule": {"every_minutes"},
        "ExpiryPolicy": {"forbidden"},
        "Change": {"old", "new"},
        "SchemaSync": {"included"},
        "TableSync": {"included"},
    }
    names = {path.rpartition(".")[2] for kind in KINDS for path in properties(kind, schemas.schema(kind))}
    classes = [model.Unit, model.Connector, model.DestinationSchema, model.AirflowSchedule, model.FivetranSchedule]
    classes += [model.Sync, model.SchemaSync, model.TableSync]
    classes += [policy.Policy, policy.ExpiryPolicy, policy.DeleteGuard, policy.Never, policy.Retire]
    classes += [policy.AllowResync, policy.Change, policy.PeoplePolicy]
    classes += [
        model.Adopt,
        model.Awaiting,
        model.Function,
        model.Dataset,
        model.DatasetAdopt,
        model.Grant,
        model.Condition,
    ]
    classes += [model.Environment]
    classes += [model.Destination, model.Labels, model.Ignore]
    for cls in classes:
        fields = {field.name for field in dataclasses.fields(cls)}
        assert fields - follows.get(cls.__name__, set()) <= names, cls


def test_intervals_are_formatted_as_the_model_names_them():
    assert schemas.schema("unit")["$defs"]["schedule"]["properties"]["every"]["enum"] == list(model.SYNC_INTERVALS)


def leaves_out(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every mapping of a document that the schema closes."""
    if isinstance(data, dict) and not FREE & set(path):
        yield path
        for key, value in data.items():
            if key != "labels" or not path:
                yield from leaves_out(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from leaves_out(value, (*path, index))


@pytest.mark.parametrize(
    "file", sorted(EVERY_FIELD.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_unknown_key_is_rejected_in_every_mapping(file: Path):
    kind: schemas.Kind = "environment" if file.stem == "environment" else "unit"
    original, _ = parse(file.read_bytes(), environment="dev", name=file.stem, file=file.name)
    assert original is not None
    assert list(check(original, kind)) == []
    for path in leaves_out(original.data):
        if path[-1:] in {("default",), *((name,) for name in CHOSEN)}:
            continue
        data = json.loads(json.dumps(original.data))
        node = data
        for step in path:
            node = node[step]
        node["zzz"] = "x"
        problems = list(check(dataclasses.replace(original, data=data), kind))
        assert [problem.message.split(" in ")[0] for problem in problems] == ["unknown key `zzz`"], path


def test_connectors_of_this_repository_are_valid():
    loaded = load(ROOT / "connectors", ROOT, date(2026, 12, 1))
    assert loaded.problems == ()
    assert set(loaded.fleets) == {"dev", "prod"}


def test_production_files_are_valid_on_any_day():
    for day in (date(2026, 1, 1), date(2099, 12, 31)):
        assert load(ROOT / "connectors", ROOT, day).problems_of("prod") == ()


@pytest.mark.parametrize(
    "file", sorted((ROOT / "connectors").glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.name}"
)
def test_connector_s_first_line_leads_an_editor_to_its_schema(file: Path):
    kind = "environment" if file.stem == "environment" else "unit"
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=../../schemas/{kind}.schema.json"
    assert (file.parent / first.partition("$schema=")[2]).resolve() == schemas.SCHEMAS / f"{kind}.schema.json"
