"""Files of environments, for tests of what is shown about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from reconciler.config import Loaded, load

DAY = date(2026, 11, 30)
VIEWER = "roles/bigquery.dataViewer"

ENVIRONMENT: Mapping[str, Any] = {
    "gcp_project": "dev-project",
    "fivetran": {
        "group": "Dev",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
    "workgroups": "wg-{workgroup}--{subgroup}@example.com",
    "automation": [{"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:robot@p.iam.gserviceaccount.com"]}],
    "default_access": [{"role": VIEWER, "members": ["workgroup:data/engineers"]}],
}


def grant(*members: str, role: str = VIEWER, **more: Any) -> dict[str, Any]:
    """Return a grant, as files have it."""
    return {"role": role, "members": list(members), **more}


def dataset(*access: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a unit that declares only a dataset."""
    body = {**({"access": list(access)} if access else {}), **more}
    return {"description": "x", "owners": ["owner@example.com"], "dataset": body}


def stripe(schema: str, *access: Mapping[str, Any], **connector: Any) -> dict[str, Any]:
    """Return a unit with a Stripe connector."""
    return {
        **dataset(*access),
        "connector": {"service": "stripe", "destination": {"schema": schema}, **connector},
    }


def load_files(folder: Path, units: Mapping[str, Mapping[str, Any]], day: date = DAY, **environment: Any) -> Loaded:
    """Write the files of one environment and load them, which have to be valid."""
    specs = folder / "connectors" / "dev"
    specs.mkdir(parents=True)
    for name, content in {"environment": {**ENVIRONMENT, **environment}, **units}.items():
        (specs / f"{name}.yaml").write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
    loaded = load(specs.parent, folder, day)
    assert loaded.problems == ()
    return loaded
