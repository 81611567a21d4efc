"""No command prints a secret, whatever Fivetran and Google quote in their answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reconciler.cli.main import main
from reconciler.secrets import values_to_mask

from .workspace import Workspace

CANARY = "sk_live_canary/0aZ9+&x"
KEY = {"config": {"api_key": {"env": "STRIPE_KEY", "version": 1}}}

COMMANDS = [
    *(f"status --format {style}" for style in ("text", "json")),
    *(f"{name} --format {style}" for name in ("report", "doctor", "unmanaged") for style in ("text", "json", "github")),
    "authorise stripe",
    "import --stdout extra",
    "import --stdout --all",
    "import --stdout --datasets stripe",
    "airflow-variables",
    "expiring",
]

ANSWERS: list[dict[str, Any]] = [
    {"kind": "quote", "text": CANARY},
    {"kind": "status", "status": 400, "body": {"code": CANARY, "message": CANARY}, "headers": {"X-Note": CANARY}},
    {"kind": "status", "status": 404, "body": {"code": "NotFound_Connection", "message": CANARY}},
    {"kind": "status", "status": 200, "body": CANARY},
]


@pytest.fixture(autouse=True)
def _forgetful() -> Iterator[None]:
    values_to_mask.forget_values()
    yield
    values_to_mask.forget_values()


@pytest.fixture
def quoted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Create a broken connection with a secret, and an unmanaged one."""
    monkeypatch.setenv("STRIPE_KEY", CANARY)
    workspace.unit("stripe", **KEY)
    workspace.dataset("stripe")
    workspace.connection("stripe", {"schema": "stripe", "api_key": CANARY}, setup_state="broken")
    workspace.connection("stripe", {"schema": "extra", "api_key": CANARY})
    return workspace


def _spellings() -> set[str]:
    in_base64 = base64.b64encode(CANARY.encode()).decode()
    return {CANARY, json.dumps(CANARY)[1:-1], quote(CANARY, safe=""), in_base64, quote(CANARY)}


@pytest.mark.parametrize("answer", ANSWERS, ids=["quoted", "400", "404", "text"])
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_print_no_secret_when_every_answer_quotes_it(quoted: Workspace, command: str, answer: dict[str, Any]):
    quoted.admin("POST", "/faults", {"path": "^/v1/", "count": None, **answer})
    denied = {"method": "*", "times": 0, "code": "PERMISSION_DENIED", "error": f"no {CANARY}"}
    for faults in ([], [denied]):
        for each in faults:
            quoted.admin("POST", "/gcp/faults", each)
        ran = quoted.run(*command.split())
        assert not [form for form in _spellings() if form in ran.out + ran.err]
        assert ran.code != 70, ran.err


def test_services_pull_writes_no_secret_when_answers_quote_it(quoted: Workspace, tmp_path: Path):
    quoted.admin("POST", "/faults", {"path": "^/v1/", "count": None, **ANSWERS[0]})
    with pytest.raises(SystemExit):
        main(["services", "pull", "stripe", "--folder", str(tmp_path / "services")])
    written = "".join(file.read_text() for file in (tmp_path / "services").rglob("*.yaml"))
    assert written
    assert CANARY not in written


def test_status_withholds_a_task_when_a_secret_is_not_known(quoted: Workspace, monkeypatch: pytest.MonkeyPatch):
    quoted.admin("POST", "/faults", {"path": "^/v1/", "count": None, **ANSWERS[0]})
    assert "Fivetran: reconnect: Reconnect: ******" in quoted.run("status").out
    monkeypatch.delenv("STRIPE_KEY")
    values_to_mask.forget_values()
    printed = quoted.run("status").out
    assert "Fivetran: reconnect: its text is not shown, because it may quote a secret: see https://" in printed
    assert CANARY not in printed


def test_doctor_names_the_line_of_a_value_with_a_stray_line_end(quoted: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STRIPE_KEY", "sk_live_1\n")
    ran = quoted.run("doctor")
    assert "warning  secret values: connectors/dev/stripe.yaml:" in ran.out
    assert "the value of {env: STRIPE_KEY, version: 1} ends in a line feed (not sent)" in ran.out
    assert "sk_live_1" not in ran.out
    monkeypatch.delenv("STRIPE_KEY")
    ran = quoted.run("doctor")
    assert "cannot read {env: STRIPE_KEY, version: 1}, so" in ran.out
