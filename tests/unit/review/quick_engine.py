"""Both previews of a change, the full and the quick one, without an engine.

The program registers its resources with the SDK's mocks. What a preview would do follows from the inputs in state and
those that were registered: only one side has it, or they differ.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_gcp
import yaml
from pulumi.runtime import mocks, settings
from tests.unit.review.previews import ENVIRONMENT, TODAY, stack, unit

from reconciler.config import Loaded, load
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.review.consequence import Consequence
from reconciler.review.preview import read_preview
from reconciler.review.quick import QuickPreview, plan_quick_preview
from reconciler.review.review import find_consequences
from reconciler.stack.program import build

#: What a preview registers and state does not keep.
_NOT_IN_STATE = frozenset(
    {"__provider", "declarations", "in_bigquery", "root", "preview", "variables_elsewhere", "destination_inputs"}
)

State = dict[str, Any]

with warnings.catch_warnings():
    # The package of the SDK warns of its own modules when it is first used.
    warnings.simplefilter("ignore", DeprecationWarning)
    _ = pulumi_gcp.bigquery.Dataset


@dataclass
class _Mocks(mocks.Mocks):
    state: State = field(default_factory=dict)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        urn = _urn(args.typ, args.name)
        inputs = {key: value for key, value in args.inputs.items() if key not in _NOT_IN_STATE and value is not None}
        self.state[urn] = {"urn": urn, "type": args.typ, "inputs": inputs}
        return f"{args.name}-id", {**args.inputs, "revision": 1}

    def call(self, _args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]]]:
        return {"datasets": []}, []


def _urn(type_: str, name: str) -> str:
    return f"urn:pulumi:dev::project::{type_}::{name}"


@dataclass(frozen=True)
class Files:
    """The files of an environment."""

    folder: Path
    units: Mapping[str, Any]
    environment: Mapping[str, Any] = field(default_factory=lambda: dict(ENVIRONMENT))

    def load(self) -> Loaded:
        """Write and read them."""
        specs = self.folder / "dev"
        specs.mkdir(parents=True, exist_ok=True)
        for file in specs.glob("*.yaml"):
            file.unlink()
        for name, content in {"environment": self.environment, **self.units}.items():
            text = content if isinstance(content, str) else yaml.safe_dump(dict(content), sort_keys=False)
            (specs / f"{name}.yaml").write_text(text)
        return load(self.folder, self.folder, TODAY)


def register(loaded: Loaded, names: frozenset[str] | None = None, stack_name: str = "dev") -> _Mocks:
    """Return what the program registers for a stack."""
    found = _Mocks()

    async def run() -> None:
        await build(apply_expiry(loaded.stack(stack_name), TODAY), loaded, stack_name, names)

    with _process_of_a_program():
        mocks.set_mocks(found, preview=True)
        pulumi.runtime.test(run)()
    return found


@cache
def _loop() -> asyncio.AbstractEventLoop:
    # Never closed: the SDK's mocks leave loops in the threads of this one.
    return asyncio.new_event_loop()


@contextlib.contextmanager
def _process_of_a_program() -> Iterator[None]:
    """Begin with an event loop and with whole tracebacks, which other tests may have taken away."""
    limit = sys.__dict__.pop("tracebacklimit", None)
    asyncio.set_event_loop(_loop())
    try:
        yield
    finally:
        settings.reset_options()
        if limit is not None:
            sys.tracebacklimit = limit


def export(state: State) -> str:
    """Return a state as `pulumi stack export` prints it."""
    return json.dumps({"version": 3, "deployment": {"resources": list(state.values())}})


def reviews(before: Files, after: Files) -> tuple[list[Consequence], list[Consequence], QuickPreview]:
    """Return what the full and the quick review of a change report, after the files before were applied."""
    state = register(before.load()).state
    loaded = after.load()
    assert not loaded.problems, loaded.problems
    quick = plan_quick_preview(export(state), loaded, "dev")
    trimmed = state if quick.deployment is None else {each["urn"]: dict(each) for each in quick.deployment["resources"]}
    names = None if quick.names is None else frozenset(quick.names)
    full = _consequences(state, register(loaded), loaded)
    return full, _consequences(trimmed, register(loaded, names), loaded), quick


def _consequences(state: State, registered: _Mocks, loaded: Loaded) -> list[Consequence]:
    text = json.dumps({"steps": [stack(), *steps(state, registered.state, loaded)]})
    found = find_consequences(read_preview(text, "preview", "dev"), loaded, "dev", TODAY, {})
    return [each for each in found if each.kind != "quota"]


def steps(state: State, registered: State, loaded: Loaded) -> Iterator[dict[str, Any]]:
    """Yield the steps of a preview."""
    former = {unit.name: unit.formerly for unit in loaded.fleet("dev").units if unit.formerly}
    seen = set()
    for urn, new in registered.items():
        name = urn.rsplit("::", 1)[1]
        before = urn if urn in state or ":dynamic/fivetran:" not in urn else _urn(new["type"], former.get(name, name))
        seen.add(before)
        old = state.get(before)
        operation = "create" if old is None else "same" if old["inputs"] == new["inputs"] else "update"
        yield {"op": operation, "urn": urn, **({"oldState": old} if old else {}), "newState": new}
    yield from ({"op": "delete", "urn": urn, "oldState": old} for urn, old in state.items() if urn not in seen)


def sheet(table: str, **more: Any) -> dict[str, Any]:
    """Return a unit whose connector writes a table into the dataset of the unit `sheets`."""
    connector = {
        "service": "google_sheets",
        "destination": {"schema": "sheets", "table": table},
        "config": {"sheet_id": "abc", "named_range": table, "auth_type": "ServiceAccount"},
    }
    return {"description": table, "owners": ["a@example.com"], "connector": connector, "dataset": "sheets", **more}


def function(schema: str, **more: Any) -> dict[str, Any]:
    """Return a unit whose connector calls a function, the same one for all such units."""
    connector = {
        "service": "google_cloud_function",
        "function": {"name": "shared", "region": "us-central1"},
        "config": {},
    }
    return unit(schema, connector=connector, **more)
