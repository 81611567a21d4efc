"""Datasets and lists of tables over BigQuery's REST API v2, on the provider's store.

Written from https://cloud.google.com/bigquery/docs/reference/rest/v2: datasets (list, get, patch, update) and tables
(list). Accepts any credentials, or none. Other requests answer 501. For faults (`faults`), calls have the HTTP method
and the type `bigquery:datasets`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.bodies import json_object
from simulator.google.access import PREDEFINED_ROLES
from simulator.google.bigquery import POLICY_VERSION, SETTINGS, MeteredBigQuery, Terms, UpdateMode
from simulator.google.errors import ApiError
from simulator.google.faults import Faults
from simulator.google.iam import marked_role
from simulator.google.rest_faults import RestFaults
from simulator.google.state import Dataset, Json, Store

_KIND = "bigquery:datasets"
_BASE = "/bigquery/v2/projects/{project}/datasets"
_ONE = f"{_BASE}/{{dataset}}"
#: The most datasets in a page.
_PAGE = 50
_VIEWS = ("DATASET_VIEW_UNSPECIFIED", "METADATA", "ACL", "FULL")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_rest(store: Store, faults: Faults, latency_ms: int = 0) -> web.Application:
    """Return the routes; `latency_ms` is added to every call."""
    rest = _Rest(store, RestFaults(faults, latency_ms))
    app = web.Application(middlewares=[_errors])
    app.add_routes([web.get(_BASE, rest.list_datasets), web.get(_ONE, rest.get_dataset)])
    app.add_routes([web.get(f"{_ONE}/tables", rest.list_tables)])
    app.add_routes([web.patch(_ONE, rest.patch_dataset), web.put(_ONE, rest.update_dataset)])
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return _error(error.status, error.message, error.reason)
    except (TypeError, ValueError):
        return _error(400, "Parse Error", "parseError")
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        message = f"the local BigQuery does not simulate {request.method} {request.path}"
        return _error(501, message, "notImplemented")


def _error(status: int, message: str, reason: str) -> web.Response:
    item = {"message": message, "domain": "global", "reason": reason}
    return web.json_response({"error": {"code": status, "message": message, "errors": [item]}}, status=status)


@dataclass
class _Rest:
    store: Store
    rest: RestFaults

    def _as_caller(self, request: web.Request) -> MeteredBigQuery:
        """Return the methods for a request: its credentials say whose quota it counts against."""
        return MeteredBigQuery(self.store, request.headers.get("Authorization", ""))

    async def list_datasets(self, request: web.Request) -> web.StreamResponse:
        """`datasets.list`: sorted by id, in pages, filtered by label; hidden datasets only with `all`."""
        project, query = request.match_info["project"], request.query

        def effect() -> web.StreamResponse:
            after = _page_start(query.get("pageToken", ""))
            size = min(_number("maxResults", query.get("maxResults", str(_PAGE))), _PAGE) or _PAGE
            found = [
                dataset
                for dataset in self._as_caller(request).all_of(project)
                if dataset.id > after
                and (query.get("all") == "true" or not dataset.id.startswith("_"))
                and _has_labels(dataset, query.get("filter", ""))
            ]
            page = found[:size]
            answer: dict[str, Json] = {"kind": "bigquery#datasetList", "etag": _etag(*(each.etag for each in page))}
            if page:
                answer["datasets"] = [_item(dataset) for dataset in page]
            if len(found) > size:
                answer["nextPageToken"] = base64.urlsafe_b64encode(page[-1].id.encode()).decode()
            return web.json_response(answer)

        return await self.rest.answer(request, _KIND, f"projects/{project}", effect)

    async def get_dataset(self, request: web.Request) -> web.StreamResponse:
        """`datasets.get`."""
        project, dataset_id = request.match_info["project"], request.match_info["dataset"]

        def effect() -> web.StreamResponse:
            version = _policy_version(request)
            view = request.query.get("datasetView", _VIEWS[0])
            if view not in _VIEWS:
                raise ApiError(400, f"Invalid value for datasetView: {view}", "invalid")
            dataset = self._as_caller(request).get(project, dataset_id)
            return web.json_response(_resource(request, dataset, conditions=version == POLICY_VERSION, view=view))

        return await self.rest.answer(request, _KIND, f"projects/{project}/datasets/{dataset_id}", effect)

    async def list_tables(self, request: web.Request) -> web.StreamResponse:
        """`tables.list`: sorted by id, page by page, with the number of all."""
        project, dataset_id = request.match_info["project"], request.match_info["dataset"]

        def effect() -> web.StreamResponse:
            after, query = _page_start(request.query.get("pageToken", "")), request.query
            size = min(_number("maxResults", query.get("maxResults", str(_PAGE))), _PAGE)
            tables = self._as_caller(request).tables(project, dataset_id)
            rest = [name for name in tables if name > after]
            page = rest[:size]
            answer: dict[str, Json] = {"kind": "bigquery#tableList", "etag": _etag(*tables), "totalItems": len(tables)}
            if page:
                answer["tables"] = [_table_item(project, dataset_id, name) for name in page]
            if page and len(rest) > size:
                answer["nextPageToken"] = base64.urlsafe_b64encode(page[-1].encode()).decode()
            return web.json_response(answer)

        return await self.rest.answer(request, _KIND, f"projects/{project}/datasets/{dataset_id}", effect)

    async def patch_dataset(self, request: web.Request) -> web.StreamResponse:
        """`datasets.patch`: changes the fields in the body, null removes one. `If-Match` requires an etag."""
        return await self._write(request, MeteredBigQuery.patch)

    async def update_dataset(self, request: web.Request) -> web.StreamResponse:
        """`datasets.update`: replaces the dataset by the body."""
        return await self._write(request, MeteredBigQuery.update)

    async def _write(self, request: web.Request, method: Callable[..., Dataset]) -> web.StreamResponse:
        project, dataset_id = request.match_info["project"], request.match_info["dataset"]
        body = _from_wire(await json_object(request))

        def effect() -> web.StreamResponse:
            version = _policy_version(request)
            terms = Terms(request.headers.get("If-Match"), version, _mode(request))
            dataset = method(self._as_caller(request), project, dataset_id, body, terms)
            answer = _resource(request, dataset, conditions=version == POLICY_VERSION, view="FULL")
            return web.json_response(answer)

        return await self.rest.answer(request, _KIND, f"projects/{project}/datasets/{dataset_id}", effect)


def _policy_version(request: web.Request) -> int:
    version = request.query.get("accessPolicyVersion", "0")
    if version not in {"0", "1", str(POLICY_VERSION)}:
        raise ApiError(400, f"Invalid value for accessPolicyVersion: {version}", "invalid")
    return int(version)


def _mode(request: web.Request) -> UpdateMode:
    mode = request.query.get("updateMode", UpdateMode.UNSPECIFIED.value)
    try:
        return UpdateMode(mode)
    except ValueError:
        raise ApiError(400, f"Invalid value for updateMode: {mode}", "invalid") from None


def _from_wire(body: Mapping[str, Json]) -> dict[str, Json]:
    """Return a Dataset resource with its 64-bit numbers, which are texts in JSON, as numbers."""
    return {key: _number(key, str(value)) if key.endswith("Ms") and value else value for key, value in body.items()}


def _resource(request: web.Request, dataset: Dataset, *, conditions: bool, view: str) -> dict[str, Json]:
    """Return a Dataset resource: 64-bit numbers are texts, and unset fields are left out."""
    answer: dict[str, Json] = {
        "kind": "bigquery#dataset",
        "etag": dataset.etag,
        "id": f"{dataset.project}:{dataset.id}",
        "selfLink": str(request.url.with_query(None)),
        "datasetReference": {"projectId": dataset.project, "datasetId": dataset.id},
    }
    if view != "METADATA":
        answer["access"] = [entry if conditions else _without_condition(entry) for entry in dataset.access]
    if view == "ACL":
        return answer
    settings = {key: value for key, value in dataset.settings.items() if value and value != SETTINGS.get(key)}
    return {
        **answer,
        **{key: str(value) if key.endswith("Ms") else value for key, value in settings.items()},
        **({"labels": dataset.labels} if dataset.labels else {}),
        "location": dataset.location,
        "type": "DEFAULT",
        "maxTimeTravelHours": str(dataset.settings["maxTimeTravelHours"]),
        "creationTime": str(dataset.created_ms),
        "lastModifiedTime": str(dataset.modified_ms),
    }


def _without_condition(entry: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return an entry with a condition for policy versions below 3: with a marked role instead."""
    if "condition" not in entry:
        return entry
    role = PREDEFINED_ROLES.get(entry["role"], entry["role"])
    marked = {"role": marked_role(role, entry["condition"])}
    return {key: value for key, value in {**entry, **marked}.items() if key != "condition"}


def _item(dataset: Dataset) -> dict[str, Json]:
    """Return a dataset for the list."""
    item = {
        "kind": "bigquery#dataset",
        "id": f"{dataset.project}:{dataset.id}",
        "datasetReference": {"projectId": dataset.project, "datasetId": dataset.id},
        "labels": dataset.labels,
        "friendlyName": dataset.settings["friendlyName"],
        "location": dataset.location,
    }
    return {key: value for key, value in item.items() if value}


def _table_item(project: str, dataset: str, name: str) -> dict[str, Json]:
    """Return a table as the list has it."""
    reference = {"projectId": project, "datasetId": dataset, "tableId": name}
    return {
        "kind": "bigquery#table",
        "id": f"{project}:{dataset}.{name}",
        "tableReference": reference,
        "type": "TABLE",
    }


def _has_labels(dataset: Dataset, wanted: str) -> bool:
    """Return whether a dataset passes all filters: `labels.<key>[:<value>]`, separated by spaces."""
    for term in wanted.split():
        key, has_value, value = term.removeprefix("labels.").partition(":")
        if not term.startswith("labels.") or not key:
            raise ApiError(400, f"Invalid value for filter: {wanted}", "invalid")
        if key not in dataset.labels or (has_value and dataset.labels[key] != value):
            return False
    return True


def _page_start(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise ApiError(400, f"Invalid value for pageToken: {token}", "invalid") from None


def _number(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ApiError(400, f"Invalid value for {name}: {text}", "invalid")
    return int(text)


def _etag(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:20]
