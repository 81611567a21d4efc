"""What the faster SDK registers is what the SDK as it is registers, through the real CLI."""

from __future__ import annotations

from typing import Any

from workspace import Workspace, hashing, stripe

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
