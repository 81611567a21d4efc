"""Quotas through the engine: BigQuery's by the order of state, Fivetran's beside other clients."""

from __future__ import annotations

from admin import Admin
from tests.engine.test_stacks import add_stack, write
from workspace import ENVIRONMENT, Workspace, stripe

from reconciler.fivetran.api import FivetranClient
from reconciler.stack.stages import DATASETS_AHEAD
from simulator.process import Simulators


def _order(workspace: Workspace) -> str:
    """The datasets (D) and access lists (A) of state, in its order."""
    types = (each["type"] for each in workspace.state()["checkpoint"]["latest"]["resources"])
    letters = {"gcp:bigquery/dataset:Dataset": "D", "pulumi-python:dynamic/bigquery:DatasetAccess": "A"}
    return "".join(letters.get(each, "") for each in types)


def _head_start(order: str) -> int:
    return max(order[:end].count("D") - order[:end].count("A") for end in range(len(order) + 1))


def test_state_has_each_access_list_near_its_dataset_for_a_refresh(workspace: Workspace, admin: Admin):
    for number in range(2 * DATASETS_AHEAD):
        workspace.write(f"d{number}", {"description": "x", "owners": ["o@example.com"], "dataset": {}})
    workspace.up().ok()
    assert _head_start(_order(workspace)) <= DATASETS_AHEAD
    workspace.up("--refresh").ok()
    assert _head_start(_order(workspace)) <= DATASETS_AHEAD
    assert admin.gcp("GET", "/quota")["rejected"] == {}


def _client(simulators: Simulators) -> FivetranClient:
    """A second client of the account, such as a scheduler's."""
    return FivetranClient.from_environment(simulators.environment)


def _statuses(admin: Admin) -> set[int]:
    return {each["status"] for each in admin.requests()}


def test_run_leaves_its_share_to_a_second_client_and_ends_well(
    workspace: Workspace, admin: Admin, simulators: Simulators
):
    fivetran = {**ENVIRONMENT["fivetran"], "quota_left": 50}
    workspace.write("environment", {**ENVIRONMENT, "fivetran": fivetran})
    for name in ("stripe", "other"):
        workspace.write(name, stripe(name))
    admin.options(requests_per_hour=200)
    with _client(simulators) as scheduler:
        scheduler.leave_to_others(0)
        for _ in range(95):
            list(scheduler.list_groups())
        run = workspace.start_up()
        admin.wait_for(lambda: b"50 % are left to others" in workspace.printed.read_bytes())
        # The scheduler gets what is left to it, while the run is waiting.
        for _ in range(80):
            list(scheduler.list_groups())
        assert run.poll() is None
        # As at the end of the hour: the requests of before count no more.
        admin.options(requests_per_hour=20_000)
        assert run.wait(timeout=170) == 0, workspace.printed.read_text()
    assert set(admin.connections()) == {"stripe", "other"}
    assert 429 not in _statuses(admin)


def test_two_stacks_apply_at_once_within_one_quota(workspace: Workspace, admin: Admin):
    workspace.write("environment", {**ENVIRONMENT, "stacks": ["ads"]})
    ads = add_stack(workspace, "dev.ads")
    workspace.up().ok()
    for number in range(3):
        workspace.write(f"own_{number}", stripe(f"own_{number}"))
        write(workspace, f"ads/ads_{number}.yaml", stripe(f"ads_{number}"))
    for nth in (1, 4):
        admin.fault(method="POST", path="/test$", nth=nth, kind="too_many_requests", retry_after=2)
    admin.fault(method="POST", path="/connections$", nth=3, kind="status", status=429)
    runs = [each.start_up() for each in (workspace, ads)]
    assert [run.wait(timeout=170) for run in runs] == [0, 0], workspace.printed.read_text()
    for each in (workspace, ads):
        assert set(each.outcomes().values()) == {"connected"}
    assert set(admin.connections()) == {f"{stack}_{number}" for stack in ("own", "ads") for number in range(3)}
    assert [fault for fault in admin.faults() if not fault["fired"]] == []
    assert admin.gcp("GET", "/quota")["rejected"] == {}


def test_failed_dataset_does_not_stop_another_one(workspace: Workspace, admin: Admin):
    names = [f"d{number:02}" for number in range(DATASETS_AHEAD + 3)]
    for name in names:
        workspace.write(name, {"description": "x", "owners": ["o@example.com"], "dataset": {}})
    admin.gcp("POST", "/faults", {"method": "Create", "id": "*/d00", "error": "denied", "times": 0})
    assert workspace.up().code != 0
    found = admin.gcp("GET", "/state")["projects"]["dev-project"]["datasets"]
    assert set(found) == {*names} - {"d00"}
    admin.gcp("DELETE", "/faults")
    workspace.up().ok()
