"""Serve `cryptoKeys.testIamPermissions` of Cloud KMS v1.

As https://cloud.google.com/kms/docs/reference/rest describes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from simulator.bodies import json_object

_KEY = "/v1/{key:projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/:]+}"


def build_kms(keys: Mapping[str, frozenset[str]]) -> web.Application:
    """Return the application on keys by name, each with the caller's permissions."""

    async def test_permissions(request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if key not in keys:
            error = {"code": 404, "message": f"CryptoKey {key} not found.", "status": "NOT_FOUND"}
            return web.json_response({"error": error}, status=404)
        asked = (await json_object(request)).get("permissions") or []
        granted = [each for each in asked if each in keys[key]]
        return web.json_response({"permissions": granted} if granted else {})

    app = web.Application()
    app.add_routes([web.post(f"{_KEY}:testIamPermissions", test_permissions)])
    return app
