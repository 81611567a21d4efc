import pytest

from reconciler.model import (
    Connector,
    Dataset,
    Destination,
    DestinationSchema,
    Environment,
    Fleet,
    Reference,
    Unit,
    references,
)

ENVIRONMENT = Environment("dev", "dev/environment.yaml", "example-dev", "Dev", Destination("US", "GCP_US_EAST4", "0"))


def unit(name: str, *, table: str | None = None, dataset_unit: str | None = None) -> Unit:
    schema = dataset_unit or name
    return Unit(
        name=name,
        file=f"dev/{name}.yaml",
        description="x",
        owners=("data@example.com",),
        connector=Connector("google_sheets", DestinationSchema(schema=schema, table=table)),
        datasets=() if dataset_unit else (Dataset(schema, "US"),),
        dataset_unit=dataset_unit,
    )


@pytest.mark.parametrize(
    ("destination", "name"),
    [
        (DestinationSchema(schema="a"), "a"),
        (DestinationSchema(schema="a", table="b"), "a.b"),
        (DestinationSchema(schema="a", table_group_name="c"), "a.c"),
        (DestinationSchema(schema_prefix="d"), "d"),
    ],
)
def test_a_connection_is_named_by_its_destination(destination: DestinationSchema, name: str):
    assert destination.connection_name == name


def test_a_destination_goes_into_the_config_with_the_keys_it_has():
    assert DestinationSchema(schema="a", table="b").as_config() == {"schema": "a", "table": "b"}


@pytest.mark.parametrize(
    ("node", "reference"),
    [
        ({"env": "KEY"}, Reference("env", "KEY")),
        ({"env": "KEY", "version": 2}, Reference("env", "KEY", 2)),
        ({"env": "KEY", "version": 2.0}, Reference("env", "KEY", 2)),
        ({"env": "KEY", "other": 1}, None),
        ({"env": 5}, None),
        ({"version": 2}, None),
        ({}, None),
        ("KEY", None),
        (["env"], None),
    ],
)
def test_a_reference_is_a_mapping_of_env_and_version_and_nothing_else(node: object, reference: Reference | None):
    assert Reference.parse(node) == reference


def test_references_are_found_at_any_depth_with_their_path():
    tree = {"a": {"env": "A"}, "list": [{"key": "k", "value": {"env": "B", "version": 1}}], "plain": "env"}
    assert [(path, str(found)) for path, found in references(tree)] == [
        ("a", "{env: A}"),
        ("list[0].value", "{env: B, version: 1}"),
    ]


def test_the_writers_of_a_dataset_are_those_that_declare_it_and_those_that_name_its_unit():
    sheets, budget, other = unit("sheets"), unit("budget", table="b", dataset_unit="sheets"), unit("other")
    fleet = Fleet(ENVIRONMENT, (budget, other, sheets))
    assert fleet.writers_of(sheets.datasets[0]) == (budget, sheets)
    assert fleet.writers_of(other.datasets[0]) == (other,)
    assert fleet.writers_of(Dataset("unknown", "US")) == ()
    assert fleet.datasets_of(budget) == sheets.datasets


def test_looking_datasets_up_leaves_fleets_equal():
    one, two = (Fleet(ENVIRONMENT, (unit("sheets"),)) for _ in range(2))
    one.writers_of(one.units[0].datasets[0])
    assert one == two
