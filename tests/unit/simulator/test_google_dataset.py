"""The dataset resource as the engine meets it, over gRPC; its access list is in `test_gcp_dataset_access`.

Held against the source that the plugin is generated from: `mmv1/products/bigquery/Dataset.yaml` of magic-modules with
its templates, and `resource_bigquery_dataset.go` of the Terraform provider. From there: what a check rejects, what
replaces, what stays as it is when the program does not give it, that a change of `deletionPolicy` alone asks Google
nothing while one of `deleteContentsOnDestroy` writes, the labels (`SetLabelsDiff`), the words of failures, and the
forms of an import id. What outputs, diffs and imports consist of was measured, call by call, with a build of that code
(version 8, without which `defaultCollation` is computed) and of the bridge (3.137) against a fake of Google's API.
"""

import json
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as pb

from .google_engine import DATASET, UNKNOWN, Engine, rejected, set_only

OWNER = {"role": "OWNER", "userByEmail": "me@example.com"}
READER = {"role": "READER", "groupByEmail": "all@example.com"}
VIEW = {"view": {"projectId": "q", "datasetId": "v", "tableId": "t"}}
ID = "projects/p/datasets/stripe"
INPUTS: dict[str, Any] = {
    "datasetId": "stripe",
    "location": "US",
    "labels": {"app": "pay"},
    "accesses": [OWNER, READER],
}

Properties = dict[str, Any]
LABELS = ("labels", "effectiveLabels", "pulumiLabels")


def of_labels(kinds: dict[str, str]) -> dict[str, str]:
    """The differences of labels that are ours: in each of the three maps."""
    return {f"{name}.{label}": kind for name in LABELS for label, kind in kinds.items()}


def as_set(entries: list[Properties]) -> list[str]:
    return sorted(json.dumps(set_only(entry), sort_keys=True) for entry in entries)


def changed(answer: pb.DiffResponse) -> dict[str, str]:
    assert (answer.changes == pb.DiffResponse.DIFF_SOME) == bool(answer.detailedDiff)
    return {path: pb.PropertyDiff.Kind.Name(entry.kind) for path, entry in answer.detailedDiff.items()}


def test_check_fills_in_the_location_and_nothing_else(engine: Engine):
    assert engine.check(DATASET, {"datasetId": "stripe"}) == ({"datasetId": "stripe", "location": "US"}, [])


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"datasetId": "a-b"}, '"dataset_id" must contain only letters (a-z, A-Z), numbers (0-9), or underscores (_)'),
        ({"datasetId": "x" * 1025}, '"dataset_id" cannot be greater than 1,024 characters'),
        ({}, 'The argument "dataset_id" is required'),
        ({"datasetId": "d", "defaultTableExpirationMs": 3_599_999}, "cannot be shorter than 3600000 milliseconds"),
        (
            {"datasetId": "d", "accesses": [{**READER, "condition": {"title": "until"}}]},
            'The argument "access.0.condition.0.expression" is required',
        ),
        (
            {"datasetId": "d", "accesses": [OWNER, {"view": {"projectId": "q", "datasetId": "v"}}]},
            "Examine values at 'it.accesses[1].view.tableId'.",
        ),
        ({"datasetId": "d", "dataset_id": "d"}, "Invalid or unknown key. Examine values at 'it.dataset_id'."),
    ],
)
def test_check_rejects_what_the_plugin_rejects_before_it_asks_google(engine: Engine, inputs: Properties, reason: str):
    _, reasons = engine.check(DATASET, inputs)
    assert len(reasons) == 1
    assert reason in reasons[0]


def test_check_accepts_unknown_values(engine: Engine):
    unknown = {"datasetId": UNKNOWN, "defaultTableExpirationMs": UNKNOWN, "accesses": UNKNOWN, "labels": UNKNOWN}
    assert engine.check(DATASET, unknown)[1] == []


def test_create_answers_id_and_computed_outputs(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    assert id_ == ID
    live = engine.dataset("stripe")
    assert outputs["etag"] == live["etag"]
    assert outputs["creationTime"] == live["creationTime"] > 1_600_000_000_000
    assert outputs["selfLink"] == "https://bigquery.googleapis.com/bigquery/v2/projects/p/datasets/stripe"
    assert (outputs["project"], outputs["deleteContentsOnDestroy"], outputs["deletionPolicy"]) == ("p", False, "DELETE")
    assert outputs["labels"] == outputs["pulumiLabels"] == outputs["effectiveLabels"] == {"app": "pay"}
    assert not any(key.startswith("__") for key in outputs)


def test_preview_of_a_create_makes_nothing_and_knows_what_it_can(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS, preview=True)
    assert id_ == ""
    assert (outputs["etag"], outputs["creationTime"], outputs["location"]) == (UNKNOWN, UNKNOWN, "US")
    assert as_set(outputs["accesses"]) == as_set(INPUTS["accesses"])
    assert engine.admin("GET", "/state")["projects"] == {}


def test_attribution_label_is_added_by_a_create_unless_configured_off(engine: Engine):
    engine.configure(project="p")
    _, outputs = engine.create(DATASET, INPUTS)
    assert engine.dataset("stripe")["labels"] == {"app": "pay", "goog-pulumi-provisioned": "true"}
    assert outputs["labels"] == {"app": "pay"}
    engine.configure(project="p", addPulumiAttributionLabel="false")
    engine.create(DATASET, {"datasetId": "other"})
    assert engine.dataset("other")["labels"] == {}


def test_attribution_label_is_removed_once_configured_off(engine: Engine):
    engine.configure(project="p")
    _, outputs = engine.create(DATASET, INPUTS)
    assert changed(engine.diff(DATASET, ID, outputs, INPUTS)) == {}
    outputs = engine.update(DATASET, ID, outputs, {**INPUTS, "description": "x"})
    assert engine.dataset("stripe")["labels"] == {"app": "pay", "goog-pulumi-provisioned": "true"}
    engine.configure(project="p", addPulumiAttributionLabel="false")
    kinds = changed(engine.diff(DATASET, ID, outputs, {**INPUTS, "description": "x"}))
    assert kinds == {f"{name}.goog-pulumi-provisioned": "DELETE" for name in ("effectiveLabels", "pulumiLabels")}
    outputs = engine.update(DATASET, ID, outputs, {**INPUTS, "description": "x"})
    assert engine.dataset("stripe")["labels"] == {"app": "pay"}
    engine.configure(project="p")  # what is there already does not get it
    assert changed(engine.diff(DATASET, ID, outputs, {**INPUTS, "description": "x"})) == {}


def test_created_dataset_does_not_differ_from_its_inputs(engine: Engine):
    inputs = {
        **INPUTS,
        "project": "p",
        "friendlyName": "Stripe",
        "description": "Payments.",
        "defaultTableExpirationMs": 3_600_000,
        "deleteContentsOnDestroy": True,
        "accesses": [
            {"role": "roles/bigquery.dataOwner", "userByEmail": "Me@Example.com"},
            {"role": "roles/bigquery.dataViewer", "groupByEmail": "all@example.com"},
            {**READER, "condition": {"expression": "true", "title": "until"}},
            VIEW,
        ],
    }
    id_, outputs = engine.create(DATASET, inputs)
    assert changed(engine.diff(DATASET, id_, outputs, inputs)) == {}
    reordered = {**inputs, "accesses": list(reversed(inputs["accesses"]))}
    assert changed(engine.diff(DATASET, id_, outputs, reordered)) == {}
    id_, refreshed, live_inputs = engine.read(DATASET, id_, outputs, inputs)
    assert changed(engine.diff(DATASET, id_, refreshed, inputs)) == {}
    assert live_inputs["description"] == "Payments."


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"description": "Payments."}, {"description": "UPDATE"}),
        ({"labels": {"app": "shop", "team": "x"}}, of_labels({"app": "UPDATE", "team": "ADD"})),
        ({"labels": {}}, of_labels({"app": "DELETE"})),
        ({"labels": None}, of_labels({"app": "DELETE"})),
        ({"labels": {"app": UNKNOWN}}, dict.fromkeys(LABELS, "UPDATE")),
        ({"resourceTags": {"1/a": "b"}}, {"resourceTags": "ADD"}),
        ({"defaultEncryptionConfiguration": {"kmsKeyName": "k"}}, {"defaultEncryptionConfiguration": "ADD"}),
        ({"defaultCollation": "und:ci"}, {"defaultCollation": "UPDATE"}),
        ({"deleteContentsOnDestroy": True}, {"deleteContentsOnDestroy": "UPDATE"}),
        ({"location": "EU"}, {"location": "UPDATE_REPLACE"}),
        ({"location": "us"}, {}),
        ({"datasetId": "other"}, {"datasetId": "UPDATE_REPLACE"}),
        ({"project": "q"}, {"project": "UPDATE_REPLACE"}),
        ({"project": "p"}, {}),
        ({"accesses": []}, {}),
        ({"maxTimeTravelHours": "48"}, {"maxTimeTravelHours": "UPDATE"}),
        ({"description": "", "defaultTableExpirationMs": 0, "isCaseInsensitive": False}, {}),
        ({"description": UNKNOWN}, {"description": "UPDATE"}),
        ({"accesses": UNKNOWN}, {}),
    ],
)
def test_difference_has_its_path_and_whether_it_replaces(engine: Engine, changes: Properties, paths: dict[str, str]):
    id_, outputs = engine.create(DATASET, INPUTS)
    news = {name: value for name, value in {**INPUTS, **changes}.items() if value is not None}
    answer = engine.diff(DATASET, id_, outputs, news)
    assert changed(answer) == paths
    assert list(answer.replaces) == [path for path, kind in paths.items() if kind.endswith("_REPLACE")]


def test_ignored_changes_are_not_differences(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    news = {**INPUTS, "accesses": [OWNER], "description": "x"}
    assert changed(engine.diff(DATASET, id_, outputs, news, ignore=("accesses",))) == {"description": "UPDATE"}


def test_every_write_gives_another_etag_and_a_changed_deletion_policy_writes_nothing(engine: Engine):
    id_, state = engine.create(DATASET, INPUTS)
    written = engine.update(DATASET, id_, state, {**INPUTS, "description": "x"})
    assert written["etag"] != state["etag"]
    kept = engine.update(DATASET, id_, written, {**INPUTS, "description": "x", "deletionPolicy": "PREVENT"})
    assert (kept["etag"], kept["deletionPolicy"]) == (written["etag"], "PREVENT")
    flagged = engine.update(
        DATASET, id_, kept, {**INPUTS, "description": "x", "deletionPolicy": "PREVENT", "deleteContentsOnDestroy": True}
    )
    assert flagged["etag"] != kept["etag"]


def test_update_keeps_labels_of_others_and_corrects_ours(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("PATCH", "/datasets/p/stripe", {"labels": {"app": "changed", "theirs": "1"}})
    _, state, _ = engine.read(DATASET, id_, outputs, INPUTS)
    assert state["labels"] == {"app": "changed"}
    assert changed(engine.diff(DATASET, id_, state, INPUTS)) == of_labels({"app": "UPDATE"})
    engine.update(DATASET, id_, state, INPUTS)
    assert engine.dataset("stripe")["labels"] == {"app": "pay", "theirs": "1"}


def test_preview_of_an_update_changes_nothing_and_says_what_would_come(engine: Engine):
    id_, outputs = engine.create(DATASET, {**INPUTS, "description": "old"})
    before = engine.dataset("stripe")
    planned = engine.update(DATASET, id_, outputs, {**INPUTS, "labels": {"app": "shop"}}, preview=True)
    assert planned["effectiveLabels"] == {"app": "shop"}
    assert planned["description"] is None
    assert planned["etag"] == outputs["etag"]
    assert engine.dataset("stripe") == before


def test_read_answers_what_is_live_and_an_empty_id_when_nothing_is(engine: Engine):
    id_, outputs = engine.create(DATASET, INPUTS)
    engine.admin("PATCH", "/datasets/p/stripe", {"description": "by hand"})
    _, live, inputs = engine.read(DATASET, id_, outputs, INPUTS)
    assert live["description"] == "by hand"
    assert "description" not in inputs  # only what the program gave is compared as an input
    engine.admin("DELETE", "/datasets/p/stripe")
    assert engine.read(DATASET, id_, outputs, INPUTS) == ("", {}, {})


@pytest.mark.parametrize("id_", ["projects/p/datasets/stripe", "p/stripe", "stripe"])
def test_dataset_is_imported_by_each_form_of_its_id(engine: Engine, id_: str):
    engine.admin("PUT", "/datasets/p/stripe", {"access": [OWNER, VIEW], "labels": {"a": "1"}, "location": "EU"})
    found, outputs, inputs = engine.read(DATASET, id_)
    assert found == ID
    assert as_set(outputs["accesses"]) == as_set([OWNER, VIEW])
    assert (outputs["labels"], outputs["effectiveLabels"]) == ({}, {"a": "1"})
    assert inputs == {
        "datasetId": "stripe",
        "project": "p",
        "location": "EU",
        "accesses": set_only(outputs["accesses"]),
        "deletionPolicy": "DELETE",
        "maxTimeTravelHours": "168",
    }
    assert engine.read(DATASET, "projects/p/datasets/none") == ("", {}, {})


def test_dataset_with_contents_is_deleted_only_when_the_state_allows_it(engine: Engine):
    id_, state = engine.create(DATASET, INPUTS)
    engine.admin("PUT", "/datasets/p/stripe/tables/charge", {"rows": 3})
    with rejected() as rejection:
        engine.delete(DATASET, id_, state)
    assert rejection.code is grpc.StatusCode.UNKNOWN
    assert rejection.message == (
        "1 error occurred:\n\t* Error when reading or editing Dataset: "
        "googleapi: Error 400: Dataset p:stripe is still in use, resourceInUse\n\n"
    )
    state = engine.update(DATASET, id_, state, {**INPUTS, "deleteContentsOnDestroy": True})
    engine.delete(DATASET, id_, state)
    engine.delete(DATASET, id_, state)  # gone already: done
    assert engine.admin("GET", "/state")["projects"]["p"]["datasets"] == {}


def test_deletion_policy_of_the_state_prevents_or_abandons(engine: Engine):
    id_, state = engine.create(DATASET, {**INPUTS, "deletionPolicy": "PREVENT"})
    with rejected() as rejection:
        engine.delete(DATASET, id_, state)
    assert "cannot destroy BigQueryDataset" in rejection.message
    engine.delete(DATASET, id_, {**state, "deletionPolicy": "ABANDON"})
    assert engine.dataset("stripe")["datasetReference"] == {"projectId": "p", "datasetId": "stripe"}


def test_googles_rejections_come_as_the_plugin_words_them(engine: Engine):
    id_, state = engine.create(DATASET, INPUTS)
    with rejected() as rejection:
        engine.create(DATASET, INPUTS)
    assert rejection.message == (
        "1 error occurred:\n\t* Error creating Dataset: "
        "googleapi: Error 409: Already Exists: Dataset p:stripe, duplicate\n\n"
    )
    engine.admin("PUT", "/unknown-members", {"members": ["Gone@example.com"]})
    with rejected() as rejection:
        engine.update(
            DATASET, id_, state, {**INPUTS, "accesses": [OWNER, {"role": "READER", "userByEmail": "gone@example.com"}]}
        )
    assert rejection.message.startswith(
        f'1 error occurred:\n\t* Error updating Dataset "{id_}": googleapi: Error 400: '
    )
    assert "User gone@example.com does not exist." in rejection.message
    engine.configure()
    with rejected() as rejection:
        engine.create(DATASET, {"datasetId": "d"})
    assert "Error fetching project for Dataset: project: required field is not set" in rejection.message


def test_engines_with_different_projects_share_the_server(engine: Engine):
    other = Engine(engine.port, engine.admin_url)
    other.configure(project="q")
    assert engine.create(DATASET, {"datasetId": "d"})[0] == "projects/p/datasets/d"
    assert other.create(DATASET, {"datasetId": "d"})[0] == "projects/q/datasets/d"
    other.close()


#: What the plugin knows of a dataset besides what our files say, with the forms of BigQuery's resource.
SETTINGS: Properties = {
    "defaultCollation": "und:ci",
    "defaultEncryptionConfiguration": {"kmsKeyName": "k"},
    "defaultPartitionExpirationMs": 7_200_000,
    "externalCatalogDatasetOptions": {"defaultStorageLocationUri": "gs://x", "parameters": {"a": "b"}},
    "isCaseInsensitive": True,
    "maxTimeTravelHours": "96",
    "resourceTags": {"1/a": "b"},
    "storageBillingModel": "PHYSICAL",
}
COMPUTED = ("isCaseInsensitive", "maxTimeTravelHours", "storageBillingModel")


def test_write_takes_away_what_is_not_given_unless_it_is_computed_or_ignored(engine: Engine):
    inputs = {"datasetId": "stripe", "location": "US", "description": "x"}
    engine.admin("PUT", "/datasets/p/stripe", {"access": [OWNER], **SETTINGS})
    _, state, imported = engine.read(DATASET, ID)
    assert imported.items() >= SETTINGS.items()
    engine.update(DATASET, ID, state, inputs, ignore=tuple(SETTINGS))
    live = engine.dataset("stripe")
    assert {name: live[name] for name in SETTINGS} == SETTINGS
    kinds = changed(engine.diff(DATASET, ID, state, inputs, ignore=("defaultCollation", "description")))
    assert kinds == {
        "defaultEncryptionConfiguration": "DELETE",
        "defaultPartitionExpirationMs": "DELETE",
        "externalCatalogDatasetOptions": "DELETE",
        'resourceTags["1/a"]': "DELETE",
    }
    engine.update(DATASET, ID, state, inputs)
    live = engine.dataset("stripe")
    assert {name: live[name] for name in SETTINGS if live[name]} == {name: SETTINGS[name] for name in COMPUTED}


def test_write_takes_away_what_the_plugin_does_not_know(engine: Engine):
    id_, state = engine.create(DATASET, INPUTS)
    engine.admin("PATCH", "/datasets/p/stripe", {"defaultRoundingMode": "ROUND_HALF_EVEN"})
    assert "defaultRoundingMode" not in engine.read(DATASET, id_, state, INPUTS)[1]
    engine.update(DATASET, id_, state, {**INPUTS, "description": "x"})
    assert engine.dataset("stripe")["defaultRoundingMode"] == ""


def test_labels_are_null_until_there_are_some(engine: Engine):
    id_, state = engine.create(DATASET, {"datasetId": "stripe"})
    assert (state["labels"], state["pulumiLabels"], state["effectiveLabels"]) == (None, {}, {})
    kinds = changed(engine.diff(DATASET, id_, state, {"datasetId": "stripe", "labels": {"app": "pay"}}))
    assert kinds == {"labels": "ADD", "effectiveLabels.app": "ADD", "pulumiLabels.app": "ADD"}
