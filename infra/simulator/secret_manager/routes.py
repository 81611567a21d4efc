"""The API's routes: their requests, permissions, and answers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from simulator.secret_manager.crc32c import crc32c
from simulator.secret_manager.errors import ApiError, unimplemented
from simulator.secret_manager.state import Secret, State, Version
from simulator.secret_manager.transport import VAULT, answer, body
from simulator.secret_manager.vault import Vault, etag_of, secret_name

#: The default and the largest number of items in a page.
_PAGE, _LARGEST_PAGE = 100, 25_000

_SECRETS = "/v1/projects/{project}/secrets"
_SECRET = _SECRETS + "/{secret:[^{}/:]+}"
_VERSIONS = _SECRET + "/versions"
_VERSION = _VERSIONS + "/{version:[^{}/:]+}"


async def _list_secrets(request: web.Request) -> web.Response:
    project = request.match_info["project"]
    _permit(request, "secrets.list")
    secrets = list(_vault(request).secrets(project))
    return _page(request, "secrets", [_secret(project, secret) for secret in secrets])


async def _create_secret(request: web.Request) -> web.Response:
    project = request.match_info["project"]
    _permit(request, "secrets.create")
    made = _vault(request).create(project, request.query.get("secretId", ""), await body(request))
    return answer(request, _secret(project, made))


async def _get_secret(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "secrets.get")
    return answer(request, _secret(project, _vault(request).secret(project, name)))


async def _update_secret(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "secrets.update")
    paths = [path for path in request.query.get("updateMask", "").split(",") if path]
    updated = _vault(request).update(project, name, await body(request), paths)
    return answer(request, _secret(project, updated))


async def _delete_secret(request: web.Request) -> web.Response:
    _permit(request, "secrets.delete")
    _vault(request).delete(*_named(request), request.query.get("etag"))
    return answer(request, {})


async def _add_version(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "versions.add")
    sent = await body(request)
    payload = sent.get("payload")
    if not isinstance(payload, dict):
        raise ApiError("INVALID_ARGUMENT", "The Secret Payload must be set.")
    made = _vault(request).add(project, name, _data(payload), _checksum(payload))
    return answer(request, _version(project, name, made))


async def _list_versions(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "versions.list")
    newest_first = sorted(_vault(request).secret(project, name).versions.items(), reverse=True)
    return _page(request, "versions", [_version(project, name, version) for _, version in newest_first])


async def _get_version(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "versions.get")
    return answer(request, _version(project, name, _vault(request).version(project, name, _which(request))))


async def _access_version(request: web.Request) -> web.Response:
    project, name = _named(request)
    _permit(request, "versions.access")
    found = _vault(request).access(project, name, _which(request))
    data = base64.b64encode(found.data).decode()
    place = f"{secret_name(project, name)}/versions/{found.number}"
    # 64-bit numbers are texts in Google's JSON.
    checksum = str(crc32c(found.data))
    return answer(request, {"name": place, "payload": {"data": data, "dataCrc32c": checksum}})


def _moving(permission: str, state: State) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        project, name = _named(request)
        _permit(request, permission)
        etag = (await body(request)).get("etag")
        return answer(
            request, _version(project, name, _vault(request).move(project, name, _which(request), state, etag))
        )

    return handler


async def _not_simulated(request: web.Request) -> web.Response:
    raise unimplemented(f"{request.method} {request.path}")


def add(app: web.Application) -> None:
    """Add the API's routes to the application."""
    router = app.router
    router.add_get(_SECRETS, _list_secrets)
    router.add_post(_SECRETS, _create_secret)
    router.add_get(_SECRET, _get_secret)
    router.add_patch(_SECRET, _update_secret)
    router.add_delete(_SECRET, _delete_secret)
    router.add_post(f"{_SECRET}:addVersion", _add_version)
    router.add_get(_VERSIONS, _list_versions)
    router.add_get(_VERSION, _get_version)
    router.add_get(f"{_VERSION}:access", _access_version)
    router.add_post(f"{_VERSION}:enable", _moving("versions.enable", "ENABLED"))
    router.add_post(f"{_VERSION}:disable", _moving("versions.disable", "DISABLED"))
    router.add_post(f"{_VERSION}:destroy", _moving("versions.destroy", "DESTROYED"))
    router.add_route("*", "/v1/projects/{rest:.+}", _not_simulated)


def _vault(request: web.Request) -> Vault:
    return request.app[VAULT]


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["project"], request.match_info["secret"]


def _which(request: web.Request) -> str:
    return request.match_info["version"]


def _permit(request: web.Request, permission: str) -> None:
    resource = request.path.removeprefix("/v1/").partition(":")[0]
    _vault(request).permit(f"secretmanager.{permission}", resource)


def _page(request: web.Request, key: str, items: list[dict[str, Any]]) -> web.Response:
    if "filter" in request.query:
        raise unimplemented("a filter")
    size, start = request.query.get("pageSize", "0"), request.query.get("pageToken") or "0"
    if not size.isdigit() or not start.isdigit():
        raise ApiError("INVALID_ARGUMENT", "The page size or the page token is invalid.")
    end = int(start) + min(int(size) or _PAGE, _LARGEST_PAGE)
    content: dict[str, Any] = {key: items[int(start) : end], "totalSize": len(items)}
    if end < len(items):
        content["nextPageToken"] = str(end)
    return answer(request, content)


def _secret(project: str, secret: Secret) -> dict[str, Any]:
    kept = {"name": secret_name(project, secret.name), "createTime": _time(secret.created), "etag": etag_of(secret)}
    return {**secret.settings, **kept}


def _version(project: str, name: str, version: Version) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": f"{secret_name(project, name)}/versions/{version.number}",
        "createTime": _time(version.created),
        "state": version.state,
        "replicationStatus": {"automatic": {}},
        "etag": etag_of(version),
    }
    if version.checked:
        content["clientSpecifiedPayloadChecksum"] = True
    if version.destroyed is not None:
        content["destroyTime"] = _time(version.destroyed)
    return content


def _data(payload: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(payload.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ApiError("INVALID_ARGUMENT", "Invalid value at 'payload.data' (TYPE_BYTES).") from None


def _checksum(payload: dict[str, Any]) -> int | None:
    given = payload.get("dataCrc32c")
    if given is None:
        return None
    try:
        return int(given)
    except (TypeError, ValueError):
        raise ApiError("INVALID_ARGUMENT", "Invalid value at 'payload.data_crc32c' (TYPE_INT64).") from None


def _time(seconds: float) -> str:
    """Format a time like Google: UTC with a Z, with microseconds unless they are 0."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
