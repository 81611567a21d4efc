"""`gcp:bigquery/dataset:Dataset`, as the plugin maps it to BigQuery: its plans, requests and state.

As in the plugin, all operations use a plan: the state after a write, computed from the state before and the inputs. A
diff compares the state with the plan, a write sends the plan, and a preview returns it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from simulator.google import access_set
from simulator.google.bigquery import BigQuery
from simulator.google.errors import ApiError, PluginError
from simulator.google.plugin import (
    UNKNOWN,
    Change,
    Checked,
    Fault,
    Live,
    Properties,
    Scope,
    is_unknown,
    map_changes,
    missing,
    refreshed_inputs,
    unknown_keys,
    value_changes,
)
from simulator.google.state import Dataset, Json

#: The label that the plugin adds to new resources, unless the configuration forbids it.
_ATTRIBUTION = "goog-pulumi-provisioned"


@dataclass(frozen=True)
class _Input:
    """An input in the plugin's schema."""

    unset: Json = None
    """The value in state if BigQuery has none."""
    default: Json = None
    computed: bool = False
    """Whether the state keeps its value if the program gives none."""
    replaces: bool = False


_INPUTS: Mapping[str, _Input] = {
    "datasetId": _Input(replaces=True),
    "project": _Input(computed=True, replaces=True),
    "location": _Input(default="US", replaces=True),
    "friendlyName": _Input(unset=""),
    "description": _Input(unset=""),
    "defaultCollation": _Input(unset=""),
    "defaultEncryptionConfiguration": _Input(),
    "defaultPartitionExpirationMs": _Input(unset=0),
    "defaultTableExpirationMs": _Input(unset=0),
    "externalCatalogDatasetOptions": _Input(),
    "externalDatasetReference": _Input(replaces=True),
    "isCaseInsensitive": _Input(unset=False, computed=True),
    "maxTimeTravelHours": _Input(unset="", computed=True),
    "resourceTags": _Input(unset={}),
    "storageBillingModel": _Input(unset="", computed=True),
    "labels": _Input(unset={}),
    "accesses": _Input(computed=True),
    "deleteContentsOnDestroy": _Input(unset=False, default=False),
    "deletionPolicy": _Input(default="DELETE"),
}
_MAPS = ("labels", "resourceTags", "effectiveLabels", "pulumiLabels")
#: Inputs with the same name in BigQuery's resource, besides the location, the labels and the access list.
_SETTINGS = tuple(
    name
    for name in _INPUTS
    if name
    not in {"datasetId", "project", "location", "labels", "accesses", "deleteContentsOnDestroy", "deletionPolicy"}
)
_OUTPUTS_OF_API = ("creationTime", "etag", "id", "lastModifiedTime", "selfLink")
_ID = re.compile(r"(?:(?:projects/)?(?P<project>[^/]+)/(?:datasets/)?)?(?P<dataset>[^/]+)")
_LEAST_EXPIRATION_MS = 3_600_000


class DatasetType:
    """The resource type.

    `state` also has values that only the plugin keeps: deletion settings, declared labels.
    """

    deletes_first = False

    def __init__(self, bigquery: BigQuery) -> None:
        self.bigquery = bigquery

    def target(self, scope: Scope, inputs: Mapping[str, Json]) -> str:
        """`projects/P/datasets/D`."""
        return f"projects/{scope.project(inputs)}/datasets/{inputs.get('datasetId')}"

    def check(self, scope: Scope, inputs: Properties) -> Checked:
        """Fill in `location` only. Reject inputs that the plugin rejects before it calls the API."""
        accesses = inputs.get("accesses") or []
        unknown = [*unknown_keys(inputs, _INPUTS), *(["accesses"] if access_set.has_unknown_key(accesses) else [])]
        faults = [Fault(f"Invalid or unknown key. Examine values at '{scope.name}.{key}'.") for key in unknown]
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
        faults += [missing(scope.name, key, path) for key, path in access_set.lacking(accesses)]
        return Checked({"location": "US", **inputs}, tuple(faults))

    def diff(
        self, scope: Scope, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Mapping[str, Change]:
        """Return the differences of the plan from the state."""
        plan = self.planned(scope, state, inputs, ignore)
        changes: dict[str, Change] = {}
        for name in (*_INPUTS, "effectiveLabels", "pulumiLabels"):
            old, new = state.get(name), plan.get(name)
            if name == "accesses":
                changes |= access_set.set_changes(name, old or [], new if isinstance(new, list) else [])
            elif name in _MAPS:
                changes |= map_changes(name, old, new)
            else:
                changes |= value_changes(name, old, new, replaces=_INPUTS[name].replaces)
        return changes

    def planned(
        self, scope: Scope, state: Properties | None, inputs: Properties, ignore: Collection[str] = ()
    ) -> Properties:
        """Return the state after a create (state None) or an update.

        Values that only the API has are unknown.
        """
        before = state or {}
        plan = {**(dict.fromkeys(_OUTPUTS_OF_API, UNKNOWN) if state is None else before)}
        given = {"deletionPolicy": "DELETE", **inputs}
        if scope.default_project:
            given.setdefault("project", scope.default_project)
        for name, spec in _INPUTS.items():
            old, new = before.get(name), given.get(name)
            if name in ignore and state is not None:
                plan[name] = old
            elif name == "accesses":
                plan[name] = _planned_access(state, new)
            elif new is None and spec.computed:
                plan[name] = UNKNOWN if state is None else old
            elif new is None:
                # A map without entries stays null if it was null, and becomes empty if it had entries.
                plan[name] = old if not old and spec.default is None else ({} if spec.unset == {} else spec.default)
            else:
                plan[name] = old if _same(name, old, new) else new
        labels = {"labels": plan["labels"]} if plan["labels"] else {}
        return {**plan, **_label_maps(scope, state, labels), "labels": plan["labels"]}

    def create(self, scope: Scope, inputs: Properties) -> Live:
        """Insert."""
        try:
            project = scope.project(inputs)
        except PluginError as error:
            raise PluginError(f"Error fetching project for Dataset: {error}") from None
        plan = self.planned(scope, None, inputs)
        try:
            dataset = self.bigquery.insert(project, str(inputs["datasetId"]), {**_body(plan), **_access(plan)})
        except ApiError as error:
            raise PluginError(f"Error creating Dataset: {error}") from None
        self._get(project, dataset.id)
        return _written(dataset, plan, inputs)

    def read(self, scope: Scope, id_: str, state: Properties, inputs: Properties) -> Live | None:
        """Read the live dataset. An id alone is `projects/P/datasets/D`, `P/D` or `D`."""
        project, dataset_id = self._parse(scope, id_)
        dataset = self._get(project, dataset_id)
        if dataset is None:
            return None
        live = _live(dataset, state)
        if not state and not inputs:
            return Live(live["id"], live, _imported(live))
        refreshed = refreshed_inputs(inputs, live)
        if isinstance(inputs.get("accesses"), list):
            refreshed["accesses"] = access_set.matched(inputs["accesses"], live["accesses"])
        return Live(live["id"], live, refreshed)

    def update(
        self, scope: Scope, id_: str, state: Properties, inputs: Properties, ignore: Collection[str] = ()
    ) -> Live:
        """PUT the plan, without an etag, as the plugin does.

        The access list only if it changes (`update_encoder`).
        """
        project, dataset_id = self._parse(scope, id_)
        plan = self.planned(scope, state, inputs, ignore)
        changes = self.diff(scope, state, inputs, ignore)
        body = {**_body(plan), **(_access(plan) if any(path.startswith("accesses") for path in changes) else {})}
        try:
            if not {*changes} <= {"deletionPolicy"}:
                self.bigquery.update(project, dataset_id, body)
            dataset = self.bigquery.get(project, dataset_id)
        except ApiError as error:
            raise PluginError(f'Error updating Dataset "{id_}": {error}') from None
        return _written(dataset, plan, inputs)

    def delete(self, scope: Scope, id_: str, state: Properties) -> None:
        """Delete the dataset, and its contents only if the *state* allows it."""
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

    def _get(self, project: str, dataset_id: str) -> Dataset | None:
        """Read a dataset, also after its create.

        The plugin repeats no read that exceeds BigQuery's quota (403).
        """
        try:
            return self.bigquery.get(project, dataset_id)
        except ApiError as error:
            if error.status == 404:
                return None
            id_ = f"projects/{project}/datasets/{dataset_id}"
            raise PluginError(f'Error when reading or editing BigQueryDataset "{id_}": {error}') from None

    def _parse(self, scope: Scope, id_: str) -> tuple[str, str]:
        match = _ID.fullmatch(id_)
        if match is None:
            raise PluginError(f'Import id "{id_}" doesn\'t match any of the accepted formats')
        return match["project"] or scope.project({}), match["dataset"]


def outputs_of(dataset: Dataset) -> Properties:
    """Return a live dataset by the plugin's property names, without values that only the plugin keeps."""
    return {
        **{
            name: _INPUTS[name].unset if dataset.settings[name] is None else dataset.settings[name]
            for name in _SETTINGS
        },
        "externalCatalogDatasetOptions": _catalogue_options(dataset.settings["externalCatalogDatasetOptions"]),
        "id": f"projects/{dataset.project}/datasets/{dataset.id}",
        "datasetId": dataset.id,
        "project": dataset.project,
        "location": dataset.location,
        "accesses": access_set.live_set(dataset.access),
        "effectiveLabels": dict(dataset.labels),
        "creationTime": dataset.created_ms,
        "lastModifiedTime": dataset.modified_ms,
        "etag": dataset.etag,
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{dataset.project}/datasets/{dataset.id}",
    }


def _catalogue_options(live: Json) -> Json:
    return {"defaultStorageLocationUri": "", **live} if live else None


def _live(dataset: Dataset, state: Mapping[str, Json]) -> Properties:
    """Return the state after a read: the plugin's own values unchanged, and the declared labels only."""
    labels = dataset.labels
    return {
        **outputs_of(dataset),
        "deleteContentsOnDestroy": bool(state.get("deleteContentsOnDestroy", False)),
        "deletionPolicy": state.get("deletionPolicy", "DELETE"),
        **{
            name: {key: labels[key] for key in state.get(name) or {} if key in labels}
            for name in ("labels", "pulumiLabels")
        },
    }


def _written(dataset: Dataset, plan: Properties, inputs: Properties) -> Live:
    """Return the state after a write: sets and maps as planned, all other values as BigQuery has them."""
    live = _live(dataset, plan)
    planned = {name: plan[name] for name in ("labels", "resourceTags") if plan[name] is None}
    if access_set.is_known(plan["accesses"]):
        planned["accesses"] = plan["accesses"]
    return Live(live["id"], {**live, **planned}, inputs)


def _imported(live: Properties) -> Properties:
    """Return the inputs after an import: all set values other than defaults."""
    inputs = {
        name: live[name]
        for name, spec in _INPUTS.items()
        if name != "accesses" and live[name] not in (None, spec.unset) and (live[name] != spec.default or spec.computed)
    }
    return {**inputs, "deletionPolicy": "DELETE", "accesses": [access_set.imported(each) for each in live["accesses"]]}


def _planned_access(state: Properties | None, entries: Json) -> Json:
    if entries in (None, []) or not access_set.is_known(entries):  # computed
        return UNKNOWN if state is None else access_set.kept_set(state.get("accesses") or [])
    return access_set.planned_set(None if state is None else state.get("accesses") or [], entries)


def _same(name: str, old: Json, new: Json) -> bool:
    if name == "location" and isinstance(old, str) and isinstance(new, str):
        return old.lower() == new.lower()
    return not old and not new and new is not False


def _body(plan: Mapping[str, Json]) -> Properties:
    """Return the body of a request without the access list: all values that are known and not empty."""
    settings = {name: plan[name] for name in (*_SETTINGS, "location") if plan[name] not in (None, "", UNKNOWN)}
    return {**settings, "labels": plan["effectiveLabels"]}


def _access(plan: Mapping[str, Json]) -> Properties:
    entries = plan["accesses"]
    return {"access": [access_set.sent(entry) for entry in entries]} if access_set.is_known(entries) else {}


def _label_maps(scope: Scope, state: Properties | None, inputs: Mapping[str, Json]) -> Properties:
    """Return `labels`, `pulumiLabels` and `effectiveLabels` for inputs; state None is a create.

    Labels from outside are kept as in `state`, not as they are now. The attribution label is added by the create, and
    removed once the configuration no longer wants it.
    """
    labels = inputs.get("labels") or {}
    if is_unknown(labels):
        return {"labels": labels, "pulumiLabels": UNKNOWN, "effectiveLabels": UNKNOWN}
    before = (state or {}).get("pulumiLabels") or {}
    effective = (state or {}).get("effectiveLabels") or {}
    attributed = scope.attribution and (state is None or _ATTRIBUTION in effective)
    ours = {**({_ATTRIBUTION: "true"} if attributed else {}), **labels}
    foreign = {key: value for key, value in effective.items() if key not in before}
    return {"labels": dict(labels), "pulumiLabels": ours, "effectiveLabels": {**foreign, **ours}}
