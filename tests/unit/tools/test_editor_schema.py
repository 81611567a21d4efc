"""The schema for editors accepts what `reconciler validate` accepts, and rejects what depends on the service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests import every_service

import editor_schema
from reconciler.config import load
from reconciler.config.yaml.read import parse
from reconciler.fivetran import catalog
from reconciler.model.today import today

ROOT = Path(__file__).parents[3]
#: Folders of environments: the repository's own, and those of the tests.
FOLDERS = [ROOT / "connectors", *sorted((ROOT / "tests" / "config").glob("*/*/"))]
SCHEMA = jsonschema_rs.validator_for(editor_schema.editor_schema())


def problems(unit: object) -> list[tuple[str, str]]:
    """Return the path and the keyword of each problem that an editor shows."""
    return [(".".join(map(str, error.instance_path)), error.kind.name) for error in SCHEMA.iter_errors(unit)]


def unit(service: str = "stripe", **connector: Any) -> dict[str, Any]:
    destination = {"schema_prefix": "a"} if service == "postgres" else {"schema": "a"}
    datasets: dict[str, Any] = {"datasets": {"public": {}}} if service == "postgres" else {"dataset": {}}
    connector = {"service": service, "destination": destination, **connector}
    return {"description": "x", "owners": ["a@example.com"], "connector": connector, **datasets}


def accepted_files() -> Iterator[Path]:
    """Every unit file in which `reconciler validate` finds no problem."""
    for folder in FOLDERS:
        loaded = load(folder, folder, today())
        rejected = {folder / problem.file for problem in loaded.problems}
        files = (file for file in folder.glob("*/[!.]*.yaml") if file.is_file() and file.stem != "environment")
        yield from (file for file in files if file not in rejected)


def test_editor_schema_accepts_every_file_that_validate_accepts():
    files = list(accepted_files())
    found = {}
    for file in files:
        read, _ = parse(file.read_bytes(), environment=file.parent.name, name=file.stem, file=file.name)
        if read is not None and (errors := problems(read.data)):
            found[str(file.relative_to(ROOT))] = errors
    assert len(files) > 70
    assert found == {}


def test_editor_schema_accepts_a_connector_of_every_service():
    filled = [*every_service.full(), *every_service.least()]
    assert {each.service: found for each in filled if (found := problems(each.as_unit()))} == {}


def test_editor_schema_offers_every_service_of_the_catalogue():
    choices = editor_schema.editor_schema()["$defs"]["connector"]["properties"]["service"]["anyOf"]
    assert {each["const"] for each in choices if "const" in each} == catalog.known()


@pytest.mark.parametrize(
    ("rejected", "path"),
    [
        (unit(config={"api_kye": {"env": "KEY"}}), "connector.config"),
        (unit(config={"api_key": "in plain text"}), "connector.config.api_key"),
        (unit(config={"api_key": {"version": 1}}), "connector.config.api_key"),
        (unit(config={"api_key": {"sekret": "a"}}), "connector.config.api_key"),
        (unit(config={"historical_sync_time_frame": "SOMETIMES"}), "connector.config.historical_sync_time_frame"),
        (unit(config={"support_connected_accounts_sync": "yes"}), "connector.config.support_connected_accounts_sync"),
        (unit(auth={"client_id": "a"}), "connector.auth"),
        (unit(destination={"schema": "a", "table": "b"}), "connector.destination"),
        (unit("google_ads", config={"reports": [{"tabel": "a"}]}), "connector.config.reports"),
        (unit("postgres", destination={"schema": "a"}), "connector.destination"),
        (unit(schedule={"by": "airflow", "task_id": "a", "every": "6h"}), "connector.schedule.every"),
        (unit(schedule={"by": "fivetran", "every": "6h", "task_id": "a"}), "connector.schedule.task_id"),
    ],
)
def test_editor_schema_rejects_what_the_service_or_by_does_not_allow(rejected: dict[str, Any], path: str):
    assert path in {place for place, _ in problems(rejected)}


def test_editor_schema_accepts_every_spelling_of_a_choice():
    for spelling in ("ALL_TIME", "AllTime"):
        assert problems(unit(config={"historical_sync_time_frame": spelling})) == []


def test_editor_schema_requires_keys_unless_the_connection_is_adopted(monkeypatch: pytest.MonkeyPatch):
    stripe = catalog.catalogue()["stripe"]
    config = {**stripe.config, "api_key": replace(stripe.config["api_key"], required=True)}
    monkeypatch.setattr(editor_schema, "catalogue", lambda: {"stripe": replace(stripe, config=config)})
    schema = jsonschema_rs.validator_for(editor_schema.editor_schema())
    assert not schema.is_valid(unit())
    assert not schema.is_valid(unit(config={"support_connected_accounts_sync": True}))
    assert schema.is_valid(unit(config={"api_key": {"env": "KEY"}}))
    assert schema.is_valid(unit(adopt="projected_sickle"))


def test_editor_schema_accepts_any_config_of_unknown_services():
    assert problems(unit("brand_new", config={"a": {"b": [1, {"env": "KEY"}]}}, auth={"c": "d"})) == []
    assert problems(unit("brand_new", config={"a": None})) == [("connector.config.a", "type")]


def test_editor_schema_file_is_current():
    assert editor_schema.FILE.read_text(encoding="utf-8") == editor_schema.editor_schema_text()
