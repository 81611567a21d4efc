"""Whatever stands in the files, loading ends in problems or in a model, never in an exception."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import Loaded, load
from reconciler.config.schema import schemas
from reconciler.config.yaml.read import parse
from reconciler.model.errors import Problem

CASES = Path(__file__).parents[2] / "config"
EVERY_FIELD = CASES / "good" / "every_field" / "dev"


def names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node.get("properties", {})
        for inner in node.values():
            yield from names(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from names(inner)


WORDS = [
    "stripe", "backups", "dev", "US", "EU", "airflow", "fivetran", "6h", "04:00", "0", "a@example.com", "allUsers",
    "user:a@example.com", "workgroup:x/y", "roles/bigquery.dataViewer", "w-{workgroup}@example.com", "example-dev",
    "GCP_US_EAST4", "STRIPE_KEY", "class", "", "postgres", "google_sheets", "github", "acme", "strpe", "ServiceAccount",
]  # fmt: skip
FIELDS = ["secret", "api_key", "host", "port", "pats", "auth_type", "client_access", "client_id", "reports", "accounts"]
KEYS = st.sampled_from(sorted({*names(schemas.schema("unit")), *names(schemas.schema("environment")), *FIELDS, "zzz"}))
VALUES = st.sampled_from(WORDS) | st.integers(-1, 3) | st.booleans() | st.none() | st.just(1.5)
TREES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=15
)


def ways(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inner in steps:
        yield from ways(inner, (*path, step))


GOOD = {
    file.name: parse(file.read_bytes(), environment="dev", name=file.stem, file=file.name)[0].data  # type: ignore[union-attr]
    for file in sorted(EVERY_FIELD.glob("*.yaml"))
}


@st.composite
def nearly_good(draw: st.DrawFn) -> dict[str, Any]:
    """The files of the good case, with a few nodes replaced by something else."""
    files: dict[str, Any] = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        path = draw(st.sampled_from(sorted(ways(files[name]), key=repr)))
        new = draw(TREES)
        if not path:
            files[name] = new
            continue
        node = files[name]
        for step in path[:-1]:
            node = node[step]
        if draw(st.booleans()) and isinstance(node, dict):
            del node[path[-1]]
        else:
            node[path[-1]] = new
    return files


def loaded(files: dict[str, Any]) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dev").mkdir()
        for name, data in files.items():
            (Path(folder) / "dev" / name).write_text(json.dumps(data), encoding="utf-8")
        return load(Path(folder), Path(folder))


def assert_problems_or_a_fleet(result: Loaded) -> None:
    assert bool(result.problems) != ("dev" in result.fleets)
    assert list(result.problems) == sorted(result.problems, key=place)
    assert len(set(result.problems)) == len(result.problems)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in result.problems)


def place(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column


@given(st.dictionaries(st.sampled_from(["environment.yaml", "stripe.yaml", "backups.yaml"]), TREES, min_size=1))
def test_any_tree_of_known_words_gives_problems_or_a_fleet(files: dict[str, Any]):
    assert_problems_or_a_fleet(loaded(files))


@given(nearly_good())
def test_good_files_with_a_few_nodes_replaced_give_problems_or_a_fleet(files: dict[str, Any]):
    assert_problems_or_a_fleet(loaded(files))
