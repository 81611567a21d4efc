"""The peer: Fivetran's Terraform provider with as many connections and schedules, and no datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

from benching.measuring import Measured, measure


def measure_peer(
    binary: str, folder: Path, size: int, env: Mapping[str, str], admin: httpx.Client
) -> Iterator[Measured]:
    """Create, plan and change the connections of a group.

    Args:
        binary: Terraform or OpenTofu. TF_CLI_CONFIG_FILE may name the folder of the provider.
        folder: Where the configuration and the state go.
        size: How many connections.
        env: The variables that point the provider to the local services.
        admin: The admin routes of those.
    """
    folder.mkdir()
    _write(folder, size, _group(env), every=360)
    measure("init", [binary, "init", "-input=false"], env, cwd=folder)
    yield measure("first up", [binary, "apply", "-auto-approve", "-input=false"], env, admin, cwd=folder)
    yield measure("no-op preview", [binary, "plan", "-input=false"], env, admin, cwd=folder)
    _write(folder, size, _group(env), every=60)
    yield measure("one field", [binary, "apply", "-auto-approve", "-input=false"], env, admin, cwd=folder)


def _group(env: Mapping[str, str]) -> str:
    """Return the id of the group that our own first up made."""
    key = (env["FIVETRAN_APIKEY"], env["FIVETRAN_APISECRET"])
    answer = httpx.get(f"{env['FIVETRAN_API_URL']}/groups", auth=key).raise_for_status()
    return str(answer.json()["data"]["items"][0]["id"])


def _write(folder: Path, size: int, group: str, *, every: int) -> None:
    """Write the configuration; `every` are the minutes of the first connection's schedule."""
    settings = {
        "terraform": {"required_providers": {"fivetran": {"source": "fivetran/fivetran"}}},
        "provider": {"fivetran": {}},
        "resource": {
            "fivetran_connector": {
                "unit": {
                    "count": size,
                    "group_id": group,
                    "service": "stripe",
                    "run_setup_tests": False,
                    "destination_schema": {"name": "peer_${count.index}"},
                }
            },
            "fivetran_connector_schedule": {
                "unit": {
                    "count": size,
                    "connector_id": "${fivetran_connector.unit[count.index].id}",
                    "schedule_type": "auto",
                    "paused": "true",
                    "sync_frequency": f'${{count.index == 0 ? "{every}" : "360"}}',
                }
            },
        },
    }
    (folder / "main.tf.json").write_text(json.dumps(settings))
