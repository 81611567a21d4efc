"""What the provider answers to the engine: itself, functions, and what is not simulated."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2

from simulator.google.wire import from_struct, to_struct

from .google_engine import DATASET, GET_DATASET, Engine, rejected

VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)
VIEW = {"view": {"projectId": "q", "datasetId": "v", "tableId": "t"}}
ROUTINE = {"routine": {"projectId": "q", "datasetId": "v", "routineId": "r"}}
AUTHORISED = {"dataset": {"dataset": {"projectId": "q", "datasetId": "v"}, "targetTypes": ["VIEWS"]}}


@given(st.dictionaries(st.text(), VALUES))
def test_properties_survive_the_wire_with_whole_numbers_whole(values: dict[str, Any]):
    assert from_struct(to_struct(values)) == values


def test_provider_accepts_previews_and_plain_values(engine: Engine):
    engine.stub.Attach(plugin_pb2.PluginAttach(address="127.0.0.1:1"))
    assert engine.stub.GetPluginInfo(empty_pb2.Empty()).version == "10.2.0"
    answer = engine.configure(project="p")
    assert answer.supportsPreview
    assert not any((answer.acceptSecrets, answer.acceptResources, answer.acceptOutputs))


class Log(engine_pb2_grpc.EngineServicer):
    """Where an engine takes what plugins log."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, context: Any) -> empty_pb2.Empty:  # noqa: N802
        self.messages.append(request.message)
        return empty_pb2.Empty()


def test_configuration_without_a_project_is_warned_of_unless_it_says_not_to(engine: Engine):
    log, server = Log(), grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        engine.stub.Attach(plugin_pb2.PluginAttach(address=address))
        engine.configure(project="p")
        engine.configure(disableGlobalProjectWarning="true")
        assert log.messages == []
        engine.configure()
    finally:
        server.stop(None)
    (message,) = log.messages
    assert "unable to detect a global setting for GCP Project" in message


def test_provider_reports_a_type_or_function_that_it_lacks(engine: Engine):
    for call in (
        lambda: engine.check("gcp:storage/bucket:Bucket", {}),
        lambda: engine.create("gcp:storage/bucket:Bucket", {}),
        lambda: engine.delete("gcp:storage/bucket:Bucket", "b", {}),
        lambda: engine.invoke("gcp:storage/getBucket:getBucket"),
    ):
        with rejected() as rejection:
            call()
        assert rejection.code is grpc.StatusCode.UNIMPLEMENTED
        assert "the local gcp provider does not simulate the" in rejection.message
        assert DATASET in rejection.message
    with rejected() as rejection:
        engine.stub.Construct(empty_pb2.Empty())
    assert rejection.code is grpc.StatusCode.UNIMPLEMENTED


def test_missing_dataset_is_reported_in_the_plugins_words(engine: Engine):
    with rejected() as rejection:
        engine.invoke(GET_DATASET, datasetId="nope", project="q")
    assert rejection.message == (
        "invoking gcp:bigquery/getDataset:getDataset: 1 error occurred:\n\t* projects/q/datasets/nope not found\n\n"
    )


def test_get_dataset_reads_the_live_dataset_with_every_field_filled(engine: Engine):
    entry = {"role": "READER", "userByEmail": "Jane@example.com", "condition": {"expression": "true", "title": "until"}}
    body = {"access": [entry, VIEW, ROUTINE, AUTHORISED], "labels": {"a": "1"}, "location": "EU"}
    engine.admin("PUT", "/datasets/p/d", body)
    found = engine.invoke(GET_DATASET, datasetId="d")
    assert (found["id"], found["location"], found["project"]) == ("projects/p/datasets/d", "EU", "p")
    assert (found["effectiveLabels"], found["labels"]) == ({"a": "1"}, {})
    assert found["defaultEncryptionConfigurations"] == []
    empty = {
        **dict.fromkeys(("role", "domain", "groupByEmail", "iamMember", "specialGroup", "userByEmail"), ""),
        **{key: [] for key in ("conditions", "views", "routines", "datasets")},
    }
    condition = {"expression": "true", "title": "until", "description": "", "location": ""}
    expected = [
        {**empty, "role": "READER", "userByEmail": "jane@example.com", "conditions": [condition]},
        {**empty, "views": [VIEW["view"]]},
        {**empty, "routines": [ROUTINE["routine"]]},
        {**empty, "datasets": [{"datasets": [{"projectId": "q", "datasetId": "v"}], "targetTypes": ["VIEWS"]}]},
    ]
    assert all(access in found["accesses"] for access in expected)
    assert len(found["accesses"]) == len(expected)


def test_get_datasets_lists_a_project(engine: Engine):
    for name in ("b", "a"):
        engine.admin("PUT", f"/datasets/p/{name}", {"labels": {"n": name}})
    found = engine.invoke("gcp:bigquery/getDatasets:getDatasets", project="p")
    assert [(each["datasetId"], each["labels"]) for each in found["datasets"]] == [("a", {"n": "a"}), ("b", {"n": "b"})]


def test_ignore_changes_applies_to_one_key_of_a_map(engine: Engine):
    state = {"datasetId": "d", "project": "p", "labels": {"a-b": "1", "c": "1"}}
    wanted = {"datasetId": "d", "labels": {"a-b": "2", "c": "2"}}
    for ignored, left in (('labels["a-b"]', "labels.c"), ("labels.c", "labels.a-b")):
        changed = engine.diff(DATASET, "projects/p/datasets/d", state, wanted, (ignored,)).detailedDiff
        assert [key for key in changed if key.startswith("labels")] == [left]
    changed = engine.diff(DATASET, "projects/p/datasets/d", state, wanted, ("labels",)).detailedDiff
    assert not [key for key in changed if key.startswith("labels")]
