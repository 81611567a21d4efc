"""What the faster SDK registers is what the SDK as it is registers, through the real CLI."""

from __future__ import annotations

import itertools
from typing import Any

from admin import Admin
from workspace import Workspace, hashing, stripe

from reconciler.sdk.speed import CALLS_AT_ONCE

AS_IS = {"RECONCILER_SDK_AS_IS": "1"}


def stored(workspace: Workspace) -> dict[str, Any]:
    """What state holds of each resource: no times, no lines of the program, no order where there is none."""
    own = ("created", "modified", "sourcePosition", "stackTrace")
    resources = workspace.state()["checkpoint"]["latest"]["resources"]
    return {each["urn"]: {key: _comparable(key, each[key]) for key in each if key not in own} for each in resources}


def _comparable(key: str, value: Any) -> Any:
    if key == "outputs":  # a secret is encrypted anew by each run
        return {name: (isinstance(each, dict) and "ciphertext" in each) or each for name, each in value.items()}
    if key == "propertyDependencies":
        return {name: sorted(urns or ()) for name, urns in value.items()}
    return sorted(value) if key == "dependencies" else value


def test_faster_sdk_registers_what_the_sdk_as_it_is_registers(workspace: Workspace):
    workspace.write("shop", stripe("shop", schedule={"by": "airflow", "task_id": "shop"}))
    workspace.write("hashed", stripe("hashed", sync=hashing("hashed")))
    workspace.up().ok()
    workspace.up().ok()  # the run after its creation stores a dataset in another form: as one that exists
    faster = stored(workspace)

    workspace.up("--expect-no-changes", **AS_IS).ok()

    as_it_is = stored(workspace)
    assert set(as_it_is) == set(faster)
    assert [(urn, key) for urn, each in as_it_is.items() for key in each if each[key] != faster[urn].get(key)] == []


def test_faster_sdk_changes_nothing_of_what_the_sdk_as_it_is_made(workspace: Workspace):
    workspace.write("shop", stripe("shop"))
    workspace.up(**AS_IS).ok()

    workspace.preview("--expect-no-changes").ok()


def test_preview_starts_the_plugin_process_before_it_registers_resources(workspace: Workspace, admin: Admin):
    workspace.write("shop", {"description": "x", "owners": ["o@example.com"], "dataset": {}})
    # The program lists datasets before it registers any resource, and waits for that here.
    admin.gcp("POST", "/faults", {"method": "Invoke", "hold": True})
    preview = workspace.start("preview")
    try:
        admin.wait_for(lambda: [each["waiting"] for each in admin.gcp("GET", "/faults")] == [1])
        admin.wait_for(lambda: bool(workspace.plugins()))
    finally:
        admin.gcp("DELETE", "/faults")
        code = preview.wait(timeout=180)
    assert code == 0, workspace.printed.read_text()


def test_as_many_connections_are_created_at_once_as_the_engine_has_operations(workspace: Workspace, admin: Admin):
    for number in range(CALLS_AT_ONCE + 1):
        workspace.write(f"shop_{number}", stripe(f"shop_{number}"))
    creations = admin.fault(kind="hold", method="POST", path="^/v1/connections$", count=None)
    run = workspace.start_up(PULUMI_PARALLEL=str(CALLS_AT_ONCE))
    try:
        admin.wait_for(lambda: admin.held(creations) == CALLS_AT_ONCE)
    finally:
        admin.release(creations)
        code = run.wait(timeout=180)
    assert code == 0, workspace.printed.read_text()


def test_diff_of_a_preview_hides_what_the_preflight_records(workspace: Workspace):
    workspace.write("shop", stripe("shop"))
    workspace.up().ok()
    workspace.write("shop", {**stripe("shop"), "owners": ["another@example.com"]})
    workspace.write("new", stripe("new"))

    shown = workspace.preview("--diff").ok()

    _, after = shown.out.split("dynamic/reconciler:Preflight::dev]\n")
    lines = itertools.takewhile(lambda line: line.startswith("      "), after.splitlines())
    assert [*lines] == ["      ~ intents (hidden)", "      ~ references (hidden)", "      ~ units (hidden)"]
