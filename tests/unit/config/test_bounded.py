from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import load
from reconciler.config.schema.check import MOST_SHOWN, limit_problems
from reconciler.model.errors import Problem

ENVIRONMENT = """
gcp_project: example-dev
fivetran: {group: Dev, destination: {location: US, region: GCP_US_EAST4, time_zone_offset: "0"}}
"""
HEAD = "description: Backups.\nowners: [data@example.com]\n"


def with_owners(number: int) -> str:
    """As many problems."""
    return "description: Backups.\ndataset: {}\nowners:\n" + "".join(f"- {index}\n" for index in range(number))


def written(tmp_path: Path, **units: str) -> Path:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "environment.yaml").write_text(ENVIRONMENT)
    for name, text in units.items():
        (tmp_path / "dev" / f"{name}.yaml").write_text(text)
    return tmp_path


def test_load_shows_the_first_problems_of_a_file_and_counts_the_rest(tmp_path: Path):
    folder = written(tmp_path, a=with_owners(250), b=with_owners(1))
    loaded = load(folder, folder)
    of_a = [problem for problem in loaded.problems if problem.file == "dev/a.yaml"]
    assert [problem.line for problem in of_a] == list(range(4, 105))
    assert str(of_a[-1]) == "dev/a.yaml:104:3: 150 more problems below\n    fix the ones above first"
    assert not any("more" in problem.message for problem in of_a[:-1])
    assert [problem.file for problem in loaded.problems[101:]] == ["dev/b.yaml"]
    assert loaded.left_out == {"dev/a.yaml": 150}


@pytest.mark.parametrize(("found", "last"), [(100, "`owners`: expected a string"), (101, "1 more problem below")])
def test_problems_within_the_limit_are_shown_and_not_counted(tmp_path: Path, found: int, last: str):
    folder = written(tmp_path, a=with_owners(found))
    loaded = load(folder, folder)
    assert len(loaded.problems) == found
    assert loaded.problems[-1].message.startswith(last)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=400))
def test_every_problem_is_shown_or_counted(places: list[tuple[str, int]]):
    problems = [Problem(file, line, 1, "x") for file, line in sorted(places)]
    shown, left_out = limit_problems(problems)
    assert len(shown) + sum(left_out.values()) - len(left_out) == len(problems)
    assert list(shown) == sorted(shown, key=lambda problem: (problem.file, problem.line))
    for file in "abc":
        of_file = [problem for problem in problems if problem.file == file]
        assert [problem for problem in shown if problem.file == file][:MOST_SHOWN] == of_file[:MOST_SHOWN]


@pytest.mark.parametrize(
    "text",
    [
        "dataset:\n labels:\n" + "".join(f"  A{n}: b\n" for n in range(20_000)),
        "dataset:\n access:\n" + "  - x\n" * 20_000,
        "dataset: {}\n" + "".join(f"descriptio{n}: 1\n" for n in range(10_000)),
        "connector: {service: x, destination: {schema_prefix: x}}\n"
        "datasets:\n" + "".join(f" a-{n}: x\n" for n in range(20_000)),
    ],
    ids=["labels", "grants", "unknown keys", "datasets"],
)
def test_file_with_only_faults_is_read_to_its_end(tmp_path: Path, text: str):
    folder = written(tmp_path, a=HEAD + text)
    assert len(load(folder, folder).problems) > MOST_SHOWN
