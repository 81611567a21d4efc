"""Route requests to the local Cloud Storage.

Its JSON API (https://cloud.google.com/storage/docs/json_api/v1), and of its XML API the download, which Google's
library for Go uses. Any credentials will do, or none; what is not simulated answers 501.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC
from email.utils import format_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import BodyPartReader, MultipartReader, web

from simulator.bodies import json_object
from simulator.storage.state import ApiError, Bucket, Json, Store, Stored

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MOST = 1000
_LONGEST = 1 << 30


def build_app(store: Store) -> web.Application:
    """Return the application on a store."""
    api = _Api(store)
    app = web.Application(middlewares=[_errors], client_max_size=_LONGEST)
    one = "/storage/v1/b/{bucket}"
    app.add_routes(
        [
            web.post("/storage/v1/b", api.create_bucket),
            web.get(one, api.get_bucket),
            web.get(f"{one}/iam", api.get_policy),
            web.get(f"{one}/iam/testPermissions", api.test_permissions),
            web.get(f"{one}/o", api.list),
            web.post(f"{one}/o/{{source}}/rewriteTo/b/{{target}}/o/{{name}}", api.rewrite),
            web.get(f"{one}/o/{{name}}", api.get),
            web.delete(f"{one}/o/{{name}}", api.delete),
            web.get(f"/download{one}/o/{{name}}", api.get),
            web.post(f"/upload{one}/o", api.upload),
            web.get("/{bucket}/{name:.+}", api.download, allow_head=True),
        ]
    )
    return app


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    xml = not request.path.startswith(("/storage/", "/upload/", "/download/"))
    try:
        return await handler(request)
    except ApiError as error:
        return _xml_error(error) if xml else _error(error.status, error.reason, error.message)
    except (TypeError, ValueError):
        return _error(400, "invalid", "Invalid value")
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        text = f"the local Cloud Storage does not simulate {request.method} {request.path}"
        return _error(501, "notImplemented", text)


def _error(status: int, reason: str, message: str) -> web.Response:
    item = {"message": message, "domain": "global", "reason": reason}
    if status == 412:
        item |= {"locationType": "header", "location": "If-Match"}
    return web.json_response({"error": {"code": status, "message": message, "errors": [item]}}, status=status)


def _xml_error(error: ApiError) -> web.Response:
    codes = {403: "AccessDenied", 404: "NoSuchBucket" if "bucket" in error.message[:22] else "NoSuchKey"}
    code = codes.get(error.status, "InvalidArgument")
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code>"
    text += f"<Message>{escape(error.message)}</Message></Error>"
    return web.Response(status=error.status, text=text, content_type="application/xml")


class _Api:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def create_bucket(self, request: web.Request) -> web.StreamResponse:
        settings = await json_object(request)
        name = str(settings.pop("name", ""))
        if not name:
            raise ApiError(400, "required", "Required parameter: name")
        if name in self._store.buckets:
            raise ApiError(409, "conflict", "The requested bucket name is not available.")
        self._store.buckets[name] = Bucket(name, settings)
        return web.json_response(_bucket(self._store.buckets[name]))

    async def get_bucket(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(_bucket(self._bucket(request, "storage.buckets.get")))

    async def get_policy(self, request: web.Request) -> web.StreamResponse:
        bucket = self._bucket(request, "storage.buckets.getIamPolicy")
        conditions = request.query.get("optionsRequestedPolicyVersion") == "3"
        shown = [each if conditions or "condition" not in each else _without_condition(each) for each in bucket.policy]
        version = 3 if conditions and any("condition" in each for each in bucket.policy) else 1
        found = {"kind": "storage#policy", "resourceId": f"projects/_/buckets/{bucket.name}", "version": version}
        return web.json_response({**found, "etag": "CAE=", "bindings": shown})

    async def test_permissions(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["bucket"]
        if name not in self._store.buckets:
            raise ApiError(404, "notFound", "The specified bucket does not exist.")
        asked, granted = request.query.getall("permissions"), self._store.buckets[name].granted
        found = [each for each in asked if granted is None or each in granted]
        answer: Json = {"kind": "storage#testIamPermissionsResponse"}
        return web.json_response({**answer, "permissions": found} if found else answer)

    async def list(self, request: web.Request) -> web.StreamResponse:
        """`objects.list`: items and, with a delimiter, the folders below, in one order, over pages."""
        bucket, query = self._bucket(request, "storage.objects.list"), request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        size = min(int(query.get("maxResults") or _MOST), _MOST)
        keys: dict[str, Stored | None] = {}
        for name in sorted(bucket.objects):
            if not name.startswith(prefix):
                continue
            rest = name[len(prefix) :]
            folded = delimiter and delimiter in rest
            keys[prefix + rest[: rest.index(delimiter) + len(delimiter)] if folded else name] = (
                None if folded else bucket.objects[name]
            )
        later = [key for key in keys if key > query.get("pageToken", "")]
        answer: Json = {"kind": "storage#objects"}
        page = later[:size]
        if items := [_object(request, bucket, each) for key in page if (each := keys[key]) is not None]:
            answer["items"] = items
        if folders := [key for key in page if keys[key] is None]:
            answer["prefixes"] = folders
        if len(later) > size:
            answer["nextPageToken"] = page[-1]
        return web.json_response(answer)

    async def get(self, request: web.Request) -> web.StreamResponse:
        bucket = self._bucket(request, "storage.objects.get")
        found = bucket.found(request.match_info["name"], request.query)
        return (
            _content(found)
            if request.query.get("alt") == "media"
            else web.json_response(_object(request, bucket, found))
        )

    async def download(self, request: web.Request) -> web.StreamResponse:
        bucket = self._bucket(request, "storage.objects.get")
        return _content(bucket.found(request.match_info["name"], request.query))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        bucket = self._bucket(request, "storage.objects.delete")
        del bucket.objects[bucket.found(request.match_info["name"], request.query).name]
        return web.Response(status=204)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        bucket = self._bucket(request, "storage.objects.create")
        kind, name = request.query.get("uploadType"), request.query.get("name", "")
        if kind == "multipart":
            about, content, content_type = await _parts(request)
            name = name or str(about.get("name", ""))
            content_type = str(about.get("contentType") or content_type)
        elif kind == "media":
            content, content_type = await request.read(), request.content_type
        else:
            raise ApiError(501, "notImplemented", f"the local Cloud Storage does not simulate uploadType={kind}")
        stored = self._store.write(bucket, name, content, content_type, request.query)
        return web.json_response(_object(request, bucket, stored))

    async def rewrite(self, request: web.Request) -> web.StreamResponse:
        source = self._bucket(request, "storage.objects.get").found(request.match_info["source"], {})
        target = self._store.bucket(request.match_info["target"], "storage.objects.create")
        name = request.match_info["name"]
        stored = self._store.write(target, name, source.content, source.content_type, request.query)
        size = str(len(source.content))
        answer = {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True}
        return web.json_response({**answer, "resource": _object(request, target, stored)})

    def _bucket(self, request: web.Request, permission: str) -> Bucket:
        return self._store.bucket(request.match_info["bucket"], permission)


async def _parts(request: web.Request) -> tuple[Json, bytes, str]:
    """Return the metadata, the content and its type of a `multipart/related` upload."""
    reader = await request.multipart()
    parts = [(part.headers.get("Content-Type", ""), bytes(await part.read())) async for part in _each(reader)]
    (_, about), (content_type, content) = parts
    return json.loads(about), content, content_type or "application/octet-stream"


async def _each(reader: MultipartReader) -> AsyncIterator[BodyPartReader]:
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader):
            raise TypeError("parts within a part")
        yield part


def _without_condition(binding: Json) -> Json:
    """Return a binding as policies of version 1 show it: the condition hidden in the role's name."""
    role = f"{binding['role']}_withcond_0123456789abcdef0123"
    return {"role": role, "members": binding.get("members", [])}


def _bucket(bucket: Bucket) -> Json:
    uniform = {"uniformBucketLevelAccess": {"enabled": False}, "publicAccessPrevention": "inherited"}
    about = {"kind": "storage#bucket", "id": bucket.name, "name": bucket.name, "projectNumber": "1"}
    return {**about, "location": "US", "storageClass": "STANDARD", "iamConfiguration": uniform, **bucket.settings}


def _object(request: web.Request, bucket: Bucket, stored: Stored) -> Json:
    path = f"b/{quote(bucket.name, safe='')}/o/{quote(stored.name, safe='')}"
    time = stored.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "kind": "storage#object",
        "id": f"{bucket.name}/{stored.name}/{stored.generation}",
        "selfLink": f"{request.url.origin()}/storage/v1/{path}",
        "mediaLink": f"{request.url.origin()}/download/storage/v1/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": bucket.name,
        "generation": str(stored.generation),
        "metageneration": "1",
        "contentType": stored.content_type,
        "storageClass": "STANDARD",
        "size": str(len(stored.content)),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": stored.etag,
        "timeCreated": time,
        "updated": time,
    }


def _content(stored: Stored) -> web.Response:
    headers = {
        "X-Goog-Generation": str(stored.generation),
        "X-Goog-Metageneration": "1",
        "X-Goog-Hash": f"crc32c={stored.crc32c},md5={stored.md5}",
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Encoding": "identity",
        "X-Goog-Stored-Content-Length": str(len(stored.content)),
        "ETag": f'"{stored.etag}"',
        "Last-Modified": format_datetime(stored.created, usegmt=True),
        "Content-Type": stored.content_type,
    }
    return web.Response(body=stored.content, headers=headers)
