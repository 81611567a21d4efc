"""`reconciler secret put` where Secret Manager fails: what to do, and neither a traceback nor the value."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.secrets import secret_manager, values_to_mask, write
from reconciler.secrets.secret_manager import TimeLimits

from .workspace import Ran, Workspace

CANARY = "canary-7Fq2-value"
NAME = "fivetran-stripe-key"

#: The requests of the command, by their addresses, and whether the secret exists.
REQUESTS = {
    "get": (rf"/secrets/{NAME}$", True),
    "access": (r"versions/latest:access$", True),
    "add": (r":addVersion$", True),
    "create": (r"/secrets$", False),
}

#: What Google or a proxy does.
TROUBLES: dict[str, dict[str, Any]] = {
    **{
        code: {"kind": "status", "code": code, "message": f"the value {CANARY} is wrong"}
        for code in (
            *("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION"),
            *("RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"),
        )
    },
    "a proxy's page": {"kind": "html", "status": 502},
    "a page with 200": {"kind": "html", "status": 200},
    "no answer": {"kind": "drop"},
    "a lost answer": {"kind": "lose"},
}

#: What the command can do without: it does not need to look, and an answer that was lost is read again.
GONE_ON = {
    *(("get", each) for each in ("PERMISSION_DENIED", "NOT_FOUND")),
    *(("access", each) for each in ("PERMISSION_DENIED", "NOT_FOUND")),
    *((request, "a lost answer") for request in ("add", "create")),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(write, "_TIMEOUT_S", 5.0)
    monkeypatch.setattr(secret_manager.retry, "__defaults__", (TimeLimits(total_s=0.05, attempt_s=5),))
    yield
    values_to_mask.forget_values()


def put(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, request: str, fault: dict[str, Any]) -> Ran:
    """Run the command while each of these requests fails."""
    path, exists = REQUESTS[request]
    workspace.admin("POST", "/secret-manager/reset")
    if exists:
        version = {"project": "dev-project", "secret": NAME, "version": 1, "value": "old-value"}
        workspace.admin("PUT", "/secret-manager/versions", {"versions": [version]})
    workspace.admin("POST", "/secret-manager/faults", {"path": path, "count": None, **fault})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CANARY.encode())))
    return workspace.run("secret", "put", "--create", NAME)


def test_secret_put_says_what_to_do_when_a_request_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    wrong = {}
    for request in REQUESTS:
        for trouble, fault in TROUBLES.items():
            ran = put(workspace, monkeypatch, request, fault)
            printed = ran.out + ran.err
            step = re.search(r"(\. |\n    )(Run|Check|Grant|Log in|Look with) [^\n]+\n$", ran.err)
            fine = ran.code == 0 if (request, trouble) in GONE_ON else ran.code == 3 and not ran.out and step
            if not fine or CANARY in printed or "Traceback" in printed:
                wrong[f"{request}: {trouble}"] = (ran.code, printed)
    assert wrong == {}
    assert Path("connectors").is_dir()
