"""Trouble in Fivetran's API, through the real engine: what fails says so under its file, and the rest is done."""

from __future__ import annotations

from admin import Admin
from workspace import CONNECTION, Workspace, stripe

CREATE = {"method": "POST", "path": "^/v1/connections$"}


def test_one_unit_that_fails_keeps_no_other_from_its_end_and_the_next_run_finishes(workspace: Workspace, admin: Admin):
    for name in ("good", "lost", "refused"):
        workspace.write(name, stripe(name))
    wrong = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key sk_live_canary_stripe"}
    admin.script_tests(target="refused", runs=1, results=[wrong])
    admin.fault(**CREATE, kind="drop_reply")
    admin.fault(method="GET", path="^/v1/groups/.*/service-account$", kind="status", status=503)

    failed = workspace.up()
    assert failed.code != 0
    assert "refused.yaml: 1 setup test of connection " in failed.out
    assert "Validate Login: FAILED: Invalid API key ******" in failed.out
    assert "good.yaml" not in failed.out
    assert "lost.yaml" not in failed.out
    assert "Traceback" not in failed.out
    assert "sk_live" not in failed.out
    assert set(workspace.resources(CONNECTION)) == {"good", "lost"}

    made = {name: live["id"] for name, live in admin.connections().items()}
    workspace.up().ok()
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == made
    assert set(made) == {"good", "lost", "refused"}
    workspace.assert_settled()


def test_expired_credentials_and_a_quota_that_is_used_up_end_a_run_at_once_in_plain_words(
    workspace: Workspace, admin: Admin
):
    workspace.write("stripe", stripe())
    admin.fault(kind="unauthorized", count=None)
    failed = workspace.up()
    assert failed.code != 0
    assert "environment.yaml: GET /groups: Fivetran answered 401 " in failed.out
    assert "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET to a key that is valid" in failed.out
    assert "Traceback" not in failed.out
    admin.forget_faults()
    admin.fault(**CREATE, kind="too_many_requests", retry_after=3600, count=None)
    failed = workspace.up()
    assert failed.code != 0
    assert "stripe.yaml: POST /connections: Fivetran answered 429 " in failed.out
    assert "wait 3600 s and run again" in failed.out
    assert admin.connections() == {}
    admin.forget_faults()
    workspace.up().ok()
    assert set(admin.connections()) == {"stripe"}
