"""`roles.get` on the local Google Cloud: https://cloud.google.com/iam/docs/reference/rest/v1/roles/get."""

from __future__ import annotations

from typing import Any

import httpx

from simulator.process import Simulators

from .google_engine import Engine


def test_role_is_answered_with_its_permissions_unless_denied(simulators: Simulators, engine: Engine):
    def ask(name: str) -> tuple[int, Any]:
        answer = httpx.get(f"{simulators.iam_url}{name}")
        return answer.status_code, answer.json()

    status, viewer = ask("roles/bigquery.dataViewer")
    assert (status, viewer["name"]) == (200, "roles/bigquery.dataViewer")
    assert "bigquery.tables.getData" in viewer["includedPermissions"]
    assert ask("roles/no.such")[1]["error"]["status"] == "NOT_FOUND"
    custom = "organizations/1/roles/ours"
    assert ask(custom)[1]["error"]["message"] == f"You don't have permission to get the role at {custom}."
    engine.admin("PUT", "/roles", {"name": custom, "permissions": ["b", "a"]})
    assert ask(custom)[1]["includedPermissions"] == ["a", "b"]
    engine.admin("PUT", "/roles", {"name": custom, "denied": True})
    assert ask(custom)[0] == 403
