"""Units → files: read back equal, and written as a colleague would."""

import dataclasses
import re
import shutil
import string
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yamllint import linter
from yamllint.config import YamlLintConfig

from reconciler.config import load
from reconciler.config.build import fleet as build
from reconciler.config.build.to_yaml import describe, unit_text
from reconciler.config.schema import schemas
from reconciler.config.schema.check import check
from reconciler.config.yaml.read import parse
from reconciler.fivetran import catalog
from reconciler.model import (
    CONNECTION_SETTINGS,
    SYNC_INTERVALS,
    Adopt,
    AirflowSchedule,
    Awaiting,
    Connector,
    Dataset,
    Destination,
    DestinationSchema,
    Environment,
    FivetranSchedule,
    Function,
    Grant,
    Labels,
    SchemaSync,
    Sync,
    TableSync,
    Unit,
)
from reconciler.model.policy import AllowResync, Change, Never, Retire

ROOT = Path(__file__).parents[3]
GOOD = ROOT / "tests" / "config" / "good"
ENVIRONMENT = Environment(
    name="dev",
    file="dev/environment.yaml",
    gcp_project="example-dev",
    group="Dev",
    destination=Destination("US", "GCP_US_EAST4", "0"),
    workgroups="{workgroup}@example.com",
    labels=Labels({"realm": "nonprod"}, ("app_code",)),
    secrets_project="example-dev",
)
ENVIRONMENT_YAML = b"""
gcp_project: example-dev
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
workgroups: "{workgroup}@example.com"
labels: {default: {realm: nonprod}, required: [app_code]}
"""


def read(text: str, name: str = "unit") -> Unit:
    """The unit of a file; fails when a check finds anything."""
    environment, _ = parse(ENVIRONMENT_YAML, environment="dev", name="environment", file="dev/environment.yaml")
    document, problems = parse(text.encode(), environment="dev", name=name, file=f"dev/{name}.yaml")
    assert problems == [], text
    assert document is not None
    assert environment is not None
    assert list(check(document, "unit")) == [], text
    return build.fleet(environment, {name: document}).units[0]


#: What can stand in a YAML file at all.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="￾￿"), max_size=40)
PROSE = st.lists(st.text(string.ascii_letters + "'\"#:,-{}&*!|> é…", min_size=1, max_size=12), min_size=1, max_size=60)
SENTENCE = st.one_of(TEXT, PROSE.map(" ".join), PROSE.map("\n".join)).filter(lambda text: re.search(r"\S", text))
ADDRESS = st.from_regex(schemas.schema("unit")["$defs"]["email"]["pattern"][:-1] + r"\Z")
NAME = st.from_regex(r"\A[a-z_][a-z0-9_]{0,20}\Z")
WHOLE = st.integers(-(2**53), 2**53)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(TEXT, SENTENCE, st.booleans(), WHOLE, st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
VERSIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}), st.integers(1, 99).map(lambda version: {"version": version})
)
REFERENCES = st.one_of(
    st.builds(lambda name, rest: {"env": name, **rest}, NAME.map(str.upper), VERSIONS),
    st.builds(lambda name, rest: {"pulumi_config": name, **rest}, NAME, VERSIONS),
    # The loader says of each in which project it is.
    st.builds(
        lambda name, rest, project: {"secret": name, **rest, "project": project},
        NAME,
        VERSIONS,
        st.sampled_from(["example-dev", "example-other"]),
    ),
    st.just({"held_by": "fivetran"}),
)
TREES = st.dictionaries(TEXT, st.one_of(VALUES, REFERENCES, st.lists(REFERENCES, max_size=3)), max_size=5)
MEMBERS = st.one_of(
    ADDRESS.map("user:".__add__),
    st.from_regex(r"\Aworkgroup:[A-Za-z0-9_-]{1,9}(/[A-Za-z0-9_-]{1,9})?\Z"),
    st.from_regex(r"\Adomain:[A-Za-z0-9-]{1,9}(\.[A-Za-z0-9-]{1,5}){1,2}\Z"),
)
GRANTS = st.builds(
    Grant,
    role=st.from_regex(r"\Aroles/[A-Za-z0-9_.]{1,20}\Z"),
    members=st.lists(MEMBERS, min_size=1, max_size=6).map(tuple),
)
LABELS = st.dictionaries(
    st.from_regex(r"\A[a-z][a-z0-9_-]{0,30}\Z"), st.from_regex(r"\A[a-z0-9_-]{0,30}\Z"), max_size=8
)
SCHEDULES = st.one_of(
    st.builds(AirflowSchedule, task_id=st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,20}\Z")),
    st.builds(FivetranSchedule, every_minutes=st.sampled_from(list(SYNC_INTERVALS.values()))),
    st.builds(FivetranSchedule, every_minutes=st.just(1440), daily_at=st.from_regex(r"\A([01][0-9]|2[0-3]):00\Z")),
)
DESTINATIONS = st.one_of(
    st.builds(DestinationSchema, schema=NAME),
    st.builds(DestinationSchema, schema=NAME, table=NAME),
    st.builds(DestinationSchema, schema=NAME, table_group_name=NAME),
    st.builds(DestinationSchema, schema_prefix=NAME),
)
SERVICES = st.from_regex(r"\A[a-z0-9][a-z0-9_]{0,20}\Z")
SOURCE_NAMES = TEXT.filter(lambda name: re.fullmatch(r"\S(.*\S)?", name))
TABLES = st.one_of(
    st.builds(TableSync, included=st.booleans()),
    st.builds(
        TableSync,
        mode=st.sampled_from(["soft_delete", "history", "live"]),
        columns=st.dictionaries(SOURCE_NAMES, st.sampled_from(["included", "hashed", "excluded"]), max_size=3),
    ),
)
SYNCS = st.builds(
    Sync,
    new=st.sampled_from(["allow_all", "allow_columns", "block_all"]),
    others=st.sampled_from(["keep", "reset"]),
    schemas=st.dictionaries(
        SOURCE_NAMES,
        st.one_of(
            st.builds(SchemaSync, included=st.booleans()),
            st.builds(SchemaSync, tables=st.dictionaries(SOURCE_NAMES, TABLES, min_size=1, max_size=3)),
        ),
        max_size=3,
    ),
)
TICKETS = st.from_regex(r"\A[A-Z]{2,6}-[1-9][0-9]{0,4}\Z")
RETIRED = st.builds(Retire, ticket=TICKETS, data=st.sampled_from(["keep", "delete"]))
RESYNCS = st.builds(
    AllowResync,
    ticket=TICKETS,
    # Another destination would leave datasets behind, which is a rule's and not this file's subject.
    service=st.builds(Change, SERVICES, SERVICES),
    group=st.none() | st.builds(Change, NAME, NAME),
)
IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,20}\Z")
SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        **{
            name: st.sampled_from(setting.choices) if setting.choices else IDS
            for name, setting in CONNECTION_SETTINGS.items()
        },
        "external_secrets_keys_config": st.dictionaries(TEXT, TEXT, min_size=1, max_size=2),
        "data_delay_threshold": st.integers(0, 2**31 - 1),
        "pause_after_trial": st.booleans(),
    },
)
FUNCTIONS = st.builds(
    Function,
    name=st.from_regex(r"\A[A-Za-z][A-Za-z0-9_-]{0,20}\Z"),
    project=st.sampled_from(["example-dev", "example-functions"]),
    region=st.sampled_from(["us-central1", "europe-west1"]),
    generation=st.sampled_from([1, 2]),
)


def connector(**fields: Any) -> Connector:
    """A connector, with what follows from other fields."""
    made = Connector(**fields)
    derived = {"function_trigger": made.function.trigger} if made.function else {}
    return dataclasses.replace(
        made,
        config={**derived, **made.config},
        needs_consent=catalog.needs_consent(made.service, made.config, bool(made.auth)),
    )


CONNECTORS = st.builds(
    connector,
    service=SERVICES | st.sampled_from(["zoom", "google_ads", "google_sheets"]),
    destination=DESTINATIONS,
    config=TREES,
    auth=TREES,
    settings=SETTINGS,
    schedule=SCHEDULES,
    sync=st.none() | SYNCS,
    allow_resync=st.none() | RESYNCS,
    paused=st.none() | SENTENCE,
    awaiting=st.none() | st.builds(Awaiting, what=SENTENCE, until=st.dates(date(2000, 1, 1)).map(date.isoformat)),
    function=st.none() | FUNCTIONS,
    adopt=st.none() | st.builds(Adopt, st.from_regex(r"\A[A-Za-z0-9_-]{1,20}\Z"), st.booleans()),
)


@st.composite
def units(draw: st.DrawFn) -> Unit:
    """Any unit that a file of the environment can declare."""
    connector = draw(st.none() | CONNECTORS)
    description = draw(SENTENCE)
    named = None
    if connector is None:
        ids = ["unit"]
    elif connector.destination.schema_prefix is not None:
        keys = draw(st.lists(st.from_regex(r"\A[A-Za-z0-9_]{1,20}\Z"), min_size=1, max_size=3, unique=True))
        ids = [f"{connector.destination.schema_prefix}_{key}" for key in keys]
    else:
        named = draw(st.none() | st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z"))
        ids = [] if named else [str(connector.destination.schema)]
    datasets = [
        Dataset(
            id=dataset_id,
            location=draw(st.sampled_from(["US", "EU", "europe-west1"])),
            friendly_name=draw(st.none() | TEXT),
            description=draw(st.just(description) | TEXT),
            labels={"realm": "nonprod", **draw(LABELS)},
            sensitive=draw(st.booleans()),
            access=tuple(draw(st.lists(GRANTS, max_size=3))),
            default_table_expiration_ms=draw(st.none() | st.integers(3_600_000, 2**53)),
        )
        for dataset_id in ids
    ]
    return Unit(
        name="unit",
        file="dev/unit.yaml",
        description=description,
        owners=tuple(draw(st.lists(ADDRESS, min_size=1, max_size=5, unique=True))),
        connector=connector,
        datasets=tuple(datasets),
        dataset_unit=named,
        formerly=draw(st.none() | st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,20}\Z")),
        expires=draw(st.none() | st.dates(date(2000, 1, 1)) | st.builds(Never, SENTENCE)),
        retire=draw(st.none() | RETIRED),
    )


@given(units())
def test_written_unit_is_read_back_equal(unit: Unit):
    assert read(unit_text(unit, ENVIRONMENT)) == unit


@settings(max_examples=25)
@given(units(), TEXT)
def test_comment_anywhere_changes_nothing(unit: Unit, comment: str):
    paths = [*everywhere(describe(unit, ENVIRONMENT))]
    assert read(unit_text(unit, ENVIRONMENT, comments=dict.fromkeys(paths, comment))) == unit


def everywhere(node: Any, path: tuple[str | int, ...] = ()):
    yield path
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, value in inner:
        yield from everywhere(value, (*path, step))


OURS = [file for file in sorted((ROOT / "connectors").glob("*/*.yaml")) if file.stem != "environment"]
FILES = [
    *OURS,
    *(file for file in sorted(GOOD.glob("*/*/*.yaml")) if file.stem != "environment"),
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-3:]))
def test_every_file_there_is_can_be_written_and_read_back(file: Path, tmp_path: Path):
    folder = file.parent.parent
    fleet = load(folder, folder).fleet(file.parent.name)
    unit = next(unit for unit in fleet.units if unit.name == file.stem)
    shutil.copytree(file.parent, tmp_path / file.parent.name)
    (tmp_path / file.parent.name / file.name).write_text(unit_text(unit, fleet.environment))
    assert load(tmp_path, tmp_path).fleet(file.parent.name) == fleet


#: A comment behind a value keeps a list from being written in one line.
COMMENTED = re.compile(r"\S +#")


@pytest.mark.parametrize(
    "file",
    [file for file in OURS if not COMMENTED.search(file.read_text(encoding="utf-8"))],
    ids=lambda file: "/".join(file.parts[-2:]),
)
def test_writer_reproduces_our_own_files_without_comments(file: Path):
    fleet = load(ROOT / "connectors", ROOT).fleet(file.parent.name)
    unit = next(unit for unit in fleet.units if unit.name == file.stem)
    first, *lines = file.read_text(encoding="utf-8").splitlines()
    bare = [first, *(line for line in lines if not line.lstrip().startswith("#"))]
    assert unit_text(unit, fleet.environment).splitlines() == bare


@settings(max_examples=25)
@given(units())
def test_yamllint_reports_only_lines_that_cannot_be_broken(unit: Unit):
    config = YamlLintConfig((ROOT / ".yamllint.yaml").read_text(encoding="utf-8"))
    found = [problem.rule for problem in linter.run(unit_text(unit, ENVIRONMENT), config)]
    assert set(found) <= {"line-length"}


def test_comments_stand_above_what_they_are_about_at_its_indentation():
    unit = Unit(
        name="unit",
        file="dev/unit.yaml",
        description="Payments.",
        owners=("a@example.com",),
        connector=Connector(
            "stripe",
            DestinationSchema(schema="stripe"),
            config={"secrets_list": [{"key": "k", "value": {"env": "K"}}], "pats": ["a", "b"]},
        ),
        datasets=(Dataset("stripe", "US", description="Payments.", labels={"realm": "nonprod", "app_code": "x"}),),
    )
    comments = {
        (): "At the top.",
        ("owners",): "One.\nTwo.",
        ("connector", "config", "secrets_list", 0, "key"): "Of the first key.",
        ("connector", "config", "secrets_list", 0, "value"): "Of the value.",
        ("connector", "config", "pats", 1): "Of an item.",
        ("dataset", "labels", "app_code"): "word " * 30,
    }
    text = unit_text(unit, ENVIRONMENT, comments=comments)
    assert text.splitlines()[1:] == [
        "# At the top.",
        "description: Payments.",
        "# One.",
        "# Two.",
        "owners: [a@example.com]",
        "connector:",
        "  service: stripe",
        "  destination: {schema: stripe}",
        "  config:",
        "    secrets_list:",
        "      # Of the first key.",
        "      - key: k",
        "        # Of the value.",
        "        value: {env: K}",
        "    pats:",
        "      - a",
        "      # Of an item.",
        "      - b",
        "dataset:",
        "  labels:",
        "    # " + "word " * 22 + "word",
        "    # " + "word " * 6 + "word",
        "    app_code: x",
    ]
    assert read(text) == unit


def test_first_line_leads_from_the_file_s_folder_to_the_schema(tmp_path: Path):
    unit = next(iter(load(GOOD / "smallest", GOOD).fleet("dev").units))
    first = unit_text(unit, ENVIRONMENT, folder=tmp_path).splitlines()[0]
    assert (tmp_path.resolve() / first.partition("$schema=")[2]).resolve() == schemas.SCHEMAS / "unit.schema.json"
    first = unit_text(unit, ENVIRONMENT, folder=ROOT / "connectors" / "dev").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../../schemas/unit.schema.json"


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-3:]))
def test_keys_stand_in_the_order_of_the_schema(file: Path):
    fleet = load(file.parent.parent, file.parent.parent).fleet(file.parent.name)
    written = describe(next(unit for unit in fleet.units if unit.name == file.stem), fleet.environment)
    unit = schemas.schema("unit")
    parts = [(written, unit), (written.get("connector", {}), unit["$defs"]["connector"])]
    datasets = [written.get("dataset"), *written.get("datasets", {}).values()]
    parts += [(dataset, unit["$defs"]["dataset"]) for dataset in datasets if isinstance(dataset, dict)]
    for data, schema in parts:
        assert list(data) == [key for key in schema["properties"] if key in data]
