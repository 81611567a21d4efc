"""The names of properties, held against the plugin's Python SDK, whose types are generated from its schema."""

import importlib
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi._types import _py_properties

from simulator.google.access import _MEMBERS, _RESOURCES

from .google_engine import (
    DATASET,
    FUNCTION_MEMBER,
    GET_DATASET,
    PROJECT_MEMBER,
    SERVICE_MEMBER,
    UNKNOWN,
    Engine,
)

GET_DATASETS = "gcp:bigquery/getDatasets:getDatasets"
MEMBER = "user:a@example.com"
GRANTS: Mapping[str, Mapping[str, Any]] = {
    PROJECT_MEMBER: {"project": "p", "role": "roles/viewer", "member": MEMBER},
    FUNCTION_MEMBER: {"cloudFunction": "f", "region": "r", "role": "roles/viewer", "member": MEMBER},
    SERVICE_MEMBER: {"name": "f", "location": "r", "role": "roles/viewer", "member": MEMBER},
}
#: Where the SDK has the inputs and the state of each type.
TYPES = {
    DATASET: ("bigquery.dataset.DatasetArgs", "bigquery.dataset._DatasetState"),
    PROJECT_MEMBER: ("projects.iam_member.IAMMemberArgs", "projects.iam_member._IAMMemberState"),
    FUNCTION_MEMBER: (
        "cloudfunctions.function_iam_member.FunctionIamMemberArgs",
        "cloudfunctions.function_iam_member._FunctionIamMemberState",
    ),
    SERVICE_MEMBER: (
        "cloudrunv2.service_iam_member.ServiceIamMemberArgs",
        "cloudrunv2.service_iam_member._ServiceIamMemberState",
    ),
}

# A package of the SDK warns of its own deprecated types when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:gcp[.].* has been deprecated:DeprecationWarning")


def names(of: str) -> set[str]:
    """The names on the wire of a type of the SDK."""
    module, _, name = of.rpartition(".")
    found = getattr(importlib.import_module(f"pulumi_gcp.{module}"), name)
    return {pulumi for _, pulumi, _ in _py_properties(found)}


def known(engine: Engine, kind: str, candidates: set[str]) -> set[str]:
    """Those of some names that the type takes as inputs: any other is rejected by name."""
    _, reasons = engine.check(kind, dict.fromkeys(candidates, UNKNOWN))
    unknown = {name for name in candidates if any(f"unknown key. Examine values at 'it.{name}'" in r for r in reasons)}
    return candidates - unknown


@pytest.mark.parametrize("kind", TYPES)
def test_type_takes_the_inputs_that_the_sdk_has_and_no_others(engine: Engine, kind: str):
    args, state = TYPES[kind]
    assert known(engine, kind, names(args) | names(state) | {"unheardOf"}) == names(args)


@pytest.mark.parametrize("kind", TYPES)
def test_type_answers_what_the_sdk_knows(engine: Engine, kind: str):
    for collection in ("functions", "services"):
        engine.admin("PUT", f"/{collection}/p/r/f")
    _, answered = engine.create(kind, dict(GRANTS.get(kind, {"datasetId": "d"})))
    assert set(answered) == names(TYPES[kind][1]) | {"id"}


def test_access_entry_has_the_fields_of_the_sdk():
    parts = names("bigquery._inputs.DatasetAccessArgs")
    assert parts == {"role", "condition", *_MEMBERS, *_RESOURCES}
    assert names("bigquery._inputs.DatasetAccessConditionArgs") == {"expression", "title", "description", "location"}
    assert names("projects._inputs.IAMMemberConditionArgs") == {"expression", "title", "description"}


def test_functions_answer_what_the_sdk_knows(engine: Engine):
    entries = [
        {
            "role": "OWNER",
            "userByEmail": "me@example.com",
            "condition": {"expression": "true", "title": "t", "description": "d", "location": "l"},
        },
        {"view": {"projectId": "q", "datasetId": "v", "tableId": "t"}},
        {"routine": {"projectId": "q", "datasetId": "v", "routineId": "r"}},
        {"dataset": {"dataset": {"projectId": "q", "datasetId": "v"}, "targetTypes": ["VIEWS"]}},
    ]
    engine.admin("PUT", "/datasets/p/d", {"access": entries, "friendlyName": "D"})
    engine.admin("PUT", "/datasets/p/_hidden", {})
    found = engine.invoke(GET_DATASET, datasetId="d")
    assert set(found) == names("bigquery.get_dataset.GetDatasetResult")
    parts: dict[str, Any] = {}
    for entry in found["accesses"]:
        assert set(entry) == names("bigquery.outputs.GetDatasetAccessResult")
        parts |= {key: value[0] for key, value in entry.items() if isinstance(value, list) and value}
    assert set(parts["conditions"]) == names("bigquery.outputs.GetDatasetAccessConditionResult")
    assert set(parts["views"]) == names("bigquery.outputs.GetDatasetAccessViewResult")
    assert set(parts["routines"]) == names("bigquery.outputs.GetDatasetAccessRoutineResult")
    assert set(parts["datasets"]) == names("bigquery.outputs.GetDatasetAccessDatasetResult")
    assert set(parts["datasets"]["datasets"][0]) == names("bigquery.outputs.GetDatasetAccessDatasetDatasetResult")

    listed = engine.invoke(GET_DATASETS)
    assert set(listed) == names("bigquery.get_datasets.GetDatasetsResult")
    (only,) = listed["datasets"]  # hidden ones are not listed
    assert set(only) == names("bigquery.outputs.GetDatasetsDatasetResult")
    assert (only["datasetId"], only["friendlyName"]) == ("d", "D")
