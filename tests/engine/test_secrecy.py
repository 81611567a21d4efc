"""Secrets: nowhere but in Fivetran, converging, and visible only by reference and version."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from urllib.parse import quote

from admin import Admin
from workspace import Workspace, everything_written, hashing, stripe

KEY, ROTATED = "sk_live_canary_0aZ9", "sk_live_canary_1bY8"
TOKEN, PASSWORD = "canary-token-77-xy", 'canary "pass" \\ word\nline'


def secretive() -> dict[str, object]:
    """Secrets in config, in a list of objects, and in auth."""
    return {
        "casa": {
            **stripe("casa"),
            "connector": {
                "service": "google_cloud_function",
                "destination": {"schema": "casa"},
                "config": {
                    "function_trigger": {"env": "TRIGGER", "version": 1},
                    "secrets_list": [{"key": "token", "value": {"env": "TOKEN", "version": 1}}],
                },
            },
        },
        "ads": {
            **stripe("ads"),
            "connector": {
                "service": "google_ads",
                "destination": {"schema": "ads"},
                "config": {"sync_mode": "SpecificAccounts", "accounts": ["1", "2"], "customer_id": "1"},
                "auth": {
                    "refresh_token": {"env": "PASSWORD", "version": 1},
                    "client_access": {"client_id": {"env": "TOKEN"}},
                },
            },
        },
    }


def keyed(version: int) -> dict[str, object]:
    """The config of a connector with a key and with something that is none."""
    return {"api_key": {"env": "STRIPE_KEY", "version": version}, "historical_sync_time_frame": "ALL_TIME"}


def test_secrets_arrive_and_show_nowhere_and_a_raised_version_sends_only_its_key(
    workspace: Workspace, admin: Admin, tmp_path: Path
):
    trigger = "https://functions.example/canary-trigger-5"
    canaries = {"STRIPE_KEY": KEY, "TOKEN": TOKEN, "PASSWORD": PASSWORD, "TRIGGER": trigger}
    workspace.env |= canaries
    workspace.write("stripe", stripe(config=keyed(1)))
    for name, unit in secretive().items():
        workspace.write(name, unit)
    results = [workspace.preview("--diff"), workspace.up("--diff", "--logtostderr", "-v=9")]
    live = admin.connections(secrets=True)
    assert live["stripe"]["config"]["api_key"] == KEY
    assert live["casa"]["config"]["secrets_list"] == [{"key": "token", "value": TOKEN}]
    assert live["ads"]["auth"]["refresh_token"] == PASSWORD
    results += [workspace.preview("--expect-no-changes", "--refresh", "--diff").ok()]

    # A raised version shows as such, without its value.
    workspace.write("stripe", stripe(config=keyed(2)))
    results += [workspace.preview("--diff", STRIPE_KEY="").ok()]
    assert re.search(r"version: 1 => 2", results[-1].out)

    # Only that key is sent, and tested. A run that fails says what failed, not with which value.
    admin.script_tests(
        target="stripe", runs=1, results=[{"title": "Key", "status": "FAILED", "message": f"no {ROTATED}"}]
    )
    workspace.env["STRIPE_KEY"] = ROTATED
    admin.forget_requests()
    failed = workspace.up()
    assert failed.code != 0
    assert re.search(r"stripe\.yaml:\d+:\d+: 1 setup test of connection", failed.out)
    assert "Key: FAILED: no ******" in failed.out
    sent, tested = [request for request in admin.requests() if request["method"] != "GET"]
    assert sorted(sent["keys"]) == ["config.api_key", "run_setup_tests"]
    assert tested["route"].endswith("/test")
    results += [failed, workspace.up().ok()]
    assert admin.connections(secrets=True)["stripe"]["config"]["api_key"] == ROTATED

    written = everything_written(workspace.backend, workspace.settings.parent, workspace.tools.pulumi_home)
    printed = "".join(result.out for result in results)
    for canary in [*canaries.values(), ROTATED]:
        for form in (canary, canary.encode("unicode_escape").decode(), re.split(r"[\n\"]", canary)[0]):
            assert form not in printed
            assert form.encode() not in written


def test_every_missing_variable_of_a_unit_is_named_and_nothing_is_made(workspace: Workspace, admin: Admin):
    workspace.write("casa", secretive()["casa"])
    workspace.preview().ok()
    failed = workspace.up()
    assert failed.code != 0
    missing = r"casa\.yaml:\d+:\d+: config\.function_trigger: the environment variable TRIGGER is not set; "
    assert re.search(missing, failed.out)
    assert "config.secrets_list[0].value: the environment variable TOKEN is not set" in failed.out
    assert admin.connections() == {}


def spellings(canary: str) -> set[str]:
    """How a text may show a secret."""
    in_base64 = base64.b64encode(canary.encode()).decode()
    return {canary, json.dumps(canary)[1:-1], quote(canary, safe=""), in_base64, in_base64.rstrip("=")[:-1]}


def test_no_secret_is_found_anywhere_when_every_reply_quotes_it(workspace: Workspace, admin: Admin, tmp_path: Path):
    """Fivetran, BigQuery, Resource Manager and IAM quote a secret of the run in all that they answer."""
    canary = "sk_live_canary/0aZ9+&x"
    workspace.env["STRIPE_KEY"] = canary
    workspace.write("stripe", stripe(config=keyed(1), sync=hashing("stripe")))
    ads = {"service": "google_ads", "destination": {"schema": "ads"}}
    workspace.write("ads", {**stripe("ads"), "connector": ads})
    quoting = {"kind": "quote", "path": "^/v1/", "count": None, "text": canary}
    admin.fault(**quoting)
    printed = [workspace.preview("--diff").out, workspace.up().out]
    admin.edit("stripe", setup_state="broken")
    printed.append(workspace.preview("--refresh", "--diff").out)
    assert "reconnect: Reconnect: ******" in printed[-1]
    admin.script_tests(target="stripe", results=[{"title": "Key", "status": "FAILED", "message": f"no {canary}"}])
    printed.append(workspace.up("--refresh").out)
    assert "Key: FAILED: no ******" in printed[-1]

    admin.forget_faults()
    rejected = {"kind": "status", "status": 400, "body": {"code": canary, "message": canary}}
    admin.fault(path="/connections/[^/]+$", method="GET", count=2, **rejected)
    admin.fault(path="/schemas", count=None, **rejected)
    admin.fault(path="/test$", count=None, kind="html", status=403)
    admin.fault(**quoting)
    printed.append(workspace.up("--refresh").out)
    denied = {"method": "*", "type": "*", "times": 0, "error": f"Error 403: no {canary}, accessDenied"}
    admin.gcp("POST", "/faults", {**denied, "preview": False, "method": "Invoke"})
    printed.append(workspace.preview().out)
    written = everything_written(workspace.backend, workspace.settings.parent, workspace.tools.pulumi_home)
    for form in spellings(canary):
        assert form not in "".join(printed)
        assert form.encode() not in written
