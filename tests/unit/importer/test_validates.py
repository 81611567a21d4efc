"""The files that an import writes of any live connection and dataset pass `validate`."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config import load
from reconciler.config.build.to_yaml import unit_text
from reconciler.config.yaml.read import MAX_BYTES
from reconciler.fivetran import catalog
from reconciler.fivetran.api import ColumnConfig, Connection, Lock, SchemaConfig, StandardConfig, TableConfig
from reconciler.fivetran.config_diff import differences
from reconciler.google.bigquery.api import LiveDataset
from reconciler.google.bigquery.dataset_settings import is_label_key, is_label_value
from reconciler.importer import (
    Draft,
    Found,
    ImportContext,
    dataset_unit_name,
    destination_of,
    draft_connector,
    draft_dataset,
    undeclarable,
    unit_name,
)
from reconciler.model import Fleet

TODAY = date(2026, 12, 1)
WRITER = "g-lively-panda@fivetran-production.iam.gserviceaccount.com"
BASE: Mapping[str, Any] = {
    "gcp_project": "example-dev",
    "fivetran": {"group": "Dev", "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"}},
    "workgroups": "wg-{workgroup}--{subgroup}@example.com",
}
#: Environments that ask for more, each in another way.
ENVIRONMENTS: Sequence[Mapping[str, Any]] = (
    {},
    {"policy": {"undeclared_datasets": "forbidden", "expiry": "forbidden", "secret_versions": "pinned"}},
    {
        "policy": {"expiry": {"required": True}, "people": {"need": ["ticket", "until"], "longest": "14d"}},
        "labels": {"default": {f"k{number}": "v" for number in range(40)}, "required": ["équipe", "team"]},
    },
)
#: JSON that a server may send, half characters included.
ODD_TEXTS = [
    "no",
    "1.10",
    "0o17",
    "2026-01-01",
    "12:30",
    "*x",
    "- a",
    "a: b",
    "a #b",
    "{a}",
    "\ud800",
    "\x00",
    "\u2028",
]
ODD_TEXTS += [
    "{secret: x}",
    "env:NAME",
    "-----BEGIN PRIVATE KEY-----",
    "x" * 2000,
    " a",
    "a\n",
    "\x85",
    "\ufeff",
    "<<",
    "",
]
ODD_TEXTS += [
    "fill in: x",
    "null",
    "=",
    "%YAML",
    "?",
    "'",
    '"',
    "\\",
    "\t",
    "日本",
    "Ünï",
    "a\r\nb",
    "--- a",
    "|",
    ">",
    "~",
]
TEXT = st.text(max_size=20) | st.sampled_from([*ODD_TEXTS, "\ufffe"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**53, 2**53 + 1, 1e22, 1e-7, 1.10, -0.0])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | st.just("******"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(["secret", "env", "held_by", "version", "api_key"]), inner, max_size=3)
    ),
    max_leaves=12,
)
LOCKS = st.none() | st.builds(Lock, st.just("SYSTEM_TABLE"), st.none())
COLUMNS = st.builds(ColumnConfig, st.none() | st.booleans(), st.none() | st.booleans(), LOCKS)
TABLES = st.builds(
    TableConfig,
    st.none() | st.booleans(),
    st.sampled_from([None, "soft_delete", "history", "live", "new"]),
    st.none(),
    st.none(),
    LOCKS,
    st.dictionaries(TEXT, COLUMNS, max_size=3),
)
SCHEMAS = st.builds(
    SchemaConfig, st.none() | st.booleans(), st.none() | TEXT, st.dictionaries(TEXT, TABLES, max_size=3)
)
CONFIGS = st.none() | st.builds(
    StandardConfig,
    st.sampled_from(["allow_all", "allow_columns", "block_all", None, "newer"]),
    st.dictionaries(TEXT, SCHEMAS, max_size=3),
)
NAME = st.from_regex(r"\A[a-z_][a-z0-9_]{0,12}\Z") | st.sampled_from(["environment", "a" * 900, "_", "__"])
KNOWN = [
    "stripe",
    "postgres",
    "google_sheets",
    "s3",
    "google_cloud_function",
    "connector_sdk",
    "google_ads",
    "appsflyer",
]
LABEL_TEXT = st.text(st.characters(categories=["Ll", "Lo", "Lm", "Nd"]) | st.sampled_from("_-"), max_size=63)
DATASETS = st.builds(
    LiveDataset,
    id=st.just(""),
    location=st.sampled_from(["US", "EU", "europe-west1"]),
    friendly_name=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    description=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=200) | st.just("x" * 16384),
    labels=st.dictionaries(LABEL_TEXT.filter(is_label_key), LABEL_TEXT.filter(is_label_value), max_size=64)
    | st.just({f"own{number}": "v" for number in range(64)})
    | st.just({"goog-pulumi-provisioned": "true", "expires_on": "1", "équipe": "données"}),
    default_table_expiration_ms=st.none() | st.integers(3_600_000, 2**53),
    access=st.just(()),
)


@st.composite
def live_connections(draw: st.DrawFn) -> Connection:
    service = draw(st.sampled_from([*KNOWN, "nobody_knows"]) | st.sampled_from(sorted(catalog.known())))
    known = catalog.find(service)
    parts = 2 if known is not None and "table" in known.form else 1
    keys = st.sampled_from(sorted(known.config)) | TEXT if known and known.config else TEXT
    return dataclasses.replace(
        Connection.parse({"id": "duel_salutation"}),
        service=service,
        schema=".".join(draw(NAME) for _ in range(parts)),
        paused=draw(st.none() | st.booleans()),
        schedule_type=draw(st.sampled_from([None, "auto", "manual"])),
        sync_frequency=draw(st.none() | st.sampled_from([5, 7, 360, 1440])),
        daily_sync_time=draw(st.none() | st.sampled_from(["14:00", "3:00", "24:00", "x"])),
        config=draw(st.dictionaries(keys | st.sampled_from(["env", "secret", "schema"]), JSON, max_size=5)),
    )


def environment(folder: Path, further: Mapping[str, Any]) -> Fleet:
    (folder / "dev").mkdir()
    text = yaml.safe_dump({**BASE, **further}, allow_unicode=True)
    (folder / "dev" / "environment.yaml").write_text(text, encoding="utf-8")
    return load(folder, folder, TODAY).fleet("dev")


def written(draft: Draft, folder: Path, fleet: Fleet) -> Fleet:
    """What is read back of a draft's file; fails when that has a problem."""
    file = folder / "dev" / f"{draft.unit.name}.yaml"
    file.write_text(unit_text(draft.unit, fleet.environment, comments=draft.comments), encoding="utf-8")
    loaded = load(folder, folder, TODAY)
    assert loaded.problems == (), file.read_text(encoding="utf-8")
    return loaded.fleet("dev")


@given(live_connections(), CONFIGS, st.sampled_from(ENVIRONMENTS), DATASETS, st.none() | TEXT)
def test_imported_file_of_any_connection_validates(
    live: Connection,
    tables: StandardConfig | None,
    further: Mapping[str, Any],
    dataset: LiveDataset,
    task: str | None,
):
    assert undeclarable(live) is None
    destination = destination_of(live)
    ids = [str(destination.schema)] if destination.schema else [f"{destination.schema_prefix}_Some_schema"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fleet = environment(folder, further)
        around = ImportContext(
            fleet.environment, WRITER, {each: dataclasses.replace(dataset, id=each) for each in ids}, TODAY
        )
        draft = draft_connector(
            Found(live, tables, task_id=task),
            unit_name(live.schema, live.id, ()),
            around,
            dataset_unit=None,
            datasets=ids,
            taken_tasks=(),
        )
        unit = written(draft, folder, fleet).units[0]
    assert unit.connector is not None
    assert [each.id for each in unit.datasets] == ids
    field = catalog.config_of(live.service)
    assert list(differences(unit.connector.config, live.config, field=field)) == []


@settings(max_examples=40)
@given(
    st.from_regex(r"\A[A-Za-z0-9_]{1,30}\Z") | st.sampled_from(["environment", "_", "A" * 1024, "Stripe"]),
    DATASETS,
    st.sampled_from(ENVIRONMENTS),
)
def test_imported_file_of_any_dataset_validates(dataset_id: str, live: LiveDataset, further: Mapping[str, Any]):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fleet = environment(folder, further)
        around = ImportContext(fleet.environment, WRITER, {dataset_id: dataclasses.replace(live, id=dataset_id)}, TODAY)
        draft = draft_dataset(dataset_id, around, is_written=False, name=dataset_unit_name(dataset_id, {"stripe"}))
        [unit] = written(draft, folder, fleet).units
    [found] = unit.datasets
    assert found == draft.unit.datasets[0]
    for key in live.labels.keys() - found.labels.keys():
        assert key in draft.comments["dataset",]


@pytest.mark.parametrize(
    ("service", "schema"),
    [
        ("stripe", "Stripe"),
        ("stripe", "a.b"),
        ("stripe", ""),
        ("stripe", "1a"),
        ("postgres", "a-b"),
        ("s3", "a"),
        ("nobody_knows", "a.b.c"),
        ("no-service", "a"),
        ("", "a"),
        ("nobody_knows", "a" * 1025),
    ],
)
def test_connection_that_no_file_can_declare_is_known_as_such(service: str, schema: str):
    live = dataclasses.replace(Connection.parse({"id": "a_b"}), service=service, schema=schema)
    assert undeclarable(live) is not None


@pytest.mark.parametrize(
    ("config", "left_out"),
    [
        ({"a": {"env": "prod"}, "b": 1}, "config.a"),
        ({"a": [{"env": "name"}], "b": 1}, "config.a[0]"),
        ({"env": "prod", "b": 1}, None),
        ({"env": "prod"}, "config.env"),
        ({"a": {"env": "name", "other": None}}, "config.a"),
        ({"a": "env:NAME"}, "config.a"),
        ({"a": float("nan")}, "config.a"),
        ({"a": "\ud800"}, "config.a"),
        ({"x" * 2000: 1}, "config." + "x" * 93),
        ({"a": 1e-7, "b": 1e22, "c": -0.0, "d": "1.10", "on": "yes"}, None),
    ],
)
def test_value_that_a_file_cannot_hold_is_left_out_and_named(
    config: dict[str, Any], left_out: str | None, tmp_path: Path
):
    live = dataclasses.replace(Connection.parse({"id": "a_b"}), service="nobody_knows", schema="app", config=config)
    fleet = environment(tmp_path, {})
    draft = draft_connector(
        Found(live), "app", ImportContext(fleet.environment), dataset_unit=None, datasets=["app"], taken_tasks=()
    )
    written(draft, tmp_path, fleet)
    comment = draft.comments.get(("connector", "adopt"), "")
    assert comment.startswith("Not in this file, ") == (left_out is not None)
    assert left_out is None or f"allow it: {left_out}. " in comment


def test_tables_that_a_file_cannot_name_are_left_out_and_named(tmp_path: Path):
    off = TableConfig(False, None, None, None, None, {})
    tables = {"fine": off, " odd": off, "line\nend": off, "half\ud800": off, "x" * 2000: off, "no": off, "1.0": off}
    live = dataclasses.replace(Connection.parse({"id": "a_b"}), service="postgres", schema="app")
    fleet = environment(tmp_path, {})
    draft = draft_connector(
        Found(live, StandardConfig("allow_all", {"public": SchemaConfig(True, None, tables)})),
        "app",
        ImportContext(fleet.environment),
        dataset_unit=None,
        datasets=["app_public"],
        taken_tasks=(),
    )
    [unit] = written(draft, tmp_path, fleet).units
    assert unit.connector is not None
    assert unit.connector.sync is not None
    assert set(unit.connector.sync.schemas["public"].tables) == {"fine", "no", "1.0"}
    assert "where no file can name it: public. odd, public.line" in draft.comments["connector", "adopt"]


def test_two_datasets_that_differ_in_capitals_get_names_that_do_not():
    first = dataset_unit_name("stripe", ())
    assert (first, dataset_unit_name("Stripe", {first})) == ("stripe", "stripe_2")
    assert dataset_unit_name("environment", ()) == "dataset_environment"


@pytest.mark.parametrize(("tables", "columns", "kept"), [(300, 30, True), (60, 400, False)])
def test_import_writes_excluded_columns_up_to_the_limit_of_a_file(
    tables: int, columns: int, kept: bool, tmp_path: Path
):
    off = ColumnConfig(False, False, None)
    table = TableConfig(True, None, True, True, None, {f"column_of_it_{number:0180}": off for number in range(columns)})
    config = StandardConfig(
        "allow_all", {"public": SchemaConfig(True, None, {f"table_{number}": table for number in range(tables)})}
    )
    live = dataclasses.replace(Connection.parse({"id": "a_b"}), service="postgres", schema="app")
    fleet = environment(tmp_path, {})
    draft = draft_connector(
        Found(live, config),
        "app",
        ImportContext(fleet.environment),
        dataset_unit=None,
        datasets=["app_public"],
        taken_tasks=(),
    )
    [unit] = written(draft, tmp_path, fleet).units
    assert unit.connector is not None
    assert (unit.connector.sync is not None) == kept
    comment = draft.comments.get(("connector", "adopt"), "")
    assert (f"{MAX_BYTES // 1024**2} MiB: what is selected in Fivetran ({tables} tables" in comment) != kept


def test_config_too_large_for_a_file_is_left_out_and_named(tmp_path: Path):
    live = dataclasses.replace(
        Connection.parse({"id": "a_b"}),
        service="nobody_knows",
        schema="app",
        config={"rules": "x" * MAX_BYTES, "a": "b"},
    )
    fleet = environment(tmp_path, {})
    draft = draft_connector(
        Found(live), "app", ImportContext(fleet.environment), dataset_unit=None, datasets=["app"], taken_tasks=()
    )
    [unit] = written(draft, tmp_path, fleet).units
    assert unit.connector is not None
    assert unit.connector.config == {"a": "b"}
    assert "4 MiB: rules. It stays as it is." in draft.comments["connector", "adopt"]
