"""Every file of the catalogue, as it stands in the checkout."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from reconciler.config import load
from reconciler.config.plain_credentials import is_credential_key
from reconciler.config.schema import schemas
from reconciler.fivetran import catalog
from reconciler.fivetran.catalog import files
from reconciler.model.errors import ReconcilerError

ROOT = Path(__file__).parents[3]
FILES = sorted(catalog.SERVICES.iterdir())
SCHEMA = json.loads((ROOT / "schemas" / "service.schema.json").read_text(encoding="utf-8"))


def test_every_file_is_what_a_pull_would_write():
    for file in FILES:
        assert file.suffix == ".yaml"
        assert catalog.write(catalog.read_file(file)) == file.read_text(encoding="utf-8"), file.name


def test_every_file_fits_the_schema_that_its_first_line_names():
    jsonschema_rs.meta.validate(SCHEMA)
    validator = jsonschema_rs.validator_for(SCHEMA)
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / named).resolve() == ROOT / "schemas" / "service.schema.json"
        assert [str(error) for error in validator.iter_errors(yaml.safe_load(text))] == [], file.name


def test_every_file_is_a_valid_json_schema():
    for file in FILES:
        jsonschema_rs.meta.validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_catalogue_has_every_file():
    assert list(catalog.catalogue()) == [file.stem for file in FILES]
    assert len(FILES) >= 60


def test_text_named_like_a_credential_is_secret():
    for service in catalog.catalogue().values():
        for tree, fields in (("config", service.config), ("auth", service.auth)):
            for path, field in catalog.leaves(fields):
                if field.kind in ("string", "any") and not field.readonly:
                    assert tree == "config", (service.id, path)
                    assert not is_credential_key(tuple(path.replace("[]", "").split("."))), (service.id, path)


def test_consent_depends_on_fields_and_choices_of_the_service():
    for service in catalog.catalogue().values():
        for condition in service.consent.unless:
            if condition == catalog.ConsentCondition(("auth",)):
                assert service.auth, service.id
                continue
            field = service.field(condition.path)
            assert field is not None, (service.id, str(condition))
            assert condition.value is None or condition.value in field.choices, (service.id, str(condition))


def test_services_of_this_repository_have_a_file():
    fleets = load(ROOT / "connectors", ROOT).fleets.values()
    used = {unit.connector.service for fleet in fleets for unit in fleet.units if unit.connector}
    assert used <= catalog.known()


def test_missing_catalogue_fails_and_names_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    missing = tmp_path / "services"
    monkeypatch.setattr(files, "SERVICES", missing)
    for look in (catalog.known, catalog.catalogue, lambda: catalog.find("stripe")):
        with pytest.raises(ReconcilerError, match="cannot be read: No such file or directory") as caught:
            look()
        assert str(missing) in str(caught.value)


def test_empty_catalogue_fails_as_a_missing_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "SERVICES", tmp_path)
    with pytest.raises(ReconcilerError, match="catalogue of services is empty"):
        catalog.known()


@pytest.mark.parametrize("content", [b"title: [", b"\xff", b"title: Stripe\n", None])
def test_unusable_service_file_fails_and_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "stripe.yaml"
    file.write_bytes(content) if content is not None else file.mkdir()
    monkeypatch.setattr(files, "SERVICES", tmp_path)
    with pytest.raises(ReconcilerError) as caught:
        catalog.find("stripe")
    assert str(caught.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    "damage", [lambda folder: None, lambda folder: (folder / "unit.base.schema.json").write_text("{")]
)
def test_missing_or_broken_schema_fails_and_is_named(
    damage: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    damage(tmp_path)
    monkeypatch.setattr(schemas, "SCHEMAS", tmp_path)
    with pytest.raises(ReconcilerError, match=r"unit\.base\.schema\.json"):
        schemas.schema.__wrapped__("unit")
