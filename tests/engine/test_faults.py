"""Trouble in Fivetran's API, through the real CLI.

A run overcomes what it can. It reports the rest under the file that causes it, and applies all other units. The next
run without trouble mends the failed ones.
"""

from __future__ import annotations

import re
from typing import Any

from admin import Admin
from workspace import CONNECTION, Result, Workspace, hashing, stripe
from writes import CHANGE, CREATE, DELETE, DESTINATION, DESTINATIONS_TEST, GROUP, RELOAD, SELECT, SYNC, TEST

READ = {"method": "GET", "path": "^/v1/connections"}

LOST = {"kind": "drop_reply"}
NEVER_ARRIVED = {"kind": "drop_request"}
REFUSED = {"kind": "status", "status": 500}
DONE_BUT_500 = {"kind": "status", "status": 503, "when": "after"}
PAGE = {"kind": "html"}
DONE_BUT_PAGE = {"kind": "html", "when": "after"}
LATER = {"kind": "too_many_requests", "retry_after": 1}
SLOW = {"kind": "delay", "seconds": 2}
QUOTA_NEARLY_GONE = {
    "kind": "status",
    "status": 429,
    "headers": {"Retry-After": "1", "X-Rate-Limit": "20000", "X-Rate-Limit-Remaining": "7"},
}

#: Each once, the first for the first request, and so on: whichever units those are.
OVERCOME: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    (GROUP, [LOST]),
    (DESTINATION, [LOST]),
    (DESTINATIONS_TEST, [LOST]),
    (CREATE, [LOST, LATER, REFUSED, DONE_BUT_PAGE, SLOW, DONE_BUT_500, NEVER_ARRIVED]),
    (TEST, [LOST, REFUSED, PAGE, QUOTA_NEARLY_GONE, DONE_BUT_500]),
    (CHANGE, [LOST, DONE_BUT_500, LATER, PAGE, NEVER_ARRIVED, SLOW]),
    (RELOAD, [LOST, LATER]),
    (SELECT, [LOST, DONE_BUT_500]),
    (SYNC, [LOST, LATER]),
    (READ, [REFUSED, PAGE, LATER]),
]

UNITS = ("accounts", "billing", "customers", "donations", "events", "feedback", "grants")
BY_AIRFLOW = ("accounts", "billing")
HASHING = ("billing", "customers")


def unit(name: str, version: int = 1) -> dict[str, Any]:
    """A unit whose key has a version."""
    by_airflow = {"by": "airflow", "task_id": f"fivetran_{name}"}
    return stripe(
        name,
        schedule=by_airflow if name in BY_AIRFLOW else {"by": "fivetran", "every": "6h"},
        config={"api_key": {"env": "STRIPE_KEY", "version": version}},
        **({"sync": hashing(name)} if name in HASHING else {}),
    )


def assert_converged(workspace: Workspace, admin: Admin, names: set[str], *, settled: bool = True) -> None:
    """Each unit has one connection that state knows; it passed its tests before it ran, and synced its history once."""
    live = admin.connections()
    assert set(live) == names
    assert {name: held["id"] for name, held in workspace.resources(CONNECTION).items()} == {
        name: each["id"] for name, each in live.items()
    }
    for name, each in live.items():
        assert (each["setup_state"], each["paused"]) == ("connected", False)
        events = [event["event"] for event in each["history"] if event.get("historical", True)]
        assert events.count("sync started") == 1
        assert events.index("tested") < events.index("unpaused")
        synced = each["first_sync"]["schema_config"]["schemas"][name]["tables"]
        if name in HASHING:
            assert (synced["customer"]["columns"]["email"]["hashed"], synced["charge"]["enabled"]) == (True, False)
    if settled:
        workspace.assert_settled()


def assert_in_plain_words(result: Result) -> None:
    """Neither a secret nor a traceback is in what a command printed."""
    for word in ("Traceback", 'File "', "sk_live", "httpx", "<html"):
        assert word not in result.out, word


def test_run_completes_although_every_write_fails_once(workspace: Workspace, admin: Admin):
    admin.options(sync_seconds=600)  # a sync that runs is what makes a second trigger harmless
    for name in UNITS:
        workspace.write(name, unit(name))
    for request, faults in OVERCOME:
        for number, fault in enumerate(faults, start=1):
            admin.fault(**request, **fault, nth=number)
    done = workspace.up().ok()
    assert_in_plain_words(done)
    assert "7 of the account's 20000 requests an hour are left" in done.out
    assert [fault for fault in admin.faults() if not fault["fired"]] == []
    assert_converged(workspace, admin, set(UNITS), settled=False)

    # And a removal whose answer is lost is a removal.
    workspace.remove("grants")
    admin.fault(**DELETE, **LOST)
    workspace.up(RECONCILER_REMOVALS="allow").ok()
    assert_converged(workspace, admin, set(UNITS) - {"grants"})


def test_lasting_failures_are_reported_for_each_file_and_fixed_by_the_next_run(workspace: Workspace, admin: Admin):
    workspace.write("accounts", unit("accounts"))
    admin.fault(kind="unauthorized", count=None)
    rejected = workspace.up()
    assert rejected.code != 0
    assert "environment.yaml: GET /groups: Fivetran answered 401 " in rejected.out
    assert "Set FIVETRAN_APIKEY and FIVETRAN_APISECRET to a key that is valid" in rejected.out
    assert "This run changed nothing." in rejected.out
    assert "accounts.yaml" not in rejected.out, "it is no unit's fault"
    assert_in_plain_words(rejected)
    admin.forget_faults()
    changed = ("accounts", "billing", "customers", "donations", "events")
    for name in changed:
        workspace.write(name, unit(name))
    workspace.up().ok()

    # Five units change, and each meets another trouble; of two new ones one cannot be made, and one is slow.
    for name in changed:
        workspace.write(name, unit(name, version=2))
    workspace.env["STRIPE_KEY"] = "sk_live_rotated"
    at = {name: f"^/v1/connections/{each['id']}" for name, each in admin.connections().items()}
    trouble: dict[str, dict[str, Any]] = {
        "accounts": {"kind": "status", "status": 409, "body": {"code": "Conflict"}},
        "billing": {"kind": "status", "status": 403, "body": {"code": "Forbidden"}},
        "customers": {"kind": "status", "status": 500, "when": "after"},
    }
    for name, fault in trouble.items():
        admin.fault(method="PATCH", path=f"{at[name]}$", count=None, **fault)
    admin.fault(method="POST", path=f"{at['donations']}/test$", kind="garbage")
    wrong = {"title": "Validate Login", "status": "FAILED", "message": "Invalid API key sk_live_rotated"}
    admin.script_tests(target="events", runs=1, results=[wrong])
    for name in ("feedback", "grants"):
        workspace.write(name, unit(name))
        admin.script_tests(target=name, runs=1, seconds=6)
    admin.fault(**CREATE, kind="status", status=400, body={"code": "IllegalState", "message": "no sk_live_rotated"})
    failed = workspace.up(RECONCILER_SETUP_TESTS_DEADLINE="3")
    assert failed.code != 0
    output = re.sub(r"\.yaml:\d+:\d+:", ".yaml:", failed.out)
    for message in (
        "accounts.yaml: PATCH /connections/{}: Fivetran answered 409 ",
        "billing.yaml: PATCH /connections/{}: Fivetran answered 403 ",
        "customers.yaml: PATCH /connections/{}: Fivetran answered 500 ",
        "donations.yaml: POST /connections/{}/test: ",
        "events.yaml: 1 setup test of connection ",
        "Validate Login: FAILED: Invalid API key ******",
    ):
        name = message.partition(".")[0]
        assert message.format(admin.connections().get(name, {}).get("id")) in output, message
    assert re.search(r"(feedback|grants).yaml: POST /connections: Fivetran answered 400 IllegalState: no \*{6}", output)
    assert re.search(r"(feedback|grants).yaml: the setup tests of .* were still running after 3 s", output)
    assert_in_plain_words(failed)

    # A used-up quota is the account's: one answer says so, and nothing more is sent for that long.
    admin.forget_faults()
    admin.fault(method="PATCH", kind="too_many_requests", retry_after=3600, count=None)
    stopped = workspace.up()
    assert stopped.code != 0
    assert re.search(r"accounts\.yaml:.* Fivetran answered 429 ", stopped.out)
    assert re.search(r"Wait 3\d{3} s, then run again\.", stopped.out)

    admin.forget_faults()
    workspace.up("--refresh").ok()
    assert_converged(workspace, admin, set(UNITS))
    keys = {each["effective"]["config"]["api_key"] for each in admin.connections(secrets=True).values()}
    assert keys == {"sk_live_rotated"}
