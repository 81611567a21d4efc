"""Units moved between two states of a few resources each; the engine's own are in tests/engine/test_stacks.py."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reconciler.model.errors import ReconcilerError
from reconciler.state.move_units import Movable, State, move_units

DYNAMIC = "pulumi-python:dynamic/"
CONNECTION, DATASET = f"{DYNAMIC}fivetran:Connection", "gcp:bigquery/dataset:Dataset"
PROVIDER = "pulumi:providers:gcp"


def urn(stack: str, kind: str, name: str) -> str:
    return f"urn:pulumi:{stack}::project::{kind}::{name}"


def resource(stack: str, kind: str, name: str, *needs: str, **more: Any) -> dict[str, Any]:
    """A resource that depends on others of its stack, given as URNs."""
    found = {"urn": urn(stack, kind, name), "type": kind, "id": f"id of {name}", "dependencies": list(needs)}
    return {**found, "parent": urn(stack, "pulumi:pulumi:Stack", f"project-{stack}"), **more}


def export(stack: str, *units: str, shared: str = "Destination", gcp: bool = True) -> dict[str, Any]:
    """A state with a connection and a dataset for each unit."""
    records = {
        "units": {name: {"file": f"dev/{name}.yaml", "connection": name, "datasets": {name: "US"}} for name in units},
        "intents": {name: {"at": "then"} for name in units},
        "references": [{"env": name.upper()} for name in units],
    }
    root = {"urn": urn(stack, "pulumi:pulumi:Stack", f"project-{stack}"), "type": "pulumi:pulumi:Stack"}
    outputs = {"units": {name: {} for name in units}, "airflow_variables": {f"{name}_id": name for name in units}}
    provider = f"{urn(stack, PROVIDER, 'default')}::id of default"
    before = resource(
        stack, f"{DYNAMIC}reconciler:Preflight", "dev", inputs=copy.deepcopy(records), outputs=copy.deepcopy(records)
    )
    there = resource(stack, f"{DYNAMIC}fivetran:{shared}", "dev", before["urn"])
    resources = [{**root, "outputs": outputs}, before, there]
    if gcp:
        resources.append(resource(stack, PROVIDER, "default"))
    for name in units:
        dataset = resource(stack, DATASET, name, before["urn"], provider=provider)
        needs = {"group_id": [there["urn"]]}
        connection = resource(
            stack, CONNECTION, name, before["urn"], there["urn"], dataset["urn"], propertyDependencies=needs
        )
        resources += [dataset, connection]
    return {"version": 3, "deployment": {"resources": resources, "secrets_providers": {"type": f"of {stack}"}}}


def names(exported: dict[str, Any], kind: str) -> list[str]:
    return [each["urn"].rsplit("::", 1)[1] for each in exported["deployment"]["resources"] if each["type"] == kind]


def movable(name: str) -> Movable:
    return Movable(name, f"dev/ads/{name}.yaml", variables=frozenset({f"{name}_id"}))


def moved(source: dict[str, Any], target: dict[str, Any], *units: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return move_units(State("dev", source), State("dev.ads", target), [movable(name) for name in units])


def test_moved_resources_refer_only_to_the_state_that_gets_them():
    source, target = export("dev", "a", "b"), export("dev.ads", shared="SharedDestination", gcp=False)
    got, left = moved(source, target, "a")
    assert "urn:pulumi:dev::" not in str(got)
    assert (names(got, CONNECTION), names(left, CONNECTION)) == (["a"], ["b"])
    assert names(got, PROVIDER) == ["default"]
    (connection,) = (each for each in got["deployment"]["resources"] if each["type"] == CONNECTION)
    there = urn("dev.ads", f"{DYNAMIC}fivetran:SharedDestination", "dev")
    assert connection["propertyDependencies"] == {"group_id": [there]}
    assert got["deployment"]["secrets_providers"] == {"type": "of dev.ads"}
    seen: set[str] = set()
    for each in got["deployment"]["resources"]:
        assert seen.issuperset(each.get("dependencies", ())), "the engine rejects a state in another order"
        seen.add(each["urn"])


def test_moved_units_keep_their_records():
    got, left = moved(export("dev", "a", "b"), export("dev.ads", shared="SharedDestination"), "a")
    state, rest = State("dev.ads", got), State("dev", left)
    assert state.units == {"a": {"file": "dev/ads/a.yaml", "connection": "a", "datasets": {"a": "US"}}}
    assert set(rest.units) == {"b"}
    preflight = state.only(f"{DYNAMIC}reconciler:Preflight")
    assert preflight["inputs"] == preflight["outputs"]
    assert set(preflight["outputs"]["intents"]) == {"a"}
    assert {"env": "A"} in preflight["outputs"]["references"]
    assert state.only("pulumi:pulumi:Stack")["outputs"]["airflow_variables"] == {"a_id": "a"}
    assert rest.only("pulumi:pulumi:Stack")["outputs"] == {"units": {"b": {}}, "airflow_variables": {"b_id": "b"}}


def test_move_completes_what_a_killed_move_left():
    source, target = export("dev", "a", "b"), export("dev.ads", shared="SharedDestination")
    first, left = moved(source, target, "a")
    again, left_again = moved(source, first, "a")
    assert again == first
    assert left_again == left


def test_move_back_restores_units_as_they_were():
    source, target = export("dev", "b", "a"), export("dev.ads", shared="SharedDestination")
    got, left = moved(source, target, "a")
    back, _ = move_units(
        State("dev.ads", got), State("dev", left), [Movable("a", "dev/a.yaml", variables=frozenset({"a_id"}))]
    )
    assert back == source


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda source, _: source["deployment"].update(pending_operations=[{}]),
            "dev has pending operations, which a killed run left\n    Run `make recover STACK=dev` first.",
        ),
        (
            lambda _, target: target["deployment"].update(resources=[]),
            "dev.ads was not applied yet\n    Run `pulumi up --stack dev.ads` once, before its first unit.",
        ),
        (
            lambda source, _: source["deployment"]["resources"].append(
                resource("dev", CONNECTION, "c", urn("dev", DATASET, "a"))
            ),
            "c would stay in dev, but depends on resources that are moved\n    Move it too.",
        ),
        (
            lambda _, target: target["deployment"]["resources"].append(
                resource("dev.ads", CONNECTION, "a", id="other")
            ),
            "dev.ads has another pulumi-python:dynamic/fivetran:Connection a: other, and dev has id of a\n"
            "    Find out which of them is in use, and delete the other one from its state.",
        ),
    ],
    ids=["pending operations", "never applied", "a writer stays", "two connections"],
)
def test_move_rejects_states_that_it_would_break(spoil: Any, text: str):
    source, target = export("dev", "a"), export("dev.ads", shared="SharedDestination")
    spoil(source, target)
    with pytest.raises(ReconcilerError) as error:
        moved(source, target, "a")
    assert str(error.value) == text
