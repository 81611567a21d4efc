"""The order of state, by which a refresh keeps BigQuery's quota."""

from __future__ import annotations

from admin import Admin
from workspace import Workspace

from reconciler.stack.stages import DATASETS_AHEAD


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
