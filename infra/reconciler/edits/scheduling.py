"""The part of a query's `metadata.yaml` in bigquery-etl that starts a connector's syncs."""

from __future__ import annotations

from reconciler.yaml_text.writer import format_yaml


def scheduling_snippet(task_id: str) -> str:
    """Return the `scheduling:` snippet for queries that read the data of a unit with `by: airflow`."""
    return format_yaml({"scheduling": {"depends_on_fivetran": [{"task_id": task_id}]}})
