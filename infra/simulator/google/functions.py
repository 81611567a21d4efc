"""Answer the plugin's functions `getDataset` and `getDatasets`, with all its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulator.google.bigquery import BigQuery
from simulator.google.dataset import outputs_of
from simulator.google.errors import ApiError, PluginError
from simulator.google.plugin import Properties, Scope
from simulator.google.state import Json

Function = Callable[[Scope, Properties], Properties]

#: Settings that functions return as lists of at most one, under a plural name.
_LISTS: Mapping[str, str] = {
    "defaultEncryptionConfiguration": "defaultEncryptionConfigurations",
    "externalCatalogDatasetOptions": "externalCatalogDatasetOptions",
    "externalDatasetReference": "externalDatasetReferences",
}


def functions(bigquery: BigQuery) -> Mapping[str, Function]:
    """Return the functions by token."""

    def get_dataset(scope: Scope, args: Properties) -> Properties:
        try:
            project = scope.project(args)
        except PluginError as error:
            raise PluginError(f"Error fetching project: {error}") from None
        dataset_id = str(args["datasetId"])
        id_ = f"projects/{project}/datasets/{dataset_id}"
        try:
            dataset = bigquery.get(project, dataset_id)
        except ApiError as error:
            if error.status == 404:
                raise PluginError(f"{id_} not found") from None
            raise PluginError(f'Error when reading or editing BigQueryDataset "{id_}": {error}') from None
        outputs = outputs_of(dataset)
        return {
            **{key: value for key, value in outputs.items() if key not in _LISTS},
            **{plural: [outputs[key]] if outputs[key] else [] for key, plural in _LISTS.items()},
            "accesses": [_access(entry) for entry in outputs["accesses"]],
            # A function has no configuration of its own, so it returns effective labels only.
            "labels": {},
            "pulumiLabels": {},
            "deleteContentsOnDestroy": False,
            "deletionPolicy": "DELETE",
            "id": id_,
        }

    def get_datasets(scope: Scope, args: Properties) -> Properties:
        try:
            project = scope.project(args)
        except PluginError as error:
            raise PluginError(f"Error fetching project: {error}") from None
        found = [
            {"datasetId": d.id, "friendlyName": d.settings["friendlyName"], "labels": d.labels, "location": d.location}
            for d in bigquery.all_of(project)
            if not d.id.startswith("_")
        ]
        return {"datasets": found, "project": project, "id": f"projects/{project}/datasets"}

    return {
        "gcp:bigquery/getDataset:getDataset": get_dataset,
        "gcp:bigquery/getDatasets:getDatasets": get_datasets,
    }


def _access(entry: Mapping[str, Json]) -> Properties:
    authorised = entry["dataset"]
    condition = entry["condition"]
    return {
        **{key: entry[key] for key in ("role", "domain", "groupByEmail", "iamMember", "specialGroup", "userByEmail")},
        "views": [entry["view"]] if entry["view"] else [],
        "routines": [entry["routine"]] if entry["routine"] else [],
        "datasets": [{"datasets": [authorised["dataset"]], "targetTypes": authorised["targetTypes"]}]
        if authorised
        else [],
        "conditions": [{**dict.fromkeys(("expression", "title", "description", "location"), ""), **condition}]
        if condition
        else [],
    }
