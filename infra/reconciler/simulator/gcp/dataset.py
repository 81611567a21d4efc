"""`gcp:bigquery/dataset:Dataset`, as the plugin maps it to BigQuery: property names, defaults, differences, labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.simulator.gcp.bigquery import SETTINGS, BigQuery
from reconciler.simulator.gcp.differences import access_changes, in_set_order, kind_of, map_changes
from reconciler.simulator.gcp.errors import ApiError, PluginError
from reconciler.simulator.gcp.labels import ATTRIBUTION, label_maps
from reconciler.simulator.gcp.plugin import (
    UNKNOWN,
    Change,
    Checked,
    Fault,
    Kind,
    Live,
    Properties,
    Scope,
    missing,
    refreshed_inputs,
    unknown_keys,
)
from reconciler.simulator.gcp.state import Dataset, Json

#: Every input, with the value that counts as not given.
_INPUTS: Mapping[str, Json] = {
    **SETTINGS,
    "datasetId": "",
    "location": "US",
    "project": "",
    "labels": {},
    "accesses": [],
    "deleteContentsOnDestroy": False,
    "deletionPolicy": "DELETE",
}
_REPLACING = frozenset({"datasetId", "location", "project", "externalDatasetReference"})
#: Inputs that the plugin leaves as they are when the program does not give them.
_COMPUTED = frozenset(
    {"accesses", "project", "defaultCollation", "isCaseInsensitive", "maxTimeTravelHours", "storageBillingModel"}
)
#: What the parts of an access entry need, with the plugin's own key of each.
_NEEDED: Mapping[str, Mapping[str, str]] = {
    "condition": {"expression": "expression"},
    "view": {"projectId": "project_id", "datasetId": "dataset_id", "tableId": "table_id"},
    "routine": {"projectId": "project_id", "datasetId": "dataset_id", "routineId": "routine_id"},
    "dataset": {"dataset": "dataset", "targetTypes": "target_types"},
}
_OUTPUTS_OF_API = ("creationTime", "lastModifiedTime", "etag", "selfLink")
_ID = re.compile(r"(?:(?:projects/)?(?P<project>[^/]+)/(?:datasets/)?)?(?P<dataset>[^/]+)")
_LEAST_EXPIRATION_MS = 3_600_000


class DatasetType:
    """The resource type. State that the plugin alone keeps (deletion settings, which labels are ours) is in `state`."""

    deletes_first = False

    def __init__(self, bigquery: BigQuery) -> None:
        self.bigquery = bigquery

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """`projects/P/datasets/D`."""
        return f"projects/{scope.project(inputs)}/datasets/{inputs.get('datasetId')}"

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Fill in `location`, and only that; refuse what the plugin refuses before it asks the API."""
        faults = [
            Fault(f"Invalid or unknown key. Examine values at '{scope.name}.{key}'.")
            for key in unknown_keys(inputs, _INPUTS)
        ]
        dataset_id = inputs.get("datasetId")
        if dataset_id is None:
            faults.append(missing(scope.name, "dataset_id", "datasetId"))
        elif dataset_id != UNKNOWN:
            reasons = []
            if not re.fullmatch(r"[0-9A-Za-z_]+", str(dataset_id)):
                reasons.append("must contain only letters (a-z, A-Z), numbers (0-9), or underscores (_)")
            if len(str(dataset_id)) > 1024:
                reasons.append("cannot be greater than 1,024 characters")
            faults += [
                Fault(f"\"dataset_id\" {reason}. Examine values at '{scope.name}.datasetId'.") for reason in reasons
            ]
        expiration = inputs.get("defaultTableExpirationMs")
        if isinstance(expiration, int | float) and expiration < _LEAST_EXPIRATION_MS:
            faults.append(
                Fault(
                    '"default_table_expiration_ms" cannot be shorter than 3600000 milliseconds (one hour).'
                    f" Examine values at '{scope.name}.defaultTableExpirationMs'."
                )
            )
        faults += [missing(scope.name, key, path) for key, path in _missing_in(inputs.get("accesses") or [])]
        return Checked({"location": "US", **inputs}, tuple(faults))

    def diff(self, scope: Scope, state: Properties, inputs: Properties) -> Mapping[str, Change]:
        """State against inputs: accesses as a set, labels by key, values that were never given as their defaults."""
        wanted = dict(inputs)
        if scope.default_project:
            wanted.setdefault("project", scope.default_project)
        changes: dict[str, Change] = {}
        for name, unset in _INPUTS.items():
            if name in _COMPUTED and wanted.get(name) in (None, "", []):
                continue
            old, new = _given(state, name, unset), _given(wanted, name, unset)
            if name == "accesses":
                changes |= access_changes(old, new)
            elif name in {"labels", "resourceTags"} and not isinstance(new, str):
                changes |= map_changes(name, old, new)
            elif _folded(name, old) != _folded(name, new):
                changes[name] = Change(kind_of(_empty(old), _empty(new)), name in _REPLACING)
        marked = ATTRIBUTION in state.get("pulumiLabels", {})
        if (ATTRIBUTION in label_maps(scope, state, inputs)["pulumiLabels"]) != marked:
            changes |= {name: Change(Kind.UPDATE) for name in ("effectiveLabels", "pulumiLabels")}
        return changes

    def planned(self, scope: Scope, state: Properties | None, inputs: Properties) -> Properties:
        """As the API would answer, save what only the API can make up."""
        if state is None:
            return {
                **dict.fromkeys((*_OUTPUTS_OF_API, *_COMPUTED), UNKNOWN),
                **_plugin_keeps(inputs),
                **({"project": scope.default_project} if scope.default_project else {}),
                **inputs,
                **({"accesses": in_set_order(inputs["accesses"])} if "accesses" in inputs else {}),
                **label_maps(scope, None, inputs),
            }
        merged = {
            key: value
            for key, value in {**state, **inputs}.items()
            if key in inputs or key not in _INPUTS or key in _COMPUTED
        }
        return {**merged, **_plugin_keeps(inputs), **label_maps(scope, state, inputs)}

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Insert."""
        labels = label_maps(scope, None, inputs)
        try:
            project = scope.project(inputs)
        except PluginError as error:
            raise PluginError(f"Error fetching project for Dataset: {error}") from None
        body = {**_body(inputs), **_access(inputs), "labels": labels["effectiveLabels"]}
        try:
            dataset = self.bigquery.insert(project, str(inputs["datasetId"]), body)
        except ApiError as error:
            raise PluginError(f"Error creating Dataset: {error}") from None
        return self._live(dataset, {**_plugin_keeps(inputs), **labels}, inputs)

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """Everything from the live dataset. By id alone: `projects/P/datasets/D`, `P/D` or `D`."""
        project, dataset_id = self._parse(scope, id_)
        try:
            dataset = self.bigquery.get(project, dataset_id)
        except ApiError as error:
            if error.status == 404:
                return None
            raise PluginError(f'Error when reading or editing BigQueryDataset "{id_}": {error}') from None
        live = self._live(dataset, state, inputs)
        if state or inputs:
            return Live(live.id, live.outputs, refreshed_inputs(inputs, live.outputs))
        imported = {key: live.outputs[key] for key, unset in _INPUTS.items() if live.outputs.get(key, unset) != unset}
        return Live(live.id, live.outputs, imported)

    def update(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live:
        """PUT the settings, with the access list only when it changes (`update_encoder`); no etag, as in the plugin."""
        labels = label_maps(scope, state, inputs)
        project, dataset_id = self._parse(scope, id_)
        computed = {key: state[key] for key in _COMPUTED if key in state and key not in {"accesses", "project"}}
        changes = self.diff(scope, state, inputs)
        body = {**computed, **_body(inputs), "labels": labels["effectiveLabels"]}
        if any(path.startswith("accesses") for path in changes):
            body |= _access(inputs)
        try:
            if set(changes) == {"deletionPolicy"}:
                dataset = self.bigquery.get(project, dataset_id)
            else:
                dataset = self.bigquery.update(project, dataset_id, body)
        except ApiError as error:
            raise PluginError(f'Error updating Dataset "{id_}": {error}') from None
        return self._live(dataset, {**_plugin_keeps(inputs), **labels}, inputs)

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Delete, with the contents only when the *state* says so."""
        policy = state.get("deletionPolicy")
        if policy == "PREVENT":
            message = (
                'cannot destroy BigQueryDataset without setting deletion_policy="DELETE" and running `terraform apply`'
            )
            raise PluginError(message)
        if policy == "ABANDON":
            return
        project, dataset_id = self._parse(scope, id_)
        try:
            self.bigquery.delete(project, dataset_id, delete_contents=bool(state.get("deleteContentsOnDestroy")))
        except ApiError as error:
            if error.status != 404:
                raise PluginError(f"Error when reading or editing Dataset: {error}") from None

    def _parse(self, scope: Scope, id_: str) -> tuple[str, str]:
        match = _ID.fullmatch(id_)
        if match is None:
            raise PluginError(f'Import id "{id_}" doesn\'t match any of the accepted formats')
        return match["project"] or scope.project({}), match["dataset"]

    def _live(self, dataset: Dataset, kept: Mapping[str, Json], inputs: Properties) -> Live:
        labels = dataset.labels
        outputs = {
            **outputs_of(dataset),
            "deleteContentsOnDestroy": bool(kept.get("deleteContentsOnDestroy", False)),
            "deletionPolicy": kept.get("deletionPolicy", "DELETE"),
            "labels": {key: labels[key] for key in kept.get("labels", {}) if key in labels},
            "pulumiLabels": {key: labels[key] for key in kept.get("pulumiLabels", {}) if key in labels},
        }
        return Live(f"projects/{dataset.project}/datasets/{dataset.id}", outputs, inputs)


def outputs_of(dataset: Dataset) -> Properties:
    """A live dataset in the plugin's property names, without what only the plugin keeps."""
    return {
        **{key: value for key, value in dataset.settings.items() if value is not None},
        "datasetId": dataset.id,
        "project": dataset.project,
        "location": dataset.location,
        "accesses": in_set_order([_lower_case(entry) for entry in dataset.access]),
        "effectiveLabels": dict(dataset.labels),
        "creationTime": dataset.created_ms,
        "lastModifiedTime": dataset.modified_ms,
        "etag": dataset.etag,
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{dataset.project}/datasets/{dataset.id}",
    }


def _lower_case(entry: Mapping[str, Json]) -> Properties:
    """An access entry as the plugin sends and answers it: e-mail addresses in lower case, however they were given."""
    return {key: value.lower() if key in {"userByEmail", "groupByEmail"} else value for key, value in entry.items()}


def _plugin_keeps(inputs: Mapping[str, Json]) -> Properties:
    return {name: inputs.get(name, _INPUTS[name]) for name in ("deleteContentsOnDestroy", "deletionPolicy")}


def _access(values: Mapping[str, Json]) -> Properties:
    """The access list of inputs as the plugin sends it: none when it is empty."""
    return {"access": [_lower_case(entry) for entry in values["accesses"]]} if values.get("accesses") else {}


def _body(inputs: Mapping[str, Json]) -> Properties:
    return {key: value for key, value in inputs.items() if key in SETTINGS or key == "location"}


def _missing_in(entries: Json) -> Iterator[tuple[str, str]]:
    """What access entries lack of what each of their parts needs, by the plugin's key and by Pulumi's path."""
    for number, entry in enumerate(entries if isinstance(entries, list) else []):
        for part, needed in _NEEDED.items():
            held = entry.get(part) if isinstance(entry, Mapping) else None
            if not isinstance(held, Mapping):
                continue
            for name, key in needed.items():
                if held.get(name) is None:
                    yield f"access.{number}.{part}.0.{key}", f"accesses[{number}].{part}.{name}"


def _given(values: Mapping[str, Json], name: str, unset: Json) -> Json:
    value = values.get(name)
    return unset if value is None or value == "" else value


def _empty(value: Json) -> bool:
    return value is not False and value in (None, "", 0, [], {})


def _folded(name: str, value: Json) -> Json:
    return value.lower() if name == "location" and isinstance(value, str) else value
