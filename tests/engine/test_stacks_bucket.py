"""Two stacks of one environment whose states are in a bucket: the local Cloud Storage, which the engine itself uses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from tests.engine.test_skipped_checkpoints import RECORD, SKIPPING
from tests.engine.test_stacks import add_stack, move
from tests.served import served
from workspace import CONNECTION, ENVIRONMENT, Workspace, stripe

from simulator.storage.app import build_app
from simulator.storage.state import Bucket, Store, Stored


@dataclass
class CountingStore(Store):
    """A store that counts how often each object is written."""

    writes: dict[str, int] = field(default_factory=dict)

    def write(self, bucket: Bucket, name: str, content: bytes, content_type: str, query: Mapping[str, str]) -> Stored:
        self.writes[name] = self.writes.get(name, 0) + 1
        return super().write(bucket, name, content, content_type, query)

    def state_writes(self, stack: str) -> int:
        """Return how often the state of a stack was written since the last call."""
        (name,) = (
            name for name in self.buckets["states"].objects if name.endswith(f"stacks/fivetran-reconciler/{stack}.json")
        )
        return self.writes.pop(name, 0)

    def connections(self, stack: str) -> dict[str, str]:
        """Return the ids of the connections in the state of a stack."""
        listed = json.loads(self._state(stack).content)["checkpoint"]["latest"]["resources"]
        return {each["urn"].rsplit("::", 1)[1]: each["id"] for each in listed if each["type"] == CONNECTION}

    def _state(self, stack: str) -> Stored:
        objects = self.buckets["states"].objects
        return next(each for name, each in objects.items() if name.endswith(f"stacks/fivetran-reconciler/{stack}.json"))


@pytest.fixture
def ads(workspace: Workspace) -> Workspace:
    """The stack of the subfolder `ads`; `workspace` is the environment's own."""
    workspace.write("environment", {**ENVIRONMENT, "stacks": ["ads"]})
    return add_stack(workspace, "dev.ads")


@pytest.fixture
def store(workspace: Workspace, ads: Workspace) -> Iterator[CountingStore]:
    """Move both states into a bucket."""
    store = CountingStore(buckets={"states": Bucket("states")})
    for file in workspace.backend.rglob("*"):
        if file.is_file():
            store.write(
                store.buckets["states"], os.fspath(file.relative_to(workspace.backend)), file.read_bytes(), "", {}
            )
    with served(build_app(store)) as url:
        # Pulumi's library for Go takes an address without a scheme.
        variables = {"STORAGE_EMULATOR_HOST": url.removeprefix("http://"), "GOOGLE_OAUTH_ACCESS_TOKEN": "any"}
        for each in (workspace, ads):
            each.env |= {"PULUMI_BACKEND_URL": "gs://states", **variables}
        yield store


def test_bucket_holds_stacks_between_which_units_move(workspace: Workspace, ads: Workspace, store: CountingStore):
    for name in ("stripe", "sandbox"):
        workspace.write(name, stripe(name))
    workspace.up(*RECORD).ok()
    store.state_writes("dev")
    workspace.up(**SKIPPING).ok()
    once = store.state_writes("dev")
    for name in ("invoices", "refunds"):
        workspace.write(name, stripe(name))
    workspace.up().ok()
    often = store.state_writes("dev")
    assert once <= 2
    assert often > 6, "after each change"

    ads.up().ok()
    before = store.connections("dev")
    locked = ".pulumi/locks/organization/fivetran-reconciler/dev.ads/run.json"
    store.write(store.buckets["states"], locked, b"{}", "", {})
    refused = move(workspace, "stripe", "--to", "dev.ads")
    assert (refused.returncode, "Error: dev.ads is locked by a run\n" in refused.stderr) == (2, True), refused.stderr
    del store.buckets["states"].objects[locked]
    done = move(workspace, "stripe", "--to", "dev.ads")
    assert done.returncode == 0, done.stderr
    assert store.connections("dev.ads") == {"stripe": before["stripe"]}
    assert store.connections("dev") == {name: id_ for name, id_ in before.items() if name != "stripe"}
