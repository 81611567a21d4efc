"""The fingerprint of each kind of consequence that needs approval: what it depends on, and what not."""

from __future__ import annotations

import ast
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sources import ROOT, sources, tree
from tests.unit.review.previews import consequences, step
from tests.unit.review.stops import Stop, environment, stops

#: Kinds that are never of the class `stop`.
NEVER = frozenset(
    {
        *("config_changed", "connection_adopted", "connection_created", "connection_paused", "connection_started"),
        *(
            "dataset_adopted",
            "dataset_changed",
            "dataset_created",
            "dataset_moved",
            "dataset_released",
            "destination_created",
        ),
        *("fivetran_access_left", "function_revoked", "owners_changed", "pause_explained", "pending"),
        *("project_role_revoked", "quota", "rule_changed", "schedule_changed", "sensitive_set", "tables_narrowed"),
        *("unit_renamed", "variable_added", "variable_changed"),
    }
)


Order = Callable[[list[Any]], object]


def fingerprints(changes: Mapping[str, Stop], order: Order | None = None) -> set[tuple[str, str]]:
    """Return kind and fingerprint of what needs approval in one preview of these changes, by the names of units.

    Args:
        changes: The changes.
        order: Puts a list into another order. Where it is given, steps, keys and lines are elsewhere.
    """
    recorded = [{name: each.recorded[side] for name, each in changes.items() if each.recorded} for side in (0, 1)]
    rules = [{path: value for each in changes.values() for path, value in each.rules[side].items()} for side in (0, 1)]
    preflight = [{"units": units, "rules": each} for units, each in zip(recorded, rules, strict=True)]
    steps = [*(each for change in changes.values() for each in change.steps)]
    steps += [step("update", "Preflight", "preflight", *preflight)] if recorded[0] or rules[0] or rules[1] else []
    group = next((each.group for each in changes.values() if each.group != "Group_Dev"), "Group_Dev")
    files: dict[str, Any] = {"environment": environment(group)}
    for each in changes.values():
        files["environment"] |= each.settings
    files |= {name: each.file for name, each in changes.items() if each.file is not None}
    if order is not None:
        order(steps)
        steps = [reordered(each, order) for each in steps]
        texts = [(name, yaml.safe_dump(reordered(content, order), sort_keys=False)) for name, content in files.items()]
        files = {name: f"# A line.\n# And another.\n{text}" for name, text in texts}
    variables = {f"{each}_connector_id": "an_id" for change in changes.values() for each in change.variables}
    with tempfile.TemporaryDirectory() as folder:
        units = {"another_unit": {"connection_id": "an_id"}}
        found = consequences(Path(folder), files, *steps, airflow_variables=variables, units=units)
    return {(each.kind, str(each.fingerprint("dev"))) for each in found if each.severity == "stop"}


def reordered(node: Any, order: Order) -> Any:
    """Return JSON whose objects have their keys in another order."""
    if isinstance(node, Mapping):
        items = [(key, reordered(value, order)) for key, value in node.items()]
        order(items)
        return dict(items)
    return [reordered(each, order) for each in node] if isinstance(node, list) else node


@cache
def of_one(name: str, number: int) -> frozenset[tuple[str, str]]:
    """Return what needs approval in one change, in a preview of its own."""
    return frozenset(fingerprints({name: stops(name)[number]}))


def of_all() -> list[list[tuple[str, str]]]:
    """Return what needs approval in each change."""
    return [sorted(of_one("shop", number)) for number in range(len(stops("shop")))]


def named_kinds(module: ast.Module) -> Iterator[str]:
    """Yield the kinds that code names: where it makes a consequence, and where it chooses a `kind` for one."""
    for node in ast.walk(module):
        found: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            found = node.args[1:2] if name in ("Consequence", "_consequence") else []
        elif isinstance(node, ast.Assign) and "kind" in {
            each.id for each in ast.walk(node) if isinstance(each, ast.Name)
        }:
            found = [node.value]
        constants = (each.value for top in found for each in ast.walk(top) if isinstance(each, ast.Constant))
        yield from (
            each
            for each in constants
            if isinstance(each, str) and re.fullmatch("[a-z]+_[a-z_]+|pending|quota|retired", each)
        )


def test_each_kind_that_needs_approval_has_changes_here():
    kinds = {kind for source in sources("infra/reconciler/review") for kind in named_kinds(tree(source))}
    assert {"connection_deleted", "access_granted", "rule_loosened", "sensitive_removed"} <= kinds
    covered = {each.kind for each in stops("shop")}
    assert kinds - NEVER - covered == set(), "add changes to `stops.py`"
    assert covered & NEVER == set()


def test_change_of_each_kind_needs_one_approval():
    kinds = [[kind for kind, _ in found] for found in of_all()]
    assert kinds == [[each.kind] for each in stops("shop")]


def test_fingerprints_of_different_changes_differ():
    named: dict[str, list[str]] = {}
    for number, (each, found) in enumerate(zip(stops("shop"), of_all(), strict=True)):
        for _, fingerprint in found:
            named.setdefault(fingerprint, []).append(f"{number} {each.kind}")
    assert [names for names in named.values() if len(names) > 1] == []


def of_all_reversed() -> list[list[tuple[str, str]]]:
    """Return what needs approval in each change, with everything in another order."""
    return [sorted(fingerprints({"shop": each}, list.reverse)) for each in stops("shop")]


def test_fingerprints_are_the_same_in_another_process_and_another_order():
    code = "import json; from tests.unit.review import test_fingerprints as t; print(json.dumps(t.of_all_reversed()))"
    env = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(json.dumps(of_all()))


@st.composite
def several(draw: st.DrawFn) -> dict[str, int]:
    """Return the numbers of some changes that can be in one preview, each of a unit of its own."""
    chosen: dict[str, int] = {}
    for name in ("a", "b", "c", "d"):
        taken = {stops(other)[number].slot for other, number in chosen.items()} - {""}
        listed = enumerate(stops(name))
        free = [number for number, each in listed if each.slot not in taken and each.group == "Group_Dev"]
        chosen[name] = draw(st.sampled_from(free))
    return chosen


@settings(max_examples=20)
@given(several(), st.randoms(use_true_random=False))
def test_fingerprints_depend_on_no_order_no_line_and_no_other_change(chosen: dict[str, int], shuffle: random.Random):
    alone = set(itertools.chain.from_iterable(of_one(*each) for each in chosen.items()))
    together = {name: stops(name)[number] for name, number in chosen.items()}
    assert fingerprints(together, shuffle.shuffle) == alone
