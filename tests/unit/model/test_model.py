import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

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


#: Every kind of reference; what names it is marked, so that a test can count.
VERSIONS = st.none() | st.integers(1, 10**6)
REFERENCES = st.one_of(
    st.builds(Reference, st.just("secret"), st.just("n-!here!"), VERSIONS, st.none() | st.just("project-1")),
    st.builds(Reference, st.sampled_from(["env", "pulumi_config"]), st.just("N_!here!"), VERSIONS),
)
KEYS = st.sampled_from(["a", "b", "value", "key", "version", "project", "env_id", "secrets_list"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "env", "secret"])
TREES = st.recursive(
    LEAVES | REFERENCES.map(Reference.as_node),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


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
def test_connection_is_named_by_its_destination(destination: DestinationSchema, name: str):
    assert destination.connection_name == name


def test_destination_is_put_into_the_config_by_its_keys():
    assert DestinationSchema(schema="a", table="b").as_config() == {"schema": "a", "table": "b"}


@pytest.mark.parametrize(
    ("node", "reference"),
    [
        ({"env": "KEY"}, Reference("env", "KEY")),
        ({"env": "KEY", "version": 2}, Reference("env", "KEY", 2)),
        ({"env": "KEY", "version": 2.0}, Reference("env", "KEY", 2)),
        ({"secret": "key"}, Reference("secret", "key")),
        ({"secret": "key", "version": 2.0, "project": "p"}, Reference("secret", "key", 2, "p")),
        ({"pulumi_config": "ns:key", "version": 1}, Reference("pulumi_config", "ns:key", 1)),
        ({"held_by": "fivetran"}, Reference("held_by", "fivetran")),
        ({"env": "KEY", "other": 1}, None),
        ({"env": "KEY", "project": "p"}, None),
        ({"env": "KEY", "version": "2"}, None),
        ({"env": "KEY", "version": True}, None),
        ({"env": "KEY", "version": 1.5}, None),
        ({"env": "KEY", "version": float("inf")}, None),
        ({"env": 5}, None),
        ({"secret": {"env": "KEY"}}, None),
        ({"secret": "key", "env": "KEY"}, None),
        ({"secret": "key", "id": 1}, None),
        ({"secret": "key", "project": 5}, None),
        ({"pulumi_config": "key", "project": "p"}, None),
        ({"held_by": "somebody"}, None),
        ({"held_by": "fivetran", "version": 1}, None),
        ({"version": 2}, None),
        ({"project": "p", "version": 2}, None),
        ({}, None),
        ("KEY", None),
        (["env"], None),
    ],
)
def test_reference_parse_accepts_a_mapping_of_one_kind_with_its_own_keys(node: object, reference: Reference | None):
    assert Reference.parse(node) == reference


@given(REFERENCES)
def test_reference_reads_back_from_what_it_writes(reference: Reference):
    assert Reference.parse(reference.as_node()) == reference
    assert yaml.safe_load(str(reference)) == reference.as_node()


@given(TREES)
def test_every_reference_of_a_tree_is_found_once_where_it_is_and_nothing_else(tree: object):
    found = list(references(tree))
    assert len({path for path, _ in found}) == len(found)
    for path, reference in found:
        node: Any = tree
        for step in re.findall(r"[^.\[\]]+", path):
            node = node[int(step)] if isinstance(node, list) else node[step]
        assert node == reference.as_node()
    assert len(found) == str(tree).count("!here!")


def test_references_are_found_at_any_depth_with_their_path():
    tree = {
        "a": {"env": "A"},
        "list": [{"key": "k", "value": {"secret": "B", "version": 1, "project": "p"}}],
        "pats": [{"held_by": "fivetran"}, "plain"],
        "plain": "env",
    }
    assert [(path, str(found)) for path, found in references(tree)] == [
        ("a", "{env: A}"),
        ("list[0].value", "{secret: B, version: 1, project: p}"),
        ("pats[0]", "{held_by: fivetran}"),
    ]


def test_writers_of_a_dataset_declare_it_or_name_its_unit():
    sheets, budget, other = unit("sheets"), unit("budget", table="b", dataset_unit="sheets"), unit("other")
    fleet = Fleet(ENVIRONMENT, (budget, other, sheets))
    assert fleet.writers_of(sheets.datasets[0]) == (budget, sheets)
    assert fleet.writers_of(other.datasets[0]) == (other,)
    assert fleet.writers_of(Dataset("unknown", "US")) == ()
    assert fleet.is_written(sheets.datasets[0])
    assert not fleet.is_written(Dataset("unknown", "US"))
    assert fleet.is_written(Dataset("unknown", "US", written_by="fivetran"))
    assert fleet.datasets_of(budget) == sheets.datasets


def test_fleets_are_equal_after_a_lookup_of_datasets():
    one, two = (Fleet(ENVIRONMENT, (unit("sheets"),)) for _ in range(2))
    one.writers_of(one.units[0].datasets[0])
    assert one == two
