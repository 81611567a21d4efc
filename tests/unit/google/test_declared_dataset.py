"""What a file declares of a dataset, with the line of each entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.config import load
from reconciler.google.bigquery.declared_dataset import DatasetDeclaration, build_declaration
from reconciler.lifecycle.removal import DeletionRules

ENVIRONMENT: dict[str, Any] = {
    "gcp_project": "dev-project",
    "fivetran": {"group": "G", "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"}},
    "workgroups": "wg-{workgroup}--{subgroup}@example.com",
    "automation": [{"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:robot@p.iam.gserviceaccount.com"]}],
    "default_access": [{"role": "roles/bigquery.dataViewer", "members": ["workgroup:data/all"]}],
}
UNIT: dict[str, Any] = {"description": "x", "owners": ["o@example.com"]}
ACCESS = [{"role": "roles/bigquery.dataEditor", "members": ["user:b@example.com", "group:WG-data--All@example.com"]}]


def expected(folder: Path, unit: dict[str, Any]) -> list[DatasetDeclaration]:
    """What the loader makes of a unit, as the program hands it on."""
    (folder / "dev").mkdir()
    for name, content in {"environment": ENVIRONMENT, "app": {**UNIT, **unit}}.items():
        (folder / "dev" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    fleet = load(folder, folder).fleet("dev")
    (app,) = fleet.units
    return [
        build_declaration(fleet.environment, app, dataset, DeletionRules(), is_written=False)
        for dataset in app.all_datasets
    ]


def test_each_entry_names_the_line_that_brings_it(tmp_path: Path):
    (found,) = expected(tmp_path, {"dataset": {"access": ACCESS}})
    places = {str(found.format(each)): (each.file, each.path) for each in found.entries}
    assert places == {
        "roles/bigquery.dataEditor for user:b@example.com": ("dev/app.yaml", "dataset.access[0].members[0]"),
        "roles/bigquery.dataEditor for group:WG-data--All@example.com": (
            "dev/app.yaml",
            "dataset.access[0].members[1]",
        ),
        "roles/bigquery.dataOwner for serviceAccount:robot@p.iam.gserviceaccount.com": (
            "dev/environment.yaml",
            "automation[0].members[0]",
        ),
        "roles/bigquery.dataViewer for workgroup:data/all": ("dev/environment.yaml", "default_access[0].members[0]"),
    }


@pytest.mark.parametrize(("key", "value"), [("sensitive", True), ("default_access", False)])
def test_default_access_of_the_environment_can_be_declined(tmp_path: Path, key: str, value: bool):
    (found,) = expected(tmp_path, {"dataset": {key: value}})
    assert [each.path for each in found.entries] == ["automation[0].members[0]"]


def test_dataset_of_several_stands_under_the_name_of_its_schema(tmp_path: Path):
    connector = {
        "service": "postgres",
        "destination": {"schema_prefix": "new"},
        "config": {"host": "h", "database": "d", "user": "u", "password": {"env": "P", "version": 1}},
        "allow_resync": {"schema": {"from": "old", "to": "new"}, "ticket": "T-1"},
    }
    found = expected(tmp_path, {"connector": connector, "datasets": {"a_b": {}}})
    assert {each.id: each.path for each in found} == {"new_a_b": "datasets.a_b", "old_a_b": "datasets.a_b"}
