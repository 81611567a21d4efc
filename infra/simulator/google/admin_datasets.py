"""Changes of datasets by hand, as in the console: part of the admin API (`admin`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.bodies import json_object
from simulator.google.bigquery import BigQuery
from simulator.google.faults import Faults
from simulator.google.state import Dataset, Json, Store

#: The calls that read and write a dataset: over the provider protocol, including the function, and over HTTP.
_CALLS: Mapping[str, str] = {"read": "Read|Invoke|GET", "write": "Create|Update|PUT|PATCH"}


@dataclass
class AdminDatasets:
    """The handlers. Every body is a JSON object, every answer the dataset afterwards."""

    store: Store
    faults: Faults

    def __post_init__(self) -> None:
        self.bigquery = BigQuery(self.store)

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        dataset = "/datasets/{project}/{dataset}"
        return [
            web.get(dataset, self.get_dataset),
            web.put(dataset, self.put_dataset),
            web.patch(dataset, self.patch_dataset),
            web.delete(dataset, self.delete_dataset),
            web.post(f"{dataset}/access", self.add_access),
            web.delete(f"{dataset}/access", self.remove_access),
            web.post(f"{dataset}/after-next/{{what:read|write}}", self.after_next),
            web.put(f"{dataset}/tables/{{table}}", self.put_table),
            web.delete(f"{dataset}/tables/{{table}}", self.delete_table),
        ]

    async def get_dataset(self, request: web.Request) -> web.Response:
        """Return a dataset with its access list and tables."""
        return web.json_response(dataset_answer(self.bigquery.get(*_names(request))))

    async def put_dataset(self, request: web.Request) -> web.Response:
        """Create a dataset by hand; the body is BigQuery's resource, `{}` for all defaults."""
        project, dataset = _names(request)
        body = await json_object(request)
        self.store.project(project)  # created with it
        return web.json_response(dataset_answer(self.bigquery.insert(project, dataset, body)))

    async def patch_dataset(self, request: web.Request) -> web.Response:
        """Change the fields in the body: `access` as a whole, labels by key (null removes one)."""
        return web.json_response(dataset_answer(self.bigquery.patch(*_names(request), await json_object(request))))

    async def delete_dataset(self, request: web.Request) -> web.Response:
        """Delete a dataset with its tables."""
        self.bigquery.delete(*_names(request), delete_contents=True)
        return web.json_response({})

    async def add_access(self, request: web.Request) -> web.Response:
        """Add an access entry: a grant, or an authorised view, routine or dataset."""
        names = _names(request)
        access = [*self.bigquery.get(*names).access, await json_object(request)]
        return web.json_response(dataset_answer(self.bigquery.patch(*names, {"access": access})))

    async def remove_access(self, request: web.Request) -> web.Response:
        """Remove the access entries that have all keys and values of the body."""
        names, body = _names(request), await json_object(request)
        kept = [entry for entry in self.bigquery.get(*names).access if not body.items() <= entry.items()]
        return web.json_response(dataset_answer(self.bigquery.patch(*names, {"access": kept})))

    async def after_next(self, request: web.Request) -> web.Response:
        """Change a dataset between two calls: right after the next one that reads, or writes, the dataset.

        `{"add": entry}` adds an access entry, `{"remove": {…}}` removes those that have its keys and values,
        `{"replace": [entries]}` sets the whole list, `{"delete": true}` deletes the dataset. `nth` and `times` are
        those of a fault, and the answer is the fault: removing all faults removes it too.
        """
        names, body = _names(request), await json_object(request)
        keys = {"add", "remove", "replace", "delete"} & {*body}
        if len(keys) != 1 or {*body} - keys - {"nth", "times"}:
            raise ValueError("expected one of add, remove, replace and delete, besides nth and times")
        settings: dict[str, Json] = {
            "method": _CALLS[request.match_info["what"]],
            "id": "projects/{}/datasets/{}".format(*names),
            **{key: body[key] for key in ("nth", "times") if key in body},
        }

        def edit() -> None:
            if "delete" in body:
                self.bigquery.delete(*names, delete_contents=True)
                return
            present = self.bigquery.get(*names).access
            if "add" in body:
                access = [*present, body["add"]]
            elif "remove" in body:
                access = [entry for entry in present if not body["remove"].items() <= entry.items()]
            else:
                access = body["replace"]
            self.bigquery.patch(*names, {"access": access})

        return web.json_response(self.faults.add(settings, then=edit).report(), status=201)

    async def put_table(self, request: web.Request) -> web.Response:
        """Create a table in a dataset: `{"rows": 10}`."""
        dataset = self.bigquery.get(*_names(request))
        dataset.tables[request.match_info["table"]] = int((await json_object(request)).get("rows", 0))
        return web.json_response(dataset_answer(dataset))

    async def delete_table(self, request: web.Request) -> web.Response:
        """Delete a table, if it exists."""
        dataset = self.bigquery.get(*_names(request))
        dataset.tables.pop(request.match_info["table"], None)
        return web.json_response(dataset_answer(dataset))


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["project"], request.match_info["dataset"]


def dataset_answer(dataset: Dataset) -> dict[str, Json]:
    """Return a dataset for an admin answer: the REST resource, with numbers as numbers, and its tables."""
    return {
        "datasetReference": {"projectId": dataset.project, "datasetId": dataset.id},
        "location": dataset.location,
        "labels": dataset.labels,
        "access": dataset.access,
        **dataset.settings,
        "creationTime": dataset.created_ms,
        "lastModifiedTime": dataset.modified_ms,
        "etag": dataset.etag,
        "tables": dataset.tables,
    }
