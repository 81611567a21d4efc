"""What is measured: units of a usual kind, and resources that do nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

ENVIRONMENT = {
    "gcp_project": "bench-project",
    "fivetran": {
        "group": "Bench",
        "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
    },
    "automation": [{"role": "roles/bigquery.dataOwner", "members": ["serviceAccount:r@b.iam.gserviceaccount.com"]}],
}

#: One unit of this many has a `sync`.
SYNC_EVERY = 10

#: As many resources as the issue counts (a dataset, a connection and an activation a unit), which do nothing.
EMPTY_PROGRAM = """
import pulumi, empty
guard = empty.Nothing("guard", {})
for number in range(COUNT):
    first = empty.Nothing(f"first-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard]))
    second = empty.Nothing(f"second-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard, first]))
    empty.Nothing(f"third-{number}", {"n": number}, pulumi.ResourceOptions(depends_on=[guard, second]))
"""
EMPTY_MODULE = """
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider
class NothingProvider(ResourceProvider):
    serialize_as_secret_always = False
    def diff(self, _id, _olds, _news): return DiffResult(changes=False)
    def create(self, props): return CreateResult("nothing", props)
    def read(self, id_, props): return ReadResult(id_, props)
class Nothing(Resource, module="bench", name="Nothing"):
    def __init__(self, name, props, opts=None): super().__init__(NothingProvider(), name, props, opts)
"""


def unit(number: int) -> dict[str, object]:
    """Return a unit with a Stripe connector and its dataset; one of ten has a hashed column."""
    name = f"unit_{number:04}"
    tables = {"customer": {"columns": {"email": "hashed"}}, "charge": "excluded"}
    sync = {"new": "allow_columns", "schemas": {name: {"tables": tables}}}
    return {
        "description": f"Unit {number}.",
        "owners": ["owner@example.com"],
        "connector": {
            "service": "stripe",
            "destination": {"schema": name},
            "config": {"api_key": {"env": "BENCH_KEY", "version": 1}},
            **({"sync": sync} if number % SYNC_EVERY == 0 else {}),
        },
        "dataset": {"friendly_name": name},
    }


def write_units(specs: Path, size: int) -> None:
    """Write the files of an environment with this many units."""
    folder = specs / "bench"
    folder.mkdir(parents=True)
    (folder / "environment.yaml").write_text(yaml.safe_dump(ENVIRONMENT))
    for number in range(size):
        (folder / f"unit_{number:04}.yaml").write_text(yaml.safe_dump(unit(number)))


def write_change(specs: Path) -> None:
    """Change one field of one unit."""
    changed = unit(0)
    changed["connector"]["schedule"] = {"by": "fivetran", "every": "1h"}  # type: ignore[index]
    (specs / "bench" / "unit_0000.yaml").write_text(yaml.safe_dump(changed))


def write_empty(program: Path, size: int) -> None:
    """Write the program with resources that do nothing."""
    program.mkdir()
    (program / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
    (program / "__main__.py").write_text(EMPTY_PROGRAM.replace("COUNT", str(size)))
    (program / "empty.py").write_text(EMPTY_MODULE)
