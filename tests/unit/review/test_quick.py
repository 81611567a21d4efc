"""A quick review reports of the units that it looks at what the full review reports."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.certificates import authority
from tests.unit.review.previews import ENVIRONMENT, unit
from tests.unit.review.quick_engine import Files, export, function, register, reviews, sheet

from reconciler.plan.sources import Sources, compare_sources, find_sources
from reconciler.review.quick import plan_quick_preview

PASSWORD = {"env": "PASSWORD", "version": 1}

#: What a change of a file may do to a unit.
_VARIANTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"expires": "2027-03-01"},
    {"description": "Changed."},
    {"retire": {"ticket": "T-1"}},
)
_DATASETS: tuple[Mapping[str, Any], ...] = (
    {},
    {"friendly_name": "Changed"},
    {"access": [{"role": "roles/bigquery.dataViewer", "members": ["user:a@example.com"]}]},
    {"sensitive": True},
)


def fleets() -> st.SearchStrategy[dict[str, Any]]:
    """Return strategies of fleets: some units alone, some that share a dataset, some that share a function."""
    variant = st.sampled_from(_VARIANTS)
    alone = st.builds(lambda more, dataset: (more, dataset), variant, st.sampled_from(_DATASETS))
    names = ("a", "b", "c")
    return st.builds(
        _fleet,
        st.fixed_dictionaries({}, optional=dict.fromkeys(names, alone)),
        st.fixed_dictionaries({}, optional=dict.fromkeys(("one", "two"), variant)),
        st.none() | st.sampled_from(_DATASETS),
        st.fixed_dictionaries({}, optional=dict.fromkeys(("f", "g"), variant)),
    )


def _fleet(alone: Any, writers: Any, sheets: Any, functions: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: unit(name, dataset=dict(data), **more) for name, (more, data) in alone.items()}
    if sheets is not None or writers:
        found["sheets"] = {"description": "x", "owners": ["a@example.com"], "dataset": dict(sheets or {})}
    found |= {f"sheet_{name}": sheet(name, **more) for name, more in writers.items()}
    return found | {name: function(name, **more) for name, more in functions.items()}


def rename(fleet: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a fleet with one unit in a file of another name."""
    left = {each: content for each, content in fleet.items() if each != name}
    return {**left, "renamed": {**copy.deepcopy(fleet[name]), "formerly": name}}


@settings(max_examples=5)
@given(st.data())
def test_quick_review_reports_what_the_full_one_reports(data: st.DataObject):
    before, after = data.draw(fleets()), data.draw(fleets())
    # Most changes are small.
    kept = data.draw(st.sets(st.sampled_from(sorted(before)))) if before else set()
    after = {**after, **{name: before[name] for name in kept if name != "sheets" or "sheets" in after}}
    if any("sheet_" in name for name in after):
        after.setdefault("sheets", before.get("sheets", {}))
    renamed = sorted(name for name in before if name in after and name in ("a", "b", "c"))
    if renamed:
        name = data.draw(st.none() | st.sampled_from(renamed))
        after = rename(after, name) if name else after
    with tempfile.TemporaryDirectory() as folder:
        full, found, quick = reviews(Files(Path(folder), before), Files(Path(folder), after))
    assert found == full
    differing = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert differing <= set(quick.scope.looked_at)


def test_quick_review_leaves_out_units_whose_files_are_the_same(tmp_path: Path):
    before = {name: unit(name) for name in ("a", "b", "c", "d")}
    after = {**before, "a": unit("a", description="Changed."), "e": unit("e")}
    del after["b"]
    _, found, quick = reviews(Files(tmp_path, before), Files(tmp_path, after))
    assert quick.scope.looked_at == ("a", "b", "e")
    assert quick.scope.not_looked_at == ("c", "d")
    assert "deletes the connection b" in {each.text for each in found}
    assert not {"c", "d"} & {each.unit for each in found}


def test_quick_review_covers_units_that_share_a_dataset_with_a_changed_one(tmp_path: Path):
    before = {"sheets": {"description": "x", "owners": ["a@example.com"], "dataset": {}}, "a": unit("a")}
    before |= {name: sheet(name) for name in ("one", "two")}
    after = {**before, "one": sheet("one", expires="2027-03-01")}
    _, _, quick = reviews(Files(tmp_path, before), Files(tmp_path, after))
    assert quick.scope.looked_at == ("one", "sheets")
    assert quick.scope.not_looked_at == ("a", "two")


def test_quick_review_covers_all_units_when_the_environment_changes(tmp_path: Path):
    units = {name: unit(name) for name in ("a", "b")}
    changed = {**ENVIRONMENT, "policy": {"undeclared_datasets": "forbidden"}}
    full, found, quick = reviews(Files(tmp_path, units), Files(tmp_path, units, changed))
    assert quick.scope.reasons == ("environment",)
    assert quick.scope.looked_at == ("a", "b")
    assert quick.names is None
    assert found == full


def test_quick_review_covers_a_unit_when_a_file_that_it_names_changes(tmp_path: Path):
    trust = {"certificates": [{"file": "ca.pem"}]}
    postgres = {
        "service": "postgres",
        "destination": {"schema_prefix": "shop"},
        "config": {"host": "db.example.com", "port": 5432, "database": "d", "user": "u", "password": PASSWORD},
        "trust": trust,
    }
    content = {"description": "x", "owners": ["a@example.com"], "connector": postgres, "datasets": {"public": {}}}
    files = Files(tmp_path, {"shop": content, "a": unit("a")})
    (tmp_path / "dev").mkdir()
    found = []
    for each in (authority(), authority("another")):
        (tmp_path / "dev" / "ca.pem").write_text(each.pem)
        loaded = files.load()
        assert not loaded.problems
        found.append(find_sources(loaded, "dev"))
    assert compare_sources(*found).changed == {"shop"}


def test_record_of_files_survives_state():
    sources = Sources({"code": "1", "environment": "2"}, {"a": "3", "code": "4"})
    assert Sources.of(sources.as_text()) == sources


def test_quick_review_of_a_subfolders_stack_covers_its_own_changed_units(tmp_path: Path):
    environment = {**ENVIRONMENT, "stacks": ["crm"]}
    (tmp_path / "dev" / "crm").mkdir(parents=True)
    units = {"own": unit("own"), "crm/a": unit("a"), "crm/b": unit("b")}
    state = register(Files(tmp_path, units, environment).load(), stack_name="dev.crm").state
    changed = {**units, "own": unit("own", description="x"), "crm/a": unit("a", description="Changed.")}
    loaded = Files(tmp_path, changed, environment).load()
    quick = plan_quick_preview(export(state), loaded, "dev.crm")
    assert (quick.names, quick.scope.looked_at, quick.scope.not_looked_at) == (("a",), ("a",), ("b",))
    assert quick.deployment is not None
    kept = {each["urn"].split("::")[-1] for each in quick.deployment["resources"]}
    assert kept == {"a", "dev"}


def test_quick_review_reports_what_changes_of_a_dataset_that_moves_to_another_unit(tmp_path: Path):
    alone = {"description": "x", "owners": ["a@example.com"]}
    before = {"sheets": {**alone, "dataset": {"sensitive": True}}, "one": sheet("one"), "a": unit("a")}
    after = {"one": {**sheet("one", description="x"), "dataset": {}}, "a": unit("a")}
    full, found, quick = reviews(Files(tmp_path, before), Files(tmp_path, after))
    assert quick.scope.not_looked_at == ("a",)
    assert [each.kind for each in found] == ["sensitive_removed", "dataset_moved"]
    assert found == full
